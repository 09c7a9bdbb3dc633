//! What goes wrong around a pool: sessions that the server ends, a network that swallows everything, a server that is
//! started anew, notices without end.

mod common;

use std::time::Duration;

use common::{assert_usable, code, connect, plain_config, within};
use molt_db::{Error, Pool};
use molt_db_testkit::proxy::{Direction, Flow, Proxy};
use molt_db_testkit::{Server, ServerOptions, servers_under_test, shared_servers};
use tokio::task::JoinSet;
use tokio::time::sleep;

async fn until(condition: impl Fn() -> bool) {
    within(async {
        while !condition() {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_thousand_queries_that_time_out_open_no_connection_but_those_of_their_cancels() {
    const QUERIES: u32 = 1000;
    const SESSIONS: u32 = 8;
    for server in shared_servers() {
        let proxy = Proxy::start(server.port()).unwrap();
        let config = plain_config(server, "test").port(proxy.port()).query_timeout(Duration::from_millis(5));
        let pool = Pool::builder(config).max_conns(SESSIONS).max_wait(Duration::from_secs(60));
        let pool = pool.build().unwrap();
        let mut tasks = JoinSet::new();
        for _ in 0..2 * SESSIONS {
            let pool = pool.clone();
            tasks.spawn(async move {
                for _ in 0..QUERIES.div_ceil(2 * SESSIONS) {
                    let mut session = pool.acquire().await.unwrap();
                    let error = session.execute("select pg_sleep(60)", ()).await.unwrap_err();
                    assert!(error.is_timeout(), "{error}");
                }
            });
        }
        tokio::time::timeout(Duration::from_secs(100), tasks.join_all()).await.expect("it hangs");
        until(|| pool.status().settling == 0).await;
        let metrics = pool.metrics();
        let cancels = proxy.connections() - metrics.connects;
        println!("{} connects, {} settled, {cancels} requests to cancel", metrics.connects, metrics.settles);
        assert_eq!((metrics.discarded, metrics.settles_failed), (0, 0));
        assert!(
            metrics.settles >= u64::from(QUERIES) && metrics.connects <= u64::from(SESSIONS),
            "{metrics:?}"
        );
        assert!(cancels >= u64::from(QUERIES), "only {cancels} requests to cancel");
    }
}

/// The parameter is there from 14 on.
#[tokio::test]
async fn a_session_that_was_idle_for_too_long_is_not_handed_out() {
    for server in shared_servers().into_iter().filter(|server| server.version().0 >= 14) {
        let config = plain_config(server, "test").options("-c idle_session_timeout=500");
        let pool = Pool::builder(config).max_conns(1).build().unwrap();
        let pid = pool.acquire().await.unwrap().backend_pid().unwrap();
        let gone = format!("select 1 from pg_stat_activity where pid = {pid}");
        until(|| server.sql(&gone).unwrap().is_empty()).await;
        // The kit's own connection blocks this thread: the runtime has not looked at its sockets since.
        sleep(Duration::from_millis(50)).await;
        let mut session = within(pool.acquire()).await.unwrap();
        assert_ne!(session.backend_pid(), Some(pid));
        assert_usable(&mut session).await;
    }
}

#[tokio::test]
async fn a_network_that_swallows_everything_costs_one_query_and_no_slot() {
    for server in shared_servers() {
        let proxy = Proxy::start(server.port()).unwrap();
        let config = plain_config(server, "test").port(proxy.port());
        let config = config.query_timeout(Duration::from_millis(200)).connect_timeout(Duration::from_secs(1));
        let pool = Pool::builder(config).max_conns(1).max_wait(Duration::from_secs(19)).build().unwrap();
        assert_usable(&mut pool.acquire().await.unwrap()).await;
        // The packets of an idle session are gone; the proxy acknowledges, and never answers.
        proxy.set_flow(Direction::ToServer, Flow::Stalled);
        let mut session = within(pool.acquire()).await.unwrap();
        let error = within(session.execute("select 1", ())).await.unwrap_err();
        assert!(error.is_timeout() && error.is_outcome_unknown(), "{error}");
        drop(session);
        until(|| pool.metrics().settles_failed == 1).await;
        assert_eq!((pool.status().total, pool.status().in_use), (0, 0));
        let error = within(pool.acquire()).await.unwrap_err();
        assert!(error.is_connect() && error.is_timeout(), "{error}");
        proxy.set_flow(Direction::ToServer, Flow::Whole);
        assert_usable(&mut within(pool.acquire()).await.unwrap()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_costs_what_was_under_way_and_nothing_more() {
    const SESSIONS: u32 = 25;
    for wanted in servers_under_test() {
        let server = Server::start(ServerOptions::default().wanted(wanted)).unwrap();
        let config = plain_config(&server, "test").connect_timeout(Duration::from_secs(5));
        let pool = Pool::builder(config).max_conns(2 * SESSIONS).max_wait(Duration::from_secs(19));
        let pool = pool.build().unwrap();
        let mut all = Vec::new();
        for _ in 0..2 * SESSIONS {
            all.push(within(pool.acquire()).await.unwrap());
        }
        let mut running = JoinSet::new();
        for mut session in all.drain(..SESSIONS as usize) {
            running.spawn(async move { session.execute("select pg_sleep(60)", ()).await.map(drop) });
        }
        drop(all);
        let asleep = "select 1 from pg_stat_activity where wait_event = 'PgSleep' having count(*) = 25";
        until(|| !server.sql(asleep).unwrap().is_empty()).await;
        server.restart().unwrap();
        for ended in within(running.join_all()).await {
            let error: Error = ended.unwrap_err();
            assert!(error.is_connection_lost() && error.is_outcome_unknown(), "{error:?}");
        }
        let before = pool.metrics().connects;
        let mut again = JoinSet::new();
        for _ in 0..4 * SESSIONS {
            let pool = pool.clone();
            again.spawn(async move { assert_usable(&mut within(pool.acquire()).await.unwrap()).await });
        }
        within(again.join_all()).await;
        let connects = pool.metrics().connects - before;
        assert!(connects <= u64::from(2 * SESSIONS), "{connects} connects: a storm");
        assert_eq!(pool.status().in_use, 0);
    }
}

#[tokio::test]
async fn notices_without_end_are_bounded_and_the_query_behind_them_runs() {
    const COUNT: u32 = 100_000;
    for server in shared_servers() {
        let mut connection = connect(server).await;
        let sql =
            format!("do $$ begin for n in 1..{COUNT} loop raise notice 'number %', n; end loop; end $$");
        within(connection.script(&sql)).await.unwrap();
        let kept: Vec<_> = connection.take_notices().map(|notice| notice.message().into_owned()).collect();
        let latest: Vec<_> = (COUNT - 63..=COUNT).map(|n| format!("number {n}")).collect();
        assert_eq!(kept, latest);
        let large = "do $$ begin raise notice '%', repeat('x', 1000000); raise exception 'over'; end $$";
        let error = within(connection.execute(large, ())).await.unwrap_err();
        assert_eq!(code(&error), "P0001");
        assert_eq!(connection.take_notices().next().unwrap().message().len(), 1_000_000);
        assert_usable(&mut connection).await;
    }
}
