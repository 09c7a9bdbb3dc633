//! Connections that lie ready for someone who does not come.

use tokio::time::sleep;

use crate::fake::{AT_ONCE, assert_at_rest, millis, planned, poll_once};

#[tokio::test(start_paused = true)]
async fn grant_that_nobody_takes_goes_to_the_next_one() {
    let pool = planned(|_| AT_ONCE).max_conns(1).grant_timeout(millis(100)).build().unwrap();
    let held = pool.acquire().await.unwrap();
    let mut unpolled = Box::pin(pool.acquire());
    assert!(poll_once(&mut unpolled).is_pending());
    let next = tokio::spawn({
        let pool = pool.clone();
        async move { pool.acquire().await.map(|guard| guard.number()) }
    });
    tokio::task::yield_now().await;
    drop(held);
    sleep(millis(99)).await;
    assert!(!next.is_finished());
    sleep(millis(5)).await;
    assert_eq!(next.await.unwrap().unwrap(), 1);
    assert_eq!((pool.metrics().revoked, pool.manager().census.started()), (1, 1));
    drop(unpolled);
    assert_at_rest(&pool);
}

#[tokio::test(start_paused = true)]
async fn grant_that_nobody_takes_lies_idle_when_nobody_else_waits() {
    let pool = planned(|_| AT_ONCE).max_conns(1).grant_timeout(millis(100)).build().unwrap();
    let held = pool.acquire().await.unwrap();
    let mut unpolled = Box::pin(pool.acquire());
    assert!(poll_once(&mut unpolled).is_pending());
    drop(held);
    assert_eq!((pool.status().in_use, pool.status().idle), (1, 0));
    sleep(millis(105)).await;
    assert_eq!((pool.status().in_use, pool.status().idle), (0, 1));
    assert!(pool.try_acquire().is_some());
    // Whoever comes back after all is served as before.
    assert_eq!(unpolled.await.unwrap().number(), 1);
    assert_at_rest(&pool);
}

#[tokio::test(start_paused = true)]
async fn whoever_lost_a_grant_and_comes_back_stands_where_it_stood() {
    let pool = planned(|_| AT_ONCE).max_conns(1).grant_timeout(millis(100)).build().unwrap();
    let held = pool.acquire().await.unwrap();
    let mut first = Box::pin(pool.acquire());
    let mut second = Box::pin(pool.acquire());
    let mut third = Box::pin(pool.acquire());
    for waiter in [&mut first, &mut second, &mut third] {
        assert!(poll_once(waiter).is_pending());
    }
    drop(held);
    sleep(millis(105)).await;
    let served = second.await.unwrap();
    assert!(poll_once(&mut first).is_pending());
    drop(served);
    assert!(poll_once(&mut third).is_pending());
    assert!(poll_once(&mut first).is_ready());
    assert!(poll_once(&mut third).is_ready());
}

#[tokio::test(start_paused = true)]
async fn thousand_that_are_never_polled_hold_up_the_last_for_as_many_grants_only() {
    let pool = planned(|_| AT_ONCE)
        .max_conns(8)
        .grant_timeout(millis(10))
        .max_wait(millis(100_000))
        .build()
        .unwrap();
    let mut held = Vec::new();
    for _ in 0..8 {
        held.push(pool.acquire().await.unwrap());
    }
    let mut unpolled: Vec<_> = (0..1000).map(|_| Box::pin(pool.acquire())).collect();
    assert!(unpolled.iter_mut().all(|waiter| poll_once(waiter).is_pending()));
    drop(held);
    let begun = tokio::time::Instant::now();
    drop(pool.acquire().await.unwrap());
    // Eight at a time.
    assert!(begun.elapsed() <= millis(1000 / 8 * 12), "{:?}", begun.elapsed());
    drop(unpolled);
    assert_at_rest(&pool);
}
