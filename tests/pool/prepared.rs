//! What the program does with every session: when it begins, before a caller gets it, and when it has come back.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use molt_db::config::ResetPolicy;
use molt_db::{Config, Connection, Error, Pool, TransactionStatus};

use crate::common::{assert_usable, code, on_each_server, plain_config, within};
use crate::{SLEEP, acquire, backends, until};

/// Has every session run a script first.
fn running(config: Config, script: &'static str) -> Config {
    config.after_connect(move |session| Box::pin(async move { session.script(script).await.map(drop) }))
}

fn pool(config: Config) -> Pool {
    Pool::builder(config).max_conns(1).build().unwrap()
}

const TENANT: &str = "select current_setting('app.tenant', true)";

async fn tenant(session: &mut Connection) -> Option<String> {
    session.query(TENANT).one::<(Option<String>,)>().await.unwrap().0
}

#[tokio::test]
async fn a_session_is_prepared_before_anybody_gets_it() {
    on_each_server(async |server| {
        let config = running(plain_config(server, "test"), "set app.tenant = 'nobody'");
        assert_eq!(tenant(&mut *acquire(&pool(config.clone())).await).await.as_deref(), Some("nobody"));
        let mut alone = Connection::connect(&config).await.unwrap();
        assert_eq!(tenant(&mut alone).await.as_deref(), Some("nobody"));
    })
    .await;
}

#[tokio::test]
async fn a_session_that_was_reset_is_prepared_again_and_one_that_was_not_is_not() {
    on_each_server(async |server| {
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&runs);
        let config = plain_config(server, "test").after_connect(move |session| {
            counted.fetch_add(1, Ordering::Relaxed);
            Box::pin(async move { session.script("set app.tenant = 'nobody'").await.map(drop) })
        });
        for (policy, script, expected) in [
            (ResetPolicy::Cheap, "select 1", 1),
            (ResetPolicy::Cheap, "set app.tenant = 'somebody'", 2),
            (ResetPolicy::Full, "select set_config('app.tenant', 'somebody', false)", 2),
            (ResetPolicy::Full, "discard all", 2),
        ] {
            runs.store(0, Ordering::Relaxed);
            let pool = pool(config.clone().reset(policy));
            let mut session = acquire(&pool).await;
            let first = session.backend_pid();
            session.script(script).await.unwrap();
            drop(session);
            let mut session = acquire(&pool).await;
            assert_eq!(tenant(&mut session).await.as_deref(), Some("nobody"), "{policy} {script}");
            assert_eq!((session.backend_pid(), runs.load(Ordering::Relaxed)), (first, expected));
        }
    })
    .await;
}

#[tokio::test]
async fn what_preparing_leaves_open_is_rolled_back() {
    on_each_server(async |server| {
        let pool = pool(running(plain_config(server, "test"), "begin; select 1"));
        let mut session = acquire(&pool).await;
        assert_eq!(session.transaction_status(), TransactionStatus::Idle);
        assert_usable(&mut session).await;
    })
    .await;
}

#[tokio::test]
async fn an_error_of_preparing_is_one_of_connecting() {
    on_each_server(async |server| {
        let config = running(plain_config(server, "test").application_name("unprepared"), "select 1 / 0");
        let pool = pool(config);
        for _ in 0..2 {
            let error = within(pool.acquire()).await.unwrap_err();
            assert!(error.is_connect(), "{error:?}");
            assert_eq!(code(&error), "22012");
            assert!(error.to_string().contains("after_connect"), "{error}");
        }
        until(|| backends(server, "unprepared") == 0).await;
        assert_eq!(pool.status().total, 0);
    })
    .await;
}

#[tokio::test]
async fn preparing_that_hangs_ends_with_connect_timeout() {
    on_each_server(async |server| {
        let config = running(plain_config(server, "test").application_name("hanging"), SLEEP);
        let config = config.connect_timeout(Duration::from_millis(300));
        let pool = Pool::builder(config).max_conns(1).max_wait(Duration::from_secs(1)).build().unwrap();
        let error = within(pool.acquire()).await.unwrap_err();
        assert!(error.is_connect() && error.is_timeout(), "{error:?}");
        // Another try may have begun before the caller's time was over. It has the same limit.
        until(|| pool.status().total == 0 && backends(server, "hanging") == 0).await;
    })
    .await;
}

