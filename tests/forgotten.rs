//! Sessions that nobody polls behind the end of their scope: the pool ends them.

mod common;

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use common::{assert_usable, connect_to, on_each_server, plain_config, within};
use molt_db::config::{Endpoint, SslMode};
use molt_db::{CancellationToken, Config, Connection, Error, Pool, Scope};
use molt_db_testkit::Server;
use tokio::net::TcpStream;

/// Polls a future once, which sends what it has to send.
async fn poll_once<T>(mut future: Pin<&mut (impl Future<Output = T> + ?Sized)>) {
    let pending = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_pending())).await;
    assert!(pending);
}

/// A database of one's own, how to reach it in the clear, by TLS and over a stream of one's own, and somebody who looks at
/// what its sessions do.
async fn watched(server: &Server) -> ([Config; 3], Connection) {
    let database = server.create_database().unwrap();
    let admin = connect_to(server, &database).await;
    let plain = plain_config(server, &database);
    let own = plain.clone().dial_with(dial);
    ([plain.clone(), plain.ssl_mode(SslMode::Require), own], admin)
}

async fn dial(endpoint: Endpoint) -> std::io::Result<TcpStream> {
    match endpoint {
        Endpoint::Tcp { host, port, .. } => TcpStream::connect((host, port)).await,
        Endpoint::Unix { .. } => Err(std::io::ErrorKind::Unsupported.into()),
    }
}

/// A pool of one connection, which is open.
async fn pool(config: &Config) -> Pool {
    let pool = Pool::builder(config.clone()).max_conns(1).build().unwrap();
    drop(pool.acquire().await.unwrap());
    pool
}

async fn others(admin: &mut Connection) -> i64 {
    let sql = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
    admin.query(sql).one::<(i64,)>().await.unwrap().0
}

