//! The results of scripts: several statements as text, and all that they return.

mod common;

use common::{assert_usable, code, connect, connect_by_proxy, connect_to_new, on_each_server};
use common::{poll_times, within};
use molt_db::{Connection, Error, Oid, ScriptItem, TransactionStatus};

/// What a script has returned, as text: `[a b]` are columns, `(1 -)` is a row with a NULL, `SELECT 1` is an end.
async fn story(connection: &mut Connection, sql: &str) -> (String, Option<Error>) {
    let mut story = Vec::new();
    let mut results = connection.script_results(sql).await.unwrap();
    let error = loop {
        match results.next().await {
            Ok(Some(ScriptItem::Columns(columns))) => {
                let names: Vec<_> = columns.iter().map(|column| column.name()).collect();
                story.push(format!("[{}]", names.join(" ")));
            }
            Ok(Some(ScriptItem::Row(row))) => {
                let values: Vec<_> = (0..row.len())
                    .map(|place| row.get::<Option<&str>>(place).unwrap().unwrap_or("-"))
                    .collect();
                story.push(format!("({})", values.join(" ")));
            }
            Ok(Some(ScriptItem::Done(tag))) => story.push(tag.to_string()),
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    // Rows that cannot be read leave the rest to be taken.
    while !matches!(results.next().await, Ok(None)) {}
    assert!(results.next().await.unwrap().is_none(), "the end stays the end");
    (story.join(", "), error)
}

async fn whole_story(connection: &mut Connection, sql: &str) -> String {
    let (story, error) = story(connection, sql).await;
    assert!(error.is_none(), "{sql}: {error:?}");
    story
}

#[tokio::test]
async fn every_statement_tells_its_columns_its_rows_and_its_end() {
    on_each_server(async |server| {
        for (proxy, mut c) in connect_by_proxy(server).await {
            for (sql, expected) in [
                ("select 1 as a", "[a], (1), SELECT 1"),
                (
                    "select 1 as a, 'two' as b; select null as c, ''; select true as d where false",
                    "[a b], (1 two), SELECT 1, [c ?column?], (- ), SELECT 1, [d], SELECT 0",
                ),
                (
                    "create temporary table t (id int); insert into t values (7), (8) returning id; \
                     update t set id = 0; table t; drop table t",
                    "CREATE TABLE, [id], (7), (8), INSERT 0 2, UPDATE 2, [id], (0), (0), SELECT 2, DROP TABLE",
                ),
                ("select from generate_series(1, 2)", "[], (), (), SELECT 2"),
                ("select 1 as a, 2 as a, 3 as a", "[a a a], (1 2 3), SELECT 1"),
                ("show standard_conforming_strings", "[standard_conforming_strings], (on), SHOW"),
                ("begin; select 1 as a; commit", "BEGIN, [a], (1), SELECT 1, COMMIT"),
            ] {
                let bursts = proxy.client_bursts();
                assert_eq!(whole_story(&mut c, sql).await, expected, "{sql}");
                assert_eq!(proxy.client_bursts() - bursts, 1);
            }
            assert_usable(&mut c).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_script_of_nothing_returns_nothing() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        for sql in ["", " ", ";", ";;", "-- nothing", "/* nothing */;"] {
            let story = whole_story(&mut c, sql).await;
            assert!(story.is_empty(), "{sql:?}: {story}");
            assert_usable(&mut c).await;
        }
        assert_eq!(whole_story(&mut c, ";;select 1 as a;;").await, "[a], (1), SELECT 1");
    })
    .await;
}

#[tokio::test]
async fn columns_have_their_types_and_values_are_text() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql =
            "select 7::int8 as a, '\\x0102'::bytea as b, 1.50::numeric(5,2) as c, '2024-02-29'::date as d";
        let mut results = c.script_results(sql).await.unwrap();
        let Some(ScriptItem::Columns(columns)) = results.next().await.unwrap() else { panic!("no columns") };
        let types: Vec<_> = columns.iter().map(|column| column.oid()).collect();
        assert_eq!(types, [Oid::INT8, Oid::BYTEA, Oid::NUMERIC, Oid::DATE]);
        let Some(ScriptItem::Row(row)) = results.next().await.unwrap() else { panic!("no row") };
        let read = |name: &str| row.get::<String>(name).unwrap();
        assert_eq!((read("a").as_str(), read("b").as_str()), ("7", "\\x0102"));
        assert_eq!((read("c").as_str(), read("d").as_str()), ("1.50", "2024-02-29"));
        assert!(row.get::<&str>("missing").unwrap_err().to_string().contains("missing"));
        while results.next().await.unwrap().is_some() {}
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn an_error_comes_behind_what_came_before_it_and_undoes_that() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        c.script("create temporary table t (id int)").await.unwrap();
        let (told, error) =
            story(&mut c, "insert into t values (1); select 1 as a; select 1 / 0; insert into t values (2)")
                .await;
        assert_eq!(
            (told.as_str(), code(&error.unwrap()).as_str()),
            ("INSERT 0 1, [a], (1), SELECT 1", "22012")
        );
        assert_eq!(whole_story(&mut c, "select count(*) from t").await, "[count], (0), SELECT 1");

        let committing = "begin; insert into t values (1); commit; insert into t values (2); select nowhere";
        let (told, error) = story(&mut c, committing).await;
        assert_eq!(
            (told.as_str(), code(&error.unwrap()).as_str()),
            ("BEGIN, INSERT 0 1, COMMIT, INSERT 0 1", "42703")
        );
        assert_eq!(whole_story(&mut c, "select id from t").await, "[id], (1), SELECT 1");

        let (told, error) = story(&mut c, "select 3 / (3 - g) as a from generate_series(1, 9) g").await;
        assert_eq!((told.as_str(), code(&error.unwrap()).as_str()), ("[a], (1), (3)", "22012"));
        let (told, error) = story(&mut c, "select 1; selct 2").await;
        assert_eq!((told.as_str(), code(&error.unwrap()).as_str()), ("", "42601"), "none of it is run");
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn in_a_transaction_a_script_is_a_part_of_it() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        c.script("create temporary table t (id int)").await.unwrap();
        let mut tx = c.begin().await.unwrap();
        let told = whole_story(&mut tx, "insert into t values (1); select count(*) from t").await;
        assert_eq!(told, "INSERT 0 1, [count], (1), SELECT 1");
        assert_eq!(tx.transaction_status(), TransactionStatus::InTransaction);
        tx.rollback().await.unwrap();
        assert_eq!(whole_story(&mut c, "table t").await, "[id], SELECT 0");

        let mut tx = c.begin().await.unwrap();
        let (_, error) = story(&mut tx, "insert into t values (1); select 1 / 0").await;
        assert_eq!(code(&error.unwrap()), "22012");
        assert!(tx.commit().await.unwrap_err().is_aborted());
        assert_eq!(whole_story(&mut c, "table t").await, "[id], SELECT 0");
    })
    .await;
}

