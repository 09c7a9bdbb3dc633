//! Prepared statements: what they say, how they are kept, and how they stay true when the ground moves.

mod common;

use std::fmt::Debug;

use common::{
    FORGET_UNSEEN, assert_usable, code, connect, connect_to, connect_to_new, on_each_server, plain_config,
};
use molt_db::{Connection, FromSql, Oid, OwnedRow, Statement, TransactionStatus};
use molt_db_testkit::Server;
use molt_db_testkit::proxy::{Direction, Proxy};

async fn with_cache(server: &Server, size: usize) -> Connection {
    Connection::connect(&plain_config(server, "test").statement_cache_size(size)).await.unwrap()
}

/// Counts the statements that the server keeps, and that are not this question.
async fn kept(connection: &mut Connection, like: &str) -> i64 {
    let sql = "select count(*) from pg_prepared_statements where statement like $1 \
               and statement not like '%pg_prepared_statements%'";
    connection.query(sql).bind(like).one::<(i64,)>().await.unwrap().0
}

async fn read<T: for<'r> FromSql<'r>>(connection: &mut Connection, sql: &str) -> T {
    connection.query(sql).one::<(T,)>().await.unwrap_or_else(|error| panic!("{sql}: {error}")).0
}

fn names(statement: &Statement) -> Vec<&str> {
    statement.columns().iter().map(|column| column.name()).collect()
}

#[tokio::test]
async fn a_prepared_statement_says_what_it_takes_and_returns() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql = "select $1::int4 as number, $2::text as word, 1.5::numeric(10,2) as price where $3 = true";
        let statement = c.prepare(sql).await.unwrap();
        assert_eq!(statement.sql(), sql);
        assert_eq!(statement.parameters().collect::<Vec<_>>(), [Oid::INT4, Oid::TEXT, Oid::BOOL]);
        assert_eq!(names(&statement), ["number", "word", "price"]);
        let types: Vec<_> = statement.columns().iter().map(|column| column.oid()).collect();
        assert_eq!(types, [Oid::INT4, Oid::TEXT, Oid::NUMERIC]);
        assert_eq!(statement.columns()[2].typmod(), (10 << 16 | 2) + 4);
        for _ in 0..2 {
            let query = c.query(&statement).bind_all((7_i32, "seven", true));
            let row: (i32, String, molt_db::types::Numeric) = query.one().await.unwrap();
            assert_eq!((row.0, row.1.as_str(), row.2.to_string().as_str()), (7, "seven", "1.50"));
        }
        let without_rows = c.prepare("create temp table t (a int)").await.unwrap();
        assert_eq!((without_rows.parameters().len(), without_rows.columns().len()), (0, 0));
        assert_eq!(c.execute(&without_rows, ()).await.unwrap(), 0);
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn an_error_of_preparing_leaves_no_statement_behind() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        for _ in 0..3 {
            assert_eq!(code(&c.prepare("select nowhere_1").await.unwrap_err()), "42703");
            assert_eq!(code(&c.prepare("select $1 + nowhere_2").await.unwrap_err()), "42703");
        }
        assert_usable(&mut c).await;
        assert_eq!(kept(&mut c, "%nowhere%").await, 0);
    })
    .await;
}

/// Runs the statement with parameters that do not fit, and sees that nothing is sent.
async fn assert_misuse_is_refused_before_sending(c: &mut Connection, proxy: &Proxy, statement: &Statement) {
    let sent = proxy.bytes(Direction::ToServer);
    let errors = [
        c.query(statement).one::<(i32,)>().await.unwrap_err(),
        c.query(statement).bind(1_i32).one::<(i32,)>().await.unwrap_err(),
        c.query(statement).bind_all((1_i32, "a", 3_i32)).one::<(i32,)>().await.unwrap_err(),
        c.execute(statement, (1_i64, "a")).await.unwrap_err(),
        c.execute(statement, (1.5_f64, "a")).await.unwrap_err(),
        c.execute(statement, (1_i32, 2_i32)).await.unwrap_err(),
    ];
    for error in errors {
        assert!(error.server().is_none() && !error.is_connection_lost(), "{error:?}");
    }
    assert_eq!(proxy.bytes(Direction::ToServer), sent);
    let row: (i32, String) = c.query(statement).bind_all((1_i32, "a")).one().await.unwrap();
    assert_eq!(row, (1, "a".to_owned()));
    let row: (Option<i32>, Option<String>) =
        c.query(statement).bind_all((None::<i32>, None::<String>)).one().await.unwrap();
    assert_eq!(row, (None, None));
    // A string goes as text, which the server reads as whatever the parameter is.
    let row: (i32, String) = c.query(statement).bind_all(("-5", "a")).one().await.unwrap();
    assert_eq!(row, (-5, "a".to_owned()));
    assert_usable(c).await;
}

