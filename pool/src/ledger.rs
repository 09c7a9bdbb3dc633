//! The pool's books: who has what, who is next, and what to do about it.
//!
//! Pure and synchronous. Nothing in here runs a user's code: wakers, connections and errors that are done with are
//! returned, to be woken and dropped once the lock is released.

mod leases;
mod settle_queue;

use std::collections::BTreeMap;
use std::mem;
use std::task::{Poll, Waker};
use std::time::Instant;

use tokio::runtime::Id as RuntimeId;

use crate::Status;
use crate::queue::{Queue, Ticket};
pub(crate) use leases::Lease;
use leases::Leases;
use settle_queue::SettleQueue;
pub(crate) use settle_queue::{Badge, Dismissal, SettlePermit, Unsettled};

/// The state of a pool of connections `C`, whose connects fail with `F`.
///
/// Three things hold between any two calls:
///
/// 1. `idle + leased + settling + connecting <= max`; a connection handed over to a waiter is leased from that moment on.
/// 2. If anyone queues, nothing is idle.
/// 3. If more connects are wanted, the oldest waiter is about to run, and will start them.
pub(crate) struct Ledger<C, F> {
    max: usize,
    phase: Phase,
    /// The last one returned is the first one reused.
    idle: Vec<C>,
    queue: Queue,
    /// What lies ready for waiters that have not run since.
    granted: BTreeMap<Ticket, Grant<C, F>>,
    leases: Leases,
    settling: SettleQueue<C>,
    connecting: usize,
    /// Those who wait for a closed pool to be empty.
    closers: BTreeMap<Ticket, Option<Waker>>,
    drawn: u64,
}

