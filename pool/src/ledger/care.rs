//! The connections that the pool has to do something about before anyone may have them.

use std::collections::VecDeque;
use std::mem;
use std::time::Instant;

use super::idle::{Idle, Papers};

/// The connections in care: those that wait for it, and those that a task has taken.
#[derive(Debug)]
pub(super) struct Care<C> {
    /// The oldest first.
    queue: VecDeque<Ward<C>>,
    taken: usize,
}

/// What a connection is in care for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// It came back unfinished.
    Settling,
    /// It has been idle for a while, since then.
    Check { idle_since: Instant },
}

/// The right, and the duty, to look after one connection. It ends in [`Care::end`].
#[derive(Debug)]
#[must_use]
pub(crate) struct CarePermit {
    pub(crate) need: Need,
    /// When it began.
    pub(crate) since: Instant,
    pub(super) papers: Papers,
}

/// A connection in care.
#[derive(Debug)]
#[must_use]
pub(crate) struct Ward<C> {
    pub(crate) permit: CarePermit,
    pub(crate) conn: C,
}

impl<C> Care<C> {
    pub(super) fn new() -> Self {
        Self { queue: VecDeque::new(), taken: 0 }
    }

    /// Counts the connections in care, taken by a task or not.
    pub(super) fn len(&self) -> usize {
        self.queue.len() + self.taken
    }

    /// Tells whether any waits for a task.
    #[cfg(test)]
    pub(super) fn is_wanted(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Enqueues a connection that has to settle.
    pub(super) fn join(&mut self, conn: C, papers: Papers, now: Instant) {
        let permit = CarePermit { need: Need::Settling, since: now, papers };
        self.queue.push_back(Ward { permit, conn });
    }

    /// Takes one that is to be checked.
    pub(super) fn check(&mut self, Idle { conn, papers, since, .. }: Idle<C>, now: Instant) -> Ward<C> {
        self.taken += 1;
        let need = Need::Check { idle_since: since };
        Ward { permit: CarePermit { need, since: now, papers }, conn }
    }

    /// Takes all that wait.
    pub(super) fn take(&mut self) -> VecDeque<Ward<C>> {
        self.taken += self.queue.len();
        mem::take(&mut self.queue)
    }

    /// Books the end of one that was taken.
    pub(super) fn end(&mut self, _: &CarePermit) {
        self.taken -= 1;
    }
}
