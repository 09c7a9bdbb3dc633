//! What the ledger answers.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

use super::{Badge, ConnectPermit, Lease, Ward};
use crate::Status;

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
    /// As many wait as may.
    Full(Status),
    /// Its time is over.
    Late(Late<F>),
    Closed,
}

/// What a caller hears whose time is over.
#[derive(Debug)]
pub(crate) struct Late<F> {
    pub(crate) status: Status,
    pub(crate) latest_failure: Option<Arc<F>>,
    /// Its own, to be dropped outside of the lock.
    pub(crate) waker: Option<Waker>,
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
        if let Some(served) = self.served {
            served.wake();
        }
        self.others.into_iter().for_each(Waker::wake);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.served.is_none() && self.others.is_empty()
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