impl<C, F> Ledger<C, F> {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            max,
            phase: Phase::Open,
            idle: Vec::new(),
            queue: Queue::default(),
            granted: BTreeMap::new(),
            leases: Leases::default(),
            settling: SettleQueue::new(),
            connecting: 0,
            closers: BTreeMap::new(),
            drawn: 0,
        }
    }

    /// Takes an idle connection, if there is one.
    pub(crate) fn take_idle(&mut self, now: Instant) -> Option<Loan<C>> {
        let conn = self.idle.pop()?;
        Some(Loan { lease: self.leases.begin(now), conn })
    }

    /// Draws a place behind all who came before.
    pub(crate) fn draw_ticket(&mut self) -> Ticket {
        Ticket(self.draw())
    }

    /// Takes what there is for the holder of `ticket`, or else lets it wait, and tells which tasks it is to start in
    /// `runtime`, its own.
    pub(crate) fn turn(
        &mut self,
        ticket: Ticket,
        waker: &mut Option<Waker>,
        runtime: RuntimeId,
        now: Instant,
    ) -> Turn<C, F> {
        if let Some(grant) = self.granted.remove(&ticket) {
            return Turn::Granted(grant);
        }
        if self.is_closed() {
            return Turn::Closed;
        }
        if let Some(loan) = self.take_idle(now) {
            return Turn::Granted(Grant::Connection(loan));
        }
        self.queue.join(ticket, waker);
        Turn::Wait(Errands { connects: self.permits(), settler: self.enlist(runtime) })
    }

    /// Ends the wait of the holder of `ticket`. Returns `None` if it neither queued nor had anything lying ready.
    pub(crate) fn leave(&mut self, ticket: Ticket) -> Option<Departure<C, F>> {
        if let Some(waiter) = self.queue.remove(ticket) {
            return Some(Departure::Queued { waker: waiter.waker, wakes: self.wakes(None) });
        }
        self.granted.remove(&ticket).map(Departure::Granted)
    }

    /// Takes a connection back: for the oldest waiter, or else to lie idle. A closed ledger refuses it; the caller
    /// drops it and then vacates its lease.
    pub(crate) fn release(&mut self, loan: Loan<C>, now: Instant) -> Result<Wakes, Loan<C>> {
        if self.is_closed() {
            return Err(loan);
        }
        self.leases.end(loan.lease);
        Ok(self.offer(loan.conn, now))
    }

    /// Takes a connection back that has to settle first. Without a settler it is refused, as by
    /// [`release`](Self::release).
    pub(crate) fn release_unsettled(&mut self, loan: Loan<C>, now: Instant) -> Result<Wakes, Loan<C>> {
        if !self.settling.is_served() {
            return Err(loan);
        }
        self.leases.end(loan.lease);
        Ok(Wakes { settlers: self.settling.join(loan.conn, now), ..Wakes::default() })
    }

    /// Waits for a connection to settle. `None` ends the settler: the ledger is closed, and every slot free. The waker
    /// is swapped as in [`turn`](Self::turn).
    pub(crate) fn poll_unsettled(
        &mut self,
        badge: &Badge,
        waker: &mut Option<Waker>,
    ) -> Poll<Option<Unsettled<C>>> {
        if let Some(unsettled) = self.settling.take() {
            return Poll::Ready(Some(unsettled));
        }
        if self.is_empty() {
            return Poll::Ready(None);
        }
        self.settling.sleep(badge, waker);
        Poll::Pending
    }

    /// Books a connection that has come to rest, like [`release`](Self::release).
    pub(crate) fn settled(&mut self, permit: SettlePermit, conn: C, now: Instant) -> Result<Wakes, Loan<C>> {
        self.settling.end(permit);
        self.admit(conn, now)
    }

    /// Books a connection that did not come to rest, and is gone.
    pub(crate) fn given_up(&mut self, permit: SettlePermit) -> Wakes {
        self.settling.end(permit);
        self.wakes(None)
    }

    /// Ends the duty of a settler.
    pub(crate) fn dismiss(&mut self, badge: Badge) -> Dismissal<C> {
        self.settling.dismiss(badge)
    }

    /// Returns the wakers of the settlers that sleep.
    pub(crate) fn rouse_settlers(&mut self) -> Vec<Waker> {
        self.settling.rouse()
    }

    /// Frees the slot of a connection that is gone.
    pub(crate) fn vacate(&mut self, lease: Lease) -> Wakes {
        self.leases.end(lease);
        self.wakes(None)
    }

    /// Books a connect that succeeded, like [`release`](Self::release).
    pub(crate) fn connected(&mut self, _: ConnectPermit, conn: C, now: Instant) -> Result<Wakes, Loan<C>> {
        self.connecting -= 1;
        self.admit(conn, now)
    }

    /// Books a connect that failed. The oldest waiter gets the failure; without one it comes back.
    pub(crate) fn connect_failed(&mut self, _: ConnectPermit, failure: F) -> (Wakes, Option<F>) {
        self.connecting -= 1;
        match self.queue.pop() {
            Some((ticket, waiter)) => {
                self.granted.insert(ticket, Grant::Failure(failure));
                (self.wakes(waiter.waker), None)
            }
            None => (self.wakes(None), Some(failure)),
        }
    }

    /// Books a connect that was given up before it had an outcome.
    pub(crate) fn connect_abandoned(&mut self, _: ConnectPermit) -> Wakes {
        self.connecting -= 1;
        self.wakes(None)
    }

    /// Stops handing out. What was granted before stays granted.
    pub(crate) fn close(&mut self, now: Instant) -> Closing<C> {
        self.phase = Phase::Closed;
        let waiters = self.queue.drain().filter_map(|waiter| waiter.waker);
        let wakers = waiters.chain(self.settling.rouse()).collect();
        let idle = mem::take(&mut self.idle);
        let idle = idle.into_iter().map(|conn| Loan { lease: self.leases.begin(now), conn }).collect();
        Closing { wakers, idle }
    }

    /// Waits until every slot of a closed ledger is free. The waker is swapped as in [`turn`](Self::turn).
    pub(crate) fn poll_empty(&mut self, ticket: Ticket, waker: &mut Option<Waker>) -> Poll<()> {
        if self.total() == 0 {
            return Poll::Ready(());
        }
        mem::swap(self.closers.entry(ticket).or_default(), waker);
        Poll::Pending
    }

    /// Ends a wait for the ledger to be empty.
    pub(crate) fn forget_closer(&mut self, ticket: Ticket) -> Option<Waker> {
        self.closers.remove(&ticket).flatten()
    }

    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    pub(crate) fn status(&self, now: Instant) -> Status {
        Status {
            max: self.max,
            total: self.total(),
            idle: self.idle.len(),
            in_use: self.leases.len(),
            settling: self.settling.len(),
            connecting: self.connecting,
            waiting: self.queue.len(),
            oldest_use: self.leases.oldest().map(|begun| now.saturating_duration_since(begun)),
        }
    }

    fn total(&self) -> usize {
        self.idle.len() + self.leases.len() + self.settling.len() + self.connecting
    }

    /// Tells whether the ledger is closed and nothing is left in it.
    fn is_empty(&self) -> bool {
        self.is_closed() && self.total() == 0
    }

    /// Offers a connection that nobody has a lease of. A closed ledger refuses it, with a lease to vacate.
    fn admit(&mut self, conn: C, now: Instant) -> Result<Wakes, Loan<C>> {
        if self.is_closed() {
            return Err(Loan { lease: self.leases.begin(now), conn });
        }
        Ok(self.offer(conn, now))
    }

    /// Moves a connection to the oldest waiter, or else lets it lie idle.
    fn offer(&mut self, conn: C, now: Instant) -> Wakes {
        let Some((ticket, waiter)) = self.queue.pop() else {
            self.idle.push(conn);
            return Wakes::default();
        };
        let loan = Loan { lease: self.leases.begin(now), conn };
        self.granted.insert(ticket, Grant::Connection(loan));
        self.wakes(waiter.waker)
    }

    /// Counts the connects worth starting: one per waiter that no connect in progress is for, as far as slots are free.
    /// A connection that settles is for no waiter: it may take longer than a connect, and may be given up.
    fn wanted(&self) -> usize {
        self.queue.len().saturating_sub(self.connecting).min(self.max - self.total())
    }

    fn permits(&mut self) -> Vec<ConnectPermit> {
        let wanted = self.wanted();
        self.connecting += wanted;
        (0..wanted).map(|_| ConnectPermit(())).collect()
    }

    /// Puts a settler on duty in a runtime that has none.
    fn enlist(&mut self, runtime: RuntimeId) -> Option<Badge> {
        if self.settling.is_served_in(runtime) {
            return None;
        }
        let number = self.draw();
        Some(self.settling.enlist(number, runtime))
    }

    /// Collects who is to be woken after a change: the waiter just served, the one that is to start connects, and,
    /// if that was the last slot of a closed ledger, those who wait for it, and the settlers, to end.
    fn wakes(&mut self, served: Option<Waker>) -> Wakes {
        let connector = if self.wanted() > 0 { self.queue.rouse() } else { None };
        if !self.is_empty() {
            return Wakes { served, connector, ..Wakes::default() };
        }
        let closers = mem::take(&mut self.closers).into_values().flatten().collect();
        Wakes { served, connector, settlers: self.settling.rouse(), closers }
    }

    fn draw(&mut self) -> u64 {
        self.drawn += 1;
        self.drawn
    }
}

