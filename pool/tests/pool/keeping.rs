//! What the pool does about connections that nobody uses.

use std::collections::BTreeSet;

use molt_db_pool::Pool;
use tokio::time::{Instant, advance, sleep};

use crate::fake::{AT_ONCE, Answer, Fake, Fate, Plan, assert_at_rest, millis, planned, until};

/// Lets that many connections lie idle.
async fn leave_idle(pool: &Pool<Fake>, count: usize) {
    let mut guards = Vec::new();
    for _ in 0..count {
        guards.push(pool.acquire().await.unwrap());
    }
    drop(guards);
    assert!(pool.status().idle >= count);
}

#[tokio::test(start_paused = true)]
async fn minimum_is_opened_in_parallel_when_the_pool_is_built() {
    let pool = planned(|_| Plan::Open(millis(100))).min_conns(5).build().unwrap();
    sleep(millis(99)).await;
    assert_eq!((pool.status().connecting, pool.status().idle), (5, 0));
    sleep(millis(2)).await;
    assert_eq!((pool.status().connecting, pool.status().idle), (0, 5));
    sleep(millis(20_000)).await;
    assert_eq!(pool.manager().census.started(), 5);
    assert_at_rest(&pool);
}

#[test]
fn pool_that_is_built_outside_of_a_runtime_fills_up_when_it_is_used() {
    let pool = planned(|_| AT_ONCE).min_conns(3).build().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        drop(pool.acquire().await.unwrap());
        until(|| pool.status().idle == 3).await;
    });
    assert_at_rest(&pool);
}

#[tokio::test(start_paused = true)]
async fn minimum_is_kept_when_connections_are_lost() {
    let pool = planned(|_| AT_ONCE).min_conns(2).build().unwrap();
    until(|| pool.status().idle == 2).await;
    for lost in 1..=3 {
        let mut guard = pool.acquire().await.unwrap();
        guard.fate = Fate::Unfit;
        drop(guard);
        until(|| pool.status().idle == 2).await;
        assert_eq!(pool.manager().census.started(), 2 + lost);
    }
    assert_at_rest(&pool);
}

#[tokio::test(start_paused = true)]
async fn minimum_that_cannot_be_opened_is_tried_again_with_growing_pauses() {
    for refuse in [Plan::Refuse, Plan::RefuseForNow] {
        let plan = move |n| if n <= 8 { refuse(millis(1)) } else { AT_ONCE };
        let pool = planned(plan).min_conns(1).connect_backoff(millis(100), millis(1000)).build().unwrap();
        let begun = Instant::now();
        let mut starts = Vec::new();
        while pool.status().idle == 0 {
            if pool.manager().census.started() > starts.len() {
                starts.push(begun.elapsed());
            }
            sleep(millis(1)).await;
        }
        let pauses: Vec<_> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(pauses.len(), 7, "{pauses:?}");
        for (n, pause) in pauses.iter().enumerate() {
            let most = (100 << n).min(1000);
            assert!(*pause >= millis(most / 2) && *pause <= millis(most + 5), "{pauses:?}");
        }
        assert_at_rest(&pool);
    }
}

#[tokio::test(start_paused = true)]
async fn connections_that_are_not_used_are_dropped_down_to_the_minimum() {
    let pool = planned(|_| AT_ONCE)
        .min_conns(2)
        .max_conns(6)
        .max_idle(millis(5000))
        .health_check_interval(None)
        .build()
        .unwrap();
    leave_idle(&pool, 6).await;
    sleep(millis(4990)).await;
    assert_eq!(pool.status().idle, 6);
    sleep(millis(20)).await;
    assert_eq!((pool.status().idle, pool.metrics().unused, pool.metrics().discarded), (2, 4, 4));
    sleep(millis(60_000)).await;
    assert_eq!((pool.status().idle, pool.manager().census.started()), (2, 6));
    assert_at_rest(&pool);
}

