//! What a pool does about a server by itself: it opens, asks, and tries again.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use molt_db::{Config, Lane, Pool, Request};
use molt_db_testkit::peer::{Peer, messages};
use molt_db_testkit::{User, shared_servers};
use tokio::time::{Instant, sleep};

use crate::common::{assert_usable, code, plain_config, within};
use crate::{acquire, backends, until};

#[tokio::test]
async fn connections_are_kept_open_and_replaced_when_the_server_ends_them() {
    for server in shared_servers() {
        let config = plain_config(server, "test").application_name("kept");
        let pool = Pool::builder(config).min_conns(3).max_conns(5).build().unwrap();
        until(|| pool.status().idle == 3).await;
        assert_eq!((backends(server, "kept"), pool.metrics().acquired), (3, 0));
        let (first, second) = (acquire(&pool).await, acquire(&pool).await);
        for session in [first, second] {
            let pid = session.backend_pid().unwrap();
            server.sql(&format!("select pg_terminate_backend({pid})")).unwrap();
            drop(session.detach());
        }
        until(|| pool.status().idle == 3).await;
        assert_usable(&mut *acquire(&pool).await).await;
        pool.close().await;
    }
}

#[tokio::test]
async fn an_idle_connection_that_the_server_has_ended_is_found_out_and_a_live_one_is_left_alone() {
    for server in shared_servers() {
        let config = plain_config(server, "test").application_name("checked");
        let pool = Pool::builder(config)
            .min_conns(1)
            .max_conns(1)
            .health_check_interval(Duration::from_millis(20))
            .build()
            .unwrap();
        until(|| pool.metrics().checks >= 3).await;
        let first = acquire(&pool).await.backend_pid().unwrap();
        assert_eq!(pool.metrics().connects, 1);
        server.sql(&format!("select pg_terminate_backend({first})")).unwrap();
        until(|| pool.metrics().checks_failed == 1).await;
        until(|| pool.status().idle == 1).await;
        assert_ne!(acquire(&pool).await.backend_pid(), Some(first));
        pool.close().await;
    }
}

#[tokio::test]
async fn connections_that_are_not_used_are_closed() {
    for server in shared_servers() {
        let config = plain_config(server, "test").application_name("unused");
        let pool = Pool::builder(config).max_conns(3).max_idle(Duration::from_millis(50)).build().unwrap();
        drop((acquire(&pool).await, acquire(&pool).await));
        until(|| pool.status().total == 0).await;
        until(|| backends(server, "unused") == 0).await;
        assert_eq!(pool.metrics().unused, 2);
    }
}

/// Turns that many connections away with an error, and lets the next one in.
fn peer_that_refuses(times: usize, sqlstate: &'static str) -> Peer {
    Peer::listen(move |listener| async move {
        for _ in 0..times {
            let mut refused = listener.accept().await?;
            refused.startup().await?;
            refused.send(&messages::error("FATAL", sqlstate, "not now")).await?;
            refused.close().await?;
        }
        let mut session = listener.accept().await?;
        session.login().await?;
        session.hang().await;
        Ok(())
    })
    .unwrap()
}

fn pool_of(peer: &Peer) -> Pool {
    let text =
        format!("host=127.0.0.1 port={} user=u sslmode=disable max_conns=1 max_wait_ms=15000", peer.port());
    let config: Config = text.parse().unwrap();
    Pool::builder(config)
        .connect_backoff(Duration::from_millis(5), Duration::from_millis(20))
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_server_that_starts_up_or_is_full_is_waited_for() {
    for sqlstate in ["57P03", "53300"] {
        let peer = peer_that_refuses(3, sqlstate);
        let pool = pool_of(&peer);
        drop(acquire(&pool).await);
        assert_eq!((pool.metrics().connects, pool.metrics().connects_failed), (1, 3), "{sqlstate}");
        drop(pool);
        within(peer.finish()).await.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_lets_nobody_in_is_not_asked_again() {
    for sqlstate in ["28P01", "28000", "3D000"] {
        let peer = peer_that_refuses(1, sqlstate);
        let pool = pool_of(&peer);
        let error = within(pool.acquire()).await.unwrap_err();
        assert_eq!((code(&error), error.is_pool_exhausted()), (sqlstate.to_owned(), false));
        assert_eq!(pool.metrics().connects_failed, 1);
        drop(acquire(&pool).await);
        drop(pool);
        within(peer.finish()).await.unwrap();
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_fails_at_once() {
    for server in shared_servers() {
        let mut config: Config = server.tls_url(User::Trust, "test").parse().unwrap();
        config = config.ssl_root_cert("system").max_wait(Duration::from_secs(600));
        let pool = Pool::builder(config).build().unwrap();
        let error = within(pool.acquire()).await.unwrap_err();
        assert!(error.is_connect() && !error.is_pool_exhausted(), "{error:?}");
    }
}

#[tokio::test]
async fn a_session_that_is_kept_for_long_is_counted_and_its_holder_can_be_found() {
    let server = &shared_servers()[0];
    let config = plain_config(server, "test");
    let reports = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&reports);
    let pool = Pool::builder(config)
        .leak_after(Duration::from_millis(20))
        .on_leak(move |holder| told.lock().unwrap().push(holder.to_string()))
        .lane(Lane::new("reports").max_waiting(0))
        .max_conns(1)
        .build()
        .unwrap();
    drop(acquire(&pool).await);
    let line = line!() + 1;
    let held = within(pool.acquire_with(Request::new().tag("nightly"))).await.unwrap();
    until(|| pool.metrics().leaked == 1).await;
    let [holder] = &pool.holders()[..] else { panic!("one holds") };
    assert_eq!((holder.acquired_at.line(), holder.tag), (line, Some("nightly")));
    assert!(holder.acquired_at.file().ends_with("keeping.rs"));
    until(|| !reports.lock().unwrap().is_empty()).await;
    let [report] = &reports.lock().unwrap().clone()[..] else { panic!("it is told once") };
    assert!(report.contains(&format!("keeping.rs:{line}:")) && report.ends_with("for nightly"), "{report}");
    let begun = Instant::now();
    let error = within(pool.acquire_with(Request::new().lane("reports"))).await.unwrap_err();
    assert!(error.is_pool_exhausted() && error.to_string().contains("in lane reports"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(4), "it waited");
    assert!(within(pool.acquire_with(Request::new().lane("none"))).await.is_err());
    sleep(Duration::from_millis(1)).await;
    drop(held);
}