#[tokio::test]
async fn parameters_that_do_not_fit_a_statement_are_refused_before_sending() {
    on_each_server(async |server| {
        let proxy = Proxy::start(server.port()).unwrap();
        let config = plain_config(server, "test").port(proxy.port());
        let mut c = Connection::connect(&config).await.unwrap();
        let statement = c.prepare("select $1::int4, $2::text").await.unwrap();
        assert_misuse_is_refused_before_sending(&mut c, &proxy, &statement).await;
    })
    .await;
}

#[tokio::test]
async fn parameters_are_refused_before_sending_where_the_statement_is_not_kept_too() {
    on_each_server(async |server| {
        let mut elsewhere = connect(server).await;
        let statement = elsewhere.prepare("select $1::int4, $2::text").await.unwrap();
        let proxy = Proxy::start(server.port()).unwrap();
        for size in [256, 0] {
            let config = plain_config(server, "test").port(proxy.port()).statement_cache_size(size);
            let mut c = Connection::connect(&config).await.unwrap();
            assert_misuse_is_refused_before_sending(&mut c, &proxy, &statement).await;
        }
    })
    .await;
}

#[tokio::test]
async fn parameters_that_a_text_misses_are_refused_by_the_server_first_and_then_before_sending() {
    on_each_server(async |server| {
        let proxy = Proxy::start(server.port()).unwrap();
        let config = plain_config(server, "test").port(proxy.port());
        let mut c = Connection::connect(&config).await.unwrap();
        assert_eq!(code(&c.query("select $1::int4").one::<(i32,)>().await.unwrap_err()), "08P01");
        let sent = proxy.bytes(Direction::ToServer);
        let error = c.query("select $1::int4").one::<(i32,)>().await.unwrap_err();
        assert!(error.server().is_none(), "{error}");
        assert_eq!(proxy.bytes(Direction::ToServer), sent);
        for _ in 0..2 {
            assert_eq!(code(&c.query("select 1").bind("x").one::<(i32,)>().await.unwrap_err()), "42P18");
        }
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn a_statement_runs_on_any_connection() {
    on_each_server(async |server| {
        let mut first = connect(server).await;
        let statement = first.prepare("select $1::int4 + 1").await.unwrap();
        let mut second = connect(server).await;
        for _ in 0..2 {
            let (found,): (i32,) = second.query(&statement).bind(1_i32).one().await.unwrap();
            assert_eq!(found, 2);
        }
        assert_eq!(kept(&mut second, "select $1::int4 + 1").await, 1);
        first.close().await.unwrap();
        assert_eq!(second.query(&statement).bind(2_i32).one::<(i32,)>().await.unwrap(), (3,));
    })
    .await;
}

#[tokio::test]
async fn the_same_text_is_prepared_once() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        for number in 0..5_i32 {
            assert_eq!(c.query("select $1::int4").bind(number).one::<(i32,)>().await.unwrap(), (number,));
            c.execute("select 'once'", ()).await.unwrap();
        }
        assert_eq!(kept(&mut c, "select $1::int4").await, 1);
        assert_eq!(kept(&mut c, "select 'once'").await, 1);
        for _ in 0..5 {
            c.prepare("select 'prepared'").await.unwrap();
        }
        assert_eq!(kept(&mut c, "select 'prepared'").await, 1);
        for _ in 0..5 {
            c.prepare("select 'with', $1::int8").await.unwrap();
        }
        assert_eq!(kept(&mut c, "select 'with'%").await, 1, "each prepare of the same text keeps another");
    })
    .await;
}

