//! What is counted of queries, and what is not.

mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use common::{FORGET_UNSEEN, assert_usable, on_each_server, plain_config, within};
use molt_db::config::{Observe, ResetPolicy};
use molt_db::{Config, Connection, Connector, Pool, Scope, Traffic};
use molt_db_testkit::proxy::{Direction, Proxy};
use molt_db_testkit::{Server, ServerOptions};
use tokio::time::timeout;

fn observed(server: &Server) -> Config {
    plain_config(server, "test").observe(Observe::On)
}

fn pool(config: Config) -> Pool {
    Pool::builder(config).max_conns(1).build().unwrap()
}

/// A connection, and what counts for it.
async fn connect(server: &Server) -> (Connector, Connection) {
    let connector = Connector::new(&observed(server)).unwrap();
    let connection = connector.connect().await.unwrap();
    (connector, connection)
}

fn traffic(connector: &Connector) -> Traffic {
    connector.traffic().unwrap()
}

fn errors(list: &[(&str, u64)]) -> BTreeMap<String, u64> {
    list.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect()
}

#[tokio::test]
async fn nothing_is_counted_where_nobody_asked_for_it() {
    on_each_server(async |server| {
        let pool = pool(plain_config(server, "test"));
        pool.execute("select 1", ()).await.unwrap();
        let stats = pool.stats();
        assert_eq!((stats.traffic, stats.metrics.connects, stats.status.idle), (None, 1, 1));
    })
    .await;
}

#[tokio::test]
async fn every_command_is_one_operation_whatever_its_kind() {
    on_each_server(async |server| {
        let (connector, mut c) = connect(server).await;
        assert_eq!((traffic(&connector).operations.count(), traffic(&connector).connects.count()), (0, 1));
        c.execute("select $1::int4", (1_i32,)).await.unwrap();
        c.query("select generate_series(1, 3)").all::<(i32,)>().await.unwrap();
        let mut rows = c.query("select generate_series(1, 3)").rows().await.unwrap();
        while rows.next().await.unwrap().is_some() {}
        let mut batches = c.query("select generate_series(1, 3)").arrow().await.unwrap();
        while batches.next().await.unwrap().is_some() {}
        c.script("select 1; select 2").await.unwrap();
        c.prepare("select 7").await.unwrap();
        let mut batch = c.batch();
        batch.add("select 1", ()).barrier().add("select 2", ());
        batch.run().await.unwrap();
        let found = traffic(&connector);
        assert_eq!((found.operations.count(), found.errors.len()), (7, 0));
        assert!(found.mean() > Duration::ZERO && found.mean() < Duration::from_secs(20));
        assert_eq!(found.operations.buckets().map(|(_, count)| count).sum::<u64>(), 7);
    })
    .await;
}

#[tokio::test]
async fn a_slow_operation_falls_into_a_late_bucket() {
    on_each_server(async |server| {
        let (connector, mut c) = connect(server).await;
        c.execute("select pg_sleep(0.12)", ()).await.unwrap();
        let found = traffic(&connector).operations;
        let fast: u64 = found
            .buckets()
            .filter(|(bound, _)| bound.is_some_and(|bound| bound <= Duration::from_millis(100)))
            .map(|(_, count)| count)
            .sum();
        assert_eq!((fast, found.count()), (0, 1));
        assert!(found.sum() >= Duration::from_millis(120));
    })
    .await;
}

#[tokio::test]
async fn failures_are_counted_by_their_code_and_their_class() {
    on_each_server(async |server| {
        let (connector, mut c) = connect(server).await;
        for sql in ["select 1 / 0", "select 1 / 0", "select * from nowhere", "selec", "select 'x'::int4"] {
            c.script(sql).await.unwrap_err();
        }
        let mut batch = c.batch();
        batch.add("select 1 / 0", ()).barrier().add("selec", ());
        batch.run_all().await.unwrap();
        let found = traffic(&connector);
        assert_eq!(found.errors, errors(&[("22012", 3), ("22P02", 1), ("42601", 1), ("42P01", 1)]));
        assert_eq!((found.errors_of_class("22"), found.errors_of_class("42")), (4, 2));
        assert_eq!((found.errors_of_class("ti"), found.operations.count()), (0, 6));
    })
    .await;
}

/// A stale statement is healed unseen, and is one operation.
#[tokio::test]
async fn what_is_healed_is_no_failure() {
    on_each_server(async |server| {
        let (connector, mut c) = connect(server).await;
        c.execute("select 5", ()).await.unwrap();
        c.script(FORGET_UNSEEN).await.unwrap();
        c.execute("select 5", ()).await.unwrap();
        let found = traffic(&connector);
        assert_eq!((found.operations.count(), found.errors.len()), (3, 0));
    })
    .await;
}

