//! Scopes: a deadline and a token that everything in a session obeys.

mod common;

use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::{assert_usable, connect, connect_to, on_each_server, plain_config, within};
use molt_db::{CancellationToken, Config, Connection, Error, OwnedRow, Pool, Scope, TransactionStatus};

const SLEEP: &str = "select pg_sleep(30)";

/// Runs something that does not end by itself.
async fn sleep_by(c: &mut Connection, kind: &str) -> Result<(), Error> {
    match kind {
        "execute" => c.execute(SLEEP, ()).await.map(drop),
        "rows" => c.query(SLEEP).rows().await.map(drop),
        "one" => c.query(SLEEP).one::<OwnedRow>().await.map(drop),
        "all" => c.query(SLEEP).all::<OwnedRow>().await.map(drop),
        "arrow" => c.query(SLEEP).arrow().await.map(drop),
        "script" => c.script(SLEEP).await.map(drop),
        "batch" => {
            let mut batch = c.batch();
            batch.add(SLEEP, ());
            batch.run().await.map(drop)
        }
        "results" => {
            let mut results = c.script_results(SLEEP).await?;
            while results.next().await?.is_some() {}
            Ok(())
        }
        "stream" => {
            let mut rows = c.query("select 1 union all select length(pg_sleep(30)::text)").rows().await?;
            while rows.next().await?.is_some() {}
            Ok(())
        }
        _ => {
            let mut tx = c.begin().await?;
            tx.query(SLEEP).portal(1).await.map(drop)
        }
    }
}

const KINDS: [&str; 10] =
    ["execute", "rows", "one", "all", "arrow", "script", "batch", "results", "stream", "portal"];

#[tokio::test]
async fn the_deadline_of_a_scope_ends_every_kind_of_call_and_the_connection_goes_on() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        for kind in KINDS {
            c.set_scope(Scope::within(Duration::from_millis(50)));
            let error = within(sleep_by(&mut c, kind)).await.unwrap_err();
            assert!(error.is_timeout() && error.is_outcome_unknown(), "{kind}: {error}");
            assert!(!error.is_cancelled(), "{kind}: {error}");
            within(c.settle()).await.unwrap();
            c.set_scope(Scope::default());
            assert_usable(&mut c).await;
        }
    })
    .await;
}

#[tokio::test]
async fn the_token_of_a_scope_ends_every_kind_of_call_and_the_connection_goes_on() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        for kind in KINDS {
            let token = CancellationToken::new();
            c.set_scope(Scope::within(Duration::from_secs(60)).cancelled_by(token.clone()));
            let cancelling = async {
                tokio::time::sleep(Duration::from_millis(50)).await;
                token.cancel();
            };
            let (result, ()) = tokio::join!(within(sleep_by(&mut c, kind)), cancelling);
            let error = result.unwrap_err();
            assert!(error.is_cancelled() && error.is_outcome_unknown(), "{kind}: {error}");
            assert!(!error.is_timeout() && error.code().is_none(), "{kind}: {error}");
            within(c.settle()).await.unwrap();
            c.set_scope(Scope::default());
            assert_usable(&mut c).await;
        }
    })
    .await;
}

#[tokio::test]
async fn behind_the_end_of_a_scope_nothing_is_sent() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        c.script("create temporary table t (id int)").await.unwrap();
        let token = CancellationToken::new();
        token.cancel();
        for scope in [Scope::default().cancelled_by(token), Scope::until(Instant::now())] {
            c.set_scope(scope.clone());
            let error = c.execute("insert into t values (1)", ()).await.unwrap_err();
            assert!(error.is_cancelled() || error.is_timeout(), "{error}");
            assert!(error.is_unsent() && !error.is_outcome_unknown(), "{error}");
            assert!(c.prepare("select 1").await.is_err() && c.script("select 1").await.is_err());
            assert!(c.begin().await.is_err());
            c.set_scope(Scope::default());
            let (count,): (i64,) = c.query("select count(*) from t").one().await.unwrap();
            assert_eq!(count, 0);
        }
    })
    .await;
}

#[tokio::test]
async fn a_transaction_whose_scope_has_ended_can_be_rolled_back_and_not_committed() {
    on_each_server(async |server| {
        for commit in [true, false] {
            let mut c = connect(server).await;
            c.script("create temporary table t (id int)").await.unwrap();
            let token = CancellationToken::new();
            c.set_scope(Scope::default().cancelled_by(token.clone()));
            let mut tx = c.begin().await.unwrap();
            tx.execute("insert into t values (1)", ()).await.unwrap();
            token.cancel();
            if commit {
                let error = tx.commit().await.unwrap_err();
                assert!(error.is_cancelled() && error.is_unsent(), "{error}");
            } else {
                tx.rollback().await.unwrap();
                assert_eq!(c.transaction_status(), TransactionStatus::Idle);
            }
            c.set_scope(Scope::default());
            let (count,): (i64,) = c.query("select count(*) from t").one().await.unwrap();
            assert_eq!(count, 0);
        }
    })
    .await;
}

#[tokio::test]
async fn the_wait_for_a_connection_obeys_the_scope() {
    on_each_server(async |server| {
        let pool = Pool::builder(plain_config(server, "test")).max_conns(1).build().unwrap();
        let holder = pool.acquire().await.unwrap();
        let error = within(pool.session(Scope::within(Duration::from_millis(50)))).await.unwrap_err();
        assert!(error.is_timeout() && !error.is_pool_exhausted() && error.is_unsent(), "{error}");
        let token = CancellationToken::new();
        let waiting = pool.session(Scope::default().cancelled_by(token.clone()));
        let cancelling = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            token.cancel();
        };
        let (result, ()) = tokio::join!(within(waiting), cancelling);
        assert!(result.unwrap_err().is_cancelled());
        assert!(pool.session(Scope::default().cancelled_by(token)).await.unwrap_err().is_cancelled());
        assert_eq!(pool.status().waiting, 0);
        drop(holder);
        assert_usable(&mut pool.session(Scope::default()).await.unwrap()).await;
    })
    .await;
}

