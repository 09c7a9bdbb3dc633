//! Cancelling, giving up and being cut off: what becomes of the query, and of the connection behind it.

mod common;

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use common::{assert_usable, code, connect, open, plain_config, within};
use molt_db::arrow::{ArrowOptions, BatchLimits, RowLimit};
use molt_db::config::ResetPolicy;
use molt_db::replication::{
    ReplicationClient, ReplicationEvent, ReplicationOptions, ReplicationStream, SlotOptions, StartRefused,
};
use molt_db::{
    Batch, BatchResults, Batches, Begin, Canceller, Columns, Config, Connection, Connector, CopyChunks,
    CopyIn, CopyInRows, CopyOut, CopyOutRows, Error, Listener, ListenerEvent, OwnedRows, Pool, Portal, Query,
    Rows, Savepoint, Scope, ScriptResults, Session, Statement, Transaction,
};
use molt_db_testkit::peer::{FirstPacket, Peer};
use molt_db_testkit::proxy::{Cut, Direction, Flow, Proxy};
use molt_db_testkit::{Server, ServerOptions, TlsSetup, User, shared_servers};
use tokio::time::{sleep, timeout};

/// Long enough that only a cancel ends it within a test, short enough that a server is rid of it soon.
const SLEEP: &str = "select pg_sleep(30)";

async fn through(proxy: &Proxy, options: &str) -> Connection {
    let text =
        format!("host=127.0.0.1 port={} user=trust dbname=test sslmode=disable {options}", proxy.port());
    open(&text).await.unwrap()
}

