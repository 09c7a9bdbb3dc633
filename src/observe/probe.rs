use std::sync::Arc;

use molt_db_protocol::message::{CommandTag, TransactionStatus};
use tokio::time::Instant;

use super::labels::operation;
use super::observer::Operation;
#[cfg(feature = "tracing")]
use super::span::Span;
use super::{Event, Observer};
use crate::error::Error;

/// What one connection knows of the command that runs on it, and of its transaction.
pub(crate) struct Probe {
    observer: Arc<Observer>,
    running: Option<Running>,
    transaction: Option<Open>,
    /// How much of what the transport has moved is told.
    sent: u64,
    received: u64,
}

/// A command that is under way.
struct Running {
    began: Instant,
    /// What the server calls it, of several the last.
    name: Option<&'static str>,
    /// What its first part that failed did so of.
    error: Option<String>,
    #[cfg(feature = "tracing")]
    span: Span,
}

/// A transaction.
struct Open {
    began: Instant,
    ending: Ending,
}

/// How a transaction is to end, as far as that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Unknown,
    /// ROLLBACK has run, or is to lead the next command.
    RolledBack,
}

/// Why a command ends without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CutOff {
    Timeout,
    Cancelled,
    ConnectionLost,
    Abandoned,
}

/// Where a session stands, and what its transport has moved so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    pub(crate) status: TransactionStatus,
    pub(crate) sent: u64,
    pub(crate) received: u64,
}

impl Probe {
    pub(crate) fn new(observer: Arc<Observer>) -> Self {
        Self { observer, running: None, transaction: None, sent: 0, received: 0 }
    }

    pub(crate) fn observer(&self) -> &Observer {
        &self.observer
    }

    #[cfg_attr(not(feature = "tracing"), expect(unused_variables, reason = "only spans have a text"))]
    pub(crate) fn begins(&mut self, sql: &str) {
        if self.transaction.as_ref().is_some_and(|open| open.ending == Ending::RolledBack) {
            self.transaction_over();
        }
        self.running = Some(Running {
            began: Instant::now(),
            name: None,
            error: None,
            #[cfg(feature = "tracing")]
            span: Span::new(&self.observer, sql),
        });
    }

    /// Notes the end of the command, or of a group of a batch.
    pub(crate) fn part_over(&mut self, result: Result<&CommandTag, &Error>) {
        let Some(running) = &mut self.running else { return };
        match result {
            Ok(tag) => running.name = operation(tag.as_str()),
            Err(error) if running.error.is_none() => running.error = Some(kind(error)),
            Err(_) => {}
        }
    }

    /// Notes that the command is over.
    pub(crate) fn over(&mut self, standing: Standing) {
        let Some(running) = self.running.take() else { return };
        let operation =
            Operation { time: running.began.elapsed(), name: running.name, error: running.error.as_deref() };
        self.observer.note(Event::Operation(operation));
        #[cfg(feature = "tracing")]
        running.span.over(operation);
        match (&mut self.transaction, standing.status) {
            (None, TransactionStatus::Idle) => {}
            (None, _) => {
                self.transaction = Some(Open { began: running.began, ending: Ending::Unknown });
            }
            (Some(open), TransactionStatus::Idle) => {
                if running.name == Some("ROLLBACK") {
                    open.ending = Ending::RolledBack;
                }
                self.transaction_over();
            }
            (Some(_), _) => {}
        }
        self.moved(standing);
    }

    /// Notes that the command has ended without an answer, if there is one.
    pub(crate) fn cut_off(&mut self, why: CutOff) {
        let Some(running) = self.running.take() else { return };
        let error = match why {
            CutOff::Timeout => "timeout",
            CutOff::Cancelled => "cancelled",
            CutOff::ConnectionLost => "connection_lost",
            CutOff::Abandoned => "abandoned",
        };
        let operation = Operation { time: running.began.elapsed(), name: running.name, error: Some(error) };
        self.observer.note(Event::Operation(operation));
        #[cfg(feature = "tracing")]
        running.span.over(operation);
    }

    /// Notes that the transaction, if there is one, can only be rolled back.
    pub(crate) fn rolls_back(&mut self) {
        if let Some(open) = &mut self.transaction {
            open.ending = Ending::RolledBack;
        }
    }

    /// Notes that the session is at rest.
    pub(crate) fn settled(&mut self, standing: Standing) {
        if standing.status == TransactionStatus::Idle && self.transaction.is_some() {
            self.rolls_back();
            self.transaction_over();
        }
        self.moved(standing);
    }

    fn moved(&mut self, Standing { sent, received, .. }: Standing) {
        let event = Event::Moved {
            sent: sent.saturating_sub(self.sent),
            received: received.saturating_sub(self.received),
        };
        (self.sent, self.received) = (sent, received);
        self.observer.note(event);
    }

    fn transaction_over(&mut self) {
        let Some(open) = self.transaction.take() else { return };
        self.observer.note(Event::Transaction(open.began.elapsed()));
        if open.ending == Ending::RolledBack {
            self.observer.note(Event::RolledBack);
        }
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.cut_off(CutOff::Abandoned);
        self.rolls_back();
        self.transaction_over();
    }
}

/// Returns what an error is counted as.
fn kind(error: &Error) -> String {
    match error.code() {
        Some(code) => code.to_string(),
        None if error.is_timeout() => "timeout".to_owned(),
        None if error.is_connection_lost() => "connection_lost".to_owned(),
        None => "other".to_owned(),
    }
}