#[tokio::test]
async fn a_scope_ends_with_its_session() {
    on_each_server(async |server| {
        let pool = Pool::builder(plain_config(server, "test")).max_conns(1).build().unwrap();
        let mut pid = None;
        for round in 0..3 {
            let token = CancellationToken::new();
            let mut session = pool.session(Scope::default().cancelled_by(token.clone())).await.unwrap();
            let ours = session.backend_pid();
            assert_eq!(*pid.get_or_insert(ours), ours, "{round}");
            assert_usable(&mut session).await;
            if round > 0 {
                let cancelling = async {
                    tokio::time::sleep(Duration::from_millis(30)).await;
                    token.cancel();
                };
                let (result, ()) = tokio::join!(within(session.execute(SLEEP, ())), cancelling);
                assert!(result.unwrap_err().is_cancelled());
            }
            drop(session);
            token.cancel();
            let mut next = within(pool.acquire()).await.unwrap();
            assert_usable(&mut next).await;
        }
        assert_eq!(pool.metrics().connects, 1);
        let mut detached = pool.session(Scope::within(Duration::from_millis(20))).await.unwrap().detach();
        tokio::time::sleep(Duration::from_millis(30)).await;
        assert_usable(&mut detached).await;
    })
    .await;
}

#[tokio::test]
async fn what_a_scope_has_ended_is_cancelled_in_the_server() {
    on_each_server(async |server| {
        let database = server.create_database().unwrap();
        let mut admin = connect_to(server, &database).await;
        let pool = Pool::builder(plain_config(server, &database)).max_conns(4).build().unwrap();
        let scope = Scope::within(Duration::from_millis(100));
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                let (pool, scope) = (pool.clone(), scope.clone());
                tokio::spawn(async move {
                    let mut session = pool.session(scope).await?;
                    session.execute(SLEEP, ()).await
                })
            })
            .collect();
        for task in tasks {
            assert!(within(task).await.unwrap().unwrap_err().is_timeout());
        }
        let sessions: Vec<_> = {
            let mut all = Vec::new();
            for _ in 0..4 {
                all.push(within(pool.acquire()).await.unwrap());
            }
            all
        };
        let running =
            "select count(*) from pg_stat_activity where state = 'active' and query like '%pg_sleep(30)'";
        let (count,): (i64,) = admin.query(running).one().await.unwrap();
        assert_eq!(count, 0);
        assert!(sessions.iter().all(|session| session.is_usable()));
    })
    .await;
}

#[tokio::test]
async fn connecting_obeys_the_scope() {
    // One that takes connections and says nothing.
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let text = format!("host=127.0.0.1 port={} user=test sslmode=disable", deaf.local_addr().unwrap().port());
    let config: Config = text.parse().unwrap();
    let scope = Scope::within(Duration::from_millis(50)).tag("start");
    let error = within(Connection::connect_within(&config, scope)).await.unwrap_err();
    assert!(error.is_timeout() && error.is_unsent() && !error.is_connect(), "{error}");
    assert_eq!(error.to_string(), "the deadline of its scope has passed (start)");
    let token = CancellationToken::new();
    let connecting = Connection::connect_within(&config, Scope::default().cancelled_by(token.clone()));
    let cancelling = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        token.cancel();
    };
    let (result, ()) = tokio::join!(within(connecting), cancelling);
    assert!(result.unwrap_err().is_cancelled());
}

#[tokio::test]
async fn a_scope_that_is_over_dials_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let text =
        format!("host=127.0.0.1 port={} user=test sslmode=disable", listener.local_addr().unwrap().port());
    let config: Config = text.parse().unwrap();
    let error = Connection::connect_within(&config, Scope::until(Instant::now())).await.unwrap_err();
    assert!(error.is_timeout() && error.is_unsent(), "{error}");
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[tokio::test]
async fn a_connection_obeys_the_scope_that_it_was_made_in() {
    on_each_server(async |server| {
        let token = CancellationToken::new();
        let scope = Scope::default().cancelled_by(token.clone());
        let mut c = Connection::connect_within(&plain_config(server, "test"), scope).await.unwrap();
        assert_usable(&mut c).await;
        token.cancel();
        assert!(c.execute("select 1", ()).await.unwrap_err().is_cancelled());
    })
    .await;
}

#[tokio::test]
async fn the_tag_of_a_scope_is_told_with_slow_statements_and_with_its_end() {
    on_each_server(async |server| {
        let told = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&told);
        let config = plain_config(server, "test").on_slow_statement(Duration::ZERO, move |slow| {
            sink.lock().unwrap().push(slow.tag);
        });
        let mut c = Connection::connect(&config).await.unwrap();
        c.set_scope(Scope::default().tag("orders"));
        c.execute("select 1", ()).await.unwrap();
        c.set_scope(Scope::default());
        c.execute("select 1", ()).await.unwrap();
        assert_eq!(*told.lock().unwrap(), [Some("orders"), None]);
        let token = CancellationToken::new();
        token.cancel();
        c.set_scope(Scope::default().cancelled_by(token).tag("request"));
        let error = c.execute("select 1", ()).await.unwrap_err();
        assert_eq!(error.to_string(), "its scope was cancelled (request)");
    })
    .await;
}
