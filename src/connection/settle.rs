//! Bringing a connection to rest that somebody has walked away from. What is to be done, and when, is decided by the
//! state machine; here bytes are moved, time is waited for, and cancel requests are sent.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use molt_db_protocol::client::{CancelOutcome, Sending, Settle, SettlePolicy, Unsettled};
use molt_db_protocol::message::TransactionStatus;
use tokio::time::{Sleep, sleep_until};

use super::exchange::Progress;
use super::{Connection, State};
use crate::error::{Error, Kind, Lost};

/// What settling waits for. It lives in the connection, so a settling that is dropped goes on where it was.
#[derive(Default)]
pub(super) struct Waits {
    /// The CancelRequest that is on its way. The lock is never taken: it makes the future `Sync`.
    cancel: Option<Mutex<Pin<Box<dyn Future<Output = CancelOutcome> + Send>>>>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Connection {
    /// Brings the connection to rest after a future or a stream was dropped half-way, so that it can be used again.
    ///
    /// What is under way is given 10 ms to end by itself, then cancelled, and again as long as the server owes an end; a
    /// COPY from the client is ended as a failure. Answers are dropped. A transaction that is open has
    /// failed, whatever became of the command: it can be rolled back, also to a savepoint, and not committed. All of it takes
    /// five seconds at most. On a connection that is at rest this does nothing.
    ///
    /// What was under way may have been committed.
    ///
    /// ```no_run
    /// # async fn example(connection: &mut molt_db::Connection) -> Result<(), molt_db::Error> {
    /// let slow = connection.execute("select pg_sleep(30)", ());
    /// if tokio::time::timeout(std::time::Duration::from_secs(1), slow).await.is_err() {
    ///     connection.settle().await?;
    /// }
    /// connection.execute("select 1", ()).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::is_connection_lost`]: the connection has ended, or had to be closed because the server did not come to an
    /// end in time, or because a cancel request might still hit a later query.
    ///
    /// # Cancel safety
    ///
    /// A dropped future loses nothing: call it again.
    pub async fn settle(&mut self) -> Result<(), Error> {
        self.settle_with(SettlePolicy::default()).await
    }

    pub(super) async fn settle_with(&mut self, policy: SettlePolicy) -> Result<(), Error> {
        if self.state == State::Over {
            return Err(Kind::Over.into());
        }
        self.watch_settles();
        let now = now();
        let policy = SettlePolicy { after_cancel: self.after_cancel, ..policy };
        let (_, output) = self.transport.buffers();
        self.client.abandon(policy, now, output);
        poll_fn(|cx| self.poll_settle(cx)).await
    }

    /// Settles if something was walked away from.
    pub(super) async fn come_to_rest(&mut self) -> Result<(), Error> {
        if self.state == State::Open && !self.client.is_settled() { self.settle().await } else { Ok(()) }
    }

    /// Settles, says goodbye and closes: what runs is cancelled, what is open is rolled back.
    ///
    /// # Errors
    ///
    /// Those of [`Connection::settle`] and [`Connection::close`]. The connection is closed all the same.
    ///
    /// # Cancel safety
    ///
    /// A dropped future closes the connection; the server may go on with what runs until it notices.
    pub async fn close_or_cancel(mut self) -> Result<(), Error> {
        self.settle().await?;
        self.close().await
    }

    /// Tells whether the session has ended, so that there is nothing to settle.
    pub(crate) fn is_over(&self) -> bool {
        self.state == State::Over || self.transport.has_hung_up()
    }

    /// Tells whether nothing is under way, neither a command nor a transaction.
    pub(crate) fn is_at_rest(&self) -> bool {
        let idle = self.client.status() == TransactionStatus::Idle && self.scope.is_none();
        self.is_usable() && idle && !self.client.has_leads()
    }

    fn poll_settle(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            self.poll_cancel(cx);
            let needed = match self.receive() {
                Ok(Progress::Made(_)) => continue,
                Ok(Progress::Waits { needed }) => needed,
                Err(error) => return Poll::Ready(Err(Error::session(error, self.end()))),
            };
            match self.transport.poll_exchange(cx, needed) {
                Poll::Ready(Ok(())) => continue,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(self.lost(error))),
                Poll::Pending => self.note_poll(),
            }
            let unsent = self.transport.unsent();
            match self.next_of_settling(unsent) {
                Settle::Settled => {
                    self.waits = Waits::default();
                    self.note_business();
                    self.watch_settled();
                    return Poll::Ready(Ok(()));
                }
                Settle::Close(reason) => return Poll::Ready(Err(self.cannot_settle(reason))),
                Settle::Cancel => self.begin_cancel(),
                // There may be more to send than there was.
                Settle::Wait(_) if self.transport.unsent() > unsent => {}
                Settle::Wait(until) if self.waits.poll_sleep(cx, until).is_ready() => {}
                Settle::Wait(_) => return Poll::Pending,
            }
        }
    }

    fn next_of_settling(&mut self, unsent: usize) -> Settle {
        let sending = if unsent == 0 { Sending::Finished } else { Sending::Unfinished };
        let (_, output) = self.transport.buffers();
        self.client.poll_settle(sending, now(), output)
    }

    fn cannot_settle(&mut self, reason: Unsettled) -> Error {
        self.waits = Waits::default();
        let outcome = self.end();
        Kind::Lost { cause: Lost::Unsettled(reason), outcome }.into()
    }

    fn begin_cancel(&mut self) {
        match &self.canceller {
            Some(canceller) => {
                let canceller = canceller.clone();
                self.waits.cancel = Some(Mutex::new(Box::pin(async move { canceller.attempt().await })));
            }
            None => self.client.cancel_over(CancelOutcome::NotSent, now()),
        }
    }

    /// Drives the CancelRequest that is on its way, if there is one.
    fn poll_cancel(&mut self, cx: &mut Context<'_>) {
        let Some(cancel) = &mut self.waits.cancel else { return };
        let cancel = cancel.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Poll::Ready(outcome) = cancel.as_mut().poll(cx) {
            self.waits.cancel = None;
            self.client.cancel_over(outcome, now());
        }
    }
}

impl Waits {
    fn poll_sleep(&mut self, cx: &mut Context<'_>, until: Instant) -> Poll<()> {
        let until = tokio::time::Instant::from_std(until);
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(until)));
        if sleep.deadline() != until {
            sleep.as_mut().reset(until);
        }
        sleep.as_mut().poll(cx)
    }
}

/// The clock of the runtime.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
