//! Connections that somebody has walked away from come to rest, over real sockets, and take the next query.

mod common;

use std::time::Duration;

use common::{assert_usable, code, connect, connect_to_new, open, plain_config, poll_times, within};
use molt_db::arrow::{ArrowOptions, BatchLimits, RowLimit};
use molt_db::{Connection, TransactionStatus};
use molt_db_testkit::peer::{FirstPacket, Peer, PeerConnection, messages};
use molt_db_testkit::proxy::{Direction, Flow, Proxy};
use molt_db_testkit::{Server, User, shared_servers};
use tokio::time::timeout;

const SLEEP: &str = "select pg_sleep(30)";

fn three_ways(server: &Server) -> [String; 3] {
    [
        format!("{}?sslmode=disable", server.url(User::Scram, "test")),
        server.tls_url(User::Scram, "test"),
        server.socket_url(User::Scram, "test"),
    ]
}

/// Lets a future run for a moment and drops it.
async fn walk_away<T>(future: impl Future<Output = T>) {
    assert!(timeout(Duration::from_millis(30), future).await.is_err(), "it should have taken longer");
}

async fn settle(connection: &mut Connection) {
    within(connection.settle()).await.unwrap();
    assert_usable(connection).await;
}

#[tokio::test]
async fn a_query_that_sleeps_is_cancelled_and_the_connection_goes_on() {
    for server in shared_servers() {
        for url in three_ways(server) {
            let mut connection = open(&url).await.unwrap();
            for _ in 0..3 {
                walk_away(connection.execute(SLEEP, ())).await;
                settle(&mut connection).await;
            }
            walk_away(connection.script("select pg_sleep(30); select pg_sleep(30)")).await;
            settle(&mut connection).await;
        }
    }
}

#[tokio::test]
async fn results_that_are_dropped_half_way_are_not_read_to_their_end() {
    // In the target list it is made up as it is read; in FROM the server would write all of it to disk first.
    const ENDLESS: &str = "select generate_series(1, 9000000000)";
    for server in shared_servers() {
        for url in three_ways(server) {
            let mut connection = open(&url).await.unwrap();
            let mut rows = connection.query(ENDLESS).rows().await.unwrap();
            assert!(rows.next().await.unwrap().is_some());
            drop(rows);
            settle(&mut connection).await;

            let limits = BatchLimits { rows: RowLimit::new(10), ..BatchLimits::default() };
            let mut batches =
                connection.query(ENDLESS).arrow_with(&ArrowOptions::default(), limits).await.unwrap();
            assert!(batches.next().await.unwrap().is_some());
            drop(batches);
            settle(&mut connection).await;
        }
    }
}

/// What is dropped at every poll.
#[derive(Debug, Clone, Copy)]
enum Operation {
    Execute,
    Rows,
    Arrow,
    Script,
    Prepare,
    CopyIn,
    CopyOut,
    Wrong,
}

impl Operation {
    const ALL: [Self; 8] = [
        Self::Execute,
        Self::Rows,
        Self::Arrow,
        Self::Script,
        Self::Prepare,
        Self::CopyIn,
        Self::CopyOut,
        Self::Wrong,
    ];

    async fn run(self, connection: &mut Connection, text: &str) {
        const SERIES: &str = "select g, repeat('x', 100) from generate_series(1, 2000) g";
        match self {
            Self::Execute => drop(connection.execute("select $1::text, pg_sleep(0.005)", (text,)).await),
            Self::Rows => drop(connection.query(SERIES).all::<(i32, String)>().await),
            Self::Arrow => {
                if let Ok(mut batches) = connection.query(SERIES).arrow().await {
                    while let Ok(Some(_)) = batches.next().await {}
                }
            }
            Self::Script => drop(connection.script("select 1; select pg_sleep(0.005); select 2").await),
            Self::Prepare => drop(connection.prepare(&format!("select {}", text.len())).await),
            Self::CopyIn => drop(connection.execute("copy settle_items from stdin", ()).await),
            Self::CopyOut => drop(connection.execute("copy (select 1) to stdout", ()).await),
            Self::Wrong => drop(connection.execute("select 1 / 0", ()).await),
        }
    }
}

#[tokio::test]
async fn an_operation_that_is_dropped_at_any_poll_leaves_a_connection_that_can_be_settled() {
    for server in shared_servers() {
        let mut connection = connect_to_new(server).await;
        connection.script("create table settle_items (id int)").await.unwrap();
        let mut points = 0;
        for operation in Operation::ALL {
            for transaction in [None, Some("begin")] {
                for polls in 0.. {
                    if let Some(begin) = transaction {
                        connection.script(begin).await.unwrap();
                    }
                    let text = "x".repeat(polls);
                    let ended = poll_times(operation.run(&mut connection, &text), polls).await;
                    within(connection.settle()).await.unwrap();
                    points += 1;
                    if transaction.is_some() {
                        let case = format!("{operation:?} after {polls}");
                        assert_ne!(connection.transaction_status(), TransactionStatus::Idle, "{case}");
                        connection.script("rollback").await.unwrap();
                    }
                    assert_usable(&mut connection).await;
                    if ended {
                        break;
                    }
                }
            }
        }
        println!("{points} points in {server:?}");
        assert!(points > 32);
        let (count,): (i64,) = connection.query("select count(*) from settle_items").one().await.unwrap();
        assert_eq!(count, 0, "a copy that nobody fed");
    }
}

