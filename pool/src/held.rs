//! A connection outside the ledger, and the slot it stands in.

use crate::ledger::{Lease, Loan};
use crate::manager::{Disposition, Liveness};
use crate::seams::now;
use crate::{Guard, Manager, Pool};

/// A leased connection. Dropped as it is, it is discarded: first the connection goes, then its slot is freed. That
/// order is the order of the fields, and holds when dropping the connection panics.
pub(crate) struct Held<M: Manager> {
    pub(crate) conn: M::Connection,
    pub(crate) slot: Slot<M>,
}

impl<M: Manager> Held<M> {
    pub(crate) fn new(pool: Pool<M>, loan: Loan<M::Connection>) -> Self {
        Self { conn: loan.conn, slot: Slot { pool, lease: Some(loan.lease) } }
    }

    /// Makes a guard of a connection that is alive, and discards one that is dead.
    pub(crate) fn into_live(mut self) -> Option<Guard<M>> {
        match self.slot.pool.manager().is_alive(&mut self.conn) {
            Liveness::Alive => Some(Guard::new(self)),
            Liveness::Dead => None,
        }
    }

    /// Ends the use of the connection, as the manager decides.
    pub(crate) fn finish(mut self) {
        match self.slot.pool.manager().on_release(&mut self.conn) {
            Disposition::Keep => self.put_back(),
            Disposition::Settle => self.put_aside(),
            Disposition::Discard => {}
        }
    }

    /// Passes the connection on, to the next waiter or to lie idle.
    pub(crate) fn put_back(self) {
        let Self { conn, mut slot } = self;
        if let Some(lease) = slot.lease.take() {
            let now = now();
            let released = slot.pool.ledger().release(Loan { lease, conn }, now);
            slot.pool.conclude(released);
        }
    }

    /// Leaves the connection to a keeper, if there is one, or else discards it.
    fn put_aside(self) {
        let Self { conn, mut slot } = self;
        if let Some(lease) = slot.lease.take() {
            let now = now();
            let released = slot.pool.ledger().release_unsettled(Loan { lease, conn }, now);
            slot.pool.conclude(released);
        }
    }

    /// Takes the connection out of the pool and frees its slot.
    pub(crate) fn detach(self) -> M::Connection {
        let Self { conn, mut slot } = self;
        slot.vacate();
        conn
    }
}

/// The slot of a leased connection. Freed on drop, if the lease is still there.
pub(crate) struct Slot<M: Manager> {
    pub(crate) pool: Pool<M>,
    lease: Option<Lease>,
}

impl<M: Manager> Slot<M> {
    fn vacate(&mut self) {
        if let Some(lease) = self.lease.take() {
            let wakes = self.pool.ledger().vacate(lease, now());
            wakes.wake();
        }
    }
}

impl<M: Manager> Drop for Slot<M> {
    fn drop(&mut self) {
        if self.lease.is_some() {
            self.pool.counters().count(|metrics| metrics.discarded += 1);
            self.vacate();
        }
    }
}