/// Waits until the kit's own connection finds that `condition` holds.
async fn until(server: &Server, condition: &str) {
    within(async {
        while server.sql(&format!("select 1 where {condition}")).unwrap().is_empty() {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

async fn until_asleep(server: &Server, pid: i32) {
    until(
        server,
        &format!("exists (select from pg_stat_activity where pid = {pid} and wait_event = 'PgSleep')"),
    )
    .await;
}

async fn until_gone(server: &Server, pid: i32) {
    until(server, &format!("not exists (select from pg_stat_activity where pid = {pid})")).await;
}

/// Ends the session of that process, as an administrator does.
fn terminate(server: &Server, pid: i32) {
    let done = server.sql(&format!("select pg_terminate_backend({pid})")).unwrap();
    assert_eq!(done, [[Some("t".to_owned())]]);
}

fn three_ways(server: &Server) -> [String; 3] {
    [
        format!("{}?sslmode=disable", server.url(User::Scram, "test")),
        server.tls_url(User::Scram, "test"),
        server.socket_url(User::Scram, "test"),
    ]
}

/// Asserts that the connection is of no use, says so, and does not hang.
async fn assert_over(connection: &mut Connection) {
    assert!(!connection.is_usable());
    assert!(within(connection.execute("select 1", ())).await.is_err());
    assert!(within(connection.script("select 1")).await.is_err());
    assert!(!connection.is_usable());
}

async fn assert_unsettled(connection: &mut Connection) {
    assert!(!connection.is_usable());
    for _ in 0..2 {
        let error = within(connection.execute("select 1", ())).await.unwrap_err();
        assert!(error.is_unsettled(), "{error:?}");
        assert!(error.to_string().contains("left in the middle of a query"), "{error}");
        let error = within(connection.script("select 1")).await.unwrap_err();
        assert!(error.is_unsettled(), "{error:?}");
        let error = within(connection.prepare("select 1")).await.unwrap_err();
        assert!(error.is_unsettled(), "{error:?}");
        assert!(!connection.is_usable());
    }
}

#[tokio::test]
async fn a_sleeping_query_is_cancelled_and_the_connection_goes_on() {
    for server in shared_servers() {
        for url in three_ways(server) {
            let mut connection = open(&url).await.unwrap();
            for _ in 0..3 {
                let (canceller, pid) = (connection.canceller().unwrap(), connection.backend_pid().unwrap());
                let cancelling = tokio::spawn(async move {
                    until_asleep(server, pid).await;
                    canceller.cancel().await
                });
                let error = within(connection.execute(SLEEP, ())).await.unwrap_err();
                assert!(error.is_cancelled() && !error.is_connection_lost(), "{error:?}");
                within(cancelling).await.unwrap().unwrap();
                assert_usable(&mut connection).await;
            }
        }
    }
}

#[tokio::test]
async fn a_script_and_a_transaction_are_cancelled_too() {
    for server in shared_servers() {
        let mut connection = connect(server).await;
        connection.script("begin").await.unwrap();
        let (canceller, pid) = (connection.canceller().unwrap(), connection.backend_pid().unwrap());
        let cancelling = tokio::spawn(async move {
            until_asleep(server, pid).await;
            canceller.cancel().await
        });
        let error = within(connection.script(&format!("select 1; {SLEEP}; select 2"))).await.unwrap_err();
        assert!(error.is_cancelled(), "{error:?}");
        within(cancelling).await.unwrap().unwrap();
        let error = connection.execute("select 1", ()).await.unwrap_err();
        assert_eq!(code(&error), "25P02");
        connection.script("rollback").await.unwrap();
        assert_usable(&mut connection).await;
    }
}

#[tokio::test]
async fn a_stream_of_rows_is_cancelled_half_way() {
    // Among the columns the series is made row by row; behind `from` all of it comes first.
    const MANY: &str = "select generate_series(1, 100000000), repeat('x', 100)";
    for server in shared_servers() {
        for url in three_ways(server) {
            let mut connection = open(&url).await.unwrap();
            let canceller = connection.canceller().unwrap();
            let mut rows = within(connection.query(MANY).rows()).await.unwrap();
            for expected in 1..=10 {
                let (number, _): (i32, &str) = rows.next().await.unwrap().unwrap().read().unwrap();
                assert_eq!(number, expected);
            }
            within(canceller.cancel()).await.unwrap();
            let error = within(async {
                loop {
                    match rows.next().await {
                        Ok(Some(_)) => {}
                        Ok(None) => panic!("a cancelled stream looks complete"),
                        Err(error) => return error,
                    }
                }
            })
            .await;
            assert!(error.is_cancelled(), "{error:?}");
            drop(rows);
            assert_usable(&mut connection).await;

            let batches = within(connection.query(MANY).arrow()).await.unwrap();
            let error = within(cancelled_batches(batches, &canceller)).await;
            assert!(error.is_cancelled(), "{error:?}");
            assert_usable(&mut connection).await;
        }
    }
}

async fn cancelled_batches(mut batches: Batches<'_>, canceller: &Canceller) -> Error {
    assert!(batches.next().await.unwrap().unwrap().num_rows() > 0);
    canceller.cancel().await.unwrap();
    loop {
        match batches.next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("a cancelled stream looks complete"),
            Err(error) => return error,
        }
    }
}

#[tokio::test]
async fn a_cancel_that_came_too_late_hits_no_later_query() {
    const ROUNDS: usize = 200;
    for server in shared_servers() {
        let mut connection = connect(server).await;
        let canceller = connection.canceller().unwrap();
        for round in 0..ROUNDS {
            connection.execute("select 1", ()).await.unwrap();
            within(canceller.cancel()).await.unwrap();
            let (sum,): (i64,) = connection
                .query("select sum(g) from generate_series(1, 300) g")
                .one()
                .await
                .unwrap_or_else(|error| panic!("round {round}: {error}"));
            assert_eq!(sum, 45_150);
        }
    }
}

#[tokio::test]
async fn a_cancel_that_came_too_late_hits_no_later_query_over_tls() {
    for server in shared_servers() {
        let mut connection = open(&server.tls_url(User::Trust, "test")).await.unwrap();
        let canceller = connection.canceller().unwrap();
        for round in 0..50 {
            connection.execute("select 1", ()).await.unwrap();
            within(canceller.cancel()).await.unwrap();
            let outcome = connection.execute("select sum(g) from generate_series(1, 300) g", ()).await;
            outcome.unwrap_or_else(|error| panic!("round {round}: {error}"));
        }
    }
}

#[tokio::test]
async fn a_cancel_of_an_encrypted_session_is_encrypted() {
    let server = Server::shared();
    let proxy = Proxy::start(server.port()).unwrap();
    let cancel_size = async |config: Config| {
        let connection = within(Connection::connect(&config.port(proxy.port()))).await.unwrap();
        let (before, connections) = (proxy.bytes(Direction::ToServer), proxy.connections());
        within(connection.canceller().unwrap().cancel()).await.unwrap();
        assert_eq!(proxy.connections() - connections, 1);
        proxy.bytes(Direction::ToServer) - before
    };
    // PG docs: protocol-message-formats, CancelRequest: 16 bytes.
    assert_eq!(cancel_size(plain_config(server, "test")).await, 16);
    let tls: Config = server.tls_url(User::Trust, "test").parse().unwrap();
    let size = cancel_size(tls).await;
    assert!(size > 200, "{size} bytes hold no TLS handshake");
}

#[tokio::test]
async fn a_cancel_of_an_encrypted_session_is_never_sent_in_the_clear() {
    let server = Server::start(ServerOptions::default()).unwrap();
    let proxy = Proxy::start(server.port()).unwrap();
    for mode in ["prefer", "require"] {
        server.restart_with_tls(TlsSetup::Valid).unwrap();
        let text = format!("host=127.0.0.1 port={} user=trust dbname=test sslmode={mode}", proxy.port());
        let connection = open(&text).await.unwrap();
        assert!(connection.encryption().is_some());
        // Whoever answers in the server's place can say that it speaks no TLS.
        server.restart_with_tls(TlsSetup::Off).unwrap();
        let before = proxy.bytes(Direction::ToServer);
        let cancelled = within(connection.canceller().unwrap().cancel()).await;
        let sent = proxy.bytes(Direction::ToServer) - before;
        // PG docs: protocol-message-formats, SSLRequest: 8 bytes, the CancelRequest behind it 16 more.
        assert_eq!(sent, 8, "{mode}: the key of the session went out in the clear");
        assert!(cancelled.is_err(), "{mode}");
    }
}

#[tokio::test]
async fn a_cancel_of_a_session_in_the_clear_names_its_process_and_key() {
    let peer = Peer::listen(|listener| async move {
        let mut session = listener.accept().await?;
        assert_eq!(session.first_packet().await?, FirstPacket::Ssl);
        session.send(b"N").await?;
        session.login().await?;
        let mut cancel = listener.accept().await?;
        let key = 2_u32.to_be_bytes().to_vec();
        assert_eq!(cancel.first_packet().await?, FirstPacket::Cancel { process: 1, key });
        cancel.close().await?;
        session.hang().await;
        Ok(())
    })
    .unwrap();
    let text = format!("host=127.0.0.1 port={} user=u sslmode=prefer", peer.port());
    let connection = open(&text).await.unwrap();
    within(connection.canceller().unwrap().cancel()).await.unwrap();
    drop(connection);
    within(peer.finish()).await.unwrap();
}

#[tokio::test]
async fn a_cancel_is_over_only_when_the_server_has_closed() {
    let peer = Peer::listen(|listener| async move {
        let mut session = listener.accept().await?;
        session.login().await?;
        let mut cancel = listener.accept().await?;
        cancel.first_packet().await?;
        cancel.hang().await;
        session.hang().await;
        Ok(())
    })
    .unwrap();
    let text = format!("host=127.0.0.1 port={} user=u sslmode=disable connect_timeout_ms=200", peer.port());
    let connection = open(&text).await.unwrap();
    let error = within(connection.canceller().unwrap().cancel()).await.unwrap_err();
    assert!(error.is_connect() && error.is_timeout(), "{error:?}");
    drop(connection);
    within(peer.finish()).await.unwrap();
}

#[tokio::test]
async fn a_dropped_query_leaves_the_connection_unsettled() {
    for server in shared_servers() {
        for url in three_ways(server) {
            let mut connection = open(&url).await.unwrap();
            assert!(
                timeout(Duration::from_millis(30), connection.execute("select pg_sleep(3)", ()))
                    .await
                    .is_err()
            );
            assert_unsettled(&mut connection).await;
            within(connection.close()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_query_that_was_never_polled_leaves_nothing() {
    for server in shared_servers() {
        let mut connection = connect(server).await;
        drop(connection.query("select $1::int4").bind(1_i32));
        drop(connection.query("select 1").rows());
        drop(connection.script("select 1"));
        drop(connection.prepare("select 1"));
        assert_usable(&mut connection).await;
    }
}

#[tokio::test]
async fn a_query_that_was_dropped_at_any_poll_is_settled_or_says_that_it_is_not() {
    let server = Server::shared();
    for polls in 0..6 {
        let mut connection = connect(server).await;
        let mut left = polls;
        {
            let mut query = pin!(connection.execute("select 1, pg_sleep(0.01)", ()));
            poll_fn(|cx| {
                if left == 0 {
                    return Poll::Ready(());
                }
                left -= 1;
                query.as_mut().poll(cx).map(drop)
            })
            .await;
        }
        if connection.is_usable() {
            assert_usable(&mut connection).await;
        } else {
            assert_unsettled(&mut connection).await;
        }
    }
}

#[tokio::test]
async fn rows_that_are_dropped_half_way_leave_the_connection_unsettled() {
    const MANY: &str = "select g from generate_series(1, 100000) g";
    for server in shared_servers() {
        let mut connection = connect(server).await;
        let mut rows = connection.query(MANY).rows().await.unwrap();
        assert!(rows.next().await.unwrap().is_some());
        drop(rows);
        assert_unsettled(&mut connection).await;

        let mut connection = connect(server).await;
        let limits = BatchLimits { rows: RowLimit::new(10), ..BatchLimits::default() };
        let mut batches = connection.query(MANY).arrow_with(&ArrowOptions::default(), limits).await.unwrap();
        assert!(batches.next().await.unwrap().is_some());
        drop(batches);
        assert_unsettled(&mut connection).await;
    }
}

#[tokio::test]
async fn rows_that_are_read_or_finished_leave_the_connection_usable() {
    for server in shared_servers() {
        let mut connection = connect(server).await;
        let mut rows = connection.query("select g from generate_series(1, 10000) g").rows().await.unwrap();
        assert!(rows.next().await.unwrap().is_some());
        assert_eq!(rows.finish().await.unwrap().rows(), 10_000);
        assert_usable(&mut connection).await;
        let mut rows = connection.query("select 1").rows().await.unwrap();
        while rows.next().await.unwrap().is_some() {}
        drop(rows);
        assert_usable(&mut connection).await;
    }
}

/// A result that dribbles in: each piece takes longer than the caller waits at a time.
const DRIBBLE: &str = "select g, repeat('x', 60) from generate_series(1, 3000) g";

async fn dribbling(server: &Server) -> Vec<(Proxy, Connection)> {
    let tls: Config = server.tls_url(User::Trust, "test").parse().unwrap();
    let mut ways = Vec::new();
    for config in [plain_config(server, "test"), tls] {
        let proxy = Proxy::start(server.port()).unwrap();
        let connection = within(Connection::connect(&config.port(proxy.port()))).await.unwrap();
        proxy.set_flow(Direction::ToClient, Flow::Pieces(61));
        ways.push((proxy, connection));
    }
    ways
}

#[tokio::test]
async fn a_dropped_wait_for_a_row_loses_no_row() {
    for server in shared_servers() {
        for (_proxy, mut connection) in dribbling(server).await {
            let mut rows = connection.query(DRIBBLE).rows().await.unwrap();
            let (mut expected, mut dropped) = (1, 0);
            within(async {
                loop {
                    tokio::select! {
                        biased;
                        row = rows.next() => match row.unwrap() {
                            Some(row) => {
                                assert_eq!(row.get::<i32>(0).unwrap(), expected);
                                expected += 1;
                            }
                            None => break,
                        },
                        () = std::future::ready(()) => {
                            dropped += 1;
                            tokio::task::yield_now().await;
                        }
                    }
                }
            })
            .await;
            assert_eq!(expected, 3001);
            assert!(dropped > 50, "only {dropped} waits were dropped: the test shows little");
            drop(rows);
            assert_usable(&mut connection).await;
        }
    }
}

#[tokio::test]
async fn a_dropped_wait_for_a_batch_loses_no_row() {
    for server in shared_servers() {
        for (_proxy, mut connection) in dribbling(server).await {
            let limits = BatchLimits { rows: RowLimit::new(7), ..BatchLimits::default() };
            let mut batches =
                connection.query(DRIBBLE).arrow_with(&ArrowOptions::default(), limits).await.unwrap();
            let (mut read, mut dropped) = (0, 0);
            within(async {
                loop {
                    tokio::select! {
                        biased;
                        batch = batches.next() => match batch.unwrap() {
                            Some(batch) => read += batch.num_rows(),
                            None => break,
                        },
                        () = std::future::ready(()) => {
                            dropped += 1;
                            tokio::task::yield_now().await;
                        }
                    }
                }
            })
            .await;
            assert_eq!(read, 3000);
            assert!(dropped > 50, "only {dropped} waits were dropped: the test shows little");
            drop(batches);
            assert_usable(&mut connection).await;
        }
    }
}

#[tokio::test]
async fn query_timeout_ends_every_kind_of_call() {
    for server in shared_servers() {
        let config = plain_config(server, "test").query_timeout(Duration::from_millis(100));
        for kind in ["execute", "rows", "one", "all", "arrow", "script"] {
            let mut connection = within(Connection::connect(&config)).await.unwrap();
            let sql = "select pg_sleep(3)";
            let outcome = within(async {
                match kind {
                    "execute" => connection.execute(sql, ()).await.map(drop),
                    "rows" => connection.query(sql).rows().await.map(drop),
                    "one" => connection.query(sql).one::<(String,)>().await.map(drop),
                    "all" => connection.query(sql).all::<(String,)>().await.map(drop),
                    "arrow" => connection.query(sql).arrow().await.map(drop),
                    _ => connection.script(sql).await.map(drop),
                }
            });
            let error = outcome.await.unwrap_err();
            assert!(error.is_timeout() && error.is_outcome_unknown(), "{kind}: {error:?}");
            assert!(error.to_string().contains("100ms"), "{kind}: {error}");
            let refused = within(connection.execute("select 1", ())).await.unwrap_err();
            assert!(refused.is_unsettled(), "{kind}: {refused}");
            within(connection.settle()).await.unwrap();
            assert_usable(&mut connection).await;
        }
    }
}

#[tokio::test]
async fn query_timeout_is_counted_for_each_query_anew() {
    for server in shared_servers() {
        let config = plain_config(server, "test").query_timeout(Duration::from_millis(600));
        let mut connection = within(Connection::connect(&config)).await.unwrap();
        for _ in 0..4 {
            connection.execute("select pg_sleep(0.2)", ()).await.unwrap();
        }
        sleep(Duration::from_millis(700)).await;
        assert_usable(&mut connection).await;
    }
}

#[tokio::test]
async fn query_timeout_ends_a_query_in_a_black_hole() {
    let server = Server::shared();
    for direction in [Direction::ToServer, Direction::ToClient] {
        let proxy = Proxy::start(server.port()).unwrap();
        let mut connection = through(&proxy, "query_timeout_ms=200").await;
        assert_usable(&mut connection).await;
        proxy.set_flow(direction, Flow::Stalled);
        let error = within(connection.execute("select 1", ())).await.unwrap_err();
        assert!(error.is_timeout() && error.is_outcome_unknown(), "{direction:?}: {error:?}");
        assert!(within(connection.settle()).await.unwrap_err().is_connection_lost());
        assert_over(&mut connection).await;
    }
}

#[tokio::test]
async fn query_timeout_ends_a_large_parameter_in_a_black_hole() {
    let proxy = Proxy::start(Server::shared().port()).unwrap();
    let mut connection = through(&proxy, "query_timeout_ms=300").await;
    proxy.set_flow(Direction::ToServer, Flow::Stalled);
    let large = vec![7_u8; 64 << 20];
    let error = within(connection.execute("select length($1)", (large,))).await.unwrap_err();
    assert!(error.is_timeout() && error.is_outcome_unknown(), "{error:?}");
    assert!(within(connection.settle()).await.unwrap_err().is_connection_lost());
    assert_over(&mut connection).await;
}

#[tokio::test]
async fn query_timeout_ends_a_stream_in_a_black_hole() {
    let proxy = Proxy::start(Server::shared().port()).unwrap();
    let mut connection = through(&proxy, "query_timeout_ms=500").await;
    let sql = "select generate_series(1, 1000000), repeat('x', 1000)";
    let mut rows = within(connection.query(sql).rows()).await.unwrap();
    assert!(rows.next().await.unwrap().is_some());
    proxy.set_flow(Direction::ToClient, Flow::Stalled);
    let error = within(async {
        loop {
            match rows.next().await {
                Ok(row) => assert!(row.is_some()),
                Err(error) => return error,
            }
        }
    })
    .await;
    assert!(error.is_timeout() && error.is_outcome_unknown(), "{error:?}");
    drop(rows);
    assert!(within(connection.settle()).await.unwrap_err().is_connection_lost());
    assert_over(&mut connection).await;
}

#[tokio::test]
async fn a_terminated_session_says_who_ended_it() {
    for server in shared_servers() {
        for url in three_ways(server) {
            let mut connection = open(&url).await.unwrap();
            let pid = connection.backend_pid().unwrap();
            let ending = tokio::spawn(async move {
                until_asleep(server, pid).await;
                terminate(server, pid);
            });
            let error = within(connection.execute(SLEEP, ())).await.unwrap_err();
            assert!(error.is_connection_lost() && error.is_outcome_unknown(), "{error:?}");
            assert_eq!(code(&error), "57P01");
            within(ending).await.unwrap();
            assert!(!connection.is_usable());
            assert!(within(connection.execute("select 1", ())).await.is_err());
        }
    }
}

#[tokio::test]
async fn a_session_that_was_terminated_while_idle_says_so_at_its_next_use() {
    for server in shared_servers() {
        for url in three_ways(server) {
            let mut connection = open(&url).await.unwrap();
            let pid = connection.backend_pid().unwrap();
            terminate(server, pid);
            until_gone(server, pid).await;
            let error = within(connection.execute("select 1", ())).await.unwrap_err();
            assert!(error.is_connection_lost(), "{error:?}");
            assert_eq!(code(&error), "57P01");
            assert!(!connection.is_usable());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_in_the_middle_of_a_query_is_a_lost_connection() {
    let server: &'static Server = Box::leak(Box::new(Server::start(ServerOptions::default()).unwrap()));
    let mut connection = connect(server).await;
    let pid = connection.backend_pid().unwrap();
    let stopping = tokio::spawn(async move {
        until_asleep(server, pid).await;
        server.stop().unwrap();
    });
    let error = within(connection.execute(SLEEP, ())).await.unwrap_err();
    assert!(error.is_connection_lost() && error.is_outcome_unknown(), "{error:?}");
    assert_eq!(code(&error), "57P01");
    within(stopping).await.unwrap();
    assert!(!connection.is_usable());
}

#[tokio::test]
async fn a_cut_connection_is_lost_and_never_a_short_result() {
    let server = Server::shared();
    let tls: Config = server.tls_url(User::Trust, "test").parse().unwrap();
    for config in [plain_config(server, "test"), tls] {
        for cut in [Cut::Fin, Cut::Reset] {
            for bytes in [0, 1, 5, 100, 5_000] {
                let proxy = Proxy::start(server.port()).unwrap();
                let config = config.clone().port(proxy.port());
                let mut connection = within(Connection::connect(&config)).await.unwrap();
                assert_usable(&mut connection).await;
                proxy.cut_after(Direction::ToClient, bytes, cut);
                let sql = "select g from generate_series(1, 100000) g";
                let error = within(connection.query(sql).all::<(i32,)>()).await.unwrap_err();
                let case = format!("{cut:?} after {bytes}: {error:?}");
                assert!(error.is_connection_lost() && error.is_outcome_unknown(), "{case}");
                assert_over(&mut connection).await;
            }
        }
    }
}

#[tokio::test]
async fn close_says_goodbye() {
    let peer = Peer::script(|mut p| async move {
        p.login().await?;
        assert_eq!(p.expect(b'X').await?, b"");
        p.closed().await
    })
    .unwrap();
    let text = format!("host=127.0.0.1 port={} user=u sslmode=disable", peer.port());
    within(open(&text).await.unwrap().close()).await.unwrap();
    within(peer.finish()).await.unwrap();
}

#[tokio::test]
async fn a_closed_session_is_gone_from_the_server_and_so_is_its_transaction() {
    for server in shared_servers() {
        for url in three_ways(server) {
            let mut connection = open(&url).await.unwrap();
            let pid = connection.backend_pid().unwrap();
            connection.script("begin; select pg_advisory_xact_lock(77)").await.unwrap();
            within(connection.close()).await.unwrap();
            until_gone(server, pid).await;
        }
    }
}

fn is_send<T: Send>(_: T) {}
fn is_shared<T: Send + Sync + 'static>() {}

/// Compiles if it holds; nothing of it runs.
async fn public_futures_are_send(
    config: &Config,
    connection: &mut Connection,
    pool: &Pool,
    canceller: &Canceller,
) -> Result<(), Error> {
    is_send(Connection::connect(config));
    is_send(connection.execute("", (1_i32, "text")));
    is_send(connection.script(""));
    is_send(connection.prepare(""));
    is_send(connection.query("").bind(1_i32).rows());
    is_send(connection.query("").one::<(i32, String)>());
    is_send(connection.query("").optional::<(i32,)>());
    is_send(connection.query("").all::<(i32,)>());
    is_send(connection.query("").arrow());
    is_send(connection.query("").arrow_with(&ArrowOptions::default(), BatchLimits::default()));
    is_send(connection.query("").execute());
    is_send(connection.query("").rows().await?.next());
    is_send(connection.query("").rows_as::<(i32,)>());
    is_send(connection.query("").rows_as::<(i32,)>().await?.next());
    is_send(connection.query("").rows().await?.finish());
    is_send(connection.query("").arrow().await?.next());
    is_send(connection.settle());
    is_send(canceller.cancel());
    is_send(pool.acquire());
    is_send(pool.session(Scope::default()));
    is_send(pool.close());
    is_send(pool.query("").bind(1_i32).one::<(i32,)>());
    is_send(pool.execute("", (1_i32, "text")));
    is_send(connection.reset(ResetPolicy::Full));
    Ok(())
}

/// As those.
async fn public_futures_of_several_statements_are_send(connection: &mut Connection) -> Result<(), Error> {
    is_send(connection.batch().run());
    is_send(connection.batch().run_all());
    is_send(connection.script_results(""));
    is_send(connection.script_results("").await?.next());
    is_send(IntoFuture::into_future(connection.begin()));
    is_send(connection.begin().await?.commit());
    is_send(connection.begin().await?.rollback());
    let mut tx = connection.begin().await?;
    is_send(tx.savepoint()?.commit());
    is_send(tx.savepoint()?.rollback());
    is_send(tx.query("").portal(1));
    let mut portal = tx.query("").portal(1).await?;
    is_send(portal.fetch(&mut tx));
    Ok(())
}

/// As those.
async fn public_futures_of_copies_are_send(connection: &mut Connection) -> Result<(), Error> {
    is_send(connection.copy_in(""));
    is_send(connection.copy_in_rows("", &[]));
    is_send(connection.copy_out(""));
    is_send(connection.copy_out_rows::<(i32,)>(""));
    is_send(connection.copy_out_arrow(""));
    let mut copy = connection.copy_in("").await?;
    is_send(copy.send(""));
    is_send(copy.flush());
    is_send(copy.finish());
    is_send(connection.copy_in("").await?.abort(""));
    is_send(connection.copy_in("").await?.rows(&Columns::default()));
    let mut rows = connection.copy_in_rows("", &[]).await?;
    is_send(rows.send((1_i32, "text")));
    is_send(rows.flush());
    is_send(rows.finish());
    is_send(connection.copy_in_rows("", &[]).await?.abort(""));
    is_send(connection.copy_out("").await?.next());
    is_send(connection.copy_out("").await?.finish());
    is_send(connection.copy_out("").await?.rows_as::<(i32,)>(&Columns::default()));
    is_send(connection.copy_out_rows::<(i32,)>("").await?.next());
    is_send(connection.copy_out_rows::<(i32,)>("").await?.finish());
    let (options, limits) = (ArrowOptions::default(), BatchLimits::default());
    is_send(connection.copy_out("").await?.arrow_with(&Columns::default(), &options, limits));
    Ok(())
}

/// As those.
async fn public_futures_of_notifications_are_send(
    connection: &mut Connection,
    listener: &mut Listener,
    config: &Config,
) -> Result<(), Error> {
    is_send(connection.listen(""));
    is_send(connection.unlisten(""));
    is_send(connection.unlisten_all());
    is_send(connection.notify("", ""));
    is_send(connection.next_notification());
    is_send(connection.notifications());
    is_send(Listener::connect(config));
    is_send(Listener::connect_by(Connector::new(config)?));
    is_send(listener.listen(""));
    is_send(listener.unlisten(""));
    is_send(listener.recv());
    Ok(())
}

/// As those.
async fn public_futures_of_replication_are_send(config: &Config) -> Result<(), Error> {
    is_send(ReplicationClient::connect(config));
    let mut client = ReplicationClient::connect(config).await?;
    is_send(client.identify_system());
    is_send(client.create_slot("", &SlotOptions::new()));
    is_send(client.drop_slot(""));
    let (mut stream, driver) = client.start(&ReplicationOptions::new("")).await?;
    is_send(ReplicationClient::connect(config).await?.start(&ReplicationOptions::new("")));
    is_send(driver);
    is_send(stream.next());
    Ok(())
}

fn public_types_are_send() {
    is_send(None::<(CopyIn<'_>, CopyInRows<'_>, CopyOut<'_>, CopyOutRows<'_, i32>, CopyChunks<'_>)>);
    is_send(None::<(Query<'_, '_>, Rows<'_>, Batches<'_>, OwnedRows<'_>, Session)>);
    is_send(None::<(Batch<'_, '_>, ScriptResults<'_>, Begin<'_>, Transaction<'_>, Savepoint<'_>)>);
    is_shared::<(Error, Config, Scope, Canceller, Pool, Statement, BatchResults, Portal)>();
    is_shared::<(Connection, Listener, ListenerEvent)>();
    is_shared::<(ReplicationClient, ReplicationStream, ReplicationEvent, StartRefused)>();
}

#[test]
fn futures_and_types_cross_threads() {
    let _compiled = (public_futures_are_send, public_futures_of_several_statements_are_send);
    let _compiled = public_futures_of_copies_are_send;
    let _compiled = (public_futures_of_notifications_are_send, public_futures_of_replication_are_send);
    public_types_are_send();
    is_send(None::<Box<dyn Fn(Connection) -> Box<dyn Future<Output = Result<(), Error>> + Send> + Send>>);
}

#[tokio::test]
async fn a_connection_works_from_a_spawned_task() {
    let mut connection = connect(Server::shared()).await;
    let task = tokio::spawn(async move {
        assert_usable(&mut connection).await;
        connection.close().await
    });
    within(task).await.unwrap().unwrap();
}
