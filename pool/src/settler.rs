//! The pool's own task: it brings connections to rest that came back unfinished.

use std::future::poll_fn;
use std::task::{Context, Poll};

use crate::ledger::{Badge, SettlePermit, Unsettled};
use crate::pool::{WeakPool, now};
use crate::{Manager, Pool};

/// A settler on duty. Dismissed on drop, so a task that is never run, or is dropped with its runtime, leaves nothing
/// waiting for it.
pub(crate) struct Settler<M: Manager> {
    pool: WeakPool<M>,
    /// `Some` until this is dropped.
    badge: Option<Badge>,
}

impl<M: Manager> Settler<M> {
    pub(crate) fn new(pool: WeakPool<M>, badge: Badge) -> Self {
        Self { pool, badge: Some(badge) }
    }

    /// Settles whatever comes, until the pool is gone, or closed and empty.
    pub(crate) async fn run(self) {
        while let Some(settling) = poll_fn(|cx| self.poll_next(cx)).await {
            // A task for each, so that one that takes its time does not hold up the others.
            drop(tokio::spawn(settling.run()));
        }
    }

    fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<Settling<M>>> {
        let (Some(pool), Some(badge)) = (self.pool.upgrade(), &self.badge) else { return Poll::Ready(None) };
        let mut waker = Some(cx.waker().clone());
        let next = pool.ledger().poll_unsettled(badge, &mut waker);
        drop(waker);
        next.map(|unsettled| Some(Settling::new(pool, unsettled?)))
    }
}

impl<M: Manager> Drop for Settler<M> {
    fn drop(&mut self) {
        let (Some(pool), Some(badge)) = (self.pool.upgrade(), self.badge.take()) else { return };
        let dismissal = pool.ledger().dismiss(badge);
        drop(dismissal.waker);
        // Slots first: whatever panics below, they are freed.
        let orphans: Vec<_> =
            dismissal.orphans.into_iter().map(|orphan| Settling::new(pool.clone(), orphan)).collect();
        drop(orphans);
    }
}

/// A connection that settles. Dropped as it is, it is given up: first the connection goes, then its slot is freed. That
/// order is the order of the fields.
struct Settling<M: Manager> {
    conn: M::Connection,
    slot: SettlingSlot<M>,
}

impl<M: Manager> Settling<M> {
    fn new(pool: Pool<M>, Unsettled { permit, conn }: Unsettled<M::Connection>) -> Self {
        Self { conn, slot: SettlingSlot { pool, permit: Some(permit) } }
    }

    /// Settles, and passes the connection on. A panic ends the task, and gives the connection up.
    async fn run(self) {
        let Self { conn, slot } = self;
        // A future dropped here drops the connection first and then, with `slot`, frees the slot.
        if let Some(conn) = slot.pool.manager().settle(conn).await {
            slot.succeed(conn);
        }
    }
}

/// The slot of a connection that settles. Freed on drop, if the permit is still there.
struct SettlingSlot<M: Manager> {
    pool: Pool<M>,
    permit: Option<SettlePermit>,
}

impl<M: Manager> SettlingSlot<M> {
    fn succeed(mut self, conn: M::Connection) {
        let Some(permit) = self.permit.take() else { return };
        let now = now();
        self.pool.counters().settled(now.saturating_duration_since(permit.since));
        let offered = self.pool.ledger().settled(permit, conn, now);
        self.pool.conclude(offered);
    }
}

impl<M: Manager> Drop for SettlingSlot<M> {
    fn drop(&mut self) {
        let Some(permit) = self.permit.take() else { return };
        self.pool.counters().settle_failed(now().saturating_duration_since(permit.since));
        self.pool.counters().discarded();
        let wakes = self.pool.ledger().given_up(permit);
        wakes.wake();
    }
}
