//! What becomes of a session that comes back in the middle of something.

use std::time::Duration;

use molt_db::arrow::{ArrowOptions, BatchLimits, RowLimit};
use molt_db::{CopyIn, Pool, Session, TransactionStatus};
use molt_db_testkit::peer::{FirstPacket, Peer, PeerConnection, PeerListener, messages};
use molt_db_testkit::{Server, ServerOptions, shared_servers};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::common::{assert_usable, plain_config, poll_times, within};
use crate::{SLEEP, acquire, backends, pid, pool, pool_as, pool_of_peer, runtime, until, walk_away};

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
    CopyIn,
    CopyOut,
    CopyInTransaction,
}

impl Leaving {
    const ALL: [Self; 11] = [
        Self::Query,
        Self::Script,
        Self::Rows,
        Self::Batches,
        Self::Transaction,
        Self::FailedTransaction,
        Self::QueryInTransaction,
        Self::RowsInTransaction,
        Self::CopyIn,
        Self::CopyOut,
        Self::CopyInTransaction,
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
            Self::CopyIn => drop(begun_copy(&mut session).await),
            Self::CopyOut => {
                let sql = format!("copy ({ENDLESS}) to stdout");
                let mut copy = session.copy_out(&sql).await.unwrap();
                assert!(copy.next().await.unwrap().is_some());
            }
            Self::CopyInTransaction => {
                session.script(&format!("begin; {INSERT}")).await.unwrap();
                drop(begun_copy(&mut session).await);
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

/// Begins a copy of which some has been sent.
async fn begun_copy(session: &mut Session) -> CopyIn<'_> {
    let mut copy = session.copy_in("copy orders from stdin").await.unwrap();
    copy.send("1\n2\n").await.unwrap();
    copy
}

const INSERT: &str = "insert into orders values (1)";
const ENDLESS: &str = "select generate_series(1, 9000000000)";
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
pub(crate) async fn ignore_cancels(listener: &PeerListener) -> std::io::Result<PeerConnection> {
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