#[tokio::test]
async fn notices_between_the_results_are_kept() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql = "do $$ begin raise notice 'first'; end $$; select 1 as a; \
                   do $$ begin raise warning 'second'; end $$; set client_min_messages = notice";
        assert_eq!(whole_story(&mut c, sql).await, "DO, [a], (1), SELECT 1, DO, SET");
        let notices: Vec<_> = c.take_notices().map(|notice| notice.message().into_owned()).collect();
        assert_eq!(notices, ["first", "second"]);
    })
    .await;
}

#[tokio::test]
async fn a_script_has_up_to_1600_columns_and_any_number_of_results() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let columns: Vec<_> = (1..=1600).map(|number| format!("{number} as c{number}")).collect();
        let sql = format!("select {};", columns.join(", "));
        let mut results = c.script_results(&sql).await.unwrap();
        let Some(ScriptItem::Columns(columns)) = results.next().await.unwrap() else { panic!("no columns") };
        assert_eq!(columns.len(), 1600);
        let Some(ScriptItem::Row(row)) = results.next().await.unwrap() else { panic!("no row") };
        assert_eq!((row.get::<&str>("c1600").unwrap(), row.get::<&str>(0).unwrap()), ("1600", "1"));
        while results.next().await.unwrap().is_some() {}
        let told = whole_story(&mut c, &"select 1 as a;".repeat(1000)).await;
        assert_eq!(told, vec!["[a], (1), SELECT 1"; 1000].join(", "));
    })
    .await;
}

#[tokio::test]
async fn copy_in_a_script_is_refused() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        c.script("create temporary table t (id int)").await.unwrap();
        for sql in ["select 1 as a; copy t from stdin; select 2", "select 1 as a; copy t to stdout; select 2"]
        {
            let (told, error) = story(&mut c, sql).await;
            assert!(told.starts_with("[a], (1), SELECT 1"), "{told}");
            assert!(error.unwrap().is_copy());
            assert_usable(&mut c).await;
        }
    })
    .await;
}

/// The server tells of the change at the end of the script only, from 14 on: its rows are out by then.
#[tokio::test]
async fn results_that_turn_out_to_be_in_another_encoding_are_an_error() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let (_, error) = story(&mut c, "set client_encoding = 'LATIN1'; select chr(195) || chr(169)").await;
        assert!(error.unwrap().is_foreign_encoding());
        let (told, error) = story(&mut c, "select 1 as a").await;
        assert!(told == "[a]" && error.unwrap().is_foreign_encoding(), "{told}");
    })
    .await;
}

async fn all_of_it(connection: &mut Connection) -> Result<(), Error> {
    let sql = "insert into script_drop values (1); select g from generate_series(1, 3000) g; \
               select pg_sleep(0.005); select 2";
    let mut results = connection.script_results(sql).await?;
    while results.next().await?.is_some() {}
    Ok(())
}

#[tokio::test]
async fn a_script_that_is_dropped_at_any_poll_leaves_a_connection_that_can_be_settled() {
    on_each_server(async |server| {
        let mut c = connect_to_new(server).await;
        c.script("create table script_drop (id int)").await.unwrap();
        for begins in [false, true] {
            for polls in 0.. {
                let ended = if begins {
                    let mut tx = c.begin().await.unwrap();
                    poll_times(all_of_it(&mut tx), polls).await
                } else {
                    poll_times(all_of_it(&mut c), polls).await
                };
                within(c.settle()).await.unwrap();
                assert_usable(&mut c).await;
                if ended {
                    assert!(polls > 1);
                    break;
                }
            }
        }
        assert_eq!(c.transaction_status(), TransactionStatus::Idle);
    })
    .await;
}

/// The next piece is lost by nobody: a future that is dropped has not taken it.
#[tokio::test]
async fn waiting_for_the_next_piece_may_be_given_up_and_begun_again() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql = "select 1 as a; select pg_sleep(0.05); select g from generate_series(1, 500) g";
        let mut results = c.script_results(sql).await.unwrap();
        let (mut pieces, mut given_up) = (0, 0);
        loop {
            let next = tokio::time::timeout(std::time::Duration::from_millis(1), results.next()).await;
            match next {
                Ok(Ok(Some(_))) => pieces += 1,
                Ok(Ok(None)) => break,
                Ok(Err(error)) => panic!("{error}"),
                Err(_) => given_up += 1,
            }
        }
        assert_eq!(pieces, 3 + 3 + 502);
        assert!(given_up > 0);
        assert_usable(&mut c).await;
    })
    .await;
}