#[tokio::test]
async fn operations_that_end_without_an_answer_are_counted_once_each_by_their_reason() {
    const SLEEP: &str = "select pg_sleep(30)";
    on_each_server(async |server| {
        let limited = observed(server).query_timeout(Duration::from_millis(60));
        let connector = Connector::new(&limited).unwrap();
        let mut c = connector.connect().await.unwrap();
        assert!(within(c.execute(SLEEP, ())).await.unwrap_err().is_timeout());
        c.settle().await.unwrap();
        c.set_scope(Scope::within(Duration::from_millis(20)));
        assert!(within(c.execute(SLEEP, ())).await.unwrap_err().is_timeout());
        c.settle().await.unwrap();
        c.set_scope(Scope::default());
        assert!(timeout(Duration::from_millis(20), c.execute(SLEEP, ())).await.is_err());
        c.settle().await.unwrap();
        drop(c.query("select generate_series(1, 1000000)").rows().await.unwrap());
        drop(c);
        let found = traffic(&connector);
        assert_eq!(found.errors, errors(&[("abandoned", 2), ("timeout", 2)]));
        assert_eq!((found.operations.count(), found.cancels), (4, 3));
    })
    .await;
}

#[tokio::test]
async fn an_operation_whose_connection_ends_is_a_failure() {
    let server = Server::start(ServerOptions::default()).unwrap();
    let (connector, mut c) = connect(&server).await;
    assert_usable(&mut c).await;
    server.terminate_backends().unwrap();
    assert!(within(c.execute("select 1", ())).await.unwrap_err().is_connection_lost());
    let found = traffic(&connector);
    assert_eq!((found.errors, found.operations.count()), (errors(&[("connection_lost", 1)]), 3));
}

#[tokio::test]
async fn bytes_are_those_that_a_proxy_sees() {
    on_each_server(async |server| {
        let proxy = Proxy::start(server.port()).unwrap();
        let connector = Connector::new(&observed(server).port(proxy.port())).unwrap();
        let mut c = connector.connect().await.unwrap();
        c.execute("select repeat('x', 100000)", ()).await.unwrap();
        c.execute("select $1::text", ("y".repeat(50_000),)).await.unwrap();
        let found = traffic(&connector);
        let seen = [Direction::ToServer, Direction::ToClient].map(|direction| proxy.bytes(direction));
        assert_eq!([found.bytes_sent, found.bytes_received], seen);
        assert!(found.bytes_sent > 50_000 && found.bytes_received > 150_000);
    })
    .await;
}

#[tokio::test]
async fn transactions_are_timed_and_their_rollbacks_counted() {
    on_each_server(async |server| {
        let (connector, mut c) = connect(server).await;
        let counted = || (traffic(&connector).transactions.count(), traffic(&connector).rollbacks);
        let mut tx = c.begin().await.unwrap();
        tx.execute("select 1", ()).await.unwrap();
        assert_eq!(counted(), (0, 0), "it goes on");
        tx.commit().await.unwrap();
        assert_eq!(counted(), (1, 0));

        let mut tx = c.begin().await.unwrap();
        tx.execute("select 1", ()).await.unwrap();
        tx.rollback().await.unwrap();
        assert_eq!(counted(), (2, 1));

        let mut tx = c.begin().await.unwrap();
        tx.execute("select 1 / 0", ()).await.unwrap_err();
        assert!(tx.commit().await.unwrap_err().is_aborted());
        assert_eq!(counted(), (3, 2), "COMMIT was answered by ROLLBACK");

        let mut tx = c.begin().await.unwrap();
        tx.execute("select 1", ()).await.unwrap();
        drop(tx);
        c.execute("select 1", ()).await.unwrap();
        assert_eq!(counted(), (4, 3), "ROLLBACK rode with the next command");

        let mut tx = c.begin().await.unwrap();
        let mut savepoint = tx.savepoint().unwrap();
        savepoint.execute("select 1", ()).await.unwrap();
        savepoint.rollback().await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(counted(), (5, 3), "a savepoint is no transaction");

        drop(c.begin().await.unwrap());
        c.begin().await.unwrap().commit().await.unwrap();
        c.script("begin; select 1").await.unwrap();
        c.script("commit").await.unwrap();
        assert_eq!(counted(), (6, 3), "what was not sent is none");

        c.script("begin; select 1").await.unwrap();
        drop(c);
        assert_eq!(counted(), (7, 4));
    })
    .await;
}

#[tokio::test]
async fn a_pool_counts_what_it_does_with_what_comes_back() {
    on_each_server(async |server| {
        let pool = pool(observed(server).reset(ResetPolicy::Cheap).pool_name("orders"));
        pool.execute("set work_mem = '1234kB'", ()).await.unwrap();
        let mut session = pool.acquire().await.unwrap();
        let mut tx = session.begin().await.unwrap();
        tx.execute("select 1", ()).await.unwrap();
        drop(tx);
        drop(session);
        let mut session = pool.acquire().await.unwrap();
        assert_usable(&mut session).await;
        let stats = pool.stats();
        let found = stats.traffic.unwrap();
        assert_eq!((found.resets, found.transactions.count(), found.rollbacks, found.cancels), (1, 1, 1, 0));
        assert_eq!((stats.name.as_str(), stats.status.in_use, stats.metrics.settles), ("orders", 1, 2));
    })
    .await;
}
