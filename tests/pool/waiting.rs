//! Who waits, and for what.

use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use molt_db::{Config, Pool, Request, Session, TransactionStatus};
use molt_db_testkit::{Server, shared_servers};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::common::{assert_usable, plain_config, within};
use crate::{acquire, backends, pid, pool, pool_as, runtime, until};

#[tokio::test]
async fn a_freed_connection_goes_to_the_one_who_waited_longest() {
    const WAITERS: usize = 20;
    for server in shared_servers() {
        let pool = pool(server, 1);
        let first = acquire(&pool).await;
        let only = first.backend_pid();
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        for number in 0..WAITERS {
            let (pool, order) = (pool.clone(), Arc::clone(&order));
            let waiting = pool.status().waiting;
            let watched = pool.clone();
            tasks.spawn(async move {
                let mut session = acquire(&pool).await;
                order.lock().unwrap().push(number);
                assert_eq!(session.backend_pid(), only);
                assert_usable(&mut session).await;
            });
            until(|| watched.status().waiting == waiting + 1).await;
        }
        drop(first);
        within(tasks.join_all()).await;
        assert_eq!(*order.lock().unwrap(), (0..WAITERS).collect::<Vec<_>>());
        assert_eq!(pool.metrics().connects, 1);
    }
}

#[tokio::test]
async fn a_caller_who_waited_long_enough_is_told_how_the_pool_looks() {
    for server in shared_servers() {
        let config = plain_config(server, "test");
        let pool = Pool::builder(config).max_conns(2).max_wait(Duration::from_millis(50)).build().unwrap();
        let patient = || within(pool.acquire_with(Request::new().max_wait(Duration::from_secs(15))));
        let held = (patient().await.unwrap(), patient().await.unwrap());
        let error = within(pool.acquire()).await.unwrap_err();
        assert!(error.is_pool_exhausted() && error.is_timeout() && !error.is_connect(), "{error:?}");
        let text = error.to_string();
        assert!(text.contains("no connection within 50ms") && text.contains("2 of 2 in use"), "{text}");
        let exhausted = error.pool_exhausted().unwrap();
        assert_eq!(exhausted.max_wait(), Duration::from_millis(50));
        assert_eq!((exhausted.status().in_use, exhausted.status().waiting), (2, 1));
        assert_eq!(pool.status().waiting, 0);
        drop(held);
        assert_usable(&mut patient().await.unwrap()).await;
    }
}

#[tokio::test]
async fn a_dropped_wait_leaves_nothing_behind() {
    for server in shared_servers() {
        let pool = pool(server, 1);
        let held = acquire(&pool).await;
        let only = held.backend_pid().unwrap();
        for _ in 0..10 {
            assert!(timeout(Duration::from_millis(2), pool.acquire()).await.is_err());
        }
        assert_eq!(pool.status().waiting, 0);
        // The last one is dropped when the connection is already its own.
        let mut granted = Box::pin(pool.acquire());
        assert!(timeout(Duration::from_millis(2), granted.as_mut()).await.is_err());
        drop(held);
        drop(granted);
        assert_eq!((pool.status().idle, pool.status().in_use), (1, 0));
        assert_eq!(pid(&pool).await, only);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_never_hold_more_backends_than_the_maximum() {
    const MAX: u64 = 8;
    for server in shared_servers() {
        let pool = pool_as(server, 8, "eight");
        let mut tasks = JoinSet::new();
        for task in 0..64_i32 {
            let pool = pool.clone();
            tasks.spawn(async move {
                for round in 0..10_i32 {
                    let mut session = acquire(&pool).await;
                    session.execute("select pg_sleep(0.002)", ()).await.unwrap();
                    let (found,): (i32,) =
                        session.query("select $1::int4").bind(task * 100 + round).one().await.unwrap();
                    assert_eq!(found, task * 100 + round);
                }
            });
        }
        let mut most = 0;
        while !tasks.is_empty() {
            most = most.max(backends(server, "eight"));
            while let Some(ended) = tasks.try_join_next() {
                ended.unwrap();
            }
            sleep(Duration::from_millis(2)).await;
        }
        assert!(most <= MAX, "{most} backends");
        assert!(most > 1, "only {most} backend was seen: the test shows little");
        assert!(pool.status().total <= 8);
        assert_eq!(pool.metrics().acquired, 640);
    }
}

#[tokio::test]
async fn a_detached_session_is_its_holders_own() {
    for server in shared_servers() {
        let pool = pool(server, 1);
        let mut detached = acquire(&pool).await.detach();
        assert_eq!(pool.status().total, 0);
        let mut session = acquire(&pool).await;
        assert_ne!(session.backend_pid(), detached.backend_pid());
        assert_usable(&mut session).await;
        drop(session);
        within(pool.close()).await;
        assert_usable(&mut detached).await;
        within(detached.close()).await.unwrap();
    }
}

#[tokio::test]
async fn a_closed_pool_refuses_and_waits_for_the_last_session() {
    for server in shared_servers() {
        let pool = pool_as(server, 2, "closing");
        let mut held = acquire(&pool).await;
        drop(acquire(&pool).await);
        assert_eq!(backends(server, "closing"), 2);
        let mut closing = Box::pin(pool.close());
        assert!(timeout(Duration::from_millis(20), closing.as_mut()).await.is_err());
        let error = within(pool.acquire()).await.unwrap_err();
        assert!(error.to_string().contains("closed") && !error.is_pool_exhausted(), "{error:?}");
        assert_usable(&mut held).await;
        drop(held);
        within(closing).await;
        assert_eq!(pool.status().total, 0);
        until(|| backends(server, "closing") == 0).await;
    }
}

#[tokio::test]
async fn waiters_of_a_pool_that_closes_are_refused() {
    let pool = pool(Server::shared(), 1);
    let held = acquire(&pool).await;
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.acquire().await.map(drop) }
    });
    until(|| pool.status().waiting == 1).await;
    let closing = tokio::spawn({
        let pool = pool.clone();
        async move { pool.close().await }
    });
    let error = within(waiter).await.unwrap().unwrap_err();
    assert!(error.to_string().contains("closed"), "{error}");
    drop(held);
    within(closing).await.unwrap();
}

