//! What the statements of a batch share with those of queries: they are kept, give way, go stale and are healed.

mod common;

use common::{
    FORGET_UNSEEN, assert_usable, code, connect, connect_to_new, on_each_server, plain_config, poll_times,
    within,
};
use molt_db::{Connection, Outcome, TransactionStatus};
use molt_db_testkit::Server;

async fn with_cache(server: &Server, size: usize) -> Connection {
    Connection::connect(&plain_config(server, "test").statement_cache_size(size)).await.unwrap()
}

/// Counts the statements that the server keeps, and that are not this question.
async fn kept(connection: &mut Connection) -> i64 {
    let sql = "select count(*) from pg_prepared_statements where statement not like '%pg_prepared%'";
    connection.query(sql).one::<(i64,)>().await.unwrap().0
}

/// Runs texts, some of them several times, and sees that each gives its own answer.
async fn assert_many_texts_run(c: &mut Connection, texts: i32) {
    let mut batch = c.batch();
    let sql: Vec<_> = (0..texts).map(|number| format!("select {number}, $1::int4")).collect();
    for turn in 0..3 {
        for text in &sql {
            batch.add(text, (turn,)).add(&sql[0], (-1_i32,));
        }
        if turn == 1 {
            batch.barrier();
        }
    }
    let results = batch.run().await.unwrap();
    let mut statement = 0;
    for turn in 0..3 {
        for number in 0..texts {
            assert_eq!(results.one::<(i32, i32)>(statement).unwrap(), (number, turn));
            assert_eq!(results.one::<(i32, i32)>(statement + 1).unwrap(), (0, -1));
            statement += 2;
        }
    }
}

