//! The connections that have to come to rest, and the tasks that see to it.

use std::collections::VecDeque;
use std::mem;
use std::task::Waker;
use std::time::Instant;

use tokio::runtime::Id as RuntimeId;

/// The settle queue of a pool of connections `C`.
///
/// Two things hold between any two calls:
///
/// 1. If anything is in the queue, a settler is on duty.
/// 2. If anything is in the queue, every settler is about to run, and will look there. One would be enough, but its
///    runtime may be one that nobody drives.
#[derive(Debug)]
pub(crate) struct SettleQueue<C> {
    /// The oldest first.
    queue: VecDeque<Unsettled<C>>,
    /// How many a settler has taken, and their settling goes on.
    taken: usize,
    settlers: Vec<OnDuty>,
}

impl<C> SettleQueue<C> {
    pub(crate) fn new() -> Self {
        Self { queue: VecDeque::new(), taken: 0, settlers: Vec::new() }
    }

    /// Counts the connections that settle, taken by a settler or not.
    pub(crate) fn len(&self) -> usize {
        self.queue.len() + self.taken
    }

    /// Tells whether a connection that joins the queue will be taken from it.
    pub(crate) fn is_served(&self) -> bool {
        !self.settlers.is_empty()
    }

    /// Tells whether a settler is on duty in a runtime.
    pub(crate) fn is_served_in(&self, runtime: RuntimeId) -> bool {
        self.settlers.iter().any(|settler| settler.runtime == runtime)
    }

    /// Puts a settler on duty, by a number that none had before.
    pub(crate) fn enlist(&mut self, number: u64, runtime: RuntimeId) -> Badge {
        self.settlers.push(OnDuty { number, runtime, waker: None });
        Badge(number)
    }

    /// Ends the duty of a settler. When the last one goes, what is in the queue goes with it.
    pub(crate) fn dismiss(&mut self, Badge(number): Badge) -> Dismissal<C> {
        let position = self.settlers.iter().position(|settler| settler.number == number);
        let waker = position.and_then(|at| self.settlers.swap_remove(at).waker);
        let orphans = if self.is_served() { VecDeque::new() } else { mem::take(&mut self.queue) };
        self.taken += orphans.len();
        Dismissal { waker, orphans }
    }

    /// Enqueues a connection. Returns the wakers of all settlers.
    pub(crate) fn join(&mut self, conn: C, now: Instant) -> Vec<Waker> {
        self.queue.push_back(Unsettled { permit: SettlePermit { since: now }, conn });
        self.rouse()
    }

    /// Takes the oldest connection out of the queue, to settle it.
    pub(crate) fn take(&mut self) -> Option<Unsettled<C>> {
        let unsettled = self.queue.pop_front()?;
        self.taken += 1;
        Some(unsettled)
    }

    /// Lets a settler sleep: swaps its waker for the one given.
    pub(crate) fn sleep(&mut self, &Badge(number): &Badge, waker: &mut Option<Waker>) {
        if let Some(settler) = self.settlers.iter_mut().find(|settler| settler.number == number) {
            mem::swap(&mut settler.waker, waker);
        }
    }

    /// Books the end of a settling.
    pub(crate) fn end(&mut self, _: SettlePermit) {
        self.taken -= 1;
    }

    /// Returns the wakers of the settlers that sleep.
    pub(crate) fn rouse(&mut self) -> Vec<Waker> {
        self.settlers.iter_mut().filter_map(|settler| settler.waker.take()).collect()
    }

    /// Tells whether every settler is about to run.
    #[cfg(test)]
    pub(crate) fn is_roused(&self) -> bool {
        self.settlers.iter().all(|settler| settler.waker.is_none())
    }
}

/// A settler, as the queue knows it.
#[derive(Debug)]
struct OnDuty {
    number: u64,
    runtime: RuntimeId,
    /// `None` while it runs or is about to.
    waker: Option<Waker>,
}

/// The duty of one settler. It ends in [`SettleQueue::dismiss`].
#[derive(Debug)]
#[must_use]
pub(crate) struct Badge(u64);

/// The right, and the duty, to settle one connection. It ends in [`SettleQueue::end`].
#[derive(Debug)]
#[must_use]
pub(crate) struct SettlePermit {
    /// When the connection came back.
    pub(crate) since: Instant,
}

/// A connection that has to settle.
#[derive(Debug)]
#[must_use]
pub(crate) struct Unsettled<C> {
    pub(crate) permit: SettlePermit,
    pub(crate) conn: C,
}

/// What a settler leaves behind.
#[must_use]
pub(crate) struct Dismissal<C> {
    pub(crate) waker: Option<Waker>,
    /// Those that no settler will take.
    pub(crate) orphans: VecDeque<Unsettled<C>>,
}
