//! The async shell around the ledger.

use std::fmt;
use std::future::poll_fn;
use std::panic::Location;
use std::pin::pin;
use std::sync::{Arc, PoisonError, Weak};
use std::task::{Poll, Waker};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::acquire::Seat;
use crate::care::Care;
use crate::dice::Dice;
use crate::held::Held;
use crate::keeper::Keeper;
use crate::ledger::{Claim, Late, Ledger, Loan, Wakes};
use crate::metrics::Counters;
use crate::request::Origin;
use crate::seams::{Mutex, MutexGuard, now};
use crate::settings::Settings;
use crate::{
    AcquireError, BuildError, Builder, Guard, Holder, LaneStatus, Liveness, Manager, Metrics, PoolExhausted,
    Request, Status,
};

/// A pool of connections, cheap to clone. The [crate documentation](crate) has an example.
///
/// When the last handle and the last guard are gone, the idle connections are dropped, and those that wait to settle.
pub struct Pool<M: Manager> {
    shared: Arc<Shared<M>>,
}

struct Shared<M: Manager> {
    manager: M,
    settings: Settings,
    counters: Counters,
    /// Whether connections in care and connects in progress are to be given up.
    forced: watch::Sender<bool>,
    /// Held for single calls of the ledger, never while a user's code runs.
    ledger: Mutex<Books<M>>,
}

type Books<M> = Ledger<<M as Manager>::Connection, AcquireError<<M as Manager>::Error>>;

impl<M: Manager> Pool<M> {
    /// Returns the settings to build a pool from.
    pub fn builder(manager: M) -> Builder<M> {
        Builder::new(manager)
    }

    pub(crate) fn new(manager: M, settings: Settings) -> Self {
        let ledger = Mutex::new(Ledger::new(settings.clone(), Dice::seeded()));
        let (forced, _) = watch::channel(false);
        let shared = Shared { manager, settings, counters: Counters::default(), forced, ledger };
        let pool = Self { shared: Arc::new(shared) };
        pool.open_early();
        pool
    }

