//! When the pool grows, and when it does not.

use molt_db_pool::{Pool, Request};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::fake::{Fake, Plan, assert_at_rest, millis, planned, poll_once, until};

fn slow_to_connect(min: usize, max: usize) -> Pool<Fake> {
    planned(|_| Plan::Open(millis(150))).min_conns(min).max_conns(max).build().unwrap()
}

/// Has that many acquire at once, and hold their connection for a time.
async fn spike(pool: &Pool<Fake>, requests: usize, hold: u64) {
    let mut tasks = JoinSet::new();
    for _ in 0..requests {
        let pool = pool.clone();
        tasks.spawn(async move {
            let _guard = pool.acquire().await.unwrap();
            sleep(millis(hold)).await;
        });
    }
    tasks.join_all().await;
}

#[tokio::test(start_paused = true)]
async fn spike_that_passes_sooner_than_a_connect_opens_next_to_none() {
    let pool = slow_to_connect(5, 10);
    until(|| pool.status().idle == 5).await;
    for _ in 0..10 {
        spike(&pool, 50, 2).await;
        sleep(millis(500)).await;
        assert!(pool.status().total < 7, "{}", pool.status());
    }
    assert!(pool.metrics().wait_time.max() < millis(60), "{:?}", pool.metrics().wait_time);
    assert_at_rest(&pool);
}

#[tokio::test(start_paused = true)]
async fn load_that_stays_opens_as_many_as_there_may_be() {
    let pool = slow_to_connect(5, 10);
    until(|| pool.status().idle == 5).await;
    spike(&pool, 200, 60).await;
    assert_eq!(pool.status().total, 10);
    assert_at_rest(&pool);
}

#[tokio::test(start_paused = true)]
async fn holders_that_turn_slow_are_found_out() {
    let pool = slow_to_connect(2, 4);
    until(|| pool.status().idle == 2).await;
    for _ in 0..50 {
        spike(&pool, 2, 1).await;
    }
    let _held = (pool.acquire().await.unwrap(), pool.acquire().await.unwrap());
    let waiter = pool.acquire().await.unwrap();
    assert!(waiter.number() > 2);
    // The connect, and the time it took to see that it is needed.
    assert!(pool.metrics().wait_time.max() <= millis(2 * 150 + 50), "{:?}", pool.metrics().wait_time.max());
}

#[tokio::test(start_paused = true)]
async fn no_connect_is_started_for_one_who_cannot_live_to_see_it() {
    let pool = slow_to_connect(1, 4);
    until(|| pool.status().idle == 1).await;
    let held = pool.acquire().await.unwrap();
    for _ in 0..20 {
        assert!(pool.acquire_with(Request::new().max_wait(millis(100))).await.is_err());
    }
    assert_eq!(pool.manager().census.started(), 1);
    assert!(pool.acquire_with(Request::new().max_wait(millis(1000))).await.is_ok());
    assert_eq!(pool.manager().census.started(), 2);
    drop(held);
    assert_at_rest(&pool);
}

#[tokio::test(start_paused = true)]
async fn pool_without_a_connection_opens_one_for_whoever_comes_next() {
    let pool =
        planned(|_| Plan::Open(millis(150))).max_wait(millis(100)).max_idle(millis(50)).build().unwrap();
    for round in 1..=3 {
        assert!(pool.acquire().await.is_err());
        sleep(millis(55)).await;
        assert_eq!(pool.acquire().await.unwrap().number(), round);
        sleep(millis(60)).await;
        assert_at_rest(&pool);
    }
}

#[tokio::test(start_paused = true)]
async fn patience_shorter_than_a_connect_does_not_keep_the_pool_small_for_ever() {
    let pool = planned(|_| Plan::Open(millis(150))).min_conns(1).max_wait(millis(100)).build().unwrap();
    until(|| pool.status().idle == 1).await;
    let _held = pool.acquire().await.unwrap();
    for _ in 0..150 {
        let _ = poll_once(&mut Box::pin(pool.acquire()));
        let _ = pool.acquire().await;
    }
    assert!(pool.status().total > 1);
}
