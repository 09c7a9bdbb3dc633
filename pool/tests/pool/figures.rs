//! What the pool says about itself.

use std::error::Error;

use molt_db_pool::AcquireError;
use tokio::time::sleep;

use crate::fake::{AT_ONCE, Fate, Plan, assert_at_rest, millis, planned, poll_once, pool_of};

#[tokio::test(start_paused = true)]
async fn exhaustion_tells_what_the_pool_looked_like() {
    let pool = planned(|_| AT_ONCE).max_conns(2).max_wait(millis(250)).build().unwrap();
    let _first = pool.acquire().await.unwrap();
    sleep(millis(3000)).await;
    let _second = pool.acquire().await.unwrap();
    let mut others: Vec<_> = (0..2).map(|_| Box::pin(pool.acquire())).collect();
    assert!(others.iter_mut().all(|other| poll_once(other).is_pending()));
    let error = pool.acquire().await.map(drop).unwrap_err();
    assert!(error.source().is_none());
    let AcquireError::Exhausted(exhausted) = error else { panic!("{error}") };
    assert_eq!(exhausted.max_wait(), millis(250));
    assert_eq!(exhausted.status().waiting, 3);
    let text = exhausted.to_string();
    // The timer's own grain and the connect's cost a millisecond or two, which the tenths hide.
    assert_eq!(
        text,
        "no connection within 250ms: 2 of 2 in use (oldest for 3.2s), 0 idle, 0 settling, 0 connecting, 3 waiting"
    );
}

#[tokio::test(start_paused = true)]
async fn status_follows_a_connections_life() {
    let pool = planned(|_| Plan::Open(millis(10))).max_conns(1).build().unwrap();
    let mut first = Box::pin(pool.acquire());
    let mut second = Box::pin(pool.acquire());
    assert!(poll_once(&mut first).is_pending() && poll_once(&mut second).is_pending());
    assert_eq!(pool.status().to_string(), "0 of 1 in use, 0 idle, 0 settling, 1 connecting, 2 waiting");
    let guard = first.await.unwrap();
    sleep(millis(40)).await;
    assert_eq!(pool.status().oldest_use, Some(millis(40)));
    assert_eq!((pool.status().in_use, pool.status().waiting), (1, 1));
    drop(guard);
    drop(second);
    assert_eq!((pool.status().idle, pool.status().oldest_use), (1, None));
}

#[tokio::test(start_paused = true)]
async fn metrics_count_each_event_once() {
    let pool = planned(|n| if n == 2 { Plan::Refuse(millis(1)) } else { Plan::Open(millis(3)) })
        .max_conns(1)
        .max_wait(millis(100))
        .build()
        .unwrap();
    let mut guard = pool.acquire().await.unwrap();
    assert!(pool.acquire().await.is_err());
    assert!(poll_once(&mut Box::pin(pool.acquire())).is_pending());
    guard.fate = Fate::Unfit;
    drop(guard);
    assert!(pool.acquire().await.is_err());
    drop(pool.acquire().await.unwrap());
    drop(pool.acquire().await.unwrap());
    drop(pool.try_acquire().unwrap());

    let metrics = pool.metrics();
    assert_eq!((metrics.acquired, metrics.wait_time.count()), (4, 2));
    assert_eq!((metrics.timeouts, metrics.cancelled, metrics.discarded), (1, 1, 1));
    assert_eq!((metrics.connects, metrics.connects_failed), (2, 1));
    assert!(metrics.wait_time.max() >= millis(3) && metrics.wait_time.sum() >= millis(6));
    assert_eq!(metrics.wait_time.buckets().map(|(_, count)| count).sum::<u64>(), 2);
    assert_at_rest(&pool);
}

#[tokio::test(start_paused = true)]
async fn dead_connection_is_not_counted_as_acquired() {
    let pool = pool_of(1);
    let mut guard = pool.acquire().await.unwrap();
    guard.fate = Fate::Dead;
    drop(guard);
    drop(pool.acquire().await.unwrap());
    assert_eq!((pool.metrics().acquired, pool.metrics().discarded), (2, 1));
}

#[test]
fn debug_shows_the_figures() {
    assert!(format!("{:?}", pool_of(3)).contains("max: 3"));
}
