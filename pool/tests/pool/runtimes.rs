//! Pools without a runtime, and between several.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use molt_db_pool::{AcquireError, Pool};
use tokio::runtime::{Builder, Runtime};

use crate::fake::{AT_ONCE, Fake, Plan, assert_at_rest, planned, poll_once, pool_of};

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

#[test]
fn acquire_outside_of_a_runtime_is_an_error_not_a_panic() {
    let pool = pool_of(1);
    let acquire = pin!(pool.acquire());
    let polled = acquire.poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Ready(Err(AcquireError::NoRuntime))));
    assert_at_rest(&pool);
}

#[test]
fn two_runtimes_share_a_pool() {
    let pool = pool_of(1);
    let (one, two) = (runtime(), runtime());
    let guard = one.block_on(pool.acquire()).unwrap();
    let waiter = two.spawn({
        let pool = pool.clone();
        async move { pool.acquire().await.unwrap().number() }
    });
    while pool.status().waiting == 0 {
        std::thread::yield_now();
    }
    drop(one);
    drop(guard);
    assert_eq!(two.block_on(waiter).unwrap(), 1);
    assert_at_rest(&pool);
}

#[test]
fn connect_lost_with_its_runtime_is_started_again_by_a_waiter_of_another() {
    let pool = planned(|n| if n == 1 { Plan::Never } else { AT_ONCE }).max_conns(1).build().unwrap();
    let (one, two) = (runtime(), runtime());
    let starter = one.spawn({
        let pool = pool.clone();
        async move { pool.acquire().await.map(drop) }
    });
    while pool.manager().census.present() == 0 {
        std::thread::yield_now();
    }
    let waiter = two.spawn({
        let pool = pool.clone();
        async move { pool.acquire().await.unwrap().number() }
    });
    while pool.status().waiting < 2 {
        std::thread::yield_now();
    }
    drop(one);
    assert_eq!(two.block_on(waiter).unwrap(), 2);
    assert!(two.block_on(starter).is_err_and(|lost| lost.is_cancelled()));
    assert_at_rest(&pool);
}

/// Starts a connect in `runtime` and forsakes it.
fn start_connect(pool: &Pool<Fake>, runtime: &Runtime) {
    let _context = runtime.enter();
    assert!(poll_once(&mut Box::pin(pool.acquire())).is_pending());
    assert_eq!((pool.status().connecting, pool.status().waiting), (1, 0));
}

#[test]
fn connect_lost_with_its_runtime_frees_its_slot_for_the_next_acquire() {
    let pool = planned(|n| if n == 1 { Plan::Never } else { AT_ONCE }).max_conns(1).build().unwrap();
    let one = runtime();
    start_connect(&pool, &one);
    while pool.manager().census.present() == 0 {
        std::thread::yield_now();
    }
    drop(one);
    assert_at_rest(&pool);
    assert_eq!(runtime().block_on(pool.acquire()).unwrap().number(), 2);
}

#[test]
fn connect_whose_runtime_never_ran_frees_its_slot() {
    let pool = pool_of(1);
    let idle = Builder::new_current_thread().enable_all().build().unwrap();
    start_connect(&pool, &idle);
    drop(idle);
    assert_at_rest(&pool);
    assert_eq!(runtime().block_on(pool.acquire()).unwrap().number(), 1);
}