#[tokio::test]
async fn other_types_of_parameters_are_another_statement() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql = "select pg_typeof($1)::text, $1::text";
        for _ in 0..2 {
            assert_eq!(pair(&mut c, sql, 5_i32).await, ("integer".to_owned(), "5".to_owned()));
            assert_eq!(pair(&mut c, sql, 5_i64).await, ("bigint".to_owned(), "5".to_owned()));
            assert_eq!(pair(&mut c, sql, 5.0_f64).await, ("double precision".to_owned(), "5".to_owned()));
            assert_eq!(pair(&mut c, sql, true).await, ("boolean".to_owned(), "true".to_owned()));
        }
        assert_eq!(kept(&mut c, "select pg_typeof%").await, 4);
    })
    .await;
}

async fn pair(c: &mut Connection, sql: &str, value: impl molt_db::ToSql) -> (String, String) {
    c.query(sql).bind(value).one().await.unwrap()
}

#[tokio::test]
async fn a_full_cache_closes_what_was_not_used_for_longest() {
    on_each_server(async |server| {
        for size in [1, 2] {
            let mut c = with_cache(server, size).await;
            for round in 0..3 {
                for number in 0..10 {
                    let sql = format!("select {number}::int4 as evicted");
                    assert_eq!(read::<i32>(&mut c, &sql).await, number, "{round}");
                }
            }
            let mut rows = c.query("select statement from pg_prepared_statements").rows().await.unwrap();
            let mut found: usize = 0;
            while rows.next().await.unwrap().is_some() {
                found += 1;
            }
            // The one that gives way to the question itself is closed with the next command at the latest.
            assert!((1..=size + 1).contains(&found), "{found} of {size}");
            assert_usable(&mut c).await;
        }
        let mut c = with_cache(server, 3).await;
        for sql in ["select 'a'", "select 'b'", "select 'a'", "select 'c'", "select 'a'", "select 'd'"] {
            c.execute(sql, ()).await.unwrap();
        }
        let left: Vec<(String,)> =
            c.query("select statement from pg_prepared_statements").all().await.unwrap();
        assert!(left.iter().any(|(sql,)| sql == "select 'a'"), "{left:?}");
        assert!(!left.iter().any(|(sql,)| sql == "select 'b'"), "{left:?}");
    })
    .await;
}

#[tokio::test]
async fn many_texts_leave_a_bounded_number_of_statements() {
    on_each_server(async |server| {
        let mut c = with_cache(server, 2).await;
        for number in 0..200 {
            c.execute(&format!("select {number} as bounded"), ()).await.unwrap();
            if number % 3 == 0 {
                c.execute(&format!("select nowhere_{number}"), ()).await.unwrap_err();
            }
            if number % 5 == 0 {
                c.prepare(&format!("select {number} as bounded, $1::int4")).await.unwrap();
            }
        }
        let left = read::<i64>(&mut c, "select count(*) from pg_prepared_statements").await;
        assert!(left <= 3, "{left}");
    })
    .await;
}

#[tokio::test]
async fn a_cache_of_size_0_keeps_nothing_and_everything_works() {
    on_each_server(async |server| {
        let mut c = with_cache(server, 0).await;
        let statement = c.prepare("select $1::int4").await.unwrap();
        for number in 0..3_i32 {
            assert_eq!(c.query("select $1::int4").bind(number).one::<(i32,)>().await.unwrap(), (number,));
            assert_eq!(c.query(&statement).bind(number).one::<(i32,)>().await.unwrap(), (number,));
            let acl = "select relacl from pg_class where relname = 'pg_class'";
            assert!(read::<String>(&mut c, acl).await.starts_with('{'));
        }
        c.execute("begin", ()).await.unwrap();
        assert_eq!(c.query("select $1::int4").bind(1_i32).one::<(i32,)>().await.unwrap(), (1,));
        c.execute("rollback", ()).await.unwrap();
        let named = "select count(*) from pg_prepared_statements where name <> ''";
        assert_eq!(read::<i64>(&mut c, named).await, 0);
    })
    .await;
}

