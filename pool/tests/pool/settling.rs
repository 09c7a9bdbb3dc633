//! Connections that come back in the middle of something.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use molt_db_pool::{AcquireError, Disposition, Guard, Liveness, Manager, Pool};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::yield_now;
use tokio::time::sleep;

use crate::fake::{AT_ONCE, Ending, Fake, Fate, assert_at_rest, millis, planned, poll_once, pool_of, until};

/// Acquires a connection that settles as told when it comes back.
async fn acquire_unfinished(pool: &Pool<Fake>, ending: Ending) -> Guard<Fake> {
    let mut guard = pool.acquire().await.unwrap();
    guard.fate = Fate::Unfinished(ending);
    guard
}

#[tokio::test(start_paused = true)]
async fn unfinished_connection_comes_to_rest_and_is_used_again() {
    let pool = pool_of(2);
    drop(acquire_unfinished(&pool, Ending::Rest(millis(40))).await);
    assert_eq!(pool.status().to_string(), "0 of 2 in use, 0 idle, 1 settling, 0 connecting, 0 waiting");
    sleep(millis(50)).await;
    assert_at_rest(&pool);
    assert_eq!(pool.try_acquire().unwrap().number(), 1);
    let metrics = pool.metrics();
    assert_eq!((metrics.settles, metrics.settles_failed, metrics.discarded), (1, 0, 0));
    assert!(
        metrics.settle_time.sum() >= millis(40) && metrics.settle_time.sum() < millis(50),
        "{:?}",
        metrics.settle_time.sum()
    );
}

#[tokio::test(start_paused = true)]
async fn dropping_an_unfinished_connection_spawns_nothing() {
    let pool = pool_of(1);
    let guard = acquire_unfinished(&pool, Ending::Never).await;
    let tasks = Handle::current().metrics().num_alive_tasks();
    drop(guard);
    assert_eq!((pool.status().settling, Handle::current().metrics().num_alive_tasks()), (1, tasks));
    yield_now().await;
    assert_eq!(Handle::current().metrics().num_alive_tasks(), tasks + 1);
}

#[tokio::test(start_paused = true)]
async fn settled_connection_goes_to_the_oldest_waiter() {
    let pool = pool_of(1);
    let guard = acquire_unfinished(&pool, Ending::Rest(millis(10))).await;
    let mut first = Box::pin(pool.acquire());
    let mut second = Box::pin(pool.acquire());
    assert!(poll_once(&mut first).is_pending() && poll_once(&mut second).is_pending());
    drop(guard);
    let mut newcomer = Box::pin(pool.acquire());
    assert!(poll_once(&mut newcomer).is_pending());
    until(|| pool.status().settling == 0).await;
    assert!(poll_once(&mut newcomer).is_pending() && poll_once(&mut second).is_pending());
    assert_eq!(first.await.unwrap().number(), 1);
    assert_eq!(second.await.unwrap().number(), 1);
    assert_eq!(newcomer.await.unwrap().number(), 1);
    assert_eq!((pool.metrics().connects, pool.manager().census.started()), (1, 1));
    assert_at_rest(&pool);
}

#[tokio::test(start_paused = true)]
async fn settling_connection_keeps_its_slot() {
    let pool = pool_of(1);
    drop(acquire_unfinished(&pool, Ending::Rest(millis(10))).await);
    let mut waiter = Box::pin(pool.acquire());
    assert!(poll_once(&mut waiter).is_pending());
    assert_eq!((pool.status().total, pool.status().settling, pool.status().connecting), (1, 1, 0));
    assert_eq!(waiter.await.unwrap().number(), 1);
    assert_eq!(pool.manager().census.peak(), 1);
    assert_at_rest(&pool);
}

#[tokio::test(start_paused = true)]
async fn waiter_does_not_wait_for_a_settling_while_a_slot_is_free() {
    let pool = pool_of(2);
    drop(acquire_unfinished(&pool, Ending::Rest(millis(5000))).await);
    assert_eq!(pool.acquire().await.unwrap().number(), 2);
    assert_eq!(pool.status().settling, 1);
}

#[tokio::test(start_paused = true)]
async fn connection_given_up_frees_its_slot_for_a_connect() {
    let pool = planned(|_| AT_ONCE).max_conns(1).max_wait(millis(60_000)).build().unwrap();
    for (number, ending) in
        [Ending::GiveUp(millis(5000)), Ending::GiveUp(millis(0)), Ending::Panic].into_iter().enumerate()
    {
        drop(acquire_unfinished(&pool, ending).await);
        assert_eq!(pool.acquire().await.unwrap().number(), number + 2);
        let failures = number as u64 + 1;
        assert_eq!((pool.metrics().settles_failed, pool.metrics().discarded), (failures, failures));
    }
    assert_eq!(pool.metrics().settles, 0);
    assert!(pool.metrics().settle_time.sum() >= millis(5000));
    assert_at_rest(&pool);
}

