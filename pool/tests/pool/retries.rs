//! Connects that fail, and those that are tried again.

use std::error::Error;

use molt_db_pool::{AcquireError, Pool};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::fake::{AT_ONCE, Fake, Fate, Plan, assert_at_rest, millis, planned, until};

#[tokio::test(start_paused = true)]
async fn failure_that_may_pass_is_waited_out() {
    let plan = |n| if n <= 5 { Plan::RefuseForNow(millis(2)) } else { AT_ONCE };
    let pool = planned(plan).max_conns(1).max_wait(millis(60_000)).build().unwrap();
    assert_eq!(pool.acquire().await.unwrap().number(), 6);
    let metrics = pool.metrics();
    assert_eq!((metrics.connects, metrics.connects_failed, metrics.timeouts), (1, 5, 0));
    assert_at_rest(&pool);
}

#[tokio::test(start_paused = true)]
async fn waiting_in_vain_ends_with_the_latest_failure() {
    let pool = planned(|_| Plan::RefuseForNow(millis(1))).max_wait(millis(500)).build().unwrap();
    let begun = Instant::now();
    let error = pool.acquire().await.map(drop).unwrap_err();
    assert!(begun.elapsed() >= millis(500) && begun.elapsed() < millis(510));
    let AcquireError::Exhausted(exhausted) = &error else { panic!("{error}") };
    assert_eq!(exhausted.latest_failure().unwrap().to_string(), "connecting failed: refused");
    assert!(error.to_string().ends_with("1 waiting; connecting failed: refused"), "{error}");
    assert!(error.source().is_none());
}

#[tokio::test(start_paused = true)]
async fn failure_that_is_overcome_is_not_told_later() {
    let pool = planned(|n| if n == 1 { Plan::RefuseForNow(millis(1)) } else { AT_ONCE })
        .max_conns(1)
        .build()
        .unwrap();
    let held = pool.acquire().await.unwrap();
    let error = pool.acquire().await.map(drop).unwrap_err();
    let AcquireError::Exhausted(exhausted) = error else { panic!("{error}") };
    assert!(exhausted.latest_failure().is_none());
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn failure_for_good_is_told_at_once() {
    let pool = planned(|_| Plan::Refuse(millis(3))).max_wait(millis(60_000)).build().unwrap();
    let begun = Instant::now();
    assert!(matches!(pool.acquire().await, Err(AcquireError::Connect(_))));
    assert!(begun.elapsed() < millis(10));
    assert_at_rest(&pool);
}

/// Lets that many wait, and returns how many connects were begun within a time.
async fn connects_begun(pool: &Pool<Fake>, waiters: usize, time: u64) -> usize {
    let mut tasks = JoinSet::new();
    for _ in 0..waiters {
        let pool = pool.clone();
        tasks.spawn(async move { pool.acquire().await.map(drop).is_ok() });
    }
    sleep(millis(time)).await;
    tasks.abort_all();
    while tasks.join_next().await.is_some() {}
    pool.manager().census.started()
}

#[tokio::test(start_paused = true)]
async fn server_that_is_down_is_not_stormed() {
    let pool = planned(|_| Plan::RefuseForNow(millis(0)))
        .max_conns(50)
        .max_wait(millis(100_000))
        .connect_backoff(millis(100), millis(2000))
        .build()
        .unwrap();
    let begun = connects_begun(&pool, 500, 60_000).await;
    // Eight at first, then one in one to two seconds.
    assert!((38..=80).contains(&begun), "{begun}");
    assert_at_rest(&pool);
}

#[tokio::test(start_paused = true)]
async fn connects_run_side_by_side_up_to_the_bound() {
    for bound in [1, 3, 8] {
        let pool = planned(|_| Plan::Open(millis(100)))
            .max_conns(20)
            .max_connecting(bound)
            .max_wait(millis(60_000))
            .build()
            .unwrap();
        let begun = connects_begun(&pool, 20, 50).await;
        assert_eq!((begun, pool.status().connecting), (bound, bound));
    }
}

#[tokio::test(start_paused = true)]
async fn hung_handshake_does_not_stop_growth() {
    let plan = |n| if n <= 2 { Plan::Never } else { Plan::Open(millis(5)) };
    let pool = planned(plan).max_conns(6).max_connecting(2).max_wait(millis(5000)).build().unwrap();
    let guard = pool.acquire().await.unwrap();
    assert!(guard.number() == 3);
    assert!(pool.metrics().wait_time.max() < millis(2100));
    assert!(pool.acquire().await.is_ok());
    drop(guard);
}

#[tokio::test(start_paused = true)]
async fn connect_that_takes_too_long_is_given_up_and_frees_its_slot() {
    let plan = |n| if n == 1 { Plan::Never } else { AT_ONCE };
    let pool = planned(plan).max_conns(1).connect_timeout(millis(700)).build().unwrap();
    assert_eq!(pool.acquire().await.unwrap().number(), 2);
    assert_eq!((pool.metrics().connects_failed, pool.manager().census.peak()), (1, 1));
    assert_at_rest(&pool);
    let slow = planned(|_| Plan::Open(millis(699))).connect_timeout(millis(700)).build().unwrap();
    assert_eq!(slow.acquire().await.unwrap().number(), 1);
}

#[tokio::test(start_paused = true)]
async fn connection_that_comes_free_serves_while_none_can_be_opened() {
    let plan = |n| if n == 1 { AT_ONCE } else { Plan::RefuseForNow(millis(1)) };
    let pool = planned(plan).max_conns(2).build().unwrap();
    let held = pool.acquire().await.unwrap();
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.acquire().await.map(|guard| guard.number()) }
    });
    sleep(millis(300)).await;
    assert!(pool.metrics().connects_failed > 1);
    drop(held);
    assert_eq!(waiter.await.unwrap().unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn pool_recovers_from_a_server_that_was_away() {
    let down = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let plan = {
        let down = down.clone();
        move |_| match down.load(std::sync::atomic::Ordering::SeqCst) {
            true => Plan::RefuseForNow(millis(1)),
            false => AT_ONCE,
        }
    };
    let pool = planned(plan).min_conns(2).max_wait(millis(100)).build().unwrap();
    until(|| pool.status().idle == 2).await;
    down.store(true, std::sync::atomic::Ordering::SeqCst);
    for _ in 0..2 {
        pool.try_acquire().unwrap().fate = Fate::Unfit;
    }
    assert!(matches!(pool.acquire().await, Err(AcquireError::Exhausted(_))));
    down.store(false, std::sync::atomic::Ordering::SeqCst);
    until(|| pool.status().idle == 2).await;
    assert!(pool.acquire().await.is_ok());
    assert_at_rest(&pool);
}
