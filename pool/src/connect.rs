//! A connect, from its permit to its outcome.

use crate::bounded::{Ended, bounded};
use crate::ledger::ConnectPermit;
use crate::seams::now;
use crate::{AcquireError, Manager, Pool, Verdict};

/// The slot of a connect in progress. Given back on drop, so a task that is never run, or is dropped with its runtime,
/// leaves nothing behind.
pub(crate) struct Connect<M: Manager> {
    pool: Pool<M>,
    permit: Option<ConnectPermit>,
}

impl<M: Manager> Connect<M> {
    pub(crate) fn new(pool: Pool<M>, permit: ConnectPermit) -> Self {
        Self { pool, permit: Some(permit) }
    }

    /// Connects, and hands the outcome to whoever is first in the queue by then.
    pub(crate) async fn run(mut self) {
        let begun = now();
        // A future dropped here drops the half-open connection first and then, with `self`, frees the slot.
        let limit = self.pool.settings().connect_timeout;
        let manager = self.pool.manager();
        let connecting = async { manager.connect().await.map_err(|error| (manager.verdict(&error), error)) };
        let outcome = bounded(limit, self.pool.forced(), connecting).await;
        let Some(permit) = self.permit.take() else { return };
        match outcome {
            Ended::Done(Ok(conn)) => {
                self.pool.counters().count(|metrics| {
                    metrics.connects += 1;
                    metrics.create_time.observe(now().saturating_duration_since(begun));
                });
                self.succeed(permit, conn);
            }
            Ended::Done(Err((verdict, error))) => self.fail(permit, AcquireError::Connect(error), verdict),
            // A waiter has to hear of it, or each would start the next one for ever.
            Ended::Panicked => self.fail(permit, AcquireError::ConnectPanicked, Verdict::Permanent),
            Ended::Overdue => self.fail(permit, AcquireError::ConnectTimedOut, Verdict::Transient),
        }
    }

    fn succeed(&self, permit: ConnectPermit, conn: M::Connection) {
        let (offered, _overcome) = self.pool.ledger().connected(permit, conn, now());
        self.pool.conclude(offered);
    }

    fn fail(&self, permit: ConnectPermit, failure: AcquireError<M::Error>, verdict: Verdict) {
        self.pool.counters().count(|metrics| metrics.connects_failed += 1);
        let (wakes, _replaced) = self.pool.ledger().connect_failed(permit, failure, verdict, now());
        wakes.wake();
    }
}

impl<M: Manager> Drop for Connect<M> {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            let wakes = self.pool.ledger().connect_abandoned(permit, now());
            wakes.wake();
        }
    }
}
