//! The keepers on duty: the pool's tasks, one in each runtime.

use std::mem;
use std::task::Waker;
use std::time::Instant;

use tokio::runtime::Id as RuntimeId;

#[derive(Debug, Default)]
pub(super) struct Roster {
    keepers: Vec<OnDuty>,
    enlisted: u64,
}

/// A keeper, as the roster knows it.
#[derive(Debug)]
struct OnDuty {
    number: u64,
    runtime: RuntimeId,
    /// `None` while it runs or is about to.
    waker: Option<Waker>,
    /// When it will run without being woken; `None` is never.
    until: Option<Instant>,
}

/// The duty of one keeper. It ends in [`Roster::dismiss`].
#[derive(Debug)]
#[must_use]
pub(crate) struct Badge(u64);

impl Roster {
    pub(super) fn is_empty(&self) -> bool {
        self.keepers.is_empty()
    }

    /// Puts a keeper on duty in a runtime that has none.
    pub(super) fn enlist(&mut self, runtime: RuntimeId) -> Option<Badge> {
        if self.is_served_in(runtime) {
            return None;
        }
        self.enlisted += 1;
        self.keepers.push(OnDuty { number: self.enlisted, runtime, waker: None, until: None });
        Some(Badge(self.enlisted))
    }

    pub(super) fn dismiss(&mut self, Badge(number): Badge) -> Option<Waker> {
        let position = self.keepers.iter().position(|keeper| keeper.number == number);
        position.and_then(|at| self.keepers.swap_remove(at).waker)
    }

    /// Lets a keeper sleep until then: swaps its waker for the one given.
    pub(super) fn sleep(
        &mut self,
        &Badge(number): &Badge,
        waker: &mut Option<Waker>,
        until: Option<Instant>,
    ) {
        if let Some(keeper) = self.keepers.iter_mut().find(|keeper| keeper.number == number) {
            mem::swap(&mut keeper.waker, waker);
            keeper.until = until;
        }
    }

    /// Returns the wakers of the keepers that sleep. One would be enough, but its runtime may be one that nobody drives.
    pub(super) fn rouse(&mut self) -> Vec<Waker> {
        self.keepers.iter_mut().filter_map(|keeper| keeper.waker.take()).collect()
    }

    /// Has every keeper look by then: returns the wakers of those that sleep for longer.
    pub(super) fn call_by(&mut self, at: Instant) -> Vec<Waker> {
        let longer = |keeper: &&mut OnDuty| keeper.until.is_none_or(|until| until > at);
        self.keepers.iter_mut().filter(longer).filter_map(|keeper| keeper.waker.take()).collect()
    }

    fn is_served_in(&self, runtime: RuntimeId) -> bool {
        self.keepers.iter().any(|keeper| keeper.runtime == runtime)
    }
}
