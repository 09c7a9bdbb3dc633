//! The async shell around the ledger.

use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::acquire::Seat;
use crate::held::Held;
use crate::ledger::{Ledger, Loan, Wakes};
use crate::metrics::Counters;
use crate::queue::Ticket;
use crate::{AcquireError, Builder, Guard, Manager, Metrics, Status};

/// A pool of connections, cheap to clone. The [crate documentation](crate) has an example.
///
/// When the last handle and the last guard are gone, the idle connections are dropped, and those that wait to settle.
pub struct Pool<M: Manager> {
    shared: Arc<Shared<M>>,
}

struct Shared<M: Manager> {
    manager: M,
    max_wait: Duration,
    counters: Counters,
    /// Held for single calls of the ledger, never while a user's code runs.
    ledger: Mutex<Books<M>>,
}

type Books<M> = Ledger<<M as Manager>::Connection, AcquireError<<M as Manager>::Error>>;

impl<M: Manager> Pool<M> {
    /// Returns the settings to build a pool from.
    pub fn builder(manager: M) -> Builder<M> {
        Builder::new(manager)
    }

    pub(crate) fn new(manager: M, max_conns: usize, max_wait: Duration) -> Self {
        let ledger = Mutex::new(Ledger::new(max_conns));
        Self { shared: Arc::new(Shared { manager, max_wait, counters: Counters::default(), ledger }) }
    }

    /// Acquires a connection: an idle one, or else the first that comes free or is opened, in the order of arrival.
    ///
    /// Opens connections while there are more waiters than connects in progress and fewer connections than
    /// [`max_conns`](Builder::max_conns). A connection that [`Manager::is_alive`] calls dead is dropped, and the
    /// caller goes on waiting in its old place. [`max_wait`](Builder::max_wait) runs from the first poll and covers
    /// all of that.
    ///
    /// Whoever holds one connection while acquiring another can wait for itself: with every connection in use by
    /// such callers, all of them wait until `max_wait`.
    ///
    /// # Errors
    ///
    /// - [`AcquireError::Exhausted`] after `max_wait`.
    /// - [`AcquireError::Connect`] if a connect failed while this caller was the oldest waiter. Each failed connect
    ///   ends one wait, so nobody waits for a server that refuses everyone.
    /// - [`AcquireError::ConnectPanicked`] likewise, if [`Manager::connect`] panicked.
    /// - [`AcquireError::Closed`] once the pool is closed.
    /// - [`AcquireError::NoRuntime`] if nothing is idle and this is polled outside of a tokio runtime.
    ///
    /// # Panics
    ///
    /// If it has to wait in a runtime whose timer is not enabled.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in the queue and nothing else. A connection granted already passes on
    /// to the next waiter; a connect started already completes for others. A future that is kept but not polled
    /// keeps its place, and the connection handed over to it.
    pub async fn acquire(&self) -> Result<Guard<M>, AcquireError<M::Error>> {
        let arrived = now();
        if let Some(guard) = self.take_idle(arrived) {
            return Ok(guard);
        }
        let seat = self.take_seat(arrived)?;
        loop {
            let held = seat.wait().await?;
            if let Some(guard) = held.into_live() {
                self.counters().waited(now().saturating_duration_since(arrived));
                return Ok(guard);
            }
        }
    }

    /// Acquires an idle connection, if there is one. Never waits, never connects, needs no runtime.
    ///
    /// Returns `None` if nothing is idle or the pool is closed. Cannot overtake: while anyone waits, nothing is idle.
    pub fn try_acquire(&self) -> Option<Guard<M>> {
        self.take_idle(now())
    }

    /// Returns the pool's figures at this moment.
    pub fn status(&self) -> Status {
        self.ledger().status(now())
    }

    /// Returns what the pool has counted since it was built.
    pub fn metrics(&self) -> Metrics {
        self.counters().snapshot()
    }

    /// Returns the manager.
    pub fn manager(&self) -> &M {
        &self.shared.manager
    }

