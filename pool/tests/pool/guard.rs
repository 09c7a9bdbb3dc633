//! Returning connections, in every circumstance.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use molt_db_pool::{Guard, Pool};
use tokio::runtime;

use crate::fake::{AT_ONCE, Fake, Fate, Plan, assert_at_rest, millis, planned, poll_once, pool_of};

fn block_on<F: Future>(future: F) -> F::Output {
    runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(future)
}

/// Acquires in a runtime that is gone when this returns.
fn acquire_detached_from_runtime(pool: &Pool<Fake>) -> Guard<Fake> {
    block_on(pool.acquire()).unwrap()
}

#[test]
fn guard_dropped_after_its_runtime_has_gone_returns_the_connection() {
    let pool = pool_of(1);
    drop(acquire_detached_from_runtime(&pool));
    assert_at_rest(&pool);
    assert_eq!(pool.status().idle, 1);
}

#[test]
fn idle_connection_is_acquired_without_a_runtime() {
    let pool = pool_of(1);
    drop(acquire_detached_from_runtime(&pool));
    assert_eq!(pool.try_acquire().unwrap().number(), 1);
}

#[test]
fn guard_dropped_on_a_plain_thread_hands_over() {
    let pool = pool_of(1);
    let guard = acquire_detached_from_runtime(&pool);
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let number = runtime.block_on(async {
        let waiter = tokio::spawn({
            let pool = pool.clone();
            async move { pool.acquire().await.unwrap().number() }
        });
        tokio::task::yield_now().await;
        thread::spawn(move || drop(guard)).join().unwrap();
        waiter.await.unwrap()
    });
    assert_eq!(number, 1);
    assert_at_rest(&pool);
}

#[test]
fn unfit_connection_dropped_on_a_plain_thread_lets_the_waiter_connect() {
    let pool = pool_of(1);
    let mut guard = acquire_detached_from_runtime(&pool);
    guard.fate = Fate::Unfit;
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let number = runtime.block_on(async {
        let waiter = tokio::spawn({
            let pool = pool.clone();
            async move { pool.acquire().await.unwrap().number() }
        });
        tokio::task::yield_now().await;
        thread::spawn(move || drop(guard)).join().unwrap();
        waiter.await.unwrap()
    });
    assert_eq!(number, 2);
    assert_at_rest(&pool);
}

#[test]
fn guard_dropped_in_a_panic_returns_the_connection() {
    let pool = pool_of(1);
    let guard = acquire_detached_from_runtime(&pool);
    let panicked = catch_unwind(AssertUnwindSafe(move || {
        let _guard = guard;
        panic!("as told");
    }));
    assert!(panicked.is_err());
    assert_at_rest(&pool);
    assert_eq!(pool.status().idle, 1);
}

/// Drops a guard whose connection panics somewhere on its way. Returns the pool afterwards.
fn after_panic(fate: Fate) -> Pool<Fake> {
    let pool = pool_of(1);
    let mut guard = acquire_detached_from_runtime(&pool);
    guard.fate = fate;
    assert!(catch_unwind(AssertUnwindSafe(|| drop(guard))).is_err());
    pool
}

#[test]
fn panic_in_on_release_costs_the_connection_only() {
    let pool = after_panic(Fate::PanicsWhenReleased);
    assert_eq!((pool.status().total, pool.metrics().discarded), (0, 1));
    assert_at_rest(&pool);
    assert_eq!(acquire_detached_from_runtime(&pool).number(), 2);
}

#[test]
fn panic_in_is_alive_costs_the_connection_only() {
    let pool = pool_of(1);
    let mut guard = acquire_detached_from_runtime(&pool);
    guard.fate = Fate::PanicsWhenChecked;
    drop(guard);
    assert!(catch_unwind(AssertUnwindSafe(|| pool.try_acquire())).is_err());
    assert_at_rest(&pool);
    assert_eq!(acquire_detached_from_runtime(&pool).number(), 2);
}

#[test]
fn panic_in_a_connections_drop_frees_its_slot() {
    let pool = pool_of(1);
    let mut guard = acquire_detached_from_runtime(&pool);
    guard.fate = Fate::PanicsWhenDropped;
    drop(guard);
    let closing = catch_unwind(AssertUnwindSafe(|| block_on(pool.close())));
    assert!(closing.is_err());
    assert_at_rest(&pool);
    block_on(pool.close());
}

#[test]
fn detached_connection_frees_its_slot_and_stays_open() {
    let pool = pool_of(1);
    let guard = acquire_detached_from_runtime(&pool);
    let conn = guard.detach();
    assert_eq!((pool.status().total, pool.metrics().discarded), (0, 0));
    let second = acquire_detached_from_runtime(&pool);
    assert_eq!((conn.number(), second.number()), (1, 2));
    assert_eq!(pool.manager().census.present(), 2);
}

#[test]
fn unfit_connection_is_discarded() {
    let pool = pool_of(1);
    let mut guard = acquire_detached_from_runtime(&pool);
    guard.fate = Fate::Unfit;
    drop(guard);
    assert_eq!((pool.status().total, pool.metrics().discarded), (0, 1));
    assert_at_rest(&pool);
}

#[test]
fn discarded_connection_is_gone_before_another_takes_its_slot() {
    let pool = pool_of(1);
    let mut guard = acquire_detached_from_runtime(&pool);
    block_on(async {
        let mut waiter = Box::pin(pool.acquire());
        assert!(poll_once(&mut waiter).is_pending());
        guard.fate = Fate::Unfit;
        drop(guard);
        assert_eq!((pool.manager().census.present(), waiter.await.unwrap().number()), (0, 2));
    });
    assert_eq!(pool.manager().census.peak(), 1);
}

#[test]
fn guard_knows_its_pool() {
    let pool = pool_of(7);
    let guard = acquire_detached_from_runtime(&pool);
    assert_eq!(guard.pool().status().max, 7);
}

#[test]
fn last_guard_outlives_every_handle() {
    let pool = planned(|_| AT_ONCE).build().unwrap();
    let census = pool.manager().census.clone();
    let guard = acquire_detached_from_runtime(&pool);
    drop(pool);
    assert_eq!(census.present(), 1);
    drop(guard);
    assert_eq!(census.present(), 0);
}

#[test]
fn connection_handed_over_is_used_before_a_connect_in_progress() {
    let pool =
        planned(|n| if n == 1 { AT_ONCE } else { Plan::Open(millis(50)) }).max_conns(2).build().unwrap();
    block_on(async {
        let first = pool.acquire().await.unwrap();
        let (second, ()) = tokio::join!(pool.acquire(), async { drop(first) });
        assert_eq!(second.unwrap().number(), 1);
    });
    assert_at_rest(&pool);
}
