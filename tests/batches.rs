//! Batches: one write, one transaction for each group, and results that say what became of every statement.

mod common;

use common::{assert_usable, code, connect, connect_by_proxy, on_each_server};
use molt_db::decode::{EncodeError, IsNull, Output};
use molt_db::{BatchResults, Connection, Oid, Outcome, Parameters, Sql, ToSql, TransactionStatus};
use molt_db_testkit::Server;
use molt_db_testkit::proxy::{Direction, Proxy};

const INSERT: &str = "insert into t values ($1)";
const FAILING: &str = "select 1 / 0";

async fn with_table(server: &Server) -> Connection {
    let mut connection = connect(server).await;
    connection.script("create temporary table t (id int primary key)").await.unwrap();
    connection
}

async fn ids(connection: &mut Connection) -> Vec<i32> {
    let rows: Vec<(i32,)> = connection.query("select id from t order by id").all().await.unwrap();
    rows.into_iter().map(|(id,)| id).collect()
}

fn fates(results: &BatchResults) -> Vec<&'static str> {
    let fate = |statement| match results.outcome(statement) {
        Outcome::Done(_) => "done",
        Outcome::Failed(_) => "failed",
        Outcome::Undone => "undone",
        Outcome::NotRun => "not run",
    };
    (0..results.len()).map(fate).collect()
}

