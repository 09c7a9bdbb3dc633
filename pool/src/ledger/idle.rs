//! The connections that wait for a user.

use std::time::{Duration, Instant};

use super::times::Times;

/// The idle connections, by when they were used last: the last one returned is the first one used again, so that those
/// that are not needed are found out.
#[derive(Debug)]
pub(super) struct Shelf<C> {
    idle: Vec<Idle<C>>,
}

/// A connection that is idle.
#[derive(Debug)]
pub(super) struct Idle<C> {
    pub(super) conn: C,
    pub(super) papers: Papers,
    /// When it was used last.
    pub(super) since: Instant,
    /// When it gave the last sign of life.
    pub(super) seen: Instant,
}

/// What a connection carries about from its birth.
#[derive(Clone, Copy, Debug)]
pub(super) struct Papers {
    /// When it is too old; `None` is never.
    pub(super) expires: Option<Instant>,
    /// How long it may be idle between two signs of life; `None` is for ever.
    pub(super) check_after: Option<Duration>,
    /// How often the pool had been drained before.
    pub(super) generation: u64,
}

impl<C> Shelf<C> {
    pub(super) fn new() -> Self {
        Self { idle: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.idle.len()
    }

    /// Takes the one used last.
    pub(super) fn pop(&mut self) -> Option<Idle<C>> {
        self.idle.pop()
    }

    /// Takes the one that was not used for longest.
    pub(super) fn pop_oldest(&mut self) -> Option<Idle<C>> {
        (!self.idle.is_empty()).then(|| self.idle.remove(0))
    }

    /// Puts one in its place, among those used before and after it.
    pub(super) fn put(&mut self, idle: Idle<C>) {
        match self.idle.last() {
            Some(last) if last.since > idle.since => {
                let place = self.idle.partition_point(|other| other.since <= idle.since);
                self.idle.insert(place, idle);
            }
            _ => self.idle.push(idle),
        }
    }

    /// Takes the oldest of those that are so, one after the other.
    pub(super) fn take_if(&mut self, mut is_so: impl FnMut(&Idle<C>) -> bool) -> Vec<Idle<C>> {
        self.idle.extract_if(.., |idle| is_so(idle)).collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Idle<C>> {
        self.idle.iter()
    }
}

impl<C> Idle<C> {
    pub(super) fn is_expired(&self, now: Instant) -> bool {
        self.papers.is_expired(now)
    }

    /// Returns when something is to be done about it: it is too old, was not used for too long, or is to be checked.
    pub(super) fn due(&self, max_idle: Option<Duration>) -> Option<Instant> {
        let unused = max_idle.and_then(|limit| self.since.checked_add(limit));
        Times::first([unused, self.check_at(), self.papers.expires])
    }

    pub(super) fn is_to_be_checked(&self, now: Instant) -> bool {
        self.check_at().is_some_and(|at| at <= now)
    }

    fn check_at(&self) -> Option<Instant> {
        self.papers.check_after.and_then(|after| self.seen.checked_add(after))
    }
}

impl Papers {
    pub(super) fn is_expired(&self, now: Instant) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}
