//! How connections come to be, and how they fail to.

use molt_db_pool::{AcquireError, BuildError};
use tokio::task::{JoinSet, yield_now};
use tokio::time::sleep;

use crate::fake::{AT_ONCE, Acquired, Fate, Plan, assert_at_rest, millis, planned, poll_once, pool_of};

#[tokio::test(start_paused = true)]
async fn never_more_connections_than_the_maximum() {
    let pool = planned(|_| Plan::Open(millis(5))).max_conns(3).build().unwrap();
    let mut tasks = JoinSet::new();
    for _ in 0..50 {
        let pool = pool.clone();
        tasks.spawn(async move {
            let _guard = pool.acquire().await.unwrap();
            sleep(millis(1)).await;
        });
    }
    tasks.join_all().await;
    assert_eq!((pool.manager().census.peak(), pool.manager().census.started()), (3, 3));
    assert_at_rest(&pool);
}

#[tokio::test(start_paused = true)]
async fn as_many_connects_as_waiters() {
    let pool = planned(|_| Plan::Open(millis(5))).max_conns(10).build().unwrap();
    let mut waiters: Vec<_> = (0..4).map(|_| Box::pin(pool.acquire())).collect();
    assert!(waiters.iter_mut().all(|waiter| poll_once(waiter).is_pending()));
    assert_eq!(pool.status().connecting, 4);
}

#[tokio::test(start_paused = true)]
async fn freed_connection_serves_the_waiter_before_its_connect_is_done() {
    let pool =
        planned(|n| if n == 1 { AT_ONCE } else { Plan::Open(millis(50)) }).max_conns(2).build().unwrap();
    let guard = pool.acquire().await.unwrap();
    let mut waiter = Box::pin(pool.acquire());
    assert!(poll_once(&mut waiter).is_pending());
    drop(guard);
    assert_eq!(waiter.await.unwrap().number(), 1);
    sleep(millis(60)).await;
    assert_eq!(pool.status().idle, 2);
    assert_at_rest(&pool);
}

#[tokio::test(start_paused = true)]
async fn new_connection_serves_the_oldest_waiter_whoever_started_it() {
    let pool = planned(|n| Plan::Open(millis(if n == 1 { 50 } else { 5 }))).max_conns(2).build().unwrap();
    let mut first = Box::pin(pool.acquire());
    let mut second = Box::pin(pool.acquire());
    assert!(poll_once(&mut first).is_pending() && poll_once(&mut second).is_pending());
    sleep(millis(10)).await;
    let second_poll = poll_once(&mut second);
    assert!(second_poll.is_pending());
    assert_eq!(first.await.unwrap().number(), 2);
}

#[tokio::test(start_paused = true)]
async fn each_failed_connect_ends_one_wait() {
    let pool = planned(|_| Plan::Refuse(millis(1))).max_conns(2).build().unwrap();
    let mut tasks = JoinSet::new();
    for _ in 0..20 {
        let pool = pool.clone();
        tasks.spawn(async move { matches!(pool.acquire().await, Err(AcquireError::Connect(_))) });
    }
    assert!(tasks.join_all().await.into_iter().all(|refused| refused));
    sleep(millis(10)).await;
    assert_eq!((pool.manager().census.started(), pool.metrics().connects_failed), (20, 20));
    assert_at_rest(&pool);
}

#[tokio::test(start_paused = true)]
async fn failure_goes_to_the_oldest_waiter_and_the_rest_are_served() {
    let pool =
        planned(|n| if n == 1 { Plan::Refuse(millis(1)) } else { AT_ONCE }).max_conns(1).build().unwrap();
    let outcomes = acquire_in_turn(&pool, 3).await;
    assert_eq!(outcomes, ["connecting failed: refused", "2", "2"]);
    assert_at_rest(&pool);
}

#[tokio::test(start_paused = true)]
async fn panic_in_connect_is_a_failure_like_others() {
    let pool = planned(|n| if n == 1 { Plan::Panic } else { AT_ONCE }).max_conns(1).build().unwrap();
    assert_eq!(acquire_in_turn(&pool, 2).await, ["connecting panicked", "2"]);
    assert_at_rest(&pool);
}

