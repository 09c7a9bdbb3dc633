//! Connections under a pool that is not ours, by the code of the example.

mod common;

#[path = "../examples/deadpool.rs"]
#[expect(dead_code, reason = "it is run as a part of the tests, not by itself")]
mod example;

use std::time::Duration;

use common::{assert_usable, on_each_server, plain_config};
use deadpool::managed::{Object, Pool};
use example::Connections;
use molt_db::{Connector, TransactionStatus};
use molt_db_testkit::{Server, ServerOptions};
use tokio::time::timeout;

fn pool(server: &Server) -> Pool<Connections> {
    let connector = Connector::new(&plain_config(server, "test")).unwrap();
    Pool::builder(Connections(connector)).max_size(1).build().unwrap()
}

async fn pid(connection: &mut Object<Connections>) -> i32 {
    assert_usable(connection).await;
    assert_eq!(connection.transaction_status(), TransactionStatus::Idle);
    connection.backend_pid().unwrap()
}

#[tokio::test]
async fn another_pool_hands_on_connections_that_are_at_rest() {
    on_each_server(async |server| {
        let pool = pool(server);
        let first = pid(&mut pool.get().await.unwrap()).await;

        let mut left = pool.get().await.unwrap();
        assert!(timeout(Duration::from_millis(30), left.execute("select pg_sleep(30)", ())).await.is_err());
        drop(left);
        assert_eq!(pid(&mut pool.get().await.unwrap()).await, first, "a query was left");

        let mut left = pool.get().await.unwrap();
        drop(left.query("select generate_series(1, 1000000)").rows().await.unwrap());
        drop(left);
        assert_eq!(pid(&mut pool.get().await.unwrap()).await, first, "rows were left");

        for script in ["begin; select 1", "begin; set work_mem = '1234kB'", "set work_mem = '1234kB'"] {
            pool.get().await.unwrap().script(script).await.unwrap();
            let mut next = pool.get().await.unwrap();
            assert_eq!(pid(&mut next).await, first, "{script}");
            let (memory,): (String,) = next.query("show work_mem").one().await.unwrap();
            assert_ne!(memory, "1234kB", "{script}");
        }

        let mut left = pool.get().await.unwrap();
        let mut tx = left.begin().await.unwrap();
        tx.execute("create table of_a_dropped_transaction ()", ()).await.unwrap();
        drop(tx);
        drop(left);
        let mut next = pool.get().await.unwrap();
        assert_eq!(pid(&mut next).await, first, "a transaction was dropped");
        let sql = "select to_regclass('of_a_dropped_transaction') is null";
        assert_eq!(next.query(sql).one::<(bool,)>().await.unwrap(), (true,));
    })
    .await;
}

#[tokio::test]
async fn another_pool_replaces_connections_that_have_ended() {
    let server = Server::start(ServerOptions::default()).unwrap();
    let pool = pool(&server);
    let first = pid(&mut pool.get().await.unwrap()).await;
    server.terminate_backends().unwrap();
    assert_ne!(pid(&mut pool.get().await.unwrap()).await, first);
}
