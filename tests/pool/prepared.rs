//! What every session goes through before anybody gets it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
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
        let pool = pool(config.connect_timeout(Duration::from_millis(300)));
        let error = within(pool.acquire()).await.unwrap_err();
        assert!(error.is_connect() && error.is_timeout(), "{error:?}");
        assert_eq!(pool.status().total, 0);
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
