//! A connection in its user's hands.

use std::fmt;
use std::ops::{Deref, DerefMut};

use crate::held::Held;
use crate::{Manager, Pool};

/// A connection on loan from a [`Pool`]. Dropping the guard returns it.
///
/// Returning neither blocks nor spawns nor needs a runtime. [`Manager::on_release`] says whether the connection is
/// kept; if so it goes to the oldest waiter, under the lock, or else lies idle. One that has to settle first is left to
/// a task of the pool.
#[must_use = "a guard that is dropped at once returns its connection"]
pub struct Guard<M: Manager> {
    /// `Some` until the guard is detached or dropped.
    held: Option<Held<M>>,
}

impl<M: Manager> Guard<M> {
    pub(crate) fn new(held: Held<M>) -> Self {
        Self { held: Some(held) }
    }

    /// Takes the connection out of the pool for good. Its slot is freed, so the pool may open another in its place;
    /// [`Manager::on_release`] is not asked.
    pub fn detach(mut self) -> M::Connection {
        self.held.take().expect(HELD).detach()
    }

    /// Drops the connection, whatever its state, and frees its slot.
    pub(crate) fn discard(mut self) {
        drop(self.held.take());
    }

    /// Returns the pool that the connection belongs to.
    pub fn pool(&self) -> &Pool<M> {
        &self.held().slot.pool
    }

    fn held(&self) -> &Held<M> {
        self.held.as_ref().expect(HELD)
    }
}

impl<M: Manager> Deref for Guard<M> {
    type Target = M::Connection;

    fn deref(&self) -> &M::Connection {
        &self.held().conn
    }
}

impl<M: Manager> DerefMut for Guard<M> {
    fn deref_mut(&mut self) -> &mut M::Connection {
        &mut self.held.as_mut().expect(HELD).conn
    }
}

impl<M: Manager> Drop for Guard<M> {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            held.finish();
        }
    }
}

impl<M: Manager<Connection: fmt::Debug>> fmt::Debug for Guard<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Guard").field(&**self).finish()
    }
}

const HELD: &str = "a guard holds its connection until it is consumed";