/// Waits until the server has no session left but that of the one who looks.
async fn until_alone(admin: &mut Connection) {
    within(async {
        while others(admin).await > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

fn assert_over(error: &Error, connection: &Connection) {
    assert!(error.is_timeout() && !error.is_connection_lost(), "{error}");
    assert!(!connection.is_usable());
}

const SOON: Duration = Duration::from_millis(300);

#[tokio::test]
async fn a_query_that_nobody_polls_is_ended_in_the_server() {
    on_each_server(async |server| {
        let (configs, mut admin) = watched(server).await;
        for config in configs {
            let pool = pool(&config).await;
            let mut session = pool.session(Scope::within(SOON).tag("report")).await.unwrap();
            {
                let mut query = Box::pin(session.execute("select pg_sleep(60)", ()));
                poll_once(query.as_mut()).await;
                until_alone(&mut admin).await;
                let error = within(query).await.unwrap_err();
                assert!(error.is_outcome_unknown() && error.to_string().contains("report"), "{error}");
                assert!(error.is_timeout(), "{error}");
            }
            assert!(!session.is_usable());
            drop(session);
            assert_usable(&mut within(pool.acquire()).await.unwrap()).await;
            assert_eq!((pool.metrics().connects, pool.status().settling), (2, 0));
            pool.close().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_stream_that_nobody_reads_is_ended_in_the_server() {
    on_each_server(async |server| {
        let (configs, mut admin) = watched(server).await;
        // A row is more than all buffers on the way hold: in the middle of one, the server obeys no cancel request.
        let sql = "with recursive t (n) as (select 1 union all select n + 1 from t) \
                   select repeat('x', 10000000) from t";
        for config in configs {
            let pool = pool(&config).await;
            let mut session = pool.session(Scope::within(Duration::from_secs(3))).await.unwrap();
            let mut rows = session.query(sql).rows().await.unwrap();
            assert!(rows.next().await.unwrap().is_some());
            until_alone(&mut admin).await;
            let error = loop {
                match within(rows.next()).await {
                    Ok(row) => assert!(row.is_some()),
                    Err(error) => break error,
                }
            };
            drop(rows);
            assert_over(&error, &session);
            drop(session);
            assert_usable(&mut within(pool.acquire()).await.unwrap()).await;
            pool.close().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_transaction_that_lies_open_is_rolled_back() {
    on_each_server(async |server| {
        let (configs, mut admin) = watched(server).await;
        admin.script("create table t (id int primary key)").await.unwrap();
        for config in configs {
            let pool = pool(&config).await;
            let mut session = pool.session(Scope::within(SOON)).await.unwrap();
            let mut tx = session.begin().await.unwrap();
            tx.execute("insert into t values (1)", ()).await.unwrap();
            until_alone(&mut admin).await;
            admin.script("begin; lock table t; rollback").await.unwrap();
            let error = tx.commit().await.unwrap_err();
            assert!(error.is_timeout() && !error.is_outcome_unknown(), "{error}");
            assert!(session.execute("select 1", ()).await.unwrap_err().is_connection_lost());
            drop(session);
            let mut next = within(pool.acquire()).await.unwrap();
            assert_eq!(next.query("select count(*) from t").one::<(i64,)>().await.unwrap().0, 0);
            drop(next);
            pool.close().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_token_that_is_cancelled_ends_what_nobody_polls() {
    on_each_server(async |server| {
        let (configs, mut admin) = watched(server).await;
        let pool = pool(&configs[0]).await;
        let token = CancellationToken::new();
        let mut session = pool.session(Scope::default().cancelled_by(token.clone())).await.unwrap();
        let mut query = Box::pin(session.execute("select pg_sleep(60)", ()));
        poll_once(query.as_mut()).await;
        tokio::time::sleep(Duration::from_millis(800)).await;
        assert_eq!(others(&mut admin).await, 1, "nothing ends before its scope");
        token.cancel();
        until_alone(&mut admin).await;
        assert!(within(query).await.unwrap_err().is_cancelled());
    })
    .await;
}

#[tokio::test]
async fn a_session_at_rest_outlives_its_scope() {
    on_each_server(async |server| {
        let (configs, mut admin) = watched(server).await;
        let pool = pool(&configs[0]).await;
        let mut session = pool.session(Scope::within(SOON)).await.unwrap();
        session.execute("select 1", ()).await.unwrap();
        let pid = session.backend_pid();
        tokio::time::sleep(Duration::from_millis(1200)).await;
        assert_eq!(others(&mut admin).await, 1);
        assert!(session.execute("select 1", ()).await.unwrap_err().is_timeout());
        drop(session);
        let mut next = pool.acquire().await.unwrap();
        assert_eq!(next.backend_pid(), pid);
        assert_usable(&mut next).await;
    })
    .await;
}

#[tokio::test]
async fn who_polls_is_left_alone_behind_the_end_of_its_scope() {
    on_each_server(async |server| {
        let (configs, mut admin) = watched(server).await;
        let pool = pool(&configs[0]).await;
        let mut session = pool.session(Scope::within(SOON)).await.unwrap();
        let pid = session.backend_pid();
        assert!(session.execute("select pg_sleep(60)", ()).await.unwrap_err().is_timeout());
        within(session.settle()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1200)).await;
        assert_eq!(others(&mut admin).await, 1);
        assert_eq!(session.backend_pid(), pid);
        drop(session);
        assert_usable(&mut pool.acquire().await.unwrap()).await;
        assert_eq!(pool.metrics().connects, 1);
    })
    .await;
}

#[tokio::test]
async fn a_stream_that_never_waits_obeys_its_scope_too() {
    on_each_server(async |server| {
        let (configs, _admin) = watched(server).await;
        let pool = pool(&configs[0]).await;
        let mut session = pool.session(Scope::within(SOON)).await.unwrap();
        let sql = "with recursive t (n) as (select 1 union all select n + 1 from t) select n from t";
        let mut rows = session.query(sql).rows().await.unwrap();
        let read = async {
            loop {
                match rows.next().await {
                    // The caller's own work keeps the input full.
                    Ok(row) => assert!(row.is_some()),
                    Err(error) => return error,
                }
            }
        };
        let error = within(read).await;
        assert!(error.is_timeout(), "{error}");
        drop(session);
        assert_usable(&mut within(pool.acquire()).await.unwrap()).await;
        assert_eq!(pool.metrics().connects, 1);
    })
    .await;
}

#[test]
fn each_runtime_that_takes_sessions_watches_over_them() {
    let server = molt_db_testkit::shared_servers()[0];
    let runtime =
        || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (first, second) = (runtime(), runtime());
    let (pool, mut admin) = second.block_on(async {
        let (configs, admin) = watched(server).await;
        let pool = Pool::builder(configs[0].clone()).max_conns(2).build().unwrap();
        drop((pool.acquire().await.unwrap(), pool.acquire().await.unwrap()));
        (pool, admin)
    });
    let in_first = first.block_on(pool.session(Scope::within(Duration::from_secs(60)))).unwrap();
    let mut in_second = second.block_on(pool.session(Scope::within(SOON))).unwrap();
    first.shutdown_background();
    second.block_on(async {
        let mut query = Box::pin(in_second.execute("select pg_sleep(60)", ()));
        poll_once(query.as_mut()).await;
        within(async {
            while others(&mut admin).await > 1 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
        assert!(within(query).await.unwrap_err().is_timeout());
    });
    drop((in_first, in_second));
}