    /// Tells whether [`close`](Self::close) was called.
    pub fn is_closed(&self) -> bool {
        self.ledger().is_closed()
    }

    /// Closes the pool and waits until every connection is gone.
    ///
    /// At the first poll, waiters get [`AcquireError::Closed`], later callers too, and idle connections are dropped.
    /// Connections in use are dropped as they come back, after they have settled if they have to, and those still being
    /// opened as they complete. Detached connections are not waited for.
    ///
    /// There is no limit to the wait: it lasts as long as the longest use. A caller that holds a guard itself waits
    /// for ever.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the wait; once polled, the pool stays closed. Calling it again resumes the wait.
    pub async fn close(&self) {
        self.shut();
        let closer = Closer { pool: self, ticket: self.ledger().draw_ticket() };
        poll_fn(|cx| {
            let mut waker = Some(cx.waker().clone());
            let empty = closer.pool.ledger().poll_empty(closer.ticket, &mut waker);
            drop(waker);
            empty
        })
        .await;
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Books<M>> {
        // No user's code runs under the lock, so a panic under it would be a defect of the ledger alone; each of its
        // calls leaves it whole.
        self.shared.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    pub(crate) fn max_wait(&self) -> Duration {
        self.shared.max_wait
    }

    pub(crate) fn hold(&self, loan: Loan<M::Connection>) -> Held<M> {
        Held::new(self.clone(), loan)
    }

    pub(crate) fn downgrade(&self) -> WeakPool<M> {
        WeakPool { shared: Arc::downgrade(&self.shared) }
    }

    /// Does what is left to do after a connection was offered to the ledger.
    pub(crate) fn conclude(&self, offered: Result<Wakes, Loan<M::Connection>>) {
        match offered {
            Ok(wakes) => wakes.wake(),
            Err(refused) => drop(self.hold(refused)),
        }
    }

    fn take_idle(&self, now: Instant) -> Option<Guard<M>> {
        loop {
            let loan = self.ledger().take_idle(now)?;
            if let Some(guard) = self.hold(loan).into_live() {
                self.counters().acquired();
                return Some(guard);
            }
        }
    }

    fn take_seat(&self, arrived: Instant) -> Result<Seat<'_, M>, AcquireError<M::Error>> {
        let mut ledger = self.ledger();
        if ledger.is_closed() {
            return Err(AcquireError::Closed);
        }
        Ok(Seat::new(self, ledger.draw_ticket(), arrived))
    }

    fn shut(&self) {
        let closing = self.ledger().close(now());
        // Leases first: whatever panics below, the slots are freed.
        let idle: Vec<_> = closing.idle.into_iter().map(|loan| self.hold(loan)).collect();
        closing.wakers.into_iter().for_each(Waker::wake);
        drop(idle);
    }
}

impl<M: Manager> Clone for Pool<M> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<M: Manager> fmt::Debug for Pool<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pool").field(&self.status()).finish()
    }
}

impl<M: Manager> Drop for Shared<M> {
    fn drop(&mut self) {
        let settlers = self.ledger.get_mut().unwrap_or_else(PoisonError::into_inner).rouse_settlers();
        settlers.into_iter().for_each(Waker::wake);
    }
}

/// A pool that lives no longer for it.
pub(crate) struct WeakPool<M: Manager> {
    shared: Weak<Shared<M>>,
}

impl<M: Manager> WeakPool<M> {
    pub(crate) fn upgrade(&self) -> Option<Pool<M>> {
        Some(Pool { shared: self.shared.upgrade()? })
    }
}

/// Someone who waits for the pool to be empty. Dropping it ends the wait.
struct Closer<'a, M: Manager> {
    pool: &'a Pool<M>,
    ticket: Ticket,
}

impl<M: Manager> Drop for Closer<'_, M> {
    fn drop(&mut self) {
        let waker = self.pool.ledger().forget_closer(self.ticket);
        drop(waker);
    }
}

/// Reads tokio's clock, which tests can pause; outside of a runtime it is the system's.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