#[tokio::test]
async fn preparing_that_panics_neither_leaks_nor_poisons() {
    on_each_server(async |server| {
        let runs = Arc::new(AtomicUsize::new(0));
        let config = plain_config(server, "test").application_name("panicking");
        let config = config.after_connect(move |session| {
            let run = runs.fetch_add(1, Ordering::Relaxed);
            Box::pin(async move {
                session.script("select 1").await?;
                assert!(run > 0, "the first time");
                Ok::<_, Error>(())
            })
        });
        let pool = pool(config);
        let error = within(pool.acquire()).await.unwrap_err();
        assert!(error.to_string().contains("panic"), "{error}");
        until(|| backends(server, "panicking") == 0).await;
        assert_usable(&mut *acquire(&pool).await).await;
        assert_eq!((pool.status().total, backends(server, "panicking")), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn a_caller_gets_a_session_that_was_prepared_for_it() {
    on_each_server(async |server| {
        let builder = Pool::builder(plain_config(server, "test")).max_conns(1).before_acquire(|session| {
            Box::pin(async move { session.script("set app.tenant = 'mine'").await.map(drop) })
        });
        let pool = builder.build().unwrap();
        for _ in 0..3 {
            let mut session = acquire(&pool).await;
            assert_eq!(tenant(&mut session).await.as_deref(), Some("mine"));
            session.script("set app.tenant = 'another'").await.unwrap();
        }
        assert_eq!((pool.metrics().connects, pool.metrics().turned_down), (1, 0));
    })
    .await;
}

#[tokio::test]
async fn a_session_that_is_turned_down_is_replaced_and_the_caller_goes_on_waiting() {
    on_each_server(async |server| {
        let runs = Arc::new(AtomicUsize::new(0));
        let config = plain_config(server, "test");
        let builder = Pool::builder(config).max_conns(1).before_acquire(move |session| {
            let run = runs.fetch_add(1, Ordering::Relaxed);
            Box::pin(async move {
                session.script(if run == 1 { "select 1 / 0" } else { "select 1" }).await.map(drop)
            })
        });
        let pool = builder.build().unwrap();
        let first = acquire(&pool).await.backend_pid();
        let mut session = acquire(&pool).await;
        assert_ne!(session.backend_pid(), first);
        assert_usable(&mut session).await;
        assert_eq!((pool.metrics().turned_down, pool.status().total), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn a_session_that_comes_back_is_seen_off_at_rest_and_before_it_is_reset() {
    on_each_server(async |server| {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let list = Arc::clone(&seen);
        let builder =
            Pool::builder(plain_config(server, "test")).max_conns(1).after_release(move |session| {
                let list = Arc::clone(&list);
                Box::pin(async move {
                    let found = (tenant(session).await, session.transaction_status());
                    list.lock().unwrap().push(found);
                    session.script("begin; select 1").await.map(drop)
                })
            });
        let pool = builder.build().unwrap();
        let mut session = acquire(&pool).await;
        session.script("set app.tenant = 'mine'").await.unwrap();
        session.script("begin; select 1").await.unwrap();
        drop(session);
        let mut session = acquire(&pool).await;
        assert_eq!(session.transaction_status(), TransactionStatus::Idle);
        assert_ne!(tenant(&mut session).await.as_deref(), Some("mine"));
        assert_eq!(*seen.lock().unwrap(), [(Some("mine".to_owned()), TransactionStatus::Idle)]);
        drop(session);
        drop(acquire(&pool).await);
        assert_eq!(pool.metrics().connects, 1);
    })
    .await;
}

/// What a callback of the program does wrong.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Fails,
    Panics,
}

#[tokio::test]
async fn a_session_that_is_seen_off_in_vain_is_closed() {
    on_each_server(async |server| {
        for fault in [Fault::Fails, Fault::Panics] {
            let config = plain_config(server, "test").application_name("seen off");
            let builder = Pool::builder(config).max_conns(1).after_release(move |session| {
                Box::pin(async move {
                    session.script("select 1").await?;
                    match fault {
                        Fault::Fails => session.script("select 1 / 0").await.map(drop),
                        Fault::Panics => panic!("in a callback"),
                    }
                })
            });
            let pool = builder.build().unwrap();
            let first = acquire(&pool).await.backend_pid();
            let mut session = acquire(&pool).await;
            assert_ne!(session.backend_pid(), first, "{fault:?}");
            assert_usable(&mut session).await;
            assert_eq!((pool.status().total, pool.metrics().discarded), (1, 1), "{fault:?}");
            session.detach().close().await.unwrap();
            until(|| backends(server, "seen off") == 0).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_panic_before_a_caller_gets_its_session_is_its_own_and_costs_the_pool_nothing() {
    on_each_server(async |server| {
        let runs = Arc::new(AtomicUsize::new(0));
        let builder = Pool::builder(plain_config(server, "test")).max_conns(1).before_acquire(move |_| {
            assert!(runs.fetch_add(1, Ordering::Relaxed) > 0, "the first time");
            Box::pin(async { Ok::<_, Error>(()) })
        });
        let pool = builder.build().unwrap();
        let caller = tokio::spawn({
            let pool = pool.clone();
            async move { pool.acquire().await.map(drop) }
        });
        assert!(within(caller).await.unwrap_err().is_panic());
        assert_usable(&mut *acquire(&pool).await).await;
        until(|| pool.status().total == 1).await;
    })
    .await;
}
