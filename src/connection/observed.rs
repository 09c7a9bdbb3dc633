//! What a connection tells those who watch over its commands.

use molt_db_protocol::message::CommandTag;

use super::Connection;
use crate::error::Error;
use crate::observe::{CutOff, Event, Standing};
use crate::scope::ScopeEnd;

/// What commands are to those who watch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Role {
    /// Operations, one each.
    #[default]
    Operation,
    /// What an operation needs in front, which begins with the first of them and goes on behind them.
    Front {
        /// Whether one was sent.
        has_begun: bool,
    },
    /// The rest of an operation that has begun.
    Rest,
    /// No operation of anybody's.
    Aside,
}

impl Connection {
    pub(super) fn watch_begins(&mut self, sql: &str) {
        match self.role {
            Role::Operation => {}
            Role::Front { has_begun: false } => self.role = Role::Front { has_begun: true },
            Role::Rest => {
                self.role = Role::Operation;
                return;
            }
            Role::Front { has_begun: true } | Role::Aside => return,
        }
        self.slow.begins(sql, self.watch.scope());
        if let Some(probe) = &mut self.probe {
            probe.begins(sql);
        }
    }

    /// Notes how a command has ended, or a part of it.
    pub(super) fn watch_part_over(&mut self, result: Result<&CommandTag, &Error>) {
        if matches!(self.role, Role::Front { .. }) && result.is_ok() {
            return;
        }
        let is_over = self.client.is_settled();
        let standing = self.standing();
        self.slow.part_over(result);
        if is_over {
            self.slow.over();
        }
        if let Some(probe) = &mut self.probe {
            probe.part_over(result);
            if is_over {
                probe.over(standing);
            }
        }
    }

    /// Notes that the command that is under way ends without an answer.
    pub(super) fn cut_off(&mut self, why: CutOff) {
        self.slow.cut_off();
        if let Some(probe) = &mut self.probe {
            probe.cut_off(why);
        }
    }

    /// Notes that what comes now is needed by an operation behind it.
    pub(super) fn watch_front(&mut self) {
        self.role = Role::Front { has_begun: self.role == Role::Rest };
    }

    /// Notes that the operation itself comes now, or does not because of an error.
    pub(super) fn watch_rest(&mut self, is_ok: bool) {
        self.role = match self.role {
            Role::Front { has_begun: true } if is_ok => Role::Rest,
            _ => Role::Operation,
        };
    }

    /// Notes that settling begins: what runs was walked away from.
    pub(super) fn watch_settles(&mut self) {
        if let Some(probe) = &mut self.probe
            && !self.client.is_settled()
        {
            probe.cut_off(CutOff::Abandoned);
        }
    }

    pub(super) fn watch_settled(&mut self) {
        self.role = Role::Operation;
        let standing = self.standing();
        if let Some(probe) = &mut self.probe {
            probe.settled(standing);
        }
    }

    /// Notes that the open transaction can only be rolled back.
    pub(super) fn watch_rolls_back(&mut self) {
        if let Some(probe) = &mut self.probe {
            probe.rolls_back();
        }
    }

    pub(super) fn watch_event(&self, event: Event<'_>) {
        if let Some(probe) = &self.probe {
            probe.observer().note(event);
        }
    }

    fn standing(&self) -> Standing {
        Standing {
            status: self.client.status(),
            sent: self.transport.accepted(),
            received: self.transport.received(),
        }
    }
}

impl From<ScopeEnd> for CutOff {
    fn from(end: ScopeEnd) -> Self {
        match end {
            ScopeEnd::Deadline => Self::Timeout,
            ScopeEnd::Cancelled => Self::Cancelled,
        }
    }
}
