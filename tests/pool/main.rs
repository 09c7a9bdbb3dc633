//! The pool over real servers: who is served when, and what a connection looks like to the one who gets it.

#[path = "../common/mod.rs"]
mod common;
mod keeping;
mod opening;
mod prepared;
mod query;
mod reset;
mod settling;
mod waiting;

use std::time::Duration;

use common::{plain_config, within};
use molt_db::{Pool, Session};
use molt_db_testkit::Server;
use molt_db_testkit::peer::Peer;
use tokio::runtime::{Builder, Runtime};
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

const SLEEP: &str = "select pg_sleep(30)";
/// Lets a future run for a moment and drops it.
async fn walk_away<T>(future: impl Future<Output = T>) {
    assert!(timeout(Duration::from_millis(30), future).await.is_err(), "it should have taken longer");
}

fn pool_of_peer(peer: &Peer) -> Pool {
    let text =
        format!("host=127.0.0.1 port={} user=u sslmode=disable max_conns=1 max_wait_ms=19000", peer.port());
    Pool::builder(text.parse().unwrap()).build().unwrap()
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}
