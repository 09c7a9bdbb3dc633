//! Those who wait, in the order of their arrival.

use std::collections::BTreeMap;
use std::mem;
use std::task::Waker;

/// A place in the order of arrival. It is drawn once per acquire and kept until that acquire ends, so whoever has to
/// queue again stands where it stood before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(pub(crate) u64);

/// A caller in the queue.
#[derive(Debug, Default)]
pub(crate) struct Waiter {
    /// `None` once it was used: the waiter is about to run, and leaves a new one if it goes on waiting.
    pub(crate) waker: Option<Waker>,
}

/// The waiters, oldest first. Joining, leaving and serving cost O(log n), and nothing stays of those who left.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiters: BTreeMap<Ticket, Waiter>,
}

impl Queue {
    pub(crate) fn len(&self) -> usize {
        self.waiters.len()
    }

    /// Enqueues the holder of `ticket`, if it is not in the queue yet, and swaps its waker for the one given. What
    /// `waker` holds afterwards is for the caller to drop, outside the lock.
    pub(crate) fn join(&mut self, ticket: Ticket, waker: &mut Option<Waker>) {
        mem::swap(&mut self.waiters.entry(ticket).or_default().waker, waker);
    }

    /// Removes the oldest waiter, to be served.
    pub(crate) fn pop(&mut self) -> Option<(Ticket, Waiter)> {
        self.waiters.pop_first()
    }

    /// Removes a waiter that gave up.
    pub(crate) fn remove(&mut self, ticket: Ticket) -> Option<Waiter> {
        self.waiters.remove(&ticket)
    }

    /// Returns the waker of the oldest waiter, unless that waiter is about to run anyway.
    pub(crate) fn rouse(&mut self) -> Option<Waker> {
        self.waiters.first_entry()?.get_mut().waker.take()
    }

    /// Removes everyone.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Waiter> + use<> {
        mem::take(&mut self.waiters).into_values()
    }

    /// Tells whether the oldest waiter is about to run.
    #[cfg(test)]
    pub(crate) fn is_roused(&self) -> bool {
        self.waiters.first_key_value().is_some_and(|(_, waiter)| waiter.waker.is_none())
    }
}
