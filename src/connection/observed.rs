//! What a connection tells those who watch over its commands.

use molt_db_protocol::message::CommandTag;

use super::Connection;
use crate::error::Error;
use crate::observe::{CutOff, Event, Standing};
use crate::scope::ScopeEnd;

impl Connection {
    pub(super) fn watch_begins(&mut self, sql: &str) {
        self.slow.begins(sql, self.watch.scope());
        if let Some(probe) = &mut self.probe {
            probe.begins(sql);
        }
    }

    /// Notes how a command has ended, or a part of it.
    pub(super) fn watch_part_over(&mut self, result: Result<&CommandTag, &Error>) {
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

    /// Notes that settling begins: what runs was walked away from.
    pub(super) fn watch_settles(&mut self) {
        if let Some(probe) = &mut self.probe
            && !self.client.is_settled()
        {
            probe.cut_off(CutOff::Abandoned);
        }
    }

    pub(super) fn watch_settled(&mut self) {
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