#[tokio::test]
async fn statements_give_way_in_a_batch_that_uses_them() {
    on_each_server(async |server| {
        for size in [0, 1, 2, 7] {
            let mut c = with_cache(server, size).await;
            for texts in [1, 2, 8, 50] {
                assert_many_texts_run(&mut c, texts).await;
                let mut tx = c.begin().await.unwrap();
                assert_many_texts_run(&mut tx, texts).await;
                tx.commit().await.unwrap();
                let kept = kept(&mut c).await;
                assert!(kept <= i64::try_from(size).unwrap() + 1, "{kept} of {size}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn statements_give_way_in_a_transaction_that_has_failed() {
    on_each_server(async |server| {
        let mut c = with_cache(server, 1).await;
        for _ in 0..3 {
            let mut tx = c.begin().await.unwrap();
            let mut batch = tx.batch();
            batch.add("select 1", ()).add("select 2", ()).add("select 1 / 0", ()).add("select 3", ());
            assert_eq!(batch.run().await.unwrap_err().statement(), Some(2));
            for sql in ["select 4", "select 5"] {
                assert_eq!(code(&tx.execute(sql, ()).await.unwrap_err()), "25P02");
                let mut batch = tx.batch();
                batch.add("select 6", ()).add(sql, ());
                assert_eq!(code(&batch.run().await.unwrap_err()), "25P02");
            }
            tx.rollback().await.unwrap();
            assert_many_texts_run(&mut c, 3).await;
            assert!(kept(&mut c).await <= 2);
        }
    })
    .await;
}

/// What was to be closed together with it is closed later.
#[tokio::test]
async fn a_refused_batch_leaves_no_statement_behind() {
    on_each_server(async |server| {
        let mut c = with_cache(server, 2).await;
        let sql: Vec<_> = (0..20).map(|number| format!("select {number}")).collect();
        for _ in 0..5 {
            for text in &sql[..5] {
                c.execute(text, ()).await.unwrap();
            }
            let mut batch = c.batch();
            for text in &sql {
                batch.add(text, ());
            }
            batch.add("select 'a\0b'", ());
            assert_eq!(batch.run().await.unwrap_err().statement(), Some(20));
            assert!(kept(&mut c).await <= 3);
        }
        assert_many_texts_run(&mut c, 5).await;
    })
    .await;
}

/// Runs a batch that writes and reads a table whose shape may have changed, and returns its columns.
async fn write_and_read(c: &mut Connection) -> Result<Vec<String>, molt_db::Error> {
    let mut batch = c.batch();
    batch.add("insert into s (a) values ($1)", (1_i32,)).add("select * from s", ());
    batch.add("select count(*) from s", ());
    let results = batch.run().await?;
    let columns = results.rows(1)?.columns().iter().map(|column| column.name().to_owned()).collect();
    assert_eq!(results.one::<(i64,)>(2)?.0, i64::try_from(results.rows(1)?.len()).unwrap());
    Ok(columns)
}

const STALE: [(&str, usize); 6] = [
    ("alter table s add column b int", 2),
    (FORGET_UNSEEN, 2),
    ("alter table s drop column b", 1),
    ("discard all", 1),
    ("drop table s; create table s (z text, a int)", 2),
    ("drop table s; create table s (a int)", 1),
];

#[tokio::test]
async fn a_stale_statement_is_healed_with_its_whole_batch() {
    on_each_server(async |server| {
        let mut c = connect_to_new(server).await;
        c.script("create table s (a int)").await.unwrap();
        for in_transaction in [false, true] {
            write_and_read(&mut c).await.unwrap();
            for (change, columns) in STALE {
                let (before,): (i64,) = c.query("select count(*) from s").one().await.unwrap();
                c.script(change).await.unwrap();
                let found = if in_transaction {
                    let mut tx = c.begin().await.unwrap();
                    let found = write_and_read(&mut tx).await.unwrap();
                    tx.commit().await.unwrap();
                    found
                } else {
                    write_and_read(&mut c).await.unwrap()
                };
                assert_eq!(found.len(), columns, "{change}: {found:?}");
                let (after,): (i64,) = c.query("select count(*) from s").one().await.unwrap();
                let before = if change.starts_with("drop") { 0 } else { before };
                assert_eq!(after, before + 1, "{change}: it ran once");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn in_a_transaction_that_was_open_before_a_stale_statement_is_an_error() {
    on_each_server(async |server| {
        let mut c = connect_to_new(server).await;
        c.script("create table s (a int)").await.unwrap();
        for (change, expected) in [("alter table s add column b int", "0A000"), (FORGET_UNSEEN, "26000")] {
            write_and_read(&mut c).await.unwrap();
            let mut tx = c.begin().await.unwrap();
            tx.script(change).await.unwrap();
            let error = write_and_read(&mut tx).await.unwrap_err();
            assert_eq!(code(&error), expected, "{error:?}");
            assert!(error.statement().is_some());
            assert_eq!(tx.transaction_status(), TransactionStatus::Failed);
            tx.rollback().await.unwrap();
            write_and_read(&mut c).await.unwrap();
        }
    })
    .await;
}

/// Part of it has been committed, so it cannot be run again.
#[tokio::test]
async fn behind_a_barrier_a_stale_statement_is_an_error_and_works_the_next_time() {
    on_each_server(async |server| {
        let mut c = connect_to_new(server).await;
        c.script("create table s (a int)").await.unwrap();
        let mut run = async |change: &str| {
            c.script(change).await.unwrap();
            let mut batch = c.batch();
            batch.add("insert into s (a) values (1)", ()).barrier().add("select * from s", ());
            let results = batch.run_all().await.unwrap();
            assert!(matches!(results.outcome(0), Outcome::Done(_)));
            results.errors().iter().map(code).collect::<Vec<_>>()
        };
        assert!(run("select 1").await.is_empty());
        assert_eq!(run("alter table s add column b int").await, ["0A000"]);
        assert!(run("select 1").await.is_empty());
        assert_eq!(c.query("select count(*) from s").one::<(i64,)>().await.unwrap(), (3,));
    })
    .await;
}

async fn mixed(c: &mut Connection, text: &str) -> Result<molt_db::BatchResults, molt_db::Error> {
    let mut batch = c.batch();
    batch
        .add("insert into batch_drop values ($1)", (text,))
        .add("select g from generate_series(1, 2000) g", ());
    batch.barrier().add("select 1 / 0", ()).barrier().add("select pg_sleep(0.002), $1::text", (text,));
    batch.run_all().await
}

#[tokio::test]
async fn a_batch_that_is_dropped_at_any_poll_leaves_a_connection_that_can_be_settled() {
    on_each_server(async |server| {
        let mut c = connect_to_new(server).await;
        c.script("create table batch_drop (word text)").await.unwrap();
        for in_transaction in [false, true] {
            for polls in 0.. {
                let text = "x".repeat(polls);
                let ended = if in_transaction {
                    let mut tx = c.begin().await.unwrap();
                    let ended = poll_times(mixed(&mut tx, &text), polls).await;
                    let committed = within(tx.commit()).await;
                    assert!(polls == 0 || committed.is_err(), "it had failed or was walked away from");
                    ended
                } else {
                    poll_times(mixed(&mut c, &text), polls).await
                };
                within(c.settle()).await.unwrap();
                assert_usable(&mut c).await;
                assert_eq!(c.transaction_status(), TransactionStatus::Idle);
                if ended {
                    assert!(polls > 1);
                    break;
                }
            }
        }
        let results = mixed(&mut c, "end").await.unwrap();
        assert_eq!(results.rows_affected(0), 1);
    })
    .await;
}

#[tokio::test]
async fn a_limit_of_time_is_for_all_of_a_batch() {
    on_each_server(async |server| {
        let config = plain_config(server, "test").query_timeout(std::time::Duration::from_millis(200));
        let mut c = Connection::connect(&config).await.unwrap();
        let mut batch = c.batch();
        batch.add("select 1", ()).barrier().add("select pg_sleep(30)", ());
        let error = within(batch.run()).await.unwrap_err();
        assert!(error.is_timeout() && error.is_outcome_unknown(), "{error:?}");
        assert!(!c.is_usable());
    })
    .await;
}

#[tokio::test]
async fn text_in_another_encoding_is_neither_sent_nor_read() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        c.script("create temporary table t (word text)").await.unwrap();
        c.script("set client_encoding = 'LATIN1'").await.unwrap();
        let mut batch = c.batch();
        batch.add("insert into t values ('ascii')", ()).add("insert into t values ($1)", ("é",));
        let error = batch.run().await.unwrap_err();
        assert!(error.is_foreign_encoding() && error.statement() == Some(1), "{error:?}");
        let mut batch = c.batch();
        batch.add("select 1, 'é'", ());
        assert!(batch.run().await.unwrap_err().is_foreign_encoding());
        let mut batch = c.batch();
        batch.add("select chr(233)", ());
        assert!(batch.run().await.unwrap_err().is_foreign_encoding(), "what comes cannot be read");
        let mut batch = c.batch();
        batch.add("insert into t values ($1)", ("ascii",)).add("set client_encoding = 'UTF8'", ());
        batch.run().await.unwrap();

        let mut batch = c.batch();
        batch.add("select chr(233)", ()).barrier().add("set client_encoding = 'LATIN1'", ());
        batch.add("select chr(233)", ()).barrier().add("set client_encoding = 'UTF8'", ());
        let error = batch.run().await.unwrap_err();
        assert!(error.is_foreign_encoding(), "{error:?}");
        let words: Vec<(String,)> = c.query("select word from t").all().await.unwrap();
        assert_eq!(words, [("ascii".to_owned(),)]);
        assert_usable(&mut c).await;
    })
    .await;
}