async fn first_row(c: &mut Connection) -> Result<OwnedRow, molt_db::Error> {
    c.query("select * from moved").one().await
}

fn columns(row: &OwnedRow) -> Vec<(String, Oid)> {
    row.columns().iter().map(|column| (column.name().to_owned(), column.oid())).collect()
}

#[tokio::test]
async fn a_changed_table_is_seen_by_the_next_run() {
    on_each_server(async |server| {
        let mut c = connect_to_new(server).await;
        c.script("create table moved (a int4); insert into moved values (1)").await.unwrap();
        for _ in 0..2 {
            assert_eq!(first_row(&mut c).await.unwrap().get::<i32>("a").unwrap(), 1);
        }
        c.execute("alter table moved add column b text default 'new'", ()).await.unwrap();
        for _ in 0..2 {
            let row = first_row(&mut c).await.unwrap();
            assert_eq!(row.read::<(i32, &str)>().unwrap(), (1, "new"));
        }
        c.execute("alter table moved alter column a type float8", ()).await.unwrap();
        for _ in 0..2 {
            let row = first_row(&mut c).await.unwrap();
            assert_eq!(columns(&row)[0], ("a".to_owned(), Oid::FLOAT8));
            assert_eq!(row.get::<f64>("a").unwrap(), 1.0);
        }
        c.script("drop table moved; create table moved (z bool); insert into moved values (true)")
            .await
            .unwrap();
        for _ in 0..2 {
            let row = first_row(&mut c).await.unwrap();
            assert_eq!(columns(&row), [("z".to_owned(), Oid::BOOL)]);
            assert!(row.get::<bool>("z").unwrap());
        }
        c.execute("alter table moved rename column z to y", ()).await.unwrap();
        assert_eq!(columns(&first_row(&mut c).await.unwrap()), [("y".to_owned(), Oid::BOOL)]);
        let found = kept(&mut c, "select * from moved").await;
        assert!(found <= 1, "{found}: stale statements are not closed");
    })
    .await;
}

#[tokio::test]
async fn a_changed_type_of_a_column_that_a_parameter_is_for_is_no_misreading() {
    on_each_server(async |server| {
        let mut c = connect_to_new(server).await;
        c.script("create table moved (a int8); insert into moved values (4611686018427387904)")
            .await
            .unwrap();
        let sql = "select a from moved where a = $1";
        let value: i64 = 1 << 62;
        assert_eq!(c.query(sql).bind(value).all::<(i64,)>().await.unwrap(), [(value,)]);
        // The same eight bytes are 2.0 as a float8.
        c.script("alter table moved alter column a type float8; update moved set a = 2").await.unwrap();
        let found: Vec<(f64,)> = c.query(sql).bind(value).all().await.unwrap();
        assert_eq!(found, []);
        let statement = c.prepare(sql).await.unwrap();
        assert!(c.query(&statement).bind(value).all::<(f64,)>().await.unwrap_err().server().is_none());
        assert_eq!(c.query(&statement).bind(2.0_f64).all::<(f64,)>().await.unwrap(), [(2.0,)]);
    })
    .await;
}

#[tokio::test]
async fn statements_that_the_server_forgot_are_prepared_again() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let statement = c.prepare("select $1::int4 * 2").await.unwrap();
        for forget in [FORGET_UNSEEN, "discard all", "deallocate all", "deallocate prepare all"] {
            for _ in 0..2 {
                assert_eq!(c.query(&statement).bind(4_i32).one::<(i32,)>().await.unwrap(), (8,), "{forget}");
                assert_eq!(read::<i32>(&mut c, "select 3::int4").await, 3, "{forget}");
                let mut batches = c.query("select 4::int4").arrow().await.unwrap();
                assert_eq!(batches.next().await.unwrap().unwrap().num_rows(), 1);
                assert!(batches.next().await.unwrap().is_none());
                assert_eq!(c.execute("select 5::int4", ()).await.unwrap(), 1);
                c.execute(forget, ()).await.unwrap();
            }
        }
        assert_usable(&mut c).await;
    })
    .await;
}