/// For proxies that hide when a server has taken a request.
#[tokio::test]
async fn a_connection_that_was_cancelled_is_closed_where_that_was_chosen() {
    for server in shared_servers() {
        let mut connection =
            open(&format!("{}?cancel=close", server.url(User::Trust, "test"))).await.unwrap();
        assert!(!poll_times(connection.execute("select 1", ()), 1).await);
        within(connection.settle()).await.unwrap();
        assert_usable(&mut connection).await;
        walk_away(connection.execute(SLEEP, ())).await;
        let error = within(connection.settle()).await.unwrap_err();
        assert!(error.is_connection_lost() && error.to_string().contains("cancel request"), "{error}");
        assert!(!connection.is_usable());
    }
}

#[tokio::test]
async fn a_settling_that_is_dropped_goes_on_where_it_was() {
    for server in shared_servers() {
        for url in three_ways(server) {
            let mut connection = open(&url).await.unwrap();
            walk_away(connection.execute(SLEEP, ())).await;
            while !poll_times(connection.settle(), 1).await {
                assert!(!connection.is_usable());
                let refused = within(connection.execute("select 1", ())).await.unwrap_err();
                assert!(refused.is_unsettled(), "{refused:?}");
                tokio::task::yield_now().await;
            }
            assert_usable(&mut connection).await;
        }
    }
}

#[tokio::test]
async fn a_transaction_outlives_settling() {
    for server in shared_servers() {
        let mut connection = connect_to_new(server).await;
        connection.script("create table t (id int)").await.unwrap();
        connection.script("begin; insert into t values (1)").await.unwrap();
        walk_away(connection.execute(SLEEP, ())).await;
        within(connection.settle()).await.unwrap();
        assert_eq!(connection.transaction_status(), TransactionStatus::Failed);
        let refused = connection.execute("insert into t values (2)", ()).await.unwrap_err();
        assert_eq!(code(&refused), "25P02");
        assert_eq!(connection.script("commit").await.unwrap().as_str(), "ROLLBACK");
        let (count,): (i64,) = connection.query("select count(*) from t").one().await.unwrap();
        assert_eq!(count, 0);
    }
}

#[tokio::test]
async fn a_message_that_is_half_sent_is_finished_first() {
    let proxy = Proxy::start(Server::shared().port()).unwrap();
    let text = format!("host=127.0.0.1 port={} user=trust dbname=test sslmode=disable", proxy.port());
    let mut connection = open(&text).await.unwrap();
    proxy.set_flow(Direction::ToServer, Flow::Stalled);
    walk_away(connection.execute("select length($1)", (vec![7_u8; 64 << 20],))).await;
    let settling = async {
        within(connection.settle()).await.unwrap();
        assert_usable(&mut connection).await;
    };
    let thawing = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        proxy.set_flow(Direction::ToServer, Flow::Whole);
    };
    tokio::join!(settling, thawing);
    assert!(proxy.forwarded(Direction::ToServer) > 64 << 20);
}

#[tokio::test]
async fn settling_a_connection_at_rest_costs_nothing() {
    let proxy = Proxy::start(Server::shared().port()).unwrap();
    let text = format!("host=127.0.0.1 port={} user=trust dbname=test sslmode=disable", proxy.port());
    let mut connection = open(&text).await.unwrap();
    assert_usable(&mut connection).await;
    let before = proxy.bytes(Direction::ToServer);
    within(connection.settle()).await.unwrap();
    assert_eq!((proxy.bytes(Direction::ToServer), proxy.connections()), (before, 1));
}

/// Takes a query and never answers it.
async fn deaf(p: &mut PeerConnection, key: Option<&[u8]>) -> std::io::Result<()> {
    p.startup().await?;
    p.send(&messages::auth_ok()).await?;
    if let Some(key) = key {
        p.send(&messages::backend_key(7, key)).await?;
    }
    p.send(&messages::ready(b'I')).await?;
    p.expect_all(b"PDBES").await?;
    Ok(())
}

fn peer_url(peer: &Peer) -> String {
    format!("host=127.0.0.1 port={} user=u sslmode=disable", peer.port())
}

