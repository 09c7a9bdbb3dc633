//! The server's own limit of time for statements.

mod common;

use std::time::Duration;

use common::{assert_usable, code, connect, on_each_server, plain_config, within};
use molt_db::{Connection, TransactionStatus};

const LONG: &str = "select pg_sleep(60)";

async fn setting(c: &mut Connection) -> String {
    c.query("select current_setting('statement_timeout')").one::<(String,)>().await.unwrap().0
}

#[tokio::test]
async fn the_server_ends_a_statement_that_takes_longer() {
    on_each_server(async |server| {
        let config = plain_config(server, "test").statement_timeout(Duration::from_millis(50));
        let mut c = Connection::connect(&config).await.unwrap();
        let error = within(c.execute(LONG, ())).await.unwrap_err();
        assert!(error.is_cancelled() && !error.is_timeout() && !error.is_outcome_unknown(), "{error}");
        assert_eq!(code(&error), "57014");
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn it_is_the_default_of_the_session_and_does_not_replace_other_options() {
    on_each_server(async |server| {
        let config = plain_config(server, "test").options("-c work_mem=77kB");
        let mut c =
            Connection::connect(&config.clone().statement_timeout(Duration::from_nanos(1))).await.unwrap();
        c.script("set statement_timeout = 0").await.unwrap();
        let memory: (String,) = c.query("select current_setting('work_mem')").one().await.unwrap();
        assert_eq!(memory.0, "77kB");
        let reset: (String,) = c
            .query("select reset_val from pg_settings where name = 'statement_timeout'")
            .one()
            .await
            .unwrap();
        assert_eq!(reset.0, "1", "fractions are rounded up, 0 would be no limit");
        let options = "-c statement_timeout=9s";
        let mut c = Connection::connect(&config.options(options).statement_timeout(Duration::from_secs(2)))
            .await
            .unwrap();
        assert_eq!(setting(&mut c).await, "9s");
    })
    .await;
}

#[tokio::test]
async fn that_of_a_transaction_ends_with_it() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let mut tx = c.begin().read_only().statement_timeout(Duration::from_millis(50)).await.unwrap();
        assert_eq!(setting(&mut tx).await, "50ms");
        assert_eq!(code(&within(tx.execute(LONG, ())).await.unwrap_err()), "57014");
        assert!(tx.commit().await.unwrap_err().is_aborted());
        assert_eq!((setting(&mut c).await.as_str(), c.transaction_status()), ("0", TransactionStatus::Idle));
        let mut tx = c.begin().statement_timeout(Duration::from_secs(9)).await.unwrap();
        assert_eq!(setting(&mut tx).await, "9s");
        tx.commit().await.unwrap();
        assert_eq!(setting(&mut c).await, "0");
    })
    .await;
}

#[tokio::test]
async fn that_of_a_transaction_without_statements_is_not_sent() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let tx = c.begin().statement_timeout(Duration::from_millis(1)).await.unwrap();
        tx.commit().await.unwrap();
        drop(c.begin().statement_timeout(Duration::from_millis(1)).await.unwrap());
        assert_eq!(setting(&mut c).await, "0");
    })
    .await;
}

#[tokio::test]
async fn one_beyond_what_the_server_knows_is_refused_by_it() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let mut tx = c.begin().statement_timeout(Duration::from_secs(2_147_484)).await.unwrap();
        assert_eq!(code(&tx.execute("select 1", ()).await.unwrap_err()), "22023");
        drop(tx);
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn every_attempt_of_a_closure_has_it() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let mut seen = Vec::new();
        let begin = c.begin().statement_timeout(Duration::from_secs(7)).attempts(3);
        let result: Result<(), molt_db::Error> = begin
            .run(async |tx| {
                seen.push(setting(tx).await);
                tx.execute("do $$ begin raise exception using errcode = '40001'; end $$", ()).await.map(drop)
            })
            .await;
        assert_eq!(code(&result.unwrap_err()), "40001");
        assert_eq!(seen, ["7s", "7s", "7s"]);
    })
    .await;
}