/// Lets `callers` acquire at the same time, and tells what each one got.
async fn acquire_in_turn(pool: &molt_db_pool::Pool<crate::fake::Fake>, callers: usize) -> Vec<String> {
    let tasks: Vec<_> = (0..callers)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move { describe(&pool.acquire().await) })
        })
        .collect();
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(task.await.unwrap());
    }
    outcomes
}

fn describe(acquired: &Acquired) -> String {
    match acquired {
        Ok(guard) => guard.number().to_string(),
        Err(error) => error.to_string(),
    }
}

#[tokio::test(start_paused = true)]
async fn max_wait_covers_connecting() {
    let pool = planned(|_| Plan::Never).max_conns(1).max_wait(millis(250)).build().unwrap();
    let error = pool.acquire().await.map(drop).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no connection within 250ms: 0 of 1 in use, 0 idle, 0 settling, 1 connecting, 1 waiting"
    );
}

#[tokio::test(start_paused = true)]
async fn connect_just_within_max_wait_serves() {
    let pool = planned(|_| Plan::Open(millis(249))).max_conns(1).max_wait(millis(250)).build().unwrap();
    assert_eq!(pool.acquire().await.unwrap().number(), 1);
}

#[tokio::test(start_paused = true)]
async fn endless_max_wait_is_possible() {
    let pool = planned(|_| AT_ONCE).max_wait(std::time::Duration::MAX).build().unwrap();
    assert!(pool.acquire().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn dead_idle_connections_are_skipped() {
    let pool = pool_of(3);
    let mut guards = Vec::new();
    for _ in 0..3 {
        guards.push(pool.acquire().await.unwrap());
    }
    // The last one returned is the first one tried.
    guards[1].fate = Fate::Dead;
    guards[2].fate = Fate::Dead;
    guards.into_iter().for_each(drop);
    assert_eq!(pool.acquire().await.unwrap().number(), 1);
    assert_eq!(pool.metrics().discarded, 2);
    assert_at_rest(&pool);
}

#[tokio::test(start_paused = true)]
async fn waiter_handed_a_dead_connection_keeps_its_place() {
    let pool = pool_of(1);
    let mut guard = pool.acquire().await.unwrap();
    let mut first = Box::pin(pool.acquire());
    let mut second = Box::pin(pool.acquire());
    assert!(poll_once(&mut first).is_pending() && poll_once(&mut second).is_pending());
    guard.fate = Fate::Dead;
    drop(guard);
    assert!(poll_once(&mut first).is_pending());
    yield_now().await;
    sleep(millis(2)).await;
    assert!(poll_once(&mut second).is_pending());
    assert_eq!(first.await.unwrap().number(), 2);
    assert_eq!(second.await.unwrap().number(), 2);
    assert_at_rest(&pool);
}

#[tokio::test(start_paused = true)]
async fn connections_that_are_always_dead_end_in_exhaustion() {
    let dead_from_the_start = |_| Plan::OpenDead;
    let pool = planned(dead_from_the_start).max_wait(millis(20)).build().unwrap();
    let acquired = tokio::join!(pool.acquire(), async {
        // Virtual time moves only when nothing else does.
        for _ in 0..40 {
            yield_now().await;
        }
        tokio::time::advance(millis(30)).await;
    });
    assert!(matches!(acquired.0, Err(AcquireError::Exhausted(_))));
    assert!(pool.metrics().discarded > 1);
    sleep(millis(1)).await;
    assert_at_rest(&pool);
}

#[test]
fn zero_connections_are_refused() {
    assert_eq!(planned(|_| AT_ONCE).max_conns(0).build().unwrap_err(), BuildError::NoConnections);
    assert!(planned(|_| AT_ONCE).max_conns(1).build().is_ok());
}

#[test]
fn zero_max_wait_is_refused() {
    assert_eq!(planned(|_| AT_ONCE).max_wait(millis(0)).build().unwrap_err(), BuildError::NoWait);
    assert!(planned(|_| AT_ONCE).max_wait(millis(1)).build().is_ok());
}