/// Has both a stale plan and a forgotten statement in a transaction, where nothing can be repeated unseen.
async fn assert_surfaces(c: &mut Connection, sql: &str, move_ground: &str, expected: &str) {
    c.execute(sql, ()).await.unwrap();
    c.execute("begin", ()).await.unwrap();
    c.script(move_ground).await.unwrap();
    assert_eq!(code(&c.query(sql).all::<OwnedRow>().await.unwrap_err()), expected);
    assert_eq!(c.transaction_status(), TransactionStatus::Failed);
    c.execute("rollback", ()).await.unwrap();
    for _ in 0..2 {
        c.query(sql).one::<OwnedRow>().await.unwrap();
    }
}

#[tokio::test]
async fn in_a_transaction_a_stale_statement_is_an_error_and_works_after_the_rollback() {
    on_each_server(async |server| {
        let mut c = connect_to_new(server).await;
        c.script("create table moved (a int4); insert into moved values (1)").await.unwrap();
        assert_surfaces(&mut c, "select * from moved", "alter table moved add column b text", "0A000").await;
        // The ground may have moved before the transaction began.
        c.execute("select * from moved", ()).await.unwrap();
        c.execute("alter table moved add column c text", ()).await.unwrap();
        c.execute("begin", ()).await.unwrap();
        assert_eq!(code(&first_row(&mut c).await.unwrap_err()), "0A000");
        c.execute("rollback", ()).await.unwrap();
        c.execute("begin", ()).await.unwrap();
        assert_eq!(first_row(&mut c).await.unwrap().len(), 2);
        c.execute("commit", ()).await.unwrap();
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn a_transaction_whose_statements_are_forgotten_can_be_rolled_back() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        c.script("begin").await.unwrap();
        c.execute("rollback", ()).await.unwrap();
        assert_surfaces(&mut c, "select 'forgotten'", FORGET_UNSEEN, "26000").await;
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn an_error_of_a_function_that_looks_like_a_stale_plan_is_not_repeated() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        c.execute("create temp sequence runs", ()).await.unwrap();
        for code_wanted in ["0A000", "26000", "42883"] {
            let sql = format!(
                "create or replace function pg_temp.fails() returns int language plpgsql as $$ begin
                 perform nextval('runs'); raise exception 'no' using errcode = '{code_wanted}'; end $$"
            );
            c.execute(&sql, ()).await.unwrap();
            let call = format!("select pg_temp.fails() as call_{code_wanted}");
            for run in 1..=2_i64 {
                assert_eq!(code(&c.query(&call).one::<(i32,)>().await.unwrap_err()), code_wanted);
                let runs = read::<i64>(&mut c, "select last_value from runs").await;
                assert_eq!(runs, run, "{code_wanted}: it ran {runs} times when called {run} times");
            }
            c.execute("select setval('runs', 1, false)", ()).await.unwrap();
        }
    })
    .await;
}

