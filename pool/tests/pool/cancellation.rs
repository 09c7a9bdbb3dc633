//! What dropped acquires leave behind: nothing.

use tokio::task::yield_now;
use tokio::time::sleep;

use crate::fake::{AT_ONCE, Fate, Plan, assert_at_rest, millis, planned, poll_once, pool_of};

/// Drops an acquire after its `polls`th poll. Returns whether it got that far without finishing.
async fn drop_after(polls: usize, plan: fn(usize) -> Plan) -> bool {
    let pool = planned(plan).max_conns(2).build().unwrap();
    let mut acquire = Box::pin(pool.acquire());
    let mut unfinished = true;
    for _ in 0..polls {
        unfinished = poll_once(&mut acquire).is_pending();
        if !unfinished {
            break;
        }
        sleep(millis(1)).await;
    }
    drop(acquire);
    assert_eq!((pool.status().waiting, pool.status().in_use), (0, 0));
    sleep(millis(100)).await;
    assert_at_rest(&pool);
    unfinished
}

#[tokio::test(start_paused = true)]
async fn acquire_dropped_after_any_poll_leaves_the_pool_at_rest() {
    let at_once = |_| AT_ONCE;
    let slowly = |_| Plan::Open(millis(3));
    let dead_twice = |n| if n <= 2 { Plan::OpenDead } else { AT_ONCE };
    let refused = |_| Plan::Refuse(millis(3));
    let panics = |_| Plan::Panic;
    for (case, plan) in
        [at_once as fn(usize) -> Plan, slowly, dead_twice, refused, panics].into_iter().enumerate()
    {
        let mut polls = 0;
        while drop_after(polls, plan).await {
            polls += 1;
        }
        assert!(polls >= 2, "case {case} never waited");
    }
}

#[tokio::test(start_paused = true)]
async fn cancelled_waiter_passes_the_connection_on() {
    let pool = pool_of(1);
    let guard = pool.acquire().await.unwrap();
    let mut first = Box::pin(pool.acquire());
    let mut second = Box::pin(pool.acquire());
    assert!(poll_once(&mut first).is_pending() && poll_once(&mut second).is_pending());
    drop(guard);
    assert_eq!((pool.status().in_use, pool.status().waiting), (1, 1));
    drop(first);
    assert_eq!(second.await.unwrap().number(), 1);
    assert_at_rest(&pool);
    assert_eq!(pool.metrics().cancelled, 1);
}

#[tokio::test(start_paused = true)]
async fn last_cancelled_waiter_leaves_the_connection_idle() {
    let pool = pool_of(1);
    let guard = pool.acquire().await.unwrap();
    let mut waiter = Box::pin(pool.acquire());
    assert!(poll_once(&mut waiter).is_pending());
    drop(guard);
    drop(waiter);
    assert_at_rest(&pool);
    assert_eq!(pool.try_acquire().unwrap().number(), 1);
}

#[tokio::test(start_paused = true)]
async fn connect_outlives_the_waiter_that_started_it() {
    let pool = planned(|_| Plan::Open(millis(10))).build().unwrap();
    let mut acquire = Box::pin(pool.acquire());
    assert!(poll_once(&mut acquire).is_pending());
    drop(acquire);
    assert_eq!((pool.status().connecting, pool.status().waiting), (1, 0));
    sleep(millis(20)).await;
    assert_at_rest(&pool);
    assert_eq!(pool.try_acquire().unwrap().number(), 1);
}

#[tokio::test(start_paused = true)]
async fn cancelled_waiter_lets_the_next_one_have_a_new_connection() {
    let pool = pool_of(1);
    let mut guard = pool.acquire().await.unwrap();
    let mut asked = Box::pin(pool.acquire());
    assert!(poll_once(&mut asked).is_pending());
    let next = tokio::spawn({
        let pool = pool.clone();
        async move { pool.acquire().await.unwrap().number() }
    });
    yield_now().await;
    guard.fate = Fate::Unfit;
    drop(guard);
    drop(asked);
    assert_eq!(next.await.unwrap(), 2);
    assert_at_rest(&pool);
}

#[tokio::test(start_paused = true)]
async fn waiter_that_nobody_polls_keeps_no_other_from_a_connect() {
    let pool = planned(|_| AT_ONCE).max_conns(2).max_wait(millis(500)).build().unwrap();
    let mut guards = (pool.acquire().await.unwrap(), pool.acquire().await.unwrap());
    let mut unpolled = Box::pin(pool.acquire());
    assert!(poll_once(&mut unpolled).is_pending());
    let next = tokio::spawn({
        let pool = pool.clone();
        async move { pool.acquire().await.unwrap().number() }
    });
    yield_now().await;
    (guards.0.fate, guards.1.fate) = (Fate::Unfit, Fate::Unfit);
    drop(guards);
    assert!(next.await.unwrap() > 2);
    drop(unpolled);
    assert_at_rest(&pool);
}

#[tokio::test(start_paused = true)]
async fn connection_granted_as_the_timer_fires_is_taken() {
    let pool = planned(|_| AT_ONCE).max_conns(1).max_wait(millis(10)).build().unwrap();
    let guard = pool.acquire().await.unwrap();
    let mut waiter = Box::pin(pool.acquire());
    assert!(poll_once(&mut waiter).is_pending());
    sleep(millis(20)).await;
    drop(guard);
    assert_eq!(waiter.await.unwrap().number(), 1);
    assert_eq!(pool.metrics().timeouts, 0);
    assert_at_rest(&pool);
}
