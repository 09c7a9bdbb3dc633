use std::time::{Duration, Instant};

use crate::message::TransactionStatus;

/// How a session is brought to rest when nobody waits for what is under way any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettlePolicy {
    /// How long the command may take to end by itself before it is cancelled. Default 10 ms: what is nearly over is
    /// not worth a connection for a CancelRequest.
    pub grace: Duration,
    /// How long one CancelRequest may take, until the server closes the connection that carried it. Default 2 s.
    pub cancel_timeout: Duration,
    /// How long to wait after a CancelRequest before the next; doubled each time, up to 16 times this. Default 50 ms.
    pub retry: Duration,
    /// How long all of it may take. Default 5 s; after that the connection is to be closed.
    pub bound: Duration,
    /// What to do when a CancelRequest was sent. Default [`AfterCancel::Reuse`].
    pub after_cancel: AfterCancel,
    /// What becomes of a transaction that is open. Default [`OpenTransaction::Fails`].
    pub transaction: OpenTransaction,
}

/// What becomes of an open transaction in which a command was walked away from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenTransaction {
    /// It has failed, whatever became of the command: nothing but its end is taken, and COMMIT rolls back. It could be
    /// committed without what the command was to do, otherwise. Savepoints can be rolled back to.
    Fails,
    /// It is rolled back: nobody owns it.
    IsRolledBack,
}

/// Whether a session goes on after a CancelRequest was sent for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterCancel {
    /// It does: that the server has closed the connection of the request proves that it hits nothing later.
    Reuse,
    /// It is closed: for proxies that close the connection of a request before their server has taken it.
    Close,
}

impl OpenTransaction {
    /// Returns what ends a transaction that stands here, if anything has to.
    ///
    /// No message makes a transaction fail, but every error does; this one shows in the server's log why.
    pub(super) fn end(self, status: TransactionStatus) -> Option<&'static str> {
        match (self, status) {
            (_, TransactionStatus::Idle) | (Self::Fails, TransactionStatus::Failed) => None,
            (Self::Fails, TransactionStatus::InTransaction) => {
                Some("ROLLBACK TO SAVEPOINT \"abandoned by the client\"")
            }
            (Self::IsRolledBack, _) => Some("ROLLBACK"),
        }
    }
}

impl Default for SettlePolicy {
    fn default() -> Self {
        Self {
            grace: Duration::from_millis(10),
            cancel_timeout: Duration::from_secs(2),
            retry: Duration::from_millis(50),
            bound: Duration::from_secs(5),
            after_cancel: AfterCancel::Reuse,
            transaction: OpenTransaction::Fails,
        }
    }
}

/// What to do next for a session that is to come to rest. See [`Client::poll_settle`](super::Client::poll_settle).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Settle {
    /// Go on writing and reading; ask again after either, and at this time.
    Wait(Instant),
    /// Send a CancelRequest, and report what came of it to [`Client::cancel_over`](super::Client::cancel_over). None
    /// other is asked for until then.
    Cancel,
    /// Close the connection: it cannot be brought to rest, for this reason.
    Close(Unsettled),
    /// The session takes the next command.
    Settled,
}

/// Why a session could not be brought to rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unsettled {
    /// It took longer than [`SettlePolicy::bound`].
    Bound,
    /// It is not known whether a CancelRequest has been taken: it might hit a later command.
    CancelLost,
    /// A CancelRequest was sent, and [`AfterCancel::Close`] is in force.
    CancelSent,
    /// A transaction was left open that the server did not end.
    Transaction,
}

/// What came of a CancelRequest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelOutcome {
    /// It was sent, and the server has closed the connection that carried it: it is over.
    Delivered,
    /// Nothing of it was sent.
    NotSent,
    /// Something of it was sent, and the end was not seen: it may take effect at any time.
    Lost,
}

/// Whether everything that was to be sent has been handed to the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sending {
    /// Something is still in the buffer.
    Unfinished,
    /// Everything is sent.
    Finished,
}

/// What the server still has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owes {
    Nothing,
    /// An answer that a CancelRequest can hasten.
    Cancellable,
    /// An answer that can only be waited for.
    Patience,
}

/// The clock of settling.
///
/// ```text
///   Between --(grace or retry is over, all is sent)--> InFlight --Delivered, NotSent--> Between
///      |                                                  '-------Lost, its timeout---> Close
///      '--(nothing is owed)--> Settled, behind a barrier if a CancelRequest was sent, and behind the end of what is
///                              open of a transaction
/// ```
#[derive(Debug, Clone)]
pub(super) struct Settling {
    policy: SettlePolicy,
    deadline: Instant,
    cancel: Cancel,
    wait: Duration,
    barrier: Barrier,
    ending: Ending,
    doomed: Option<Unsettled>,
}

