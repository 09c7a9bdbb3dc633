//! Who is served, and when.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use molt_db_pool::AcquireError;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep, timeout_at};

use crate::fake::{AT_ONCE, assert_at_rest, millis, planned, poll_once, pool_of};

#[tokio::test(start_paused = true)]
async fn waiters_are_served_in_the_order_of_arrival() {
    let pool = pool_of(1);
    let order = Arc::new(Mutex::new(Vec::new()));
    let first = pool.acquire().await.unwrap();
    let mut tasks = JoinSet::new();
    for n in 0..100 {
        let (pool, order) = (pool.clone(), order.clone());
        tasks.spawn(async move {
            let _guard = pool.acquire().await.unwrap();
            order.lock().unwrap().push(n);
            yield_now().await;
        });
        yield_now().await;
    }
    assert_eq!(pool.status().waiting, 100);
    drop(first);
    tasks.join_all().await;
    assert!(order.lock().unwrap().iter().copied().eq(0..100));
    assert_eq!(pool.manager().census.started(), 1);
    assert_at_rest(&pool);
}

#[tokio::test(start_paused = true)]
async fn newcomer_cannot_overtake_a_waiter_that_has_not_run() {
    let pool = pool_of(1);
    let guard = pool.acquire().await.unwrap();
    let mut waiter = Box::pin(pool.acquire());
    assert!(poll_once(&mut waiter).is_pending());
    drop(guard);
    assert!(pool.try_acquire().is_none());
    let mut newcomer = Box::pin(pool.acquire());
    assert!(poll_once(&mut newcomer).is_pending());
    assert!(poll_once(&mut waiter).is_ready());
    assert!(poll_once(&mut newcomer).is_ready());
}

/// A small generator, so that every run is the same.
fn scatter(n: u64) -> u64 {
    (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33) % 2000
}

/// What became of a thousand callers, each in the order it happened.
#[derive(Default)]
struct Fates {
    served: Vec<u64>,
    expired: BTreeSet<u64>,
}

#[tokio::test(start_paused = true)]
async fn thousand_waiters_with_deadlines_share_one_connection() {
    let pool = planned(|_| AT_ONCE).max_conns(1).max_wait(millis(100_000)).build().unwrap();
    let fates = Arc::new(Mutex::new(Fates::default()));
    let first = pool.acquire().await.unwrap();
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for n in 0..1000 {
        let (pool, fates) = (pool.clone(), fates.clone());
        tasks.spawn(async move {
            let acquired = timeout_at(start + millis(1 + scatter(n)), pool.acquire()).await;
            match acquired {
                Ok(acquired) => {
                    let _guard = acquired.unwrap();
                    fates.lock().unwrap().served.push(n);
                    sleep(millis(scatter(n + 1) % 7)).await;
                }
                Err(_elapsed) => drop(fates.lock().unwrap().expired.insert(n)),
            }
        });
    }
    while pool.status().waiting < 1000 {
        yield_now().await;
    }
    drop(first);
    tasks.join_all().await;

    let fates = fates.lock().unwrap();
    assert_eq!(fates.served.len() + fates.expired.len(), 1000);
    assert!(fates.served.is_sorted());
    assert!(fates.served.len() > 100 && fates.expired.len() > 100, "both fates are common");
    assert_at_rest(&pool);
    assert_eq!((pool.metrics().cancelled, pool.manager().census.started()), (fates.expired.len() as u64, 1));
    assert!(pool.try_acquire().is_some());
}

#[tokio::test(start_paused = true)]
async fn thousand_waiters_expire_by_max_wait_and_leave_no_trace() {
    let pool = planned(|_| AT_ONCE).max_conns(1).max_wait(millis(50)).build().unwrap();
    let first = pool.acquire().await.unwrap();
    let mut tasks = JoinSet::new();
    for _ in 0..1000 {
        let pool = pool.clone();
        tasks.spawn(async move { matches!(pool.acquire().await, Err(AcquireError::Exhausted(_))) });
    }
    assert!(tasks.join_all().await.into_iter().all(|exhausted| exhausted));
    assert_eq!(pool.metrics().timeouts, 1000);
    drop(first);
    assert_at_rest(&pool);
}