#[tokio::test]
async fn a_server_without_a_key_is_waited_for_and_then_closed() {
    let peer = Peer::script(|mut p| async move {
        deaf(&mut p, None).await?;
        p.closed().await
    })
    .unwrap();
    let mut connection = open(&peer_url(&peer)).await.unwrap();
    walk_away(connection.execute("select 1", ())).await;
    let error = within(connection.settle()).await.unwrap_err();
    assert!(error.is_connection_lost() && error.is_outcome_unknown(), "{error:?}");
    assert!(error.to_string().contains("did not end in time"), "{error}");
    assert!(!connection.is_usable());
    drop(connection);
    within(peer.finish()).await.unwrap();
}

#[tokio::test]
async fn a_server_without_a_key_that_answers_is_used_again() {
    let peer = Peer::script(|mut p| async move {
        deaf(&mut p, None).await?;
        p.pause(Duration::from_millis(300)).await;
        p.send(&messages::error("ERROR", "22012", "too late")).await?;
        p.send(&messages::ready(b'I')).await?;
        p.expect_all(b"PDBES").await?;
        p.send(&[messages::error("ERROR", "22012", "the next"), messages::ready(b'I')].concat()).await?;
        p.closed().await
    })
    .unwrap();
    let mut connection = open(&peer_url(&peer)).await.unwrap();
    walk_away(connection.execute("select 1", ())).await;
    within(connection.settle()).await.unwrap();
    let next = within(connection.execute("select 2", ())).await.unwrap_err();
    assert_eq!(next.server().unwrap().message(), "the next");
    drop(connection);
    within(peer.finish()).await.unwrap();
}

/// The peer of the session and that of the cancel request are the same, so a listener takes both.
#[tokio::test]
async fn a_cancel_request_whose_end_is_not_seen_costs_the_connection() {
    let peer = Peer::listen(|listener| async move {
        let mut session = listener.accept().await?;
        deaf(&mut session, Some(b"abcd")).await?;
        let mut cancel = listener.accept().await?;
        assert!(matches!(cancel.first_packet().await?, FirstPacket::Cancel { .. }));
        session.send(&[messages::error("ERROR", "57014", "stopped"), messages::ready(b'I')].concat()).await?;
        // It is never closed: whether it has been taken nobody knows.
        session.closed().await
    })
    .unwrap();
    let mut connection = open(&peer_url(&peer)).await.unwrap();
    walk_away(connection.execute("select 1", ())).await;
    let error = within(connection.settle()).await.unwrap_err();
    assert!(error.is_connection_lost(), "{error:?}");
    assert!(error.to_string().contains("might have hit a later query"), "{error}");
    drop(connection);
    within(peer.finish()).await.unwrap();
}

#[tokio::test]
async fn between_a_cancel_request_and_the_next_query_is_a_round_trip() {
    let peer = Peer::listen(|listener| async move {
        let mut session = listener.accept().await?;
        deaf(&mut session, Some(b"abcd")).await?;
        let mut cancel = listener.accept().await?;
        assert!(matches!(cancel.first_packet().await?, FirstPacket::Cancel { .. }));
        cancel.close().await?;
        // The query was over by itself: the request hits what comes next.
        session.send(&[messages::error("ERROR", "22012", "over"), messages::ready(b'I')].concat()).await?;
        session.expect(b'S').await?;
        session.send(&[messages::error("ERROR", "57014", "stray"), messages::ready(b'I')].concat()).await?;
        session.expect_all(b"PDBES").await?;
        session
            .send(&[messages::error("ERROR", "22012", "the next"), messages::ready(b'I')].concat())
            .await?;
        session.closed().await
    })
    .unwrap();
    let mut connection = open(&peer_url(&peer)).await.unwrap();
    walk_away(connection.execute("select 1", ())).await;
    within(connection.settle()).await.unwrap();
    let next = within(connection.execute("select 2", ())).await.unwrap_err();
    assert_eq!(next.server().unwrap().message(), "the next");
    drop(connection);
    within(peer.finish()).await.unwrap();
}

#[tokio::test]
async fn close_or_cancel_leaves_nothing_running() {
    for server in shared_servers() {
        let mut connection = connect(server).await;
        let pid = connection.backend_pid().unwrap();
        connection.script("begin").await.unwrap();
        walk_away(connection.execute(SLEEP, ())).await;
        within(connection.close_or_cancel()).await.unwrap();
        let running = format!("select 1 from pg_stat_activity where pid = {pid} and wait_event = 'PgSleep'");
        assert!(server.sql(&running).unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_connection_that_is_over_says_so_when_it_is_to_be_settled() {
    let server = Server::shared();
    let mut connection = Connection::connect(&plain_config(server, "test")).await.unwrap();
    let pid = connection.backend_pid().unwrap();
    walk_away(connection.execute(SLEEP, ())).await;
    server.sql(&format!("select pg_terminate_backend({pid})")).unwrap();
    let error = within(connection.settle()).await.unwrap_err();
    assert!(error.is_connection_lost() && error.is_outcome_unknown(), "{error:?}");
    assert_eq!(code(&error), "57P01");
    assert!(within(connection.settle()).await.unwrap_err().is_connection_lost());
}
