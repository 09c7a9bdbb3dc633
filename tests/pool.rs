//! The pool over real servers: who is served when, and what a connection looks like to the one who gets it.

mod common;

use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use common::{assert_usable, code, plain_config, poll_times, within};
use molt_db::arrow::{ArrowOptions, BatchLimits, RowLimit};
use molt_db::{Config, Pool, Session, TransactionStatus};
use molt_db_testkit::peer::{FirstPacket, Peer, PeerConnection, PeerListener, messages};
use molt_db_testkit::{Server, ServerOptions, User, shared_servers};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

fn pool(server: &Server, max_conns: u32) -> Pool {
    pool_as(server, max_conns, "pool")
}

/// A pool whose sessions are found by that name.
fn pool_as(server: &Server, max_conns: u32, name: &str) -> Pool {
    let config = plain_config(server, "test").application_name(name);
    Pool::builder(config).max_conns(max_conns).max_wait(Duration::from_secs(15)).build().unwrap()
}

async fn acquire(pool: &Pool) -> Session {
    within(pool.acquire()).await.unwrap()
}

async fn pid(pool: &Pool) -> i32 {
    acquire(pool).await.backend_pid().unwrap()
}

fn backends(server: &Server, name: &str) -> u64 {
    let sql = format!("select count(*) from pg_stat_activity where application_name = '{name}'");
    server.sql(&sql).unwrap()[0][0].as_ref().unwrap().parse().unwrap()
}