#[derive(Debug, Clone, Copy)]
enum Cancel {
    Between { next: Instant },
    InFlight { until: Instant },
}

/// A round trip between a CancelRequest and the next command: the second net.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Barrier {
    NotNeeded,
    Needed,
    Sent,
}

/// Whether an open transaction has been made to fail, or rolled back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    NotSent,
    Sent,
}

/// What the clock asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tick {
    Tell(Settle),
    /// Send a Sync and ask again.
    SendBarrier,
    /// Send this script, whatever comes of it, and ask again.
    EndTransaction(&'static str),
}

impl Settling {
    pub(super) fn new(policy: SettlePolicy, now: Instant) -> Self {
        Self {
            policy,
            deadline: later(now, policy.bound),
            cancel: Cancel::Between { next: later(now, policy.grace) },
            wait: policy.retry,
            barrier: Barrier::NotNeeded,
            ending: Ending::NotSent,
            doomed: None,
        }
    }

    /// Says what to do next for a session that owes this, and stood here when it last owed nothing.
    pub(super) fn tick(
        &mut self,
        now: Instant,
        owes: Owes,
        status: TransactionStatus,
        sending: Sending,
    ) -> Tick {
        if let Some(reason) = self.doomed {
            return Tick::Tell(Settle::Close(reason));
        }
        Tick::Tell(match self.cancel {
            Cancel::InFlight { until } if now >= until => Settle::Close(Unsettled::CancelLost),
            Cancel::InFlight { until } => Settle::Wait(until),
            Cancel::Between { .. } if owes == Owes::Nothing => return self.last_words(status),
            Cancel::Between { .. } if now >= self.deadline => Settle::Close(Unsettled::Bound),
            Cancel::Between { next } => self.between(now, next, owes, sending),
        })
    }

    fn last_words(&mut self, status: TransactionStatus) -> Tick {
        if self.barrier == Barrier::Needed {
            self.barrier = Barrier::Sent;
            return Tick::SendBarrier;
        }
        match (self.policy.transaction.end(status), self.ending) {
            (None, _) => Tick::Tell(Settle::Settled),
            (Some(_), Ending::Sent) => Tick::Tell(Settle::Close(Unsettled::Transaction)),
            (Some(script), Ending::NotSent) => {
                self.ending = Ending::Sent;
                Tick::EndTransaction(script)
            }
        }
    }

    /// A request that is sent before the command is stops nothing, and what we say at the end needs none.
    fn between(&mut self, now: Instant, next: Instant, owes: Owes, sending: Sending) -> Settle {
        let speaking = self.barrier == Barrier::Sent || self.ending == Ending::Sent;
        let useful = owes == Owes::Cancellable && !speaking;
        match (useful, sending) {
            (true, Sending::Finished) if now >= next => {
                self.cancel =
                    Cancel::InFlight { until: later(now, self.policy.cancel_timeout).min(self.deadline) };
                Settle::Cancel
            }
            (true, Sending::Finished) => Settle::Wait(next.min(self.deadline)),
            _ => Settle::Wait(self.deadline),
        }
    }

    pub(super) fn cancel_over(&mut self, now: Instant, outcome: CancelOutcome) {
        if !matches!(self.cancel, Cancel::InFlight { .. }) {
            return;
        }
        self.cancel = Cancel::Between { next: later(now, self.wait) };
        self.wait = self.wait.saturating_mul(2).min(self.policy.retry.saturating_mul(MOST_WAITING));
        match (outcome, self.policy.after_cancel) {
            (CancelOutcome::NotSent, _) => {}
            (CancelOutcome::Delivered, AfterCancel::Reuse) => self.barrier = Barrier::Needed,
            (CancelOutcome::Delivered, AfterCancel::Close) => self.doomed = Some(Unsettled::CancelSent),
            (CancelOutcome::Lost, _) => self.doomed = Some(Unsettled::CancelLost),
        }
    }
}

/// A time beyond what the clock can say is one of a hundred years.
fn later(now: Instant, wait: Duration) -> Instant {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
    now.checked_add(wait).or_else(|| now.checked_add(CENTURY)).unwrap_or(now)
}

/// How many times [`SettlePolicy::retry`] is waited between two requests at most.
const MOST_WAITING: u32 = 16;
