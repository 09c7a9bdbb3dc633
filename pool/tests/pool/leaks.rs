//! Who has a connection, and for how long.

use molt_db_pool::Request;
use tokio::time::sleep;

use crate::fake::{AT_ONCE, Fate, millis, planned, pool_of, until};

#[tokio::test(start_paused = true)]
async fn holder_is_reported_once_with_where_it_acquired() {
    let pool = planned(|_| AT_ONCE).leak_after(millis(1000)).build().unwrap();
    let line = line!() + 1;
    let held = pool.acquire_with(Request::new().tag("orders")).await.unwrap();
    sleep(millis(990)).await;
    assert_eq!(pool.metrics().leaked, 0);
    sleep(millis(20)).await;
    assert_eq!(pool.metrics().leaked, 1);
    sleep(millis(60_000)).await;
    let leaks = pool.manager().leaks.lock().unwrap().clone();
    let [leak] = &leaks[..] else { panic!("{leaks:?}") };
    assert_eq!((leak.acquired_at.line(), leak.acquired_at.file(), leak.tag), (line, file!(), Some("orders")));
    assert_eq!(leak.to_string(), format!("held for 1s, acquired at {} for orders", leak.acquired_at));
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn connection_that_comes_back_in_time_is_not_reported() {
    let pool = planned(|_| AT_ONCE).max_conns(1).leak_after(millis(1000)).build().unwrap();
    for _ in 0..20 {
        let _held = pool.acquire().await.unwrap();
        sleep(millis(990)).await;
    }
    assert_eq!(pool.metrics().leaked, 0);
}

#[tokio::test(start_paused = true)]
async fn holders_are_told_the_oldest_first() {
    let pool = pool_of(3);
    let first = pool.acquire().await.unwrap();
    let first_line = line!() - 1;
    sleep(millis(100)).await;
    drop(pool.acquire().await.unwrap());
    let second = pool.try_acquire().unwrap();
    let second_line = line!() - 1;
    let held: Vec<_> =
        pool.holders().iter().map(|holder| (holder.acquired_at.line(), holder.age.as_millis())).collect();
    assert!(
        matches!(held[..], [(one, 100..=102), (two, 0)] if (one, two) == (first_line, second_line)),
        "{held:?}"
    );
    drop((first, second));
    assert!(pool.holders().is_empty());
}

#[tokio::test(start_paused = true)]
async fn keeper_survives_a_panic_of_the_one_it_reports_to() {
    let pool = planned(|_| AT_ONCE).leak_after(millis(100)).build().unwrap();
    let held = pool.acquire_with(Request::new().tag("panics")).await.unwrap();
    sleep(millis(110)).await;
    assert_eq!(pool.metrics().leaked, 1);
    let mut other = pool.acquire().await.unwrap();
    other.fate = Fate::Unfit;
    drop((held, other));
    let _held = pool.acquire().await.unwrap();
    until(|| pool.metrics().leaked == 2).await;
}