#[tokio::test]
async fn a_panic_while_a_session_is_held_costs_the_pool_nothing() {
    for server in shared_servers() {
        let pool = pool(server, 1);
        let first = pid(&pool).await;
        for in_transaction in [false, true] {
            let holder = pool.clone();
            let panicked = tokio::spawn(async move {
                let mut session = acquire(&holder).await;
                if in_transaction {
                    session.script("begin").await.unwrap();
                }
                panic!("the holder's own fault");
            });
            assert!(within(panicked).await.unwrap_err().is_panic());
            let mut session = acquire(&pool).await;
            assert_eq!(session.backend_pid(), Some(first));
            assert_eq!(session.transaction_status(), TransactionStatus::Idle);
            assert_usable(&mut session).await;
        }
    }
}

#[tokio::test]
async fn a_session_may_be_dropped_on_any_thread() {
    for server in shared_servers() {
        let pool = pool(server, 1);
        let session = acquire(&pool).await;
        let first = session.backend_pid().unwrap();
        thread::spawn(move || drop(session)).join().unwrap();
        assert_eq!(pid(&pool).await, first);

        let mut session = acquire(&pool).await;
        session.script("begin").await.unwrap();
        thread::spawn(move || drop(session)).join().unwrap();
        assert_eq!(pid(&pool).await, first);
        assert_eq!((pool.metrics().settles, pool.metrics().connects), (1, 1));
    }
}

#[test]
fn a_session_and_its_pool_outlive_their_runtime() {
    let server = Server::shared();
    let pool = pool(server, 2);
    let first = runtime();
    let (idle, in_use) = first.block_on(async { (acquire(&pool).await, acquire(&pool).await) });
    drop(idle);
    drop(first);
    thread::spawn(move || drop(in_use)).join().unwrap();

    let error = match blocking_poll(&pool) {
        Some(outcome) => outcome.map(drop).unwrap_err(),
        None => panic!("it waits where nothing can wake it"),
    };
    assert!(error.to_string().contains("runtime"), "{error}");

    let second = runtime();
    second.block_on(async {
        for _ in 0..2 {
            assert_usable(&mut *acquire(&pool).await).await;
        }
        let both = (acquire(&pool).await, acquire(&pool).await);
        drop(both);
        within(pool.close()).await;
    });
}

/// Polls an acquire once, outside of any runtime.
fn blocking_poll(pool: &Pool) -> Option<Result<Session, molt_db::Error>> {
    let mut acquire = std::pin::pin!(pool.acquire());
    match acquire.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        Poll::Ready(outcome) => Some(outcome),
        Poll::Pending => None,
    }
}

#[test]
fn a_pool_that_can_never_work_is_not_built() {
    for text in ["host=127.0.0.1", "host=127.0.0.1 user=u sslmode=verify-full sslrootcert=/no/such/file"] {
        let config: Config = text.parse().unwrap();
        assert!(Pool::builder(config).build().is_err(), "{text}");
    }
    let config: Config = "host=127.0.0.1 user=u".parse().unwrap();
    assert!(Pool::builder(config.clone().max_conns(0)).build().is_err());
    assert!(Pool::builder(config.max_conns(1)).build().is_ok());
}