/// The right, and the duty, to start one connect. It ends in [`Ledger::connected`], [`Ledger::connect_failed`] or
/// [`Ledger::connect_abandoned`].
#[derive(Debug)]
#[must_use]
pub(crate) struct ConnectPermit(());

/// A connection with its lease.
#[derive(Debug)]
#[must_use]
pub(crate) struct Loan<C> {
    pub(crate) lease: Lease,
    pub(crate) conn: C,
}

/// What a waiter gets.
#[derive(Debug)]
#[must_use]
pub(crate) enum Grant<C, F> {
    Connection(Loan<C>),
    Failure(F),
}

/// What a caller is told that asks for its turn.
#[derive(Debug)]
#[must_use]
pub(crate) enum Turn<C, F> {
    Granted(Grant<C, F>),
    Wait(Errands),
    Closed,
}

/// The tasks that a waiter is to start.
#[derive(Debug)]
#[must_use]
pub(crate) struct Errands {
    pub(crate) connects: Vec<ConnectPermit>,
    pub(crate) settler: Option<Badge>,
}

/// What a caller that gives up leaves behind.
#[derive(Debug)]
#[must_use]
pub(crate) enum Departure<C, F> {
    Queued { waker: Option<Waker>, wakes: Wakes },
    Granted(Grant<C, F>),
}

/// What closing leaves to be done: waiters and settlers to wake, connections to drop.
#[must_use]
pub(crate) struct Closing<C> {
    pub(crate) wakers: Vec<Waker>,
    pub(crate) idle: Vec<Loan<C>>,
}

/// Who is to be woken, once the lock is released.
#[derive(Debug, Default)]
#[must_use]
pub(crate) struct Wakes {
    served: Option<Waker>,
    connector: Option<Waker>,
    settlers: Vec<Waker>,
    closers: Vec<Waker>,
}

impl Wakes {
    pub(crate) fn wake(self) {
        let first = self.served.into_iter().chain(self.connector);
        first.chain(self.settlers).chain(self.closers).for_each(Waker::wake);
    }
}

/// Whether the pool hands out connections.
#[derive(Clone, Copy, Debug)]
enum Phase {
    Open,
    Closed,
}

#[cfg(test)]
mod tests;
