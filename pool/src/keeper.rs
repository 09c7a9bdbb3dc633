//! The pool's own task, one in each runtime: it looks after connections when nobody else does.

use std::future::poll_fn;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::time::sleep_until;

use crate::care::Care;
use crate::connect::Connect;
use crate::held::Held;
use crate::ledger::{Badge, Chores, Shift};
use crate::pool::WeakPool;
use crate::seams::now;
use crate::{Holder, Manager, Pool};

/// A keeper on duty. Dismissed on drop, so a task that is never run, or is dropped with its runtime, leaves nothing
/// waiting for it.
pub(crate) struct Keeper<M: Manager> {
    pool: WeakPool<M>,
    /// `Some` until this is dropped.
    badge: Option<Badge>,
}

impl<M: Manager> Keeper<M> {
    /// Starts it, detached on purpose: it outlives those who wait.
    pub(crate) fn start(pool: &Pool<M>, badge: Badge, runtime: &Handle) {
        let keeper = Self { pool: pool.downgrade(), badge: Some(badge) };
        drop(runtime.spawn(keeper.run()));
    }

    /// Does what there is to do, until the pool is gone, or closed and empty.
    async fn run(self) {
        while let Some(until) = poll_fn(|cx| Poll::Ready(self.work(cx))).await {
            rest(until).await;
        }
    }

    /// Does what there is to do. Returns until when there is nothing more, or `None` if that is for good.
    fn work(&self, cx: &Context<'_>) -> Option<Option<Instant>> {
        loop {
            let pool = self.pool.upgrade()?;
            let mut waker = Some(cx.waker().clone());
            let shift = pool.ledger().poll_shift(self.badge.as_ref()?, &mut waker, now());
            drop(waker);
            match shift {
                Shift::Work(chores) => do_all(&pool, *chores),
                Shift::Sleep(until) => return Some(until),
                Shift::Over => return None,
            }
        }
    }
}

/// Waits for a time, or to be woken before.
async fn rest(until: Option<Instant>) {
    let mut alarm = until.map(|at| Box::pin(sleep_until(at.into())));
    let mut is_asleep = false;
    poll_fn(|cx| {
        let is_woken = mem::replace(&mut is_asleep, true);
        let is_time = alarm.as_mut().is_some_and(|alarm| alarm.as_mut().poll(cx).is_ready());
        if is_woken || is_time { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

fn do_all<M: Manager>(pool: &Pool<M>, chores: Chores<M::Connection>) {
    let Chores { wards, connects, unused, expired, revoked, wakes, leaked } = chores;
    // Slots first: whatever panics below, they are freed.
    let wards: Vec<_> = wards.into_iter().map(|ward| Care::new(pool.clone(), ward)).collect();
    let connects: Vec<_> = connects.into_iter().map(|permit| Connect::new(pool.clone(), permit)).collect();
    pool.counters().count(|metrics| {
        metrics.unused += count(unused.len());
        metrics.expired += count(expired.len());
        metrics.revoked += count(revoked);
        metrics.leaked += count(leaked.len());
    });
    let dropped: Vec<_> = unused.into_iter().chain(expired).map(|loan| pool.hold(loan)).collect();
    wakes.wake();
    // A task for each, so that one that takes its time does not hold up the others.
    wards.into_iter().for_each(|care| drop(tokio::spawn(care.run())));
    connects.into_iter().for_each(|connect| drop(tokio::spawn(connect.run())));
    dropped.into_iter().for_each(discard);
    leaked.iter().for_each(|holder| report(pool.manager(), holder));
}

fn count(some: usize) -> u64 {
    u64::try_from(some).unwrap_or(u64::MAX)
}

/// Drops a connection. A panic costs that connection only, and not the keeper.
fn discard<M: Manager>(held: Held<M>) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(held)));
}

fn report<M: Manager>(manager: &M, holder: &Holder) {
    let _ = catch_unwind(AssertUnwindSafe(|| manager.leaked(holder)));
}

impl<M: Manager> Drop for Keeper<M> {
    fn drop(&mut self) {
        let (Some(pool), Some(badge)) = (self.pool.upgrade(), self.badge.take()) else { return };
        let dismissal = pool.ledger().dismiss(badge);
        // Slots first: whatever panics below, they are freed.
        let orphans: Vec<_> =
            dismissal.orphans.into_iter().map(|orphan| Care::new(pool.clone(), orphan)).collect();
        dismissal.wakers.into_iter().for_each(Waker::wake);
        drop(orphans);
    }
}