#[tokio::test(start_paused = true)]
async fn settling_that_hangs_holds_up_no_other() {
    let pool = pool_of(4);
    let mut guards = Vec::new();
    for ending in [Ending::Never, Ending::Rest(millis(20)), Ending::GiveUp(millis(10)), Ending::Panic] {
        guards.push(acquire_unfinished(&pool, ending).await);
    }
    drop(guards);
    assert_eq!(pool.status().settling, 4);
    sleep(millis(15)).await;
    assert_eq!((pool.status().settling, pool.status().idle), (2, 0));
    sleep(millis(15)).await;
    assert_eq!((pool.status().settling, pool.status().idle), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn exhaustion_names_those_that_settle() {
    let pool = planned(|_| AT_ONCE).max_conns(1).max_wait(millis(250)).build().unwrap();
    drop(acquire_unfinished(&pool, Ending::Never).await);
    let Err(AcquireError::Exhausted(exhausted)) = pool.acquire().await else { panic!("it was served") };
    assert_eq!(exhausted.status().settling, 1);
    assert_eq!(
        exhausted.to_string(),
        "no connection within 250ms: 0 of 1 in use, 0 idle, 1 settling, 0 connecting, 1 waiting"
    );
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// A runtime that runs while something blocks on it, and not at other times.
fn lazy_runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn unfinished_connection_settles_wherever_it_is_dropped() {
    let drops: [fn(Guard<Fake>); 3] = [
        |guard| thread::spawn(|| drop(guard)).join().unwrap(),
        |guard| lazy_runtime().block_on(async { drop(guard) }),
        |guard| {
            let panicked = catch_unwind(AssertUnwindSafe(move || {
                let _guard = guard;
                panic!("as told");
            }));
            assert!(panicked.is_err());
        },
    ];
    let runtime = runtime();
    let pool = pool_of(1);
    for dropped in drops {
        dropped(runtime.block_on(acquire_unfinished(&pool, Ending::Rest(millis(1)))));
        assert_eq!(runtime.block_on(pool.acquire()).unwrap().number(), 1);
    }
    assert_eq!(pool.metrics().settles, 3);
    assert_at_rest(&pool);
}

#[test]
fn unfinished_connection_is_dropped_at_once_when_its_runtime_has_gone() {
    let pool = pool_of(1);
    let guard = lazy_runtime().block_on(acquire_unfinished(&pool, Ending::Rest(millis(0))));
    drop(guard);
    assert_eq!((pool.status().total, pool.metrics().discarded, pool.metrics().settles_failed), (0, 1, 0));
    assert_at_rest(&pool);
    let runtime = lazy_runtime();
    drop(runtime.block_on(acquire_unfinished(&pool, Ending::Rest(millis(0)))));
    assert_eq!(runtime.block_on(pool.acquire()).unwrap().number(), 2);
}

#[test]
fn connections_that_wait_to_settle_are_dropped_with_the_last_runtime() {
    let pool = pool_of(3);
    let runtime = lazy_runtime();
    let guards = runtime.block_on(async {
        let never = Ending::Never;
        (
            acquire_unfinished(&pool, never).await,
            acquire_unfinished(&pool, never).await,
            acquire_unfinished(&pool, never).await,
        )
    });
    drop(guards);
    assert_eq!((pool.status().settling, pool.manager().census.present()), (3, 3));
    drop(runtime);
    assert_at_rest(&pool);
    assert_eq!((pool.status().total, pool.metrics().settles_failed), (0, 3));
    assert_eq!(pool.manager().census.settlings(), 0);
}

#[test]
fn settling_that_is_lost_with_its_runtime_frees_its_slot_for_a_waiter_of_another() {
    let pool = pool_of(1);
    let (one, two) = (runtime(), runtime());
    drop(one.block_on(acquire_unfinished(&pool, Ending::Never)));
    one.block_on(until(|| pool.manager().census.settlings() == 1));
    let waiter = two.spawn({
        let pool = pool.clone();
        async move { pool.acquire().await.unwrap().number() }
    });
    two.block_on(until(|| pool.status().waiting == 1));
    drop(one);
    assert_eq!(two.block_on(waiter).unwrap(), 2);
    assert_at_rest(&pool);
}

#[test]
fn waiter_has_settled_in_its_own_runtime_what_another_leaves_undone() {
    let pool = pool_of(1);
    let (idle, two) = (lazy_runtime(), runtime());
    drop(idle.block_on(acquire_unfinished(&pool, Ending::Rest(millis(1)))));
    assert_eq!(two.block_on(pool.acquire()).unwrap().number(), 1);
    // Each has its task by then: the one that can run does.
    drop(two.block_on(acquire_unfinished(&pool, Ending::Rest(millis(1)))));
    assert_eq!(two.block_on(pool.acquire()).unwrap().number(), 1);
    assert_at_rest(&pool);
}

#[tokio::test(start_paused = true)]
async fn close_waits_for_those_that_settle() {
    let pool = pool_of(3);
    let late = acquire_unfinished(&pool, Ending::Rest(millis(10))).await;
    drop((
        acquire_unfinished(&pool, Ending::Rest(millis(20))).await,
        acquire_unfinished(&pool, Ending::GiveUp(millis(30))).await,
    ));
    let closing = tokio::spawn({
        let pool = pool.clone();
        async move { pool.close().await }
    });
    sleep(millis(40)).await;
    assert_eq!((pool.status().total, pool.status().in_use), (1, 1));
    drop(late);
    assert_eq!(pool.status().settling, 1);
    yield_now().await;
    assert!(!closing.is_finished());
    closing.await.unwrap();
    assert_at_rest(&pool);
    let metrics = pool.metrics();
    assert_eq!((metrics.settles, metrics.settles_failed, metrics.discarded), (2, 1, 3));
}

fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

#[tokio::test(start_paused = true)]
async fn pool_leaves_one_task_in_a_runtime() {
    let pool = pool_of(2);
    for _ in 0..3 {
        drop(tokio::join!(pool.acquire(), pool.acquire()));
        drop(acquire_unfinished(&pool, Ending::GiveUp(millis(1))).await);
        until(|| pool.status().settling == 0).await;
    }
    assert_eq!(tasks(), 1);
}

#[tokio::test(start_paused = true)]
async fn task_of_a_pool_ends_when_it_is_closed() {
    for return_late in [false, true] {
        let pool = pool_of(1);
        let guard = acquire_unfinished(&pool, Ending::Rest(millis(1))).await;
        let late = return_late.then_some(guard);
        until(|| pool.status().settling == 0).await;
        tokio::join!(pool.close(), async { drop(late) });
        yield_now().await;
        assert_eq!((pool.metrics().settles, tasks()), (1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn task_of_a_pool_ends_when_the_pool_is_empty_at_its_closing() {
    let pool = pool_of(1);
    drop(pool.acquire().await.unwrap().detach());
    yield_now().await;
    assert_eq!((pool.status().total, tasks()), (0, 1));
    pool.close().await;
    yield_now().await;
    assert_eq!(tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn task_of_a_pool_ends_when_its_last_guard_has_gone() {
    let pool = pool_of(1);
    let guard = pool.acquire().await.unwrap();
    drop(pool);
    yield_now().await;
    assert_eq!(tasks(), 1);
    drop(guard);
    yield_now().await;
    assert_eq!(tasks(), 0);
}

#[test]
fn connections_that_wait_to_settle_are_dropped_with_the_pool() {
    let pool = pool_of(1);
    let census = pool.manager().census.clone();
    let runtime = lazy_runtime();
    let guard = runtime.block_on(acquire_unfinished(&pool, Ending::Never));
    drop(pool);
    assert_eq!(census.present(), 1);
    drop(guard);
    assert_eq!(census.present(), 0);
}

/// A manager that asks for a settling and cannot do it.
struct Unable;

impl Manager for Unable {
    type Connection = ();
    type Error = Infallible;

    async fn connect(&self) -> Result<(), Infallible> {
        Ok(())
    }

    fn is_alive(&self, (): &mut ()) -> Liveness {
        Liveness::Alive
    }

    fn on_release(&self, (): &mut ()) -> Disposition {
        Disposition::Settle
    }
}

#[tokio::test(start_paused = true)]
async fn manager_that_cannot_settle_gives_up() {
    let pool = Pool::builder(Unable).max_conns(1).build().unwrap();
    for _ in 0..3 {
        drop(pool.acquire().await.unwrap());
    }
    until(|| pool.status().total == 0).await;
    assert_eq!((pool.metrics().connects, pool.metrics().settles_failed), (3, 3));
}
