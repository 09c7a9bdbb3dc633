//! Pools whose size, or server, changes.

use molt_db_pool::BuildError;
use tokio::time::sleep;

use crate::fake::{AT_ONCE, assert_at_rest, millis, planned, poll_once, pool_of, until};

#[tokio::test(start_paused = true)]
async fn smaller_pool_drops_what_is_too_many_and_lends_no_more() {
    let pool = pool_of(4);
    let mut guards = Vec::new();
    for _ in 0..4 {
        guards.push(pool.acquire().await.unwrap());
    }
    drop(guards.pop());
    pool.resize(0, 2).unwrap();
    assert_eq!((pool.status().max, pool.status().total, pool.status().idle), (2, 3, 0));
    let mut waiter = Box::pin(pool.acquire());
    assert!(poll_once(&mut waiter).is_pending());
    drop(guards.pop());
    assert_eq!(pool.status().total, 2);
    assert!(poll_once(&mut waiter).is_pending());
    drop(guards.pop());
    assert!(poll_once(&mut waiter).is_ready());
    drop(guards);
    assert_eq!((pool.status().total, pool.metrics().discarded), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn larger_pool_serves_those_that_wait() {
    let pool = pool_of(1);
    let _held = pool.acquire().await.unwrap();
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.acquire().await.map(|guard| guard.number()) }
    });
    sleep(millis(10)).await;
    pool.resize(0, 2).unwrap();
    assert_eq!(waiter.await.unwrap().unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn larger_minimum_is_opened() {
    let pool = pool_of(5);
    pool.resize(3, 5).unwrap();
    until(|| pool.status().idle == 3).await;
    assert_at_rest(&pool);
}

#[tokio::test(start_paused = true)]
async fn drained_pool_lends_none_of_the_old_connections() {
    let pool = planned(|_| AT_ONCE).min_conns(2).max_conns(3).build().unwrap();
    let held = pool.acquire().await.unwrap();
    until(|| pool.status().idle == 1).await;
    pool.drain();
    until(|| pool.status().idle == 1).await;
    drop(held);
    until(|| pool.status().idle == 2).await;
    let guards = (pool.acquire().await.unwrap(), pool.acquire().await.unwrap());
    assert!(guards.0.number() > 2 && guards.1.number() > 2);
    drop(guards);
    assert_eq!(pool.metrics().discarded, 2);
    assert_at_rest(&pool);
}

#[test]
fn impossible_sizes_are_refused_with_the_reason() {
    let size = |min, max| planned(|_| AT_ONCE).min_conns(min).max_conns(max).build().map(drop);
    assert_eq!(size(3, 3), Ok(()));
    let error = size(4, 3).unwrap_err();
    assert_eq!(error, BuildError::MinAboveMax { min: 4, max: 3 });
    assert_eq!(error.to_string(), "min_conns (4) must not be above max_conns (3)");
    let pool = pool_of(3);
    assert_eq!(pool.resize(4, 3), Err(error));
    assert_eq!(pool.resize(0, 0), Err(BuildError::NoConnections));
    assert_eq!(pool.status().max, 3);
}

#[test]
fn limits_of_zero_are_refused_by_name() {
    type Set = fn(molt_db_pool::Builder<crate::fake::Fake>, u64) -> molt_db_pool::Builder<crate::fake::Fake>;
    let settings: [(&str, Set); 7] = [
        ("max_idle", |builder, time| builder.max_idle(millis(time))),
        ("max_lifetime", |builder, time| builder.max_lifetime(millis(time))),
        ("health_check_interval", |builder, time| builder.health_check_interval(millis(time))),
        ("leak_after", |builder, time| builder.leak_after(millis(time))),
        ("grant_timeout", |builder, time| builder.grant_timeout(millis(time))),
        ("connect_timeout", |builder, time| builder.connect_timeout(millis(time))),
        ("settle_timeout", |builder, time| builder.settle_timeout(millis(time))),
    ];
    for (name, set) in settings {
        let error = set(planned(|_| AT_ONCE), 0).build().map(drop).unwrap_err();
        assert_eq!(error, BuildError::NoTime(name));
        assert_eq!(error.to_string(), format!("{name} must be longer than zero"));
        assert!(set(planned(|_| AT_ONCE), 1).build().is_ok());
    }
    let connecting = |bound| planned(|_| AT_ONCE).max_connecting(bound).build().map(drop);
    assert_eq!((connecting(0), connecting(1)), (Err(BuildError::NoConnects), Ok(())));
    let backoff = |min, max| planned(|_| AT_ONCE).connect_backoff(millis(min), millis(max)).build().map(drop);
    assert_eq!(backoff(1, 1), Ok(()));
    assert_eq!([backoff(0, 1), backoff(2, 1)], [Err(BuildError::Backoff), Err(BuildError::Backoff)]);
}
