//! A connect, from its permit to its outcome.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use crate::ledger::ConnectPermit;
use crate::pool::now;
use crate::{AcquireError, Manager, Pool};

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
        // A future dropped here drops the half-open connection first and then, with `self`, frees the slot.
        let outcome = attempt(self.pool.manager()).await;
        let Some(permit) = self.permit.take() else { return };
        match outcome {
            Ok(conn) => self.succeed(permit, conn),
            Err(failure) => self.fail(permit, failure),
        }
    }

    fn succeed(&self, permit: ConnectPermit, conn: M::Connection) {
        self.pool.counters().connected();
        let offered = self.pool.ledger().connected(permit, conn, now());
        self.pool.conclude(offered);
    }

    fn fail(&self, permit: ConnectPermit, failure: AcquireError<M::Error>) {
        self.pool.counters().connect_failed();
        let (wakes, _unclaimed) = self.pool.ledger().connect_failed(permit, failure);
        wakes.wake();
    }
}

impl<M: Manager> Drop for Connect<M> {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            let wakes = self.pool.ledger().connect_abandoned(permit);
            wakes.wake();
        }
    }
}

/// Connects. A panic is a failure like others: it must reach a waiter, or each would start the next one for ever.
async fn attempt<M: Manager>(manager: &M) -> Result<M::Connection, AcquireError<M::Error>> {
    let mut connecting = pin!(async { manager.connect().await });
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| connecting.as_mut().poll(cx))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(outcome)) => Poll::Ready(outcome.map_err(AcquireError::Connect)),
        Err(_panic) => Poll::Ready(Err(AcquireError::ConnectPanicked)),
    })
    .await
}
