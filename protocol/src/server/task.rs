use std::collections::VecDeque;
use std::sync::Arc;

use super::{Portal, SendError, Statement};
use crate::message::BackendMessage;
use crate::wire::Tag;

/// What a [`Backend`](super::Backend) is to do before it looks at the next message of the client.
///
/// ```text
///   Idle --Parse----> Parse --prepared--> Idle
///     |----Execute--> Run --CommandComplete, suspend--> Idle
///     |----Query----> Query --prepared--> Script --> Run (each of its statements) --CommandComplete--> Script
///     |                  '------error-------^ '--(none is left)--> End
///     '----Sync-----> End --ReadyForQuery--> Idle
/// ```
///
/// An error ends Parse and the Run of an Execute (Idle), and that of a simple query (Script, with nothing left).
#[derive(Debug)]
pub(super) enum Task<S> {
    Idle,
    /// A text is to be understood, to be kept under this name.
    Parse(String),
    /// A text is to be understood, to be run.
    Query,
    /// Of a simple query this much is left.
    Script(Script<S>),
    Run(Running<S>),
    /// ReadyForQuery is due, unless an error comes first.
    End,
}

pub(super) type Script<S> = VecDeque<Arc<Statement<S>>>;

#[derive(Debug)]
pub(super) struct Running<S> {
    pub(super) portal: Arc<Portal<S>>,
    pub(super) origin: Origin<S>,
    rows: u64,
    /// `None` is all.
    most: Option<u64>,
}

/// What a command is run for.
#[derive(Debug)]
pub(super) enum Origin<S> {
    /// An Execute of the portal of this name.
    Portal(String),
    /// A simple query, of which this much is left.
    Script(Script<S>),
}

impl<S> Task<S> {
    pub(super) fn run(portal: Arc<Portal<S>>, origin: Origin<S>, most: Option<u64>) -> Self {
        Self::Run(Running { portal, origin, rows: 0, most })
    }

    pub(super) fn rows(&self) -> u64 {
        match self {
            Self::Run(run) => run.rows,
            _ => 0,
        }
    }

    pub(super) fn count_row(&mut self) {
        if let Self::Run(run) = self {
            run.rows = run.rows.saturating_add(1);
        }
    }

    /// Tells whether all rows are there that were asked for.
    pub(super) fn is_full(&self) -> bool {
        matches!(self, Self::Run(run) if run.most.is_some_and(|most| run.rows >= most))
    }

    /// Returns what is left after an error.
    pub(super) fn failed(self) -> Self {
        match self {
            Self::Query | Self::Script(_) | Self::Run(Running { origin: Origin::Script(_), .. }) => {
                Self::Script(VecDeque::new())
            }
            Self::End => Self::End,
            Self::Idle | Self::Parse(_) | Self::Run(_) => Self::Idle,
        }
    }

    /// Checks that the message is for whoever embeds the backend to send, and may come with this task. The session has
    /// its say as well.
    pub(super) fn check(&self, message: &BackendMessage<'_>) -> Result<(), SendError> {
        let tag = message.tag();
        let refuse = |state| Err(SendError::Unexpected { tag, state });
        match (message, self) {
            (BackendMessage::DataRow(values), _) => self.check_row(values.len()),
            (BackendMessage::ErrorResponse(error), Self::Idle) if !error.is_fatal() => {
                refuse("nothing is to be answered")
            }
            (
                BackendMessage::ErrorResponse(_)
                | BackendMessage::NoticeResponse(_)
                | BackendMessage::NotificationResponse(_)
                | BackendMessage::ParameterStatus(_),
                _,
            )
            | (
                BackendMessage::CommandComplete(_)
                | BackendMessage::CopyInResponse(_)
                | BackendMessage::CopyOutResponse(_)
                | BackendMessage::CopyData(_)
                | BackendMessage::CopyDone,
                Self::Run(_),
            ) => Ok(()),
            (_, Self::Run(_)) => refuse("a command runs"),
            _ => refuse("no command runs"),
        }
    }

    pub(super) fn check_row(&self, width: usize) -> Result<(), SendError> {
        let refuse = |state| Err(SendError::Unexpected { tag: Tag::DataRow, state });
        let Self::Run(run) = self else { return refuse("no command runs") };
        match &run.portal.statement().columns {
            None => refuse("a command runs that returns no rows"),
            Some(columns) if columns.len() != width => refuse("rows of another number of columns are due"),
            Some(_) if self.is_full() => refuse("all rows are there that were asked for"),
            Some(_) => Ok(()),
        }
    }
}