    /// Acquires a connection: an idle one, or else the first that comes free or is opened, in the order of arrival.
    ///
    /// Opens connections while there are fewer than [`max_conns`](Builder::max_conns) and more waiters than those in use
    /// will soon serve. A connection that [`Manager::is_alive`] calls dead is dropped, and the caller goes on waiting in
    /// its old place. [`max_wait`](Builder::max_wait) runs from the first poll and covers all of that.
    ///
    /// Whoever holds one connection while acquiring another can wait for itself: with every connection in use by
    /// such callers, all of them wait until `max_wait`.
    ///
    /// # Errors
    ///
    /// - [`AcquireError::Exhausted`] after `max_wait`.
    /// - [`AcquireError::Connect`] if a connect failed [for good](crate::Verdict::Permanent) while this caller was the
    ///   oldest waiter. Each such failure ends one wait, so nobody waits for a server that refuses everyone.
    /// - [`AcquireError::ConnectPanicked`] likewise, if [`Manager::connect`] panicked.
    /// - [`AcquireError::QueueFull`] if it would have to wait, and as many do as the lane allows.
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
    /// keeps its place, but a connection handed over to it is taken back after
    /// [`grant_timeout`](Builder::grant_timeout).
    #[track_caller]
    pub fn acquire(&self) -> impl Future<Output = Result<Guard<M>, AcquireError<M::Error>>> + Send + '_ {
        self.acquire_with(Request::new())
    }

    /// Acquires a connection as [`acquire`](Self::acquire) does, in a lane, with a limit or a name of its own.
    ///
    /// # Errors
    ///
    /// Those of [`acquire`](Self::acquire), and [`AcquireError::UnknownLane`].
    ///
    /// # Panics
    ///
    /// As [`acquire`](Self::acquire).
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Self::acquire).
    #[track_caller]
    pub fn acquire_with<'p>(
        &'p self,
        request: Request<'_>,
    ) -> impl Future<Output = Result<Guard<M>, AcquireError<M::Error>>> + Send + use<'p, M> {
        let Request { lane, max_wait, tag } = request;
        let origin = Origin { location: Location::caller(), tag };
        let lane = self.lane(lane);
        async move {
            let claim = self.claim(lane.ok_or(AcquireError::UnknownLane)?, max_wait, origin);
            while let Some(mut guard) = self.take_idle(&claim) {
                match self.prepare(&mut guard, &claim).await {
                    Prepared::Yes => {
                        self.counters().acquired();
                        return Ok(guard);
                    }
                    Prepared::TurnedDown => self.turn_down(guard),
                    Prepared::TooLate => return Err(self.exhausted(&claim, self.late())),
                }
            }
            // On the heap, so that those who need not wait carry no room for it about.
            Box::pin(self.wait(claim)).await
        }
    }

    /// Acquires an idle connection, if there is one. Never waits, never connects, needs no runtime.
    ///
    /// Returns `None` if nothing is idle, if the pool is closed, or if [`Manager::before_acquire`] is not done at once.
    /// Cannot overtake: while anyone waits, nothing is idle.
    #[track_caller]
    pub fn try_acquire(&self) -> Option<Guard<M>> {
        let origin = Origin { location: Location::caller(), tag: None };
        let claim = self.claim(self.lane(None)?, None, origin);
        loop {
            let mut guard = self.take_idle(&claim)?;
            let answer = {
                let mut preparing = pin!(self.manager().before_acquire(&mut guard));
                preparing.as_mut().poll(&mut std::task::Context::from_waker(Waker::noop()))
            };
            match answer {
                Poll::Ready(Liveness::Alive) => {
                    self.counters().acquired();
                    return Some(guard);
                }
                Poll::Ready(Liveness::Dead) => self.turn_down(guard),
                Poll::Pending => return None,
            }
        }
    }

    /// Returns the pool's figures at this moment.
    pub fn status(&self) -> Status {
        self.ledger().status(now())
    }

    /// Returns the figures of each lane at this moment, that of callers that name none first.
    pub fn lanes(&self) -> Vec<LaneStatus> {
        self.ledger().lane_status()
    }

    /// Returns who has a connection at this moment, who has had it for longest first.
    pub fn holders(&self) -> Vec<Holder> {
        self.ledger().holders(now())
    }

    /// Returns what the pool has counted since it was built.
    pub fn metrics(&self) -> Metrics {
        let use_time = self.ledger().use_times().clone();
        self.counters().snapshot(use_time)
    }

    /// Returns the manager.
    pub fn manager(&self) -> &M {
        &self.shared.manager
    }

    /// Changes how many connections there may be, and how many are kept. What is idle and too many is dropped, and what
    /// is in use and too many is when it comes back.
    ///
    /// # Errors
    ///
    /// [`BuildError::NoConnections`] and [`BuildError::MinAboveMax`], as when the pool is built. Nothing is changed then.
    pub fn resize(&self, min_conns: usize, max_conns: usize) -> Result<(), BuildError> {
        BuildError::check_size(min_conns, max_conns)?;
        let (surplus, wakes) = self.ledger().resize(min_conns, max_conns, now());
        let surplus: Vec<_> = surplus.into_iter().map(|loan| self.hold(loan)).collect();
        wakes.wake();
        drop(surplus);
        self.open_early();
        Ok(())
    }

    /// Ends the life of every connection there is, and opens others in their place as they are wanted: for when the
    /// server has changed. Idle ones are dropped at once, those in use when they come back.
    pub fn drain(&self) {
        let idle = self.ledger().drain(now());
        let idle: Vec<_> = idle.into_iter().map(|loan| self.hold(loan)).collect();
        drop(idle);
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
    /// for ever. [`close_within`](Self::close_within) has a limit.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the wait; once polled, the pool stays closed. Calling it again resumes the wait.
    pub async fn close(&self) {
        self.shut();
        self.wait_until_empty().await;
    }

    /// Closes the pool as [`close`](Self::close) does, and waits for at most `limit`. After that, connections that settle
    /// and connects in progress are given up, and those in use are dropped when they come back, as they are.
    ///
    /// Returns how many are in use still. With a limit of zero, nothing is waited for.
    ///
    /// # Panics
    ///
    /// If it has to wait outside of a tokio runtime, or in one whose timer is not enabled.
    ///
    /// # Cancel safety
    ///
    /// As [`close`](Self::close): dropped before its limit, it forces nothing.
    pub async fn close_within(&self, limit: Duration) -> usize {
        self.shut();
        if !limit.is_zero() {
            let mut empty = pin!(self.wait_until_empty());
            let mut timer = pin!(sleep(limit));
            let is_empty = poll_fn(|cx| match empty.as_mut().poll(cx) {
                Poll::Ready(()) => Poll::Ready(true),
                Poll::Pending => timer.as_mut().poll(cx).map(|()| false),
            });
            if is_empty.await {
                return 0;
            }
        }
        self.force();
        self.status().in_use
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Books<M>> {
        // No user's code runs under the lock, so a panic under it would be a defect of the ledger alone; each of its
        // calls leaves it whole.
        self.shared.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    pub(crate) fn forced(&self) -> watch::Receiver<bool> {
        self.shared.forced.subscribe()
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

    /// Returns the number of a lane.
    fn lane(&self, name: Option<&str>) -> Option<usize> {
        let Some(name) = name else { return Some(0) };
        self.settings().lanes.iter().position(|lane| lane.name == name)
    }

    /// Puts a request in the ledger's terms, from this moment on.
    fn claim(&self, lane: usize, max_wait: Option<Duration>, origin: Origin) -> Claim {
        let max_wait = max_wait.unwrap_or_else(|| self.settings().max_wait);
        Claim { lane, arrived: now(), max_wait, origin }
    }

    async fn wait(&self, claim: Claim) -> Result<Guard<M>, AcquireError<M::Error>> {
        let mut seat = Seat::new(self, claim);
        loop {
            let Some(mut guard) = seat.wait().await?.into_live() else { continue };
            match self.prepare(&mut guard, &claim).await {
                Prepared::Yes => {
                    self.counters().acquired();
                    let waited = now().saturating_duration_since(claim.arrived);
                    self.counters().count(|metrics| metrics.wait_time.observe(waited));
                    return Ok(guard);
                }
                Prepared::TurnedDown => self.turn_down(guard),
                Prepared::TooLate => return Err(self.exhausted(&claim, self.late())),
            }
        }
    }

    fn take_idle(&self, claim: &Claim) -> Option<Guard<M>> {
        loop {
            let loan = self.ledger().take_idle(claim, claim.arrived)?;
            if let Some(guard) = self.hold(loan).into_live() {
                return Some(guard);
            }
        }
    }

    /// Has the manager prepare a connection, in what is left of the caller's time.
    async fn prepare(&self, conn: &mut M::Connection, claim: &Claim) -> Prepared {
        let mut preparing = pin!(self.manager().before_acquire(conn));
        let mut timer = None;
        poll_fn(|cx| match preparing.as_mut().poll(cx) {
            Poll::Ready(Liveness::Alive) => Poll::Ready(Prepared::Yes),
            Poll::Ready(Liveness::Dead) => Poll::Ready(Prepared::TurnedDown),
            Poll::Pending => {
                let timer = timer.get_or_insert_with(|| Box::pin(sleep(claim.left(now()))));
                timer.as_mut().poll(cx).map(|()| Prepared::TooLate)
            }
        })
        .await
    }

    fn late(&self) -> Late<AcquireError<M::Error>> {
        let ledger = self.ledger();
        Late { status: ledger.status(now()), latest_failure: ledger.latest_failure(), waker: None }
    }

    fn turn_down(&self, guard: Guard<M>) {
        self.counters().count(|metrics| metrics.turned_down += 1);
        guard.discard();
    }

    /// Counts and describes that a caller's time is over.
    pub(crate) fn exhausted(
        &self,
        claim: &Claim,
        Late { status, latest_failure, waker }: Late<AcquireError<M::Error>>,
    ) -> AcquireError<M::Error> {
        drop(waker);
        self.counters().count(|metrics| metrics.timeouts += 1);
        AcquireError::Exhausted(PoolExhausted::new(claim.max_wait, status, latest_failure))
    }

    /// Puts a keeper on duty in this runtime, if there are connections to be kept ready, and if this is one.
    fn open_early(&self) {
        let Ok(runtime) = Handle::try_current() else { return };
        let badge = self.ledger().enlist_early(runtime.id());
        if let Some(badge) = badge {
            Keeper::start(self, badge, &runtime);
        }
    }

    fn shut(&self) {
        let closing = self.ledger().close(now());
        // Leases first: whatever panics below, the slots are freed.
        let idle: Vec<_> = closing.idle.into_iter().map(|loan| self.hold(loan)).collect();
        closing.wakers.into_iter().for_each(Waker::wake);
        drop(idle);
    }

    fn force(&self) {
        let wards = self.ledger().force();
        let wards: Vec<_> = wards.into_iter().map(|ward| Care::new(self.clone(), ward)).collect();
        // Tasks that run are told; those that nobody drives keep their slots.
        let _ = self.shared.forced.send_replace(true);
        drop(wards);
    }

    async fn wait_until_empty(&self) {
        let closer = Closer { pool: self, number: self.ledger().draw_closer() };
        poll_fn(|cx| {
            let mut waker = Some(cx.waker().clone());
            let empty = closer.pool.ledger().poll_empty(closer.number, &mut waker);
            drop(waker);
            empty
        })
        .await;
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
        let keepers = self.ledger.get_mut().unwrap_or_else(PoisonError::into_inner).rouse_keepers();
        keepers.into_iter().for_each(Waker::wake);
    }
}

/// What came of preparing a connection.
enum Prepared {
    Yes,
    TurnedDown,
    /// The caller's time is over.
    TooLate,
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
    number: u64,
}

impl<M: Manager> Drop for Closer<'_, M> {
    fn drop(&mut self) {
        let waker = self.pool.ledger().forget_closer(self.number);
        drop(waker);
    }
}

#[cfg(test)]
mod tests;