#[tokio::test]
async fn results_come_in_order_and_typed() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        c.script("create temporary table b (id int, name text)").await.unwrap();
        for _ in ["cold", "warm"] {
            let mut batch = c.batch();
            batch.add("select 7, 'seven'", ());
            batch.add("insert into b values ($1, $2), ($1 + 1, null)", (1_i32, "one"));
            batch.add("select id, name from b order by id", ());
            batch.add("select id from b where id = $1", (9_i32,));
            batch.add("delete from b", ());
            batch.add("select true where false", ());
            assert_eq!(batch.len(), 6);
            let results = batch.run().await.unwrap();

            assert_eq!(fates(&results), ["done"; 6]);
            let affected: Vec<_> = (0..7).map(|statement| results.rows_affected(statement)).collect();
            assert_eq!(affected, [1, 2, 2, 0, 2, 0, 0]);
            assert_eq!(results.one::<(i32, &str)>(0).unwrap(), (7, "seven"));
            let rows: Vec<(i32, Option<&str>)> = results.all(2).unwrap();
            assert_eq!(rows, [(1, Some("one")), (2, None)]);
            assert_eq!(results.optional::<(i32,)>(3).unwrap(), None);
            assert_eq!(results.optional::<(i32, String)>(0).unwrap(), Some((7, "seven".to_owned())));
            assert_eq!(results.all::<(bool,)>(5).unwrap(), []);
            let names: Vec<_> = results.rows(2).unwrap().columns().iter().map(|c| c.name()).collect();
            assert_eq!(names, ["id", "name"]);
            let read: Vec<i32> = results.rows(2).unwrap().iter().map(|row| row.get("id").unwrap()).collect();
            assert_eq!(read, [1, 2]);
            for without_rows in [1, 4] {
                let rows = results.rows(without_rows).unwrap();
                assert!(rows.is_empty() && rows.columns().is_empty(), "{rows:?}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_result_that_is_read_as_something_else_names_its_statement() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let mut batch = c.batch();
        batch.add("select 1", ());
        batch.add("select generate_series(1, 2)", ());
        batch.add("select null::int4", ());
        let results = batch.run().await.unwrap();
        let several = results.one::<(i32,)>(1).unwrap_err();
        assert!(several.is_row_count() && several.statement() == Some(1), "{several:?}");
        let several = results.optional::<(i32,)>(1).unwrap_err();
        assert!(several.is_row_count() && several.statement() == Some(1), "{several:?}");
        let null = results.one::<(i32,)>(2).unwrap_err();
        assert!(null.is_conversion() && null.statement() == Some(2), "{null:?}");
        let text = results.all::<(String,)>(0).unwrap_err();
        assert!(text.is_conversion() && text.statement() == Some(0), "{text:?}");
        let wider = results.one::<(i32, i32)>(0).unwrap_err();
        assert!(wider.is_conversion() && wider.statement() == Some(0), "{wider:?}");
        let behind = results.one::<(i32,)>(3).unwrap_err();
        assert_eq!(behind.statement(), Some(3));
        assert_eq!(results.all::<(Option<i32>,)>(2).unwrap(), [(None,)]);
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn a_batch_is_one_write_however_many_statements_it_has() {
    on_each_server(async |server| {
        for (proxy, mut c) in connect_by_proxy(server).await {
            for (number, count) in [1, 2, 3, 100, 100, 400].into_iter().enumerate() {
                let bursts = proxy.client_bursts();
                let mut batch = c.batch();
                for id in 0..count {
                    batch.add("select $1::int4", (id,));
                    if number % 2 == 1 && id % 10 == 0 {
                        batch.barrier();
                    }
                }
                let results = batch.run().await.unwrap();
                assert_eq!(proxy.client_bursts() - bursts, 1, "{count}");
                for id in 0..count {
                    let (found,): (i32,) = results.one(usize::try_from(id).unwrap()).unwrap();
                    assert_eq!(found, id);
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn an_error_undoes_what_came_before_and_nothing_behind_it_is_run() {
    on_each_server(async |server| {
        let mut c = with_table(server).await;
        for _ in ["cold", "warm"] {
            for all in [false, true] {
                let mut batch = c.batch();
                batch.add(INSERT, (1_i32,)).add(FAILING, ()).add(INSERT, (3_i32,));
                if all {
                    let results = batch.run_all().await.unwrap();
                    assert_eq!(fates(&results), ["undone", "failed", "not run"]);
                    assert_eq!(results.errors().len(), 1);
                    assert_eq!(results.errors()[0].statement(), Some(1));
                    assert_eq!(results.rows_affected(0), 0);
                    let unread = results.rows(0).unwrap_err();
                    assert_eq!(unread.statement(), Some(0));
                } else {
                    let error = batch.run().await.unwrap_err();
                    assert_eq!((code(&error).as_str(), error.statement()), ("22012", Some(1)));
                }
                assert_eq!(c.transaction_status(), TransactionStatus::Idle);
                assert!(ids(&mut c).await.is_empty());
            }
        }
    })
    .await;
}

#[tokio::test]
async fn the_first_and_the_last_statement_can_fail_too() {
    on_each_server(async |server| {
        let mut c = with_table(server).await;
        let texts = [INSERT, "insert into t values ($1 / 0)", "insert into nowhere values ($1)"];
        for failing in [1, 2] {
            for place in 0..3 {
                let mut batch = c.batch();
                for number in 0..3 {
                    let text = if number == place { texts[failing] } else { INSERT };
                    batch.add(text, (number,));
                }
                let error = batch.run().await.unwrap_err();
                assert_eq!(error.statement(), usize::try_from(place).ok(), "{error:?}");
                assert!(ids(&mut c).await.is_empty());
            }
        }
    })
    .await;
}

#[tokio::test]
async fn barriers_end_groups_that_stand_by_themselves() {
    on_each_server(async |server| {
        let mut c = with_table(server).await;
        let mut batch = c.batch();
        batch.barrier();
        batch.add(INSERT, (1_i32,)).add(INSERT, (2_i32,)).barrier();
        batch.add(INSERT, (3_i32,)).add(FAILING, ()).add(INSERT, (4_i32,)).barrier().barrier();
        batch.add(INSERT, (5_i32,)).barrier();
        batch.add(INSERT, (1_i32,)).barrier();
        batch.add("select count(*) from t", ()).barrier().barrier();
        let results = batch.run_all().await.unwrap();
        let expected = ["done", "done", "undone", "failed", "not run", "done", "failed", "done"];
        assert_eq!(fates(&results), expected);
        assert_eq!(results.one::<(i64,)>(7).unwrap(), (3,));
        let failed: Vec<_> = results.errors().iter().map(|e| (code(e), e.statement().unwrap())).collect();
        assert_eq!(failed, [("22012".to_owned(), 3), ("23505".to_owned(), 6)]);
        assert_eq!(ids(&mut c).await, [1, 2, 5]);

        let mut batch = c.batch();
        batch.add(FAILING, ()).barrier().add(INSERT, (6_i32,)).barrier().add("select nowhere", ());
        let error = batch.run().await.unwrap_err();
        assert_eq!((code(&error).as_str(), error.statement()), ("22012", Some(0)), "the first of them");
        assert_eq!(ids(&mut c).await, [1, 2, 5, 6]);
    })
    .await;
}

#[tokio::test]
async fn a_batch_of_nothing_is_nothing() {
    on_each_server(async |server| {
        for (proxy, mut c) in connect_by_proxy(server).await {
            let sent = proxy.bytes(Direction::ToServer);
            assert!(c.batch().run().await.unwrap().is_empty());
            let mut batch = c.batch();
            batch.barrier().barrier();
            assert!(batch.is_empty());
            assert!(batch.run().await.unwrap().is_empty());
            assert_eq!(proxy.bytes(Direction::ToServer), sent);

            let mut batch = c.batch();
            batch.add("", ()).add("-- nothing", ()).add("select 7", ()).add(" ", ());
            let results = batch.run().await.unwrap();
            assert_eq!(fates(&results), ["done"; 4]);
            assert_eq!(results.one::<(i32,)>(2).unwrap(), (7,));
            assert!(results.rows(0).unwrap().is_empty() && results.rows(3).unwrap().is_empty());
        }
    })
    .await;
}

#[tokio::test]
async fn what_fails_at_the_end_of_a_group_is_of_no_statement_and_undoes_all() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        c.script("create temporary table t (id int unique deferrable initially deferred)").await.unwrap();
        let mut batch = c.batch();
        batch.add(INSERT, (1_i32,)).add(INSERT, (1_i32,)).add("select 7", ()).barrier();
        batch.add(INSERT, (2_i32,));
        let results = batch.run_all().await.unwrap();
        assert_eq!(fates(&results), ["undone", "undone", "undone", "done"]);
        assert_eq!((code(&results.errors()[0]).as_str(), results.errors()[0].statement()), ("23505", None));
        assert!(results.rows(2).is_err(), "what was undone has no rows");
        assert_eq!(ids(&mut c).await, [2]);

        let mut batch = c.batch();
        batch.add(INSERT, (2_i32,));
        let error = batch.run().await.unwrap_err();
        assert_eq!((code(&error).as_str(), error.statement()), ("23505", None));
        assert_eq!(ids(&mut c).await, [2]);
    })
    .await;
}

/// A value that cannot be sent.
struct Unsendable;

impl ToSql for Unsendable {
    fn oid(&self) -> Oid {
        Oid::INT4
    }

    fn to_sql(&self, _out: &mut Output) -> Result<IsNull, EncodeError> {
        Err(EncodeError::OutOfRange("a value that cannot be sent"))
    }
}

/// Runs a statement that is to be refused, behind others and in front of some, and sees that nothing is sent.
async fn assert_refused<'s>(
    (proxy, c): (&Proxy, &mut Connection),
    before: i32,
    sql: impl Sql<'s>,
    parameters: impl Parameters,
) {
    let sent = proxy.bytes(Direction::ToServer);
    let mut batch = c.batch();
    for number in 0..before {
        batch.add("select $1::int4 + 1", (number,));
    }
    batch.add(sql, parameters).add("select $1::int4 + 2", (1_i32,));
    let error = batch.run().await.unwrap_err();
    assert_eq!(error.statement(), usize::try_from(before).ok(), "{error:?}");
    assert!(error.server().is_none() && !error.is_connection_lost(), "{error:?}");
    assert_eq!(proxy.bytes(Direction::ToServer), sent, "{error:?}");
    assert!(c.is_usable());
}

/// Sees that every kind of parameter that does not fit is refused.
async fn assert_misfits_are_refused(proxy: &Proxy, c: &mut Connection, before: i32) {
    let statement = c.prepare("select $1::int4, $2::text").await.unwrap();
    assert_refused((proxy, c), before, &statement, (1_i64, "a")).await;
    assert_refused((proxy, c), before, &statement, (1_i32,)).await;
    assert_refused((proxy, c), before, &statement, (1_i32, "a", 2_i32)).await;
    assert_refused((proxy, c), before, "select $1::text", ("a\0b",)).await;
    assert_refused((proxy, c), before, "select 'a\0b'", ()).await;
    assert_refused((proxy, c), before, "select $1::int4", (Unsendable,)).await;
    assert_refused((proxy, c), before, "select 1", vec![1_i32; 65_536]).await;
    // The server has said once how many it takes.
    assert_eq!(code(&c.execute("select $1::int4 + 3", ()).await.unwrap_err()), "08P01");
    assert_refused((proxy, c), before, "select $1::int4 + 3", ()).await;

    let mut batch = c.batch();
    batch
        .add(&statement, ("-5", "a"))
        .add("select $1::int4 + 1", (1_i32,))
        .add("select $1::int4 + 2", (1_i32,));
    let results = batch.run().await.unwrap();
    assert_eq!(results.one::<(i32, &str)>(0).unwrap(), (-5, "a"));
    assert_eq!((results.one::<(i32,)>(1).unwrap(), results.one::<(i32,)>(2).unwrap()), ((2,), (3,)));
    assert_usable(c).await;
}

#[tokio::test]
async fn parameters_that_do_not_fit_are_refused_before_anything_is_sent() {
    on_each_server(async |server| {
        for before in [0, 1, 700] {
            for (proxy, mut c) in connect_by_proxy(server).await {
                assert_misfits_are_refused(&proxy, &mut c, before).await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_refused_batch_leaves_begin_to_the_next_statement() {
    on_each_server(async |server| {
        let mut c = with_table(server).await;
        let mut tx = c.begin().await.unwrap();
        let mut batch = tx.batch();
        batch.add(INSERT, (1_i32,)).add("select 'a\0b'", ());
        assert_eq!(batch.run().await.unwrap_err().statement(), Some(1));
        assert_eq!(tx.transaction_status(), TransactionStatus::Idle);
        tx.execute(INSERT, (2_i32,)).await.unwrap();
        assert_eq!(tx.transaction_status(), TransactionStatus::InTransaction);
        tx.rollback().await.unwrap();
        assert!(ids(&mut c).await.is_empty());
    })
    .await;
}

/// The server would take what stands behind a COPY for its data, and end the session.
#[tokio::test]
async fn copy_is_refused_before_anything_is_sent() {
    on_each_server(async |server| {
        for (proxy, mut c) in connect_by_proxy(server).await {
            for sql in ["copy t from stdin", "copy (select 1) to stdout", "-- a\n/* b */ COPY t FROM STDIN"] {
                let sent = proxy.bytes(Direction::ToServer);
                let mut batch = c.batch();
                batch.add("select 1", ()).add(sql, ()).add("select 2", ()).barrier().add("select 3", ());
                let error = batch.run_all().await.unwrap_err();
                assert!(error.is_copy() && error.is_unsent() && error.statement() == Some(1), "{error:?}");
                assert_eq!(proxy.bytes(Direction::ToServer), sent);
                assert_usable(&mut c).await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn in_a_transaction_begin_rides_and_an_error_fails_all_of_it() {
    on_each_server(async |server| {
        for (proxy, mut c) in connect_by_proxy(server).await {
            c.script("create temporary table t (id int primary key)").await.unwrap();
            c.execute(INSERT, (0_i32,)).await.unwrap();
            let mut tx = c.begin().await.unwrap();
            let bursts = proxy.client_bursts();
            let mut batch = tx.batch();
            batch.add(INSERT, (1_i32,)).add(INSERT, (2_i32,)).barrier().add(INSERT, (3_i32,));
            batch.run().await.unwrap();
            assert_eq!(proxy.client_bursts() - bursts, 1);
            assert_eq!(tx.transaction_status(), TransactionStatus::InTransaction);
            let mut savepoint = tx.savepoint().unwrap();
            let mut batch = savepoint.batch();
            batch.add(INSERT, (4_i32,)).barrier().add(FAILING, ()).barrier().add(INSERT, (5_i32,));
            let results = batch.run_all().await.unwrap();
            assert_eq!(fates(&results), ["done", "failed", "failed"], "there is one transaction only");
            let codes: Vec<_> = results.errors().iter().map(code).collect();
            assert_eq!(codes, ["22012", "25P02"]);
            savepoint.rollback().await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(ids(&mut c).await, [0, 1, 2, 3]);

            let mut tx = c.begin().await.unwrap();
            let mut batch = tx.batch();
            batch.add(INSERT, (4_i32,)).add(INSERT, (1_i32,));
            assert_eq!(batch.run().await.unwrap_err().statement(), Some(1));
            assert!(tx.commit().await.unwrap_err().is_aborted());
            assert_eq!(ids(&mut c).await, [0, 1, 2, 3]);
        }
    })
    .await;
}

#[tokio::test]
async fn in_a_transaction_what_is_not_known_yet_is_asked_about_first() {
    on_each_server(async |server| {
        let [(proxy, mut c), _] = connect_by_proxy(server).await;
        let mut tx = c.begin().await.unwrap();
        tx.execute("select 1", ()).await.unwrap();
        for expected in [4, 1] {
            let bursts = proxy.client_bursts();
            let mut batch = tx.batch();
            // The second comes as text: its type has no binary form.
            batch.add("select 2, $1::int4", (7_i32,));
            batch
                .add("select makeaclitem(10, 10, 'SELECT', false)", ())
                .add("select 1", ())
                .add("select 3", ());
            let results = batch.run().await.unwrap();
            assert_eq!(results.one::<(i32, i32)>(0).unwrap(), (2, 7));
            assert!(results.one::<(&str,)>(1).unwrap().0.contains("=r/"));
            assert_eq!(results.one::<(i32,)>(3).unwrap(), (3,));
            assert_eq!(proxy.client_bursts() - bursts, expected);
        }
        tx.commit().await.unwrap();
    })
    .await;
}
