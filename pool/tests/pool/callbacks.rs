//! What the manager's own code can do to the pool: nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use molt_db_pool::{AcquireError, Disposition, Liveness, Manager, Pool};
use tokio::time::{sleep, timeout};

use crate::fake::{Answer, Fate, assert_at_rest, millis, planned, poll_once, pool_of};

#[tokio::test(start_paused = true)]
async fn connection_that_is_turned_down_is_replaced() {
    let pool = pool_of(1);
    let mut guard = pool.acquire().await.unwrap();
    guard.greeting = Answer::Dead;
    drop(guard);
    assert_eq!(pool.acquire().await.unwrap().number(), 2);
    assert_eq!((pool.metrics().turned_down, pool.metrics().discarded, pool.metrics().acquired), (1, 1, 2));
    assert_at_rest(&pool);
}

#[tokio::test(start_paused = true)]
async fn waiter_whose_connection_is_turned_down_keeps_its_place() {
    let pool = pool_of(1);
    let mut guard = pool.acquire().await.unwrap();
    guard.greeting = Answer::Dead;
    let mut first = Box::pin(pool.acquire());
    let mut second = Box::pin(pool.acquire());
    assert!(poll_once(&mut first).is_pending() && poll_once(&mut second).is_pending());
    drop(guard);
    assert!(poll_once(&mut first).is_pending());
    sleep(millis(5)).await;
    assert!(poll_once(&mut second).is_pending());
    assert_eq!(first.await.unwrap().number(), 2);
    assert_eq!(second.await.unwrap().number(), 2);
    assert_at_rest(&pool);
}

#[tokio::test(start_paused = true)]
async fn preparing_takes_of_the_callers_time_and_no_more() {
    for (answer, is_served) in
        [(Answer::Later(millis(90)), true), (Answer::Later(millis(110)), false), (Answer::Never, false)]
    {
        let pool = planned(|_| crate::fake::AT_ONCE).max_conns(1).max_wait(millis(100)).build().unwrap();
        let mut guard = pool.acquire().await.unwrap();
        guard.greeting = answer;
        drop(guard);
        let acquired = pool.acquire().await;
        assert_eq!(acquired.is_ok(), is_served, "{answer:?}");
        assert!(is_served || matches!(acquired, Err(AcquireError::Exhausted(_))));
        drop(acquired);
        assert_eq!((pool.metrics().timeouts, pool.status().idle), (u64::from(!is_served), 1));
        assert_at_rest(&pool);
    }
}

#[tokio::test(start_paused = true)]
async fn caller_that_is_dropped_while_its_connection_is_prepared_loses_nothing() {
    let pool = pool_of(1);
    let mut guard = pool.acquire().await.unwrap();
    guard.greeting = Answer::Later(millis(50));
    drop(guard);
    assert!(timeout(millis(10), pool.acquire()).await.is_err());
    assert_eq!((pool.status().idle, pool.metrics().discarded), (1, 0));
    assert!(pool.try_acquire().is_none());
    assert_eq!(pool.acquire().await.unwrap().number(), 1);
    assert_at_rest(&pool);
}

#[tokio::test(start_paused = true)]
async fn panic_while_a_connection_is_prepared_loses_nothing() {
    let pool = pool_of(1);
    let mut guard = pool.acquire().await.unwrap();
    guard.greeting = Answer::Panic;
    drop(guard);
    for _ in 0..3 {
        let acquiring = tokio::spawn({
            let pool = pool.clone();
            async move { pool.acquire().await.map(drop) }
        });
        assert!(acquiring.await.unwrap_err().is_panic());
        assert!(catch_unwind(AssertUnwindSafe(|| pool.try_acquire())).is_err());
        assert_at_rest(&pool);
    }
}

#[tokio::test(start_paused = true)]
async fn settling_that_hangs_is_given_up() {
    let pool = planned(|_| crate::fake::AT_ONCE).max_conns(1).settle_timeout(millis(300)).build().unwrap();
    let mut guard = pool.acquire().await.unwrap();
    guard.fate = Fate::Unfinished(crate::fake::Ending::Never);
    drop(guard);
    sleep(millis(290)).await;
    assert_eq!(pool.status().settling, 1);
    sleep(millis(20)).await;
    assert_eq!((pool.status().total, pool.metrics().settles_failed), (0, 1));
    assert_at_rest(&pool);
}

/// A manager that uses the pool it serves.
#[derive(Clone, Default)]
struct Meddler {
    pool: Arc<OnceLock<Pool<Self>>>,
}

impl Meddler {
    fn meddle(&self) {
        if let Some(pool) = self.pool.get() {
            drop(pool.try_acquire());
            assert!(pool.status().total <= pool.status().max);
            let _ = poll_once(&mut Box::pin(pool.acquire()));
            let _ = poll_once(&mut Box::pin(pool.close()));
        }
    }
}

impl Manager for Meddler {
    type Connection = ();
    type Error = std::convert::Infallible;

    async fn connect(&self) -> Result<(), Self::Error> {
        Ok(())
    }

    fn is_alive(&self, (): &mut ()) -> Liveness {
        Liveness::Alive
    }

    fn on_release(&self, (): &mut ()) -> Disposition {
        self.meddle();
        Disposition::Settle
    }

    async fn settle(&self, (): ()) -> Option<()> {
        self.meddle();
        Some(())
    }
}

#[tokio::test(start_paused = true)]
async fn pool_may_be_used_and_closed_from_inside_of_a_callback() {
    let meddler = Meddler::default();
    let pool = Pool::builder(meddler.clone()).max_conns(2).build().unwrap();
    let guards = (pool.acquire().await.unwrap(), pool.acquire().await.unwrap());
    assert!(meddler.pool.set(pool.clone()).is_ok());
    drop(guards);
    pool.close().await;
    assert!(pool.is_closed() && pool.status().total == 0);
}