#[tokio::test(start_paused = true)]
async fn connections_that_are_used_in_a_lull_are_those_that_stay() {
    let pool = planned(|_| AT_ONCE).max_conns(4).max_idle(millis(1000)).build().unwrap();
    leave_idle(&pool, 4).await;
    for _ in 0..30 {
        drop(pool.acquire().await.unwrap());
        sleep(millis(100)).await;
    }
    assert_eq!((pool.status().idle, pool.metrics().unused), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn connection_that_is_too_old_is_dropped_when_idle_or_when_it_comes_back() {
    let pool = planned(|_| AT_ONCE).max_lifetime(millis(10_000)).max_idle(None).build().unwrap();
    leave_idle(&pool, 2).await;
    let held = pool.acquire().await.unwrap();
    sleep(millis(8990)).await;
    assert_eq!((pool.status().idle, pool.status().in_use), (1, 1));
    sleep(millis(1020)).await;
    assert_eq!((pool.status().idle, pool.status().in_use, pool.metrics().expired), (0, 1, 1));
    drop(held);
    assert_eq!((pool.status().total, pool.metrics().expired, pool.metrics().discarded), (0, 1, 2));
    assert_at_rest(&pool);
}

#[tokio::test(start_paused = true)]
async fn connections_of_one_age_do_not_end_at_one_moment() {
    let pool =
        planned(|_| AT_ONCE).max_conns(50).max_lifetime(millis(100_000)).max_idle(None).build().unwrap();
    leave_idle(&pool, 50).await;
    let mut left = BTreeSet::new();
    while pool.status().idle > 0 {
        left.insert(pool.status().idle);
        sleep(millis(100)).await;
    }
    assert!(left.len() > 25, "they end in {} steps", left.len());
}

#[tokio::test(start_paused = true)]
async fn idle_connection_is_asked_for_a_sign_of_life() {
    let pool = planned(|_| AT_ONCE).health_check_interval(millis(1000)).build().unwrap();
    leave_idle(&pool, 1).await;
    sleep(millis(890)).await;
    assert_eq!(pool.manager().census.checks(), 0);
    sleep(millis(120)).await;
    assert_eq!((pool.manager().census.checks(), pool.metrics().checks), (1, 1));
    sleep(millis(5000)).await;
    assert!((5..=7).contains(&pool.manager().census.checks()), "{}", pool.manager().census.checks());
    assert_eq!((pool.metrics().discarded, pool.metrics().acquired), (0, 1));
    assert_at_rest(&pool);
}

#[tokio::test(start_paused = true)]
async fn connection_that_is_used_is_not_asked() {
    let pool = planned(|_| AT_ONCE).health_check_interval(millis(1000)).build().unwrap();
    for _ in 0..100 {
        drop(pool.acquire().await.unwrap());
        sleep(millis(500)).await;
    }
    let held = pool.acquire().await.unwrap();
    sleep(millis(10_000)).await;
    assert_eq!(pool.manager().census.checks(), 0);
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn connection_that_gives_no_sign_of_life_is_dropped() {
    for answer in [Answer::Dead, Answer::Never, Answer::Panic] {
        let pool = planned(|_| AT_ONCE)
            .health_check_interval(millis(1000))
            .settle_timeout(millis(500))
            .build()
            .unwrap();
        let mut guard = pool.acquire().await.unwrap();
        guard.sign_of_life = answer;
        drop(guard);
        sleep(millis(1600)).await;
        assert_eq!((pool.status().total, pool.metrics().checks_failed), (0, 1), "{answer:?}");
        assert_at_rest(&pool);
        assert_eq!(pool.acquire().await.unwrap().number(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn connection_that_is_asked_keeps_its_slot_and_serves_who_came_meanwhile() {
    let pool = planned(|_| AT_ONCE).max_conns(1).health_check_interval(millis(1000)).build().unwrap();
    let mut guard = pool.acquire().await.unwrap();
    guard.sign_of_life = Answer::Later(millis(100));
    drop(guard);
    until(|| pool.status().settling == 1).await;
    assert_eq!(pool.acquire().await.unwrap().number(), 1);
    assert_eq!(pool.manager().census.peak(), 1);
    assert_at_rest(&pool);
}

#[tokio::test(start_paused = true)]
async fn sign_of_life_is_no_use() {
    let pool =
        planned(|_| AT_ONCE).health_check_interval(millis(1000)).max_idle(millis(3500)).build().unwrap();
    leave_idle(&pool, 2).await;
    sleep(millis(3510)).await;
    assert_eq!((pool.status().idle, pool.metrics().unused), (0, 2));
    assert!(pool.metrics().checks >= 6);
}

#[tokio::test(start_paused = true)]
async fn keeper_survives_connections_that_panic_when_dropped() {
    let pool = planned(|_| AT_ONCE).max_idle(millis(100)).build().unwrap();
    for _ in 0..3 {
        let mut guard = pool.acquire().await.unwrap();
        guard.fate = Fate::PanicsWhenDropped;
        drop(guard);
        sleep(millis(150)).await;
        assert_at_rest(&pool);
    }
    assert_eq!(pool.metrics().unused, 3);
}

#[tokio::test(start_paused = true)]
async fn time_that_passes_all_at_once_is_survived() {
    let pool = planned(|_| AT_ONCE).min_conns(2).build().unwrap();
    leave_idle(&pool, 4).await;
    advance(millis(100 * 24 * 3600 * 1000)).await;
    until(|| pool.status().idle == 2).await;
    assert_at_rest(&pool);
}