async fn until(condition: impl Fn() -> bool) {
    within(async {
        while !condition() {
            sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

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
        let held = (acquire(&pool).await, acquire(&pool).await);
        let error = within(pool.acquire()).await.unwrap_err();
        assert!(error.is_pool_exhausted() && error.is_timeout() && !error.is_connect(), "{error:?}");
        let text = error.to_string();
        assert!(text.contains("no connection within 50ms") && text.contains("2 of 2 in use"), "{text}");
        let exhausted = error.pool_exhausted().unwrap();
        assert_eq!(exhausted.max_wait(), Duration::from_millis(50));
        assert_eq!((exhausted.status().in_use, exhausted.status().waiting), (2, 1));
        assert_eq!(pool.status().waiting, 0);
        drop(held);
        assert_usable(&mut *acquire(&pool).await).await;
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

/// How a session is left.
#[derive(Debug, Clone, Copy)]
enum Leaving {
    Query,
    Script,
    Rows,
    Batches,
    Transaction,
    FailedTransaction,
    QueryInTransaction,
    RowsInTransaction,
}

impl Leaving {
    const ALL: [Self; 8] = [
        Self::Query,
        Self::Script,
        Self::Rows,
        Self::Batches,
        Self::Transaction,
        Self::FailedTransaction,
        Self::QueryInTransaction,
        Self::RowsInTransaction,
    ];

    async fn leave(self, mut session: Session) {
        match self {
            Self::Query => walk_away(session.execute(SLEEP, ())).await,
            Self::Script => walk_away(session.script(&format!("{INSERT}; {SLEEP}; {INSERT}"))).await,
            Self::Rows => drop(session.query(ENDLESS).rows().await.unwrap().next().await.unwrap()),
            Self::Batches => {
                let limits = BatchLimits { rows: RowLimit::new(10), ..BatchLimits::default() };
                let options = ArrowOptions::default();
                let mut batches = session.query(ENDLESS).arrow_with(&options, limits).await.unwrap();
                assert!(batches.next().await.unwrap().is_some());
            }
            Self::Transaction => drop(session.script(&format!("begin; {INSERT}")).await.unwrap()),
            Self::FailedTransaction => {
                session.script(&format!("begin; {INSERT}")).await.unwrap();
                session.script("select 1/0").await.unwrap_err();
                assert_eq!(session.transaction_status(), TransactionStatus::Failed);
            }
            Self::QueryInTransaction => {
                session.script(&format!("begin; {INSERT}")).await.unwrap();
                walk_away(session.execute(SLEEP, ())).await;
            }
            Self::RowsInTransaction => {
                session.script(&format!("begin; {INSERT}")).await.unwrap();
                drop(
                    session
                        .query("insert into orders select generate_series(1, 100000) returning id")
                        .rows()
                        .await,
                );
            }
        }
    }
}

const INSERT: &str = "insert into orders values (1)";
const SLEEP: &str = "select pg_sleep(30)";
const ENDLESS: &str = "select generate_series(1, 9000000000)";

/// Lets a future run for a moment and drops it.
async fn walk_away<T>(future: impl Future<Output = T>) {
    assert!(timeout(Duration::from_millis(30), future).await.is_err(), "it should have taken longer");
}

/// Makes a pool of one connection to a new database with an empty table of orders.
fn pool_with_orders(server: &Server, name: &str) -> Pool {
    let database = server.create_database().unwrap();
    server.sql_in(&database, "create table orders (id int); grant all on orders to public").unwrap();
    let config = plain_config(server, &database).application_name(name);
    Pool::builder(config).max_conns(1).max_wait(Duration::from_secs(15)).build().unwrap()
}

/// Asserts that nothing is left of what a session was in the middle of.
async fn assert_clean(session: &mut Session) {
    assert_eq!(session.transaction_status(), TransactionStatus::Idle);
    assert_usable(session).await;
    // Waits for the lock of the insert, if there still is one.
    session.script("begin; lock table orders; commit").await.unwrap();
    let (count,): (i64,) = session.query("select count(*) from orders").one().await.unwrap();
    assert_eq!(count, 0);
}

#[tokio::test]
async fn a_session_that_is_left_unfinished_comes_to_rest_and_is_the_next_ones() {
    for server in shared_servers() {
        let pool = pool_with_orders(server, "unfinished");
        let first = pid(&pool).await;
        for leaving in Leaving::ALL {
            leaving.leave(acquire(&pool).await).await;
            assert_eq!(pool.status().settling, 1, "{leaving:?}");
            let mut session = acquire(&pool).await;
            assert_eq!(session.backend_pid(), Some(first), "{leaving:?}");
            assert_clean(&mut session).await;
        }
        let metrics = pool.metrics();
        assert_eq!((metrics.settles, metrics.settles_failed), (Leaving::ALL.len() as u64, 0));
        assert_eq!((metrics.connects, metrics.discarded), (1, 0));
        assert_eq!(backends(server, "unfinished"), 1);
    }
}

#[tokio::test]
async fn a_session_whose_copy_is_dropped_at_any_poll_comes_to_rest() {
    for server in shared_servers() {
        let pool = pool_with_orders(server, "copying");
        let first = pid(&pool).await;
        let mut polls = 0;
        let mut ended = false;
        while !ended {
            let mut session = acquire(&pool).await;
            ended = poll_times(session.execute("copy orders from stdin", ()), polls).await;
            drop(session);
            let mut session = acquire(&pool).await;
            assert_eq!(session.backend_pid(), Some(first), "after {polls}");
            assert_clean(&mut session).await;
            polls += 1;
        }
        assert!(polls > 2);
        assert!(pool.metrics().settles > 0);
        assert_eq!((pool.metrics().connects, pool.metrics().discarded), (1, 0));
    }
}

#[tokio::test]
async fn a_waiter_gets_the_session_that_was_left_unfinished() {
    for server in shared_servers() {
        let pool = pool_with_orders(server, "waiter");
        let session = acquire(&pool).await;
        let first = session.backend_pid();
        let waiter = tokio::spawn({
            let pool = pool.clone();
            async move {
                let mut session = acquire(&pool).await;
                assert_clean(&mut session).await;
                session.backend_pid()
            }
        });
        until(|| pool.status().waiting == 1).await;
        Leaving::QueryInTransaction.leave(session).await;
        assert_eq!((pool.status().settling, pool.status().connecting, pool.status().waiting), (1, 0, 1));
        assert_eq!(within(waiter).await.unwrap(), first);
        assert_eq!((pool.metrics().connects, pool.metrics().settles), (1, 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_that_time_out_cost_no_connection_and_cancel_no_other_query() {
    const ROUNDS: i32 = 25;
    for server in shared_servers() {
        let pool = pool_as(server, 4, "timing out");
        let mut tasks = JoinSet::new();
        for task in 0..8_i32 {
            let pool = pool.clone();
            tasks.spawn(async move {
                for round in 0..ROUNDS {
                    let mut session = acquire(&pool).await;
                    let slow = session.execute("select pg_sleep(0.02)", ());
                    let patience = Duration::from_millis(u64::try_from(round).unwrap());
                    drop(timeout(patience, slow).await);
                    drop(session);
                    let mut session = acquire(&pool).await;
                    let number = task * ROUNDS + round;
                    let (found,): (i32,) = session.query("select $1::int4").bind(number).one().await.unwrap();
                    assert_eq!(found, number);
                }
            });
        }
        within(tasks.join_all()).await;
        let metrics = pool.metrics();
        assert!(metrics.connects <= 4 && metrics.settles > 100, "{metrics:?}");
        assert_eq!((metrics.settles_failed, metrics.discarded), (0, 0));
        assert!(backends(server, "timing out") <= 4);
    }
}

#[tokio::test]
async fn a_pool_that_closes_ends_what_is_left_unfinished() {
    for server in shared_servers() {
        let pool = pool_as(server, 2, "closing unfinished");
        let (mut early, mut late) = (acquire(&pool).await, acquire(&pool).await);
        walk_away(early.execute(SLEEP, ())).await;
        walk_away(late.execute(SLEEP, ())).await;
        drop(early);
        within(async { tokio::join!(pool.close(), async { drop(late) }) }).await;
        assert_eq!((pool.metrics().settles, pool.status().total), (2, 0));
        // Nobody would wait long enough for the sleepers to wake up.
        until(|| backends(server, "closing unfinished") == 0).await;
    }
}

#[test]
fn a_session_whose_runtime_has_gone_is_closed_at_once() {
    let server = Server::shared();
    let pool = pool_as(server, 1, "no runtime");
    let first = runtime();
    let session = first.block_on(async {
        let mut session = acquire(&pool).await;
        session.script("begin").await.unwrap();
        session
    });
    drop(first);
    drop(session);
    assert_eq!((pool.status().total, pool.metrics().discarded), (0, 1));
    runtime().block_on(async {
        until(|| backends(server, "no runtime") == 0).await;
        assert_usable(&mut *acquire(&pool).await).await;
    });
}

#[test]
fn a_session_whose_runtime_has_gone_is_given_up_by_another() {
    let server = Server::shared();
    let config = plain_config(server, "test").application_name("other runtime");
    let config = config.query_timeout(Duration::from_secs(5));
    let pool = Pool::builder(config).max_conns(3).build().unwrap();
    let (first, second) = (runtime(), runtime());
    let lost = first.block_on(async {
        let (mut idle_in_transaction, mut running) = (acquire(&pool).await, acquire(&pool).await);
        idle_in_transaction.script("begin").await.unwrap();
        walk_away(running.execute(SLEEP, ())).await;
        (idle_in_transaction, running)
    });
    let only = second.block_on(pid(&pool));
    drop(first);
    drop(lost);
    assert_eq!((pool.status().settling, pool.status().idle), (2, 1));
    second.block_on(async {
        until(|| pool.status().settling == 0).await;
        assert_eq!(pid(&pool).await, only);
    });
    assert_eq!((pool.metrics().settles_failed, pool.status().total), (2, 1));
}

#[tokio::test]
async fn a_session_that_is_ended_while_it_settles_is_replaced() {
    let server = Server::start(ServerOptions::default()).unwrap();
    let pool = pool(&server, 1);
    let mut session = acquire(&pool).await;
    let first = session.backend_pid();
    walk_away(session.execute(SLEEP, ())).await;
    server.terminate_backends().unwrap();
    drop(session);
    let mut session = acquire(&pool).await;
    assert_ne!(session.backend_pid(), first);
    assert_usable(&mut session).await;
    assert_eq!((pool.metrics().settles_failed, pool.metrics().connects), (1, 2));
}

/// Lets a client in whose first packet has been read.
async fn let_in(peer: &mut PeerConnection) -> std::io::Result<()> {
    let answer = [messages::auth_ok(), messages::backend_key(2, b"abcd"), messages::ready(b'I')];
    peer.send(&answer.concat()).await
}

/// Takes cancel requests, and does nothing about them, until a client begins a session.
async fn ignore_cancels(listener: &PeerListener) -> std::io::Result<PeerConnection> {
    loop {
        let mut peer = listener.accept().await?;
        match peer.first_packet().await? {
            FirstPacket::Cancel { .. } => peer.close().await?,
            first => {
                assert!(matches!(first, FirstPacket::Startup(_)));
                let_in(&mut peer).await?;
                return Ok(peer);
            }
        }
    }
}

fn pool_of_peer(peer: &Peer) -> Pool {
    let text =
        format!("host=127.0.0.1 port={} user=u sslmode=disable max_conns=1 max_wait_ms=19000", peer.port());
    Pool::builder(text.parse().unwrap()).build().unwrap()
}

/// Asserts that a session that was just dropped is given up, and a waiter served by another connection.
async fn assert_given_up(pool: &Pool) {
    assert_eq!(pool.status().settling, 1);
    let next = acquire(pool).await;
    assert_eq!(next.backend_pid(), Some(2));
    let metrics = pool.metrics();
    assert_eq!((metrics.settles, metrics.settles_failed, metrics.discarded), (0, 1, 1));
    assert_eq!((metrics.connects, pool.status().total), (2, 1));
}

#[tokio::test]
async fn a_session_of_a_server_that_heeds_no_cancel_is_given_up() {
    let peer = Peer::listen(|listener| async move {
        let mut deaf = listener.accept().await?;
        deaf.login().await?;
        deaf.expect_all(b"PDBES").await?;
        let mut next = ignore_cancels(&listener).await?;
        deaf.closed().await?;
        next.hang().await;
        Ok(())
    })
    .unwrap();
    let pool = pool_of_peer(&peer);
    let mut session = acquire(&pool).await;
    walk_away(session.execute("select 1", ())).await;
    drop(session);
    assert_given_up(&pool).await;
    drop(pool);
    within(peer.finish()).await.unwrap();
}

/// What a server does about ROLLBACK that does not know how.
async fn assert_given_up_after(answer: Option<Vec<u8>>) {
    let peer = Peer::listen(|listener| async move {
        let mut session = listener.accept().await?;
        session.login().await?;
        session.expect(b'Q').await?;
        session.send(&[messages::command_complete("BEGIN"), messages::ready(b'T')].concat()).await?;
        assert_eq!(session.expect(b'Q').await?, b"ROLLBACK\0");
        session.send(&answer.unwrap_or_default()).await?;
        let mut next = ignore_cancels(&listener).await?;
        session.closed().await?;
        next.hang().await;
        Ok(())
    })
    .unwrap();
    let pool = pool_of_peer(&peer);
    let mut session = acquire(&pool).await;
    session.script("begin").await.unwrap();
    drop(session);
    assert_given_up(&pool).await;
    drop(pool);
    within(peer.finish()).await.unwrap();
}

#[tokio::test]
async fn a_session_that_is_not_rolled_back_is_given_up() {
    let refused = [messages::error("ERROR", "XX000", "no"), messages::ready(b'T')].concat();
    let in_vain = [messages::command_complete("ROLLBACK"), messages::ready(b'T')].concat();
    for answer in [Some(refused), Some(in_vain), None] {
        assert_given_up_after(answer).await;
    }
}

#[tokio::test]
async fn a_committed_transaction_is_no_reason_to_replace_a_connection() {
    for server in shared_servers() {
        let pool = pool(server, 1);
        let first = pid(&pool).await;
        acquire(&pool).await.script("begin; select 1; commit").await.unwrap();
        acquire(&pool).await.script("begin; select 1; rollback").await.unwrap();
        acquire(&pool).await.script("select 1/0").await.unwrap_err();
        assert_eq!(pid(&pool).await, first);
        assert_eq!(pool.metrics().discarded, 0);
    }
}

#[tokio::test]
async fn settings_of_a_session_go_back_with_it() {
    for server in shared_servers() {
        let pool = pool(server, 1);
        acquire(&pool).await.execute("set statement_timeout = 12345", ()).await.unwrap();
        let (found,): (String,) = acquire(&pool).await.query("show statement_timeout").one().await.unwrap();
        assert_eq!(found, "12345ms");
    }
}

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
        let error = within(pool.acquire()).await.unwrap_err();
        assert!(error.is_connect() && !error.is_pool_exhausted(), "{error:?}");
        server.restart().unwrap();
        assert_usable(&mut *acquire(&pool).await).await;
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
        assert_eq!(pool.status().total, 0);
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

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Polls an acquire once, outside of any runtime.
fn blocking_poll(pool: &Pool) -> Option<Result<Session, molt_db::Error>> {
    let mut acquire = std::pin::pin!(pool.acquire());
    match acquire.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        Poll::Ready(outcome) => Some(outcome),
        Poll::Pending => None,
    }
}

#[tokio::test]
async fn a_connect_that_hangs_ends_with_connect_timeout_and_frees_its_place() {
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
    let error = within(pool.acquire()).await.unwrap_err();
    assert!(error.is_connect() && error.is_timeout() && !error.is_pool_exhausted(), "{error:?}");
    drop(acquire(&pool).await);
    drop(pool);
    within(peer.finish()).await.unwrap();
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
