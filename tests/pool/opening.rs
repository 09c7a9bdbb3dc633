//! Connections that cannot be opened, and connections that have ended.

use std::time::Duration;

use molt_db::{Config, Pool, Request};
use molt_db_testkit::peer::Peer;
use molt_db_testkit::{Server, ServerOptions, User, shared_servers};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::common::{assert_usable, code, within};
use crate::{acquire, backends, pool, pool_as, until};

#[tokio::test]
async fn what_a_server_says_unasked_is_no_reason_to_replace_a_connection() {
    for server in shared_servers() {
        for url in [server.tls_url(User::Trust, "test"), server.socket_url(User::Trust, "test")] {
            let pool = Pool::builder(url.parse().unwrap()).max_conns(1).build().unwrap();
            let mut session = acquire(&pool).await;
            let first = session.backend_pid().unwrap();
            session.script("listen news").await.unwrap();
            drop(session);
            for _ in 0..5 {
                server.sql("notify news, 'something'").unwrap();
                sleep(Duration::from_millis(5)).await;
                let mut session = acquire(&pool).await;
                assert_eq!(session.backend_pid(), Some(first), "{url}");
                assert_usable(&mut session).await;
            }
        }
    }
}

#[tokio::test]
async fn connections_that_were_ended_while_idle_are_not_handed_out() {
    const CONNECTIONS: usize = 4;
    let server = Server::start(ServerOptions::default()).unwrap();
    for url in [
        format!("{}?sslmode=disable", server.url(User::Trust, "test")),
        server.tls_url(User::Trust, "test"),
        server.socket_url(User::Trust, "test"),
    ] {
        let config = url.parse::<Config>().unwrap().application_name("idle");
        let pool = Pool::builder(config).max_conns(4).build().unwrap();
        for round in 0..15 {
            let mut sessions = Vec::new();
            for _ in 0..CONNECTIONS {
                let mut session = acquire(&pool).await;
                let found = session.query("select 1").one::<(i32,)>().await;
                found.unwrap_or_else(|error| panic!("round {round}, {url}: {error}"));
                sessions.push(session);
            }
            drop(sessions);
            assert_eq!(pool.status().idle, CONNECTIONS);
            assert_eq!(server.terminate_backends().unwrap(), CONNECTIONS);
            until(|| backends(&server, "idle") == 0).await;
            // The system has told the runtime by then that the sockets are readable.
            sleep(Duration::from_millis(5)).await;
        }
    }
}

/// tokio lets a task do 128 things in a row; from then on everything looks as if it were not ready.
#[tokio::test]
async fn a_busy_task_is_not_handed_an_ended_connection_either() {
    let server = Server::start(ServerOptions::default()).unwrap();
    let pool = pool_as(&server, 1, "busy");
    for things in [0, 1, 126, 127, 128, 129, 130, 200] {
        assert_usable(&mut *acquire(&pool).await).await;
        server.terminate_backends().unwrap();
        until(|| backends(&server, "busy") == 0).await;
        sleep(Duration::from_millis(5)).await;
        let (sender, mut receiver) = mpsc::unbounded_channel();
        (0..things).for_each(|thing| sender.send(thing).unwrap());
        let pool = pool.clone();
        let task = tokio::spawn(async move {
            for _ in 0..things {
                receiver.recv().await.unwrap();
            }
            let mut session = pool.acquire().await.unwrap();
            session.execute("select 1", ()).await
        });
        let outcome = within(task).await.unwrap();
        outcome.unwrap_or_else(|error| panic!("after {things} things: {error}"));
    }
}

#[tokio::test]
async fn a_session_that_was_ended_in_use_costs_one_error() {
    let server = Server::start(ServerOptions::default()).unwrap();
    let pool = pool(&server, 1);
    for _ in 0..5 {
        let mut session = acquire(&pool).await;
        assert_usable(&mut session).await;
        server.terminate_backends().unwrap();
        let error = within(session.execute("select 1", ())).await.unwrap_err();
        assert!(error.is_connection_lost(), "{error:?}");
        drop(session);
        assert_eq!((pool.status().total, pool.metrics().settles_failed), (0, 0));
        assert_usable(&mut *acquire(&pool).await).await;
    }
}

#[tokio::test]
async fn a_pool_recovers_from_a_restart_of_its_server() {
    let server = Server::start(ServerOptions::default()).unwrap();
    let pool = pool(&server, 3);
    for _ in 0..2 {
        let sessions = (acquire(&pool).await, acquire(&pool).await);
        drop(sessions);
        server.stop().unwrap();
        sleep(Duration::from_millis(5)).await;
        let request = Request::new().max_wait(Duration::from_millis(300));
        let error = within(pool.acquire_with(request)).await.unwrap_err();
        assert!(error.is_connect() && error.is_pool_exhausted() && !error.attempts().is_empty(), "{error:?}");
        assert!(error.to_string().contains("Connection refused"), "{error}");
        server.restart().unwrap();
        assert_usable(&mut *acquire(&pool).await).await;
    }
}

#[tokio::test]
async fn a_wrong_password_is_reported_at_once() {
    for server in shared_servers() {
        let config: Config = server.url(User::Scram, "test").parse().unwrap();
        let config = config.password("wrong").max_wait(Duration::from_secs(600));
        let pool = Pool::builder(config).build().unwrap();
        let mut tasks = JoinSet::new();
        for _ in 0..5 {
            let pool = pool.clone();
            tasks.spawn(async move { within(pool.acquire()).await.unwrap_err() });
        }
        for error in tasks.join_all().await {
            assert!(error.is_connect() && !error.is_pool_exhausted(), "{error:?}");
            assert_eq!(code(&error), "28P01");
        }
        // One more may have been begun, if these took long.
        until(|| pool.status().total == 0).await;
    }
}

#[tokio::test]
async fn a_connect_that_hangs_is_given_up_after_connect_timeout_and_tried_again() {
    let peer = Peer::listen(|listener| async move {
        let mut silent = listener.accept().await?;
        silent.hang().await;
        let mut session = listener.accept().await?;
        session.login().await?;
        session.hang().await;
        Ok(())
    })
    .unwrap();
    let text = format!(
        "host=127.0.0.1 port={} user=u sslmode=disable connect_timeout_ms=100 max_conns=1 max_wait_ms=15000",
        peer.port()
    );
    let pool = Pool::builder(text.parse().unwrap()).build().unwrap();
    drop(acquire(&pool).await);
    assert_eq!((pool.metrics().connects, pool.metrics().connects_failed), (1, 1));
    drop(pool);
    within(peer.finish()).await.unwrap();
}
