//! What the ledger answers.

use std::collections::VecDeque;
use std::task::Waker;

use super::{Badge, ConnectPermit, Lease, Papers, Ward};
use crate::Status;

/// A connection with its lease.
#[derive(Debug)]
#[must_use]
pub(crate) struct Loan<C> {
    pub(crate) lease: Lease,
    pub(crate) conn: C,
    pub(crate) papers: Papers,
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
    Granted(Grant<C, F>, Wakes),
    Wait(Errands),
    Full(Status),
    Closed,
}

/// The tasks that a waiter is to start, and whom it is to wake.
#[derive(Debug)]
#[must_use]
pub(crate) struct Errands {
    pub(crate) connects: Vec<ConnectPermit>,
    pub(crate) keeper: Option<Badge>,
    pub(crate) wakes: Wakes,
}

/// What a caller that gives up leaves behind.
#[derive(Debug)]
#[must_use]
pub(crate) enum Departure<C, F> {
    /// With its waker, to be dropped outside of the lock.
    Queued(Option<Waker>),
    Granted(Grant<C, F>),
}

/// What closing leaves to be done: waiters and keepers to wake, connections to drop.
#[must_use]
pub(crate) struct Closing<C> {
    pub(crate) wakers: Vec<Waker>,
    pub(crate) idle: Vec<Loan<C>>,
}

/// What a keeper leaves behind.
#[must_use]
pub(crate) struct Dismissal<C> {
    pub(crate) wakers: Vec<Waker>,
    /// Those that nobody will take care of.
    pub(crate) orphans: VecDeque<Ward<C>>,
}

/// Who is to be woken, once the lock is released.
#[derive(Debug, Default)]
#[must_use]
pub(crate) struct Wakes {
    pub(super) served: Option<Waker>,
    /// Keepers mostly, and those who wait for a closed pool to be empty.
    pub(super) others: Vec<Waker>,
}

impl Wakes {
    pub(crate) fn wake(self) {
        self.served.into_iter().chain(self.others).for_each(Waker::wake);
    }

    pub(super) fn and(mut self, other: Self) -> Self {
        let second = match self.served {
            Some(_) => other.served,
            None => {
                self.served = other.served;
                None
            }
        };
        self.others.extend(second.into_iter().chain(other.others));
        self
    }
}
