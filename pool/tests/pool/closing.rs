//! The end of a pool.

use molt_db_pool::AcquireError;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

use crate::fake::{Ending, Fate, Plan, assert_at_rest, millis, planned, poll_once, pool_of};

#[tokio::test(start_paused = true)]
async fn close_turns_waiters_away_and_waits_for_holders() {
    let pool = pool_of(1);
    let guard = pool.acquire().await.unwrap();
    let waiters: Vec<_> = (0..10)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.acquire().await.map(drop) })
        })
        .collect();
    yield_now().await;
    let closing = tokio::spawn({
        let pool = pool.clone();
        async move { pool.close().await }
    });
    for waiter in waiters {
        assert!(matches!(waiter.await.unwrap(), Err(AcquireError::Closed)));
    }
    sleep(millis(100)).await;
    assert!(!closing.is_finished());
    drop(guard);
    closing.await.unwrap();
    assert_eq!(pool.manager().census.present(), 0);
    assert_at_rest(&pool);
}

#[tokio::test(start_paused = true)]
async fn closed_pool_hands_out_nothing() {
    let pool = pool_of(2);
    drop(pool.acquire().await.unwrap());
    pool.close().await;
    assert!(pool.is_closed());
    assert_eq!((pool.status().total, pool.manager().census.present()), (0, 0));
    assert!(pool.try_acquire().is_none());
    assert!(matches!(pool.acquire().await, Err(AcquireError::Closed)));
    pool.close().await;
}

#[tokio::test(start_paused = true)]
async fn close_waits_for_connects_and_drops_what_they_bring() {
    let pool = planned(|_| Plan::Open(millis(10))).build().unwrap();
    let mut waiter = Box::pin(pool.acquire());
    assert!(poll_once(&mut waiter).is_pending());
    pool.close().await;
    assert_eq!(pool.manager().census.present(), 0);
    assert!(matches!(waiter.await, Err(AcquireError::Closed)));
    assert_eq!((pool.metrics().connects, pool.metrics().discarded), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn connection_granted_before_the_close_is_still_taken() {
    let pool = pool_of(1);
    let guard = pool.acquire().await.unwrap();
    let mut waiter = Box::pin(pool.acquire());
    assert!(poll_once(&mut waiter).is_pending());
    drop(guard);
    let mut closing = Box::pin(pool.close());
    assert!(poll_once(&mut closing).is_pending());
    let granted = waiter.await.unwrap();
    assert!(poll_once(&mut closing).is_pending());
    drop(granted);
    closing.await;
}

#[tokio::test(start_paused = true)]
async fn dropped_close_leaves_the_pool_closed_and_can_be_resumed() {
    let pool = pool_of(1);
    let guard = pool.acquire().await.unwrap();
    assert!(timeout(millis(10), pool.close()).await.is_err());
    assert!(pool.is_closed());
    let two = async { tokio::join!(pool.close(), pool.close()) };
    tokio::join!(two, async {
        yield_now().await;
        drop(guard);
    });
    assert_eq!(pool.manager().census.present(), 0);
}

#[tokio::test(start_paused = true)]
async fn close_that_is_never_polled_closes_nothing() {
    let pool = pool_of(1);
    drop(pool.close());
    assert!(!pool.is_closed());
}

#[tokio::test(start_paused = true)]
async fn close_does_not_wait_for_detached_connections() {
    let pool = pool_of(1);
    let conn = pool.acquire().await.unwrap().detach();
    pool.close().await;
    assert_eq!((conn.number(), pool.manager().census.present()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn close_with_a_limit_waits_for_those_that_come_back_in_time() {
    let pool = pool_of(2);
    let guard = pool.acquire().await.unwrap();
    let (left, ()) = tokio::join!(pool.close_within(millis(100)), async {
        sleep(millis(90)).await;
        drop(guard);
    });
    assert_eq!((left, pool.status().total), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn close_with_a_limit_gives_up_what_is_in_nobodys_hands() {
    let pool = planned(|n| if n <= 3 { Plan::Open(millis(1)) } else { Plan::Never }).build().unwrap();
    let held = pool.acquire().await.unwrap();
    let mut settling = (pool.acquire().await.unwrap(), pool.acquire().await.unwrap());
    settling.0.fate = Fate::Unfinished(Ending::Never);
    settling.1.fate = Fate::Unfinished(Ending::Never);
    assert!(poll_once(&mut Box::pin(pool.acquire())).is_pending());
    drop(settling.0);
    sleep(millis(10)).await;
    // One that a task has taken, one that waits for it, and a connect.
    let closing = tokio::spawn({
        let pool = pool.clone();
        async move { pool.close_within(millis(100)).await }
    });
    sleep(millis(50)).await;
    drop(settling.1);
    assert_eq!((pool.status().settling, pool.status().in_use), (2, 1));
    assert_eq!(closing.await.unwrap(), 1);
    sleep(millis(1)).await;
    assert_eq!((pool.status().total, pool.manager().census.present()), (1, 1), "{}", pool.status());
    drop(held);
    assert_at_rest(&pool);
    assert_eq!((pool.status().total, pool.close_within(millis(10)).await), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn connection_that_comes_back_after_a_forced_close_does_not_settle() {
    let pool = pool_of(1);
    let mut guard = pool.acquire().await.unwrap();
    guard.fate = Fate::Unfinished(Ending::Rest(millis(1)));
    assert_eq!(pool.close_within(millis(0)).await, 1);
    drop(guard);
    assert_eq!((pool.status().total, pool.manager().census.settlings()), (0, 0));
    pool.close().await;
}
