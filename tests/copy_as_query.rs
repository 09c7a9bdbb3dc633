//! COPY that is run as a query: it is refused, and the connection goes on.

mod common;

use common::{assert_usable, connect, connect_to_new, on_each_server};
use molt_db::{Connection, Error, OwnedRow, TransactionStatus};

async fn count(connection: &mut Connection, table: &str) -> i64 {
    connection.query(&format!("select count(*) from {table}")).one::<(i64,)>().await.unwrap().0
}

fn assert_is_copy(error: &Error) {
    assert!(error.server().is_none() && !error.is_connection_lost(), "{error:?}");
    assert!(error.to_string().contains("COPY"), "{error}");
}

/// The server has not looked for data when the trigger fails, so it answers the Sync that it would have swallowed.
#[tokio::test]
async fn a_copy_that_fails_before_it_reads_leaves_the_connection_usable() {
    on_each_server(async |server| {
        let mut c = connect_to_new(server).await;
        c.script(
            "create table t (a int);
             create function no() returns trigger language plpgsql as $$ begin raise 'no'; end $$;
             create trigger t before insert on t for each statement execute function no()",
        )
        .await
        .unwrap();
        for _ in 0..3 {
            assert_is_copy(&c.execute("copy t from stdin", ()).await.unwrap_err());
            assert_usable(&mut c).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_copy_from_the_client_is_refused_and_writes_nothing() {
    on_each_server(async |server| {
        let mut c = connect_to_new(server).await;
        c.execute("create table t (a int)", ()).await.unwrap();
        for _ in 0..2 {
            assert_is_copy(&c.execute("copy t from stdin", ()).await.unwrap_err());
            assert_is_copy(&c.query("copy t from stdin").all::<OwnedRow>().await.unwrap_err());
            assert_is_copy(&c.script("copy t from stdin").await.unwrap_err());
            let script = "insert into t values (1); copy t from stdin; insert into t values (2)";
            assert_is_copy(&c.script(script).await.unwrap_err());
            assert_usable(&mut c).await;
        }
        assert_eq!(count(&mut c, "t").await, 0);
        c.execute("begin", ()).await.unwrap();
        assert_is_copy(&c.execute("copy t from stdin", ()).await.unwrap_err());
        assert_eq!(c.transaction_status(), TransactionStatus::Failed);
        c.execute("rollback", ()).await.unwrap();
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn a_copy_to_the_client_is_refused_and_leaves_the_connection_usable() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql = "copy (select generate_series(1, 50000)) to stdout";
        for _ in 0..2 {
            assert_is_copy(&c.execute(sql, ()).await.unwrap_err());
            assert_is_copy(&c.query(sql).all::<OwnedRow>().await.unwrap_err());
            assert_is_copy(&c.script(&format!("select 1; {sql}; select 2")).await.unwrap_err());
            assert_usable(&mut c).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_copy_to_the_client_that_writes_says_that_it_ran() {
    on_each_server(async |server| {
        let mut c = connect_to_new(server).await;
        c.execute("create table t (a int)", ()).await.unwrap();
        let writing = "copy (insert into t values (1) returning a) to stdout";
        let error = c.execute(writing, ()).await.unwrap_err();
        assert_is_copy(&error);
        assert!(error.to_string().contains("it ran"), "{error}");
        assert_eq!(count(&mut c, "t").await, 1);
        let script = "insert into t values (1); copy t to stdout";
        assert_is_copy(&c.script(script).await.unwrap_err());
        assert_eq!(count(&mut c, "t").await, 2);
    })
    .await;
}
