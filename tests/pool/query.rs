//! Queries that take a connection of the pool for themselves.

use std::time::Duration;

use molt_db::Pool;
use tokio::time::timeout;

use crate::common::{code, on_each_server, plain_config, within};
use crate::{SLEEP, acquire, pool};

/// Asserts that nobody has a connection of the pool any more, and that there was but one.
async fn assert_given_back(pool: &Pool) {
    assert_eq!((pool.status().in_use, pool.metrics().connects), (0, 1));
    drop(acquire(pool).await);
}

#[tokio::test]
async fn a_query_of_a_pool_takes_a_connection_and_gives_it_back() {
    on_each_server(async |server| {
        let pool = pool(server, 1);
        let sql = "select $1::int8 + v from (values (1), (2)) t (v) where v < $2::int4";
        let one: (i64,) = pool.query(sql).bind(40_i64).bind(2_i32).one().await.unwrap();
        let all: Vec<(i64,)> = pool.query(sql).bind_all((40_i64, 9_i32)).all().await.unwrap();
        let none: Option<(i64,)> = pool.query(sql).bind(1_i64).bind(0_i32).optional().await.unwrap();
        assert_eq!((one, all, none), ((41,), vec![(41,), (42,)], None));
        assert_eq!(pool.query(sql).bind(1_i64).bind(9_i32).execute().await.unwrap(), 2);
        assert_eq!(pool.execute("select $1::int4", (7_i32,)).await.unwrap(), 1);
        let statement = acquire(&pool).await.prepare(sql).await.unwrap();
        let one: (i64,) = pool.query(&statement).bind(1_i64).bind(2_i32).one().await.unwrap();
        assert_eq!(one, (2,));
        assert_given_back(&pool).await;
    })
    .await;
}

#[tokio::test]
async fn a_query_of_a_pool_that_fails_gives_its_connection_back() {
    on_each_server(async |server| {
        let pool = pool(server, 1);
        let error = pool.query("select 1 / $1::int4").bind(0_i32).one::<(i32,)>().await.unwrap_err();
        assert_eq!(code(&error), "22012");
        assert!(pool.query("select 1").one::<(bool,)>().await.unwrap_err().is_conversion());
        assert_given_back(&pool).await;
    })
    .await;
}

#[tokio::test]
async fn a_query_that_cannot_be_sent_takes_no_connection() {
    let server = molt_db_testkit::Server::shared();
    let pool = pool(server, 1);
    let many = vec![1_i32; 65_536];
    let error = pool.query("select 1").bind_all(many.as_slice()).execute().await.unwrap_err();
    assert!(error.is_conversion(), "{error:?}");
    assert_eq!(pool.metrics().connects, 0);
}

#[tokio::test]
async fn a_query_of_a_pool_that_is_dropped_is_ended_and_its_connection_kept() {
    on_each_server(async |server| {
        let config = plain_config(server, "test");
        let pool = Pool::builder(config).max_conns(1).build().unwrap();
        assert!(timeout(Duration::from_millis(50), pool.execute(SLEEP, ())).await.is_err());
        let (one,): (i32,) = within(pool.query("select 1").one()).await.unwrap();
        assert_eq!(one, 1);
        assert_given_back(&pool).await;
    })
    .await;
}