async fn assert_reads<T>(c: &mut Connection, sql: &str, expected: T)
where
    T: for<'r> FromSql<'r> + Debug + PartialEq,
{
    for _ in 0..2 {
        assert_eq!(read::<T>(c, sql).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn the_same_text_means_other_types_under_another_search_path() {
    on_each_server(async |server| {
        let database = server.create_database().unwrap();
        // The bytes of both values are the same.
        let one = 1.0_f64.to_bits();
        server
            .sql_in(
                &database,
                &format!(
                    "create schema whole; create table whole.t as select {one}::int8 as v;
                     create schema broken; create table broken.t as select 1::float8 as v;
                     grant usage on schema whole, broken to public;
                     grant select on whole.t, broken.t to public"
                ),
            )
            .unwrap();
        let mut c = connect_to(server, &database).await;
        let mut other = connect_to(server, &database).await;
        other.execute("set search_path to broken", ()).await.unwrap();
        let whole = i64::try_from(one).unwrap();
        for _ in 0..2 {
            c.execute("set search_path to whole", ()).await.unwrap();
            assert_reads(&mut c, "select v from t", whole).await;
            assert_reads(&mut other, "select v from t", 1.0_f64).await;
            let error = other.query("select v from t").one::<(i64,)>().await.unwrap_err();
            assert!(common::value_error(&error).is_type_mismatch());
            c.execute("set search_path to broken", ()).await.unwrap();
            assert_reads(&mut c, "select v from t", 1.0_f64).await;
            let mut batches = c.query("select v from t").arrow().await.unwrap();
            assert_eq!(batches.schema().field(0).data_type().to_string(), "Float64");
            while batches.next().await.unwrap().is_some() {}
        }
    })
    .await;
}

/// Which of the two tables was read, by the type that the server named: the bytes are those of either.
async fn which(c: &mut Connection) -> Result<i64, f64> {
    let row: OwnedRow = c.query("select v from t").one().await.unwrap();
    match row.columns()[0].oid() {
        Oid::INT8 => Ok(row.get(0).unwrap()),
        _ => Err(row.get(0).unwrap()),
    }
}

#[tokio::test]
async fn a_temporary_table_that_hides_another_is_read_by_its_own_types() {
    on_each_server(async |server| {
        let mut c = connect_to_new(server).await;
        let whole = 4_607_182_418_800_017_408_i64;
        c.script(&format!("create table t as select {}::int8 as v", whole + 1)).await.unwrap();
        for _ in 0..3 {
            assert_eq!(which(&mut c).await, Ok(whole + 1));
            c.execute("create temp table t as select 1::float8 as v", ()).await.unwrap();
            // A plan that the server keeps stays with the table it was made for. Never mixed, it may be either.
            let found = which(&mut c).await;
            assert!(found == Ok(whole + 1) || found == Err(1.0), "{found:?}");
            c.execute("deallocate all", ()).await.unwrap();
            assert_eq!(which(&mut c).await, Err(1.0));
            c.execute("drop table pg_temp.t", ()).await.unwrap();
        }
        assert_eq!(which(&mut c).await, Ok(whole + 1));
    })
    .await;
}

#[tokio::test]
async fn the_users_own_prepared_statements_are_left_alone() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        c.execute("prepare mine as select 'mine'", ()).await.unwrap();
        for number in 0..5 {
            assert_eq!(read::<i32>(&mut c, &format!("select {number}::int4")).await, number);
        }
        for _ in 0..2 {
            assert_eq!(read::<String>(&mut c, "execute mine").await, "mine");
        }
        c.execute("deallocate mine", ()).await.unwrap();
        assert_eq!(code(&c.execute("execute mine", ()).await.unwrap_err()), "26000");
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn a_missing_statement_of_the_users_own_is_no_reason_to_repeat() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        for _ in 0..3 {
            assert_eq!(code(&c.execute("execute nobodys", ()).await.unwrap_err()), "26000");
            assert_eq!(code(&c.execute("deallocate nobodys", ()).await.unwrap_err()), "26000");
        }
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn statements_survive_that_the_user_prepares_under_a_name_of_ours() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let names: Vec<(String,)> = c.query("select name from pg_prepared_statements").all().await.unwrap();
        let (first,) = &names[0];
        let digits = first.trim_end_matches(|c: char| c.is_ascii_digit());
        let number: u64 = first[digits.len()..].parse().unwrap();
        let taken = format!("{digits}{}", number + 2);
        c.execute(&format!("prepare {taken} as select 'theirs'"), ()).await.unwrap();
        for number in 0..5 {
            let sql = format!("select {number}::int4 as collides");
            let found = c.query(&sql).one::<(i32,)>().await;
            assert!(matches!(&found, Ok((n,)) if *n == number), "{taken} is taken: {found:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn long_texts_run_without_being_kept() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql = format!("select $1::int4 -- {}", "long ".repeat(10_000));
        for number in 0..3_i32 {
            assert_eq!(c.query(&sql).bind(number).one::<(i32,)>().await.unwrap(), (number,));
        }
        let statement = c.prepare(&sql).await.unwrap();
        assert_eq!(read::<i32>(&mut c, "select 1::int4").await, 1);
        assert_eq!(c.query(&statement).bind(9_i32).one::<(i32,)>().await.unwrap(), (9,));
        assert_eq!(kept(&mut c, "%long long%").await, 0);
    })
    .await;
}
