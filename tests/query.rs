//! Queries: how rows, errors, notices and the ends of things come back.

mod common;

use std::future::poll_fn;
use std::pin::pin;

use common::{assert_usable, code, connect, connect_to_new, on_each_server, plain_config, value_error};
use futures_core::Stream;
use molt_db::{Connection, OwnedRow, SqlState, TransactionStatus};
use molt_db_testkit::proxy::{Direction, Proxy};

const THREE: &str = "select g::int4, 'row ' || g from generate_series(1, 3) g order by 1";

#[tokio::test]
async fn every_way_to_take_rows_gives_the_same_rows() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let expected: Vec<(i32, String)> = (1..=3).map(|n| (n, format!("row {n}"))).collect();
        assert_eq!(c.query(THREE).all::<(i32, String)>().await.unwrap(), expected);
        assert_eq!(c.query(THREE).execute().await.unwrap(), 3);
        assert_eq!(c.execute(THREE, ()).await.unwrap(), 3);

        let mut rows = c.query(THREE).rows().await.unwrap();
        assert_eq!(rows.columns().iter().map(|column| column.name()).collect::<Vec<_>>(), ["g", "?column?"]);
        let mut lent = Vec::new();
        while let Some(row) = rows.next().await.unwrap() {
            let (number, text): (i32, &str) = row.read().unwrap();
            lent.push((number, text.to_owned()));
        }
        assert_eq!(rows.tag().unwrap().as_str(), "SELECT 3");
        assert!(rows.next().await.unwrap().is_none());
        assert_eq!(lent, expected);

        let mut rows = c.query(THREE).rows_as::<(i32, String)>().await.unwrap();
        assert_eq!(rows.columns().len(), 2);
        let mut typed = Vec::new();
        while let Some(row) = rows.next().await.unwrap() {
            typed.push(row);
        }
        assert_eq!(rows.tag().unwrap().as_str(), "SELECT 3");
        assert!(rows.next().await.unwrap().is_none());
        assert_eq!(typed, expected);

        let one: (i32, String) = c.query(&format!("{THREE} limit 1")).one().await.unwrap();
        assert_eq!(one, expected[0]);
        let optional: Option<(i32, String)> = c.query(&format!("{THREE} offset 3")).optional().await.unwrap();
        assert_eq!(optional, None);
        assert_eq!(c.query(THREE).rows().await.unwrap().finish().await.unwrap().rows(), 3);
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn parameters_bind_one_by_one_as_tuples_and_as_slices() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql = "select $1::int4, $2::text, $3::bool";
        let expected = (5_i32, Some("x'; drop table t; --".to_owned()), None::<bool>);
        let by_one = c.query(sql).bind(5_i32).bind("x'; drop table t; --").bind(None::<bool>);
        assert_eq!(by_one.one::<(i32, Option<String>, Option<bool>)>().await.unwrap(), expected);
        let by_tuple = c.query(sql).bind_all((5_i32, "x'; drop table t; --", None::<bool>));
        assert_eq!(by_tuple.one::<(i32, Option<String>, Option<bool>)>().await.unwrap(), expected);
        let mixed = c.query(sql).bind(5_i32).bind_all(("x'; drop table t; --", None::<bool>));
        assert_eq!(mixed.one::<(i32, Option<String>, Option<bool>)>().await.unwrap(), expected);
        let (sum,): (i64,) =
            c.query("select $1::int8 + $2::int8").bind_all(&[40_i64, 2][..]).one().await.unwrap();
        assert_eq!(sum, 42);
    })
    .await;
}

#[tokio::test]
async fn null_reads_as_none_and_is_a_typed_error_elsewhere() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql = "select 1::int4 as first, null::int8 as gone";
        assert_eq!(c.query(sql).one::<(i32, Option<i64>)>().await.unwrap(), (1, None));
        let error = c.query(sql).one::<(i32, i64)>().await.unwrap_err();
        let value = value_error(&error);
        assert!(value.is_null());
        assert_eq!((value.position(), value.oid()), (Some(1), Some(molt_db::Oid::INT8)));
        for part in ["gone", "int8", "i64", "NULL"] {
            assert!(error.to_string().contains(part), "{part} is missing in: {error}");
        }
        assert_usable(&mut c).await;
        let error = c
            .query("select nullif(g, 2) as n from generate_series(1, 1000) g")
            .all::<(i32,)>()
            .await
            .unwrap_err();
        assert!(value_error(&error).is_null());
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn a_wrong_type_names_the_column_and_both_types() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let cases = [
            (c.query("select 1::int8 as big").one::<(i32,)>().await.unwrap_err(), ["big", "int8", "i32"]),
            (c.query("select 1::int4 as n").one::<(String,)>().await.unwrap_err(), ["n", "int4", "String"]),
            (c.query("select 'x'::text as t").all::<(i32,)>().await.unwrap_err(), ["t", "text", "i32"]),
            (
                c.query("select 1.5::float8 as f").optional::<(f32,)>().await.unwrap_err(),
                ["f", "float8", "f32"],
            ),
        ];
        for (error, parts) in cases {
            assert!(value_error(&error).is_type_mismatch(), "{error:?}");
            let sql = error.sql().unwrap();
            for part in parts.into_iter().chain([sql]) {
                assert!(error.to_string().contains(part), "{part} is missing in: {error}");
            }
        }
        let long = format!("select 'é{}' as n", "é".repeat(600));
        let error = c.query(&long).one::<(i32,)>().await.unwrap_err();
        let sql = error.sql().unwrap();
        assert!(long.starts_with(sql) && (999..=1000).contains(&sql.len()), "{}", sql.len());
        assert_eq!(c.execute("select 1 / 0", ()).await.unwrap_err().sql(), Some("select 1 / 0"));
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn columns_that_are_missing_doubled_or_miscounted_are_the_callers_error() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let mut rows = c.query("select 1 as a, 2 as b, 3 as b, 4 as \"A\"").rows().await.unwrap();
        let names: Vec<_> = rows.columns().iter().map(|column| column.name().to_owned()).collect();
        assert_eq!(names, ["a", "b", "b", "A"]);
        let row = rows.next().await.unwrap().unwrap();
        assert_eq!((row.get::<i32>("a").unwrap(), row.get::<i32>("A").unwrap()), (1, 4));
        assert_eq!((row.get::<i32>(1).unwrap(), row.get::<i32>(2).unwrap()), (2, 3));
        for (error, part) in [
            (row.get::<i32>("nowhere").unwrap_err(), "nowhere"),
            (row.get::<i32>("b").unwrap_err(), "more than one"),
            (row.get::<i32>(4).unwrap_err(), "4"),
        ] {
            assert!(error.is_no_such_column());
            assert!(error.to_string().contains(part), "{error}");
        }
        rows.finish().await.unwrap();
        let error = c.query("select 1, 2").one::<(i32,)>().await.unwrap_err();
        assert!(value_error(&error).is_no_such_column());
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn too_few_or_too_many_rows_for_one_are_errors() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let many = "select g::int4 from generate_series(1, 10000) g";
        let none = c.query("select 1 where false").one::<(i32,)>().await.unwrap_err();
        let several = c.query(many).one::<(i32,)>().await.unwrap_err();
        let optional = c.query(many).optional::<(i32,)>().await.unwrap_err();
        assert!(none.to_string().contains("no row"), "{none}");
        for error in [several, optional] {
            assert!(error.to_string().contains("several rows"), "{error}");
            assert!(error.server().is_none() && !error.is_conversion());
        }
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn a_syntax_error_has_its_code_and_position() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        for _ in 0..2 {
            let error = c.query("select 'ä' frum t").all::<(i32,)>().await.unwrap_err();
            assert_eq!(error.code(), Some(SqlState::SYNTAX_ERROR));
            // Characters, not bytes; the word behind the alias is what is wrong.
            assert_eq!(error.server().unwrap().position(), Some(17));
            assert_usable(&mut c).await;
        }
        let error = c.execute("selct", ()).await.unwrap_err();
        assert_eq!(error.server().unwrap().position(), Some(1));
        let error = c.script("select 1; selct").await.unwrap_err();
        assert_eq!(error.server().unwrap().position(), Some(11));
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn rows_before_an_error_are_delivered_and_then_the_error() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql = "select (1.0 / g)::float8 from generate_series(3, -1, -1) g";
        for _ in 0..2 {
            let mut rows = c.query(sql).rows().await.unwrap();
            let mut found = Vec::new();
            let error = loop {
                match rows.next().await {
                    Ok(Some(row)) => found.push(row.get::<f64>(0).unwrap()),
                    Ok(None) => panic!("the error is lost"),
                    Err(error) => break error,
                }
            };
            assert_eq!(found.len(), 3);
            assert_eq!(code(&error), "22012");
            assert!(rows.next().await.unwrap().is_none());
            assert_usable(&mut c).await;
        }
        assert_eq!(code(&c.query(sql).all::<(f64,)>().await.unwrap_err()), "22012");
        assert_eq!(code(&c.query(sql).one::<(f64,)>().await.unwrap_err()), "22012");
        assert_eq!(code(&c.query(sql).execute().await.unwrap_err()), "22012");
        let rows = c.query(sql).rows().await.unwrap();
        assert_eq!(code(&rows.finish().await.unwrap_err()), "22012");
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn a_deferred_constraint_that_fails_at_the_end_is_an_error_of_the_statement() {
    on_each_server(async |server| {
        let mut c = connect_to_new(server).await;
        c.script(
            "create table parent (id int primary key);
             create table child (
                 id int constraint child_once unique deferrable initially deferred,
                 parent int constraint child_parent references parent deferrable initially deferred)",
        )
        .await
        .unwrap();
        for _ in 0..2 {
            let error = c.execute("insert into child values (1, 7)", ()).await.unwrap_err();
            assert_eq!(code(&error), "23503");
            assert_eq!(error.server().unwrap().constraint().as_deref(), Some("child_parent"));
            let twice = c.execute("insert into child values (1, null), (1, null)", ()).await.unwrap_err();
            assert_eq!(code(&twice), "23505");
            let returning = "insert into child values (1, 7) returning id";
            assert_eq!(code(&c.query(returning).one::<(i32,)>().await.unwrap_err()), "23503");
            assert_eq!(code(&c.query(returning).all::<(i32,)>().await.unwrap_err()), "23503");
            let mut rows = c.query(returning).rows().await.unwrap();
            assert_eq!(rows.next().await.unwrap().unwrap().get::<i32>(0).unwrap(), 1);
            assert_eq!(code(&rows.next().await.unwrap_err()), "23503");
            assert_eq!(code(&c.script("insert into child values (1, 7)").await.unwrap_err()), "23503");
        }
        assert_eq!(count(&mut c, "child").await, 0);
        assert_usable(&mut c).await;
    })
    .await;
}

async fn count(connection: &mut Connection, table: &str) -> i64 {
    connection.query(&format!("select count(*) from {table}")).one::<(i64,)>().await.unwrap().0
}

#[tokio::test]
async fn an_error_has_every_field_that_the_server_sent() {
    on_each_server(async |server| {
        let mut c = connect_to_new(server).await;
        c.script(
            "create domain small as int constraint is_small check (value < 10);
             create table goods (a int constraint positive check (a > 0), b int not null, c small,
                                 constraint goods_a unique (a));
             insert into goods values (1, 1)",
        )
        .await
        .unwrap();
        let error = c.execute("insert into goods values (1, 1)", ()).await.unwrap_err();
        let said = error.server().unwrap();
        assert_eq!((said.code().as_str(), said.severity().as_ref()), ("23505", "ERROR"));
        assert_eq!(said.schema().as_deref(), Some("public"));
        assert_eq!(said.table().as_deref(), Some("goods"));
        assert_eq!(said.constraint().as_deref(), Some("goods_a"));
        assert_eq!(said.detail().as_deref(), Some("Key (a)=(1) already exists."));
        assert!(said.message().contains("goods_a"));
        assert!(said.file().is_some() && said.line().is_some() && said.routine().is_some());

        let error = c.execute("insert into goods values (-1, 1)", ()).await.unwrap_err();
        assert_eq!(code(&error), "23514");
        assert_eq!(error.server().unwrap().constraint().as_deref(), Some("positive"));
        let error = c.execute("insert into goods values (2, null)", ()).await.unwrap_err();
        assert_eq!(code(&error), "23502");
        assert_eq!(error.server().unwrap().column().as_deref(), Some("b"));
        let error = c.execute("insert into goods values (3, 3, 10)", ()).await.unwrap_err();
        assert_eq!(error.server().unwrap().data_type().as_deref(), Some("small"));
        assert_eq!(error.server().unwrap().constraint().as_deref(), Some("is_small"));
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn errors_raised_by_functions_come_with_hint_query_and_context() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let raise = "do $$ begin raise exception 'no %', 7 using errcode = 'MD001', hint = 'try 8', \
                     detail = 'seven is out'; end $$";
        let error = c.execute(raise, ()).await.unwrap_err();
        let said = error.server().unwrap();
        assert_eq!((code(&error).as_str(), said.message().as_ref()), ("MD001", "no 7"));
        assert_eq!(said.hint().as_deref(), Some("try 8"));
        assert_eq!(said.detail().as_deref(), Some("seven is out"));
        assert!(said.context().unwrap().contains("line 1 at RAISE"));

        let inner = "do $$ begin execute 'select nowhere'; end $$";
        let error = c.execute(inner, ()).await.unwrap_err();
        let said = error.server().unwrap();
        assert_eq!(code(&error), "42703");
        assert_eq!(said.internal_query().as_deref(), Some("select nowhere"));
        assert_eq!((said.internal_position(), said.position()), (Some(8), None));
        assert!(said.context().unwrap().contains("PL/pgSQL function inline_code_block"));
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn a_script_is_one_transaction_unless_it_says_otherwise() {
    on_each_server(async |server| {
        let mut c = connect_to_new(server).await;
        c.script("create table t (a int); insert into t values (1); insert into t values (2)").await.unwrap();
        assert_eq!(count(&mut c, "t").await, 2);
        let error =
            c.script("insert into t values (3); select 1/0; insert into t values (4)").await.unwrap_err();
        assert_eq!(code(&error), "22012");
        assert_eq!(count(&mut c, "t").await, 2);
        let error = c.script("begin; insert into t values (3); commit; select 1/0").await.unwrap_err();
        assert_eq!(code(&error), "22012");
        assert_eq!(count(&mut c, "t").await, 3);
        let error = c.script("begin; select 1/0; commit").await.unwrap_err();
        assert_eq!(code(&error), "22012");
        assert_eq!(c.transaction_status(), TransactionStatus::Failed);
        c.script("rollback").await.unwrap();
        let tag = c.script("select generate_series(1, 1000); select 1; delete from t").await.unwrap();
        assert_eq!(tag.as_str(), "DELETE 3");
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn empty_queries_are_over_without_a_result() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        for sql in ["", " ", ";", "-- nothing"] {
            assert_eq!(c.execute(sql, ()).await.unwrap(), 0, "{sql:?}");
            assert!(c.query(sql).all::<OwnedRow>().await.unwrap().is_empty(), "{sql:?}");
            assert!(c.query(sql).optional::<OwnedRow>().await.unwrap().is_none(), "{sql:?}");
            assert_eq!(c.script(sql).await.unwrap().as_str(), "", "{sql:?}");
            assert_eq!(c.prepare(sql).await.unwrap().columns().len(), 0, "{sql:?}");
        }
        assert_eq!(c.script(";;select 1;;").await.unwrap().as_str(), "SELECT 1");
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn rows_without_columns_are_rows() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        for (sql, expected) in [("select", 1), ("select from generate_series(1, 3)", 3)] {
            let rows: Vec<OwnedRow> = c.query(sql).all().await.unwrap();
            assert_eq!(rows.len(), expected, "{sql}");
            assert!(rows.iter().all(OwnedRow::is_empty), "{sql}");
            assert_eq!(c.query(sql).execute().await.unwrap(), expected as u64, "{sql}");
        }
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn a_row_of_1600_columns_is_read_by_position_and_by_name() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let columns: Vec<_> = (0..1600).map(|n| format!("{n}::int4 as c{n}")).collect();
        let sql = format!("select {}", columns.join(", "));
        for _ in 0..2 {
            let mut rows = c.query(&sql).rows().await.unwrap();
            assert_eq!(rows.columns().len(), 1600);
            let row = rows.next().await.unwrap().unwrap();
            for n in [0, 1, 799, 1599] {
                assert_eq!(row.get::<i32>(n).unwrap(), i32::try_from(n).unwrap());
                assert_eq!(row.get::<i32>(&*format!("c{n}")).unwrap(), i32::try_from(n).unwrap());
            }
            rows.finish().await.unwrap();
        }
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn rows_do_not_hold_on_to_the_text_that_asked_for_them() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let mut rows = c.query(&format!("select {}::int4", 7)).rows().await.unwrap();
        assert_eq!(rows.next().await.unwrap().unwrap().get::<i32>(0).unwrap(), 7);
        assert!(rows.next().await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn notices_are_kept_until_they_are_taken() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql = "do $$ begin raise notice 'first'; raise warning 'second' using hint = 'mind'; end $$";
        c.execute(sql, ()).await.unwrap();
        let notices: Vec<_> = c.take_notices().collect();
        let seen: Vec<_> =
            notices.iter().map(|n| (n.severity().into_owned(), n.message().into_owned())).collect();
        assert_eq!(seen, [("NOTICE".into(), "first".into()), ("WARNING".into(), "second".into())]);
        assert_eq!(notices[1].hint().as_deref(), Some("mind"));
        assert_eq!(c.take_notices().count(), 0);
        c.script("do $$ begin for n in 1..100 loop raise notice '%', n; end loop; end $$").await.unwrap();
        let latest: Vec<_> = c.take_notices().map(|notice| notice.message().into_owned()).collect();
        assert_eq!(latest, (37..=100).map(|n| n.to_string()).collect::<Vec<_>>());
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn there_can_be_65535_parameters_and_not_one_more() {
    on_each_server(async |server| {
        let proxy = Proxy::start(server.port()).unwrap();
        let config = plain_config(server, "test").port(proxy.port());
        let mut c = Connection::connect(&config).await.unwrap();
        let sql = |count: usize| {
            let places: Vec<_> = (1..=count).map(|n| format!("${n}")).collect();
            format!("select count(*), sum(x) from unnest(array[{}]) x", places.join(","))
        };
        let values: Vec<i32> = (1..=65_535).collect();
        let (count, sum): (i64, i64) = c.query(&sql(65_535)).bind_all(&values).one().await.unwrap();
        assert_eq!((count, sum), (65_535, 65_535 * 65_536 / 2));

        let sent = proxy.bytes(Direction::ToServer);
        let more: Vec<i32> = (1..=65_536).collect();
        let error = c.query(&sql(65_536)).bind_all(&more).execute().await.unwrap_err();
        assert!(error.is_conversion() && error.to_string().contains("65,535"), "{error}");
        assert_eq!(proxy.bytes(Direction::ToServer), sent);
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn a_nul_in_sql_or_in_a_text_is_refused_before_sending() {
    on_each_server(async |server| {
        let proxy = Proxy::start(server.port()).unwrap();
        let config = plain_config(server, "test").port(proxy.port());
        let mut c = Connection::connect(&config).await.unwrap();
        let sent = proxy.bytes(Direction::ToServer);
        for error in [
            c.execute("select 1\0", ()).await.unwrap_err(),
            c.query("select '\0'").all::<(String,)>().await.unwrap_err(),
            c.prepare("select 1 -- \0").await.unwrap_err(),
            c.script("select 1; \0").await.unwrap_err(),
        ] {
            assert!(error.server().is_none() && error.to_string().contains("NUL"), "{error}");
        }
        assert_eq!(proxy.bytes(Direction::ToServer), sent);
        assert_usable(&mut c).await;
        let sent = proxy.bytes(Direction::ToServer);
        let error = c.query("select $1::text").bind("a\0b").one::<(String,)>().await.unwrap_err();
        assert!(error.server().is_none() && error.is_conversion(), "{error}");
        assert_eq!(proxy.bytes(Direction::ToServer), sent);
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn a_text_of_50_mb_travels_both_ways() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let large = "0123456789abcdef".repeat(50_000_000 / 16);
        let (found, hash): (String, String) =
            c.query("select $1::text, md5($1::text)").bind(&large).one().await.unwrap();
        assert!(found == large);
        let (expected,): (String,) =
            c.query("select md5(repeat('0123456789abcdef', 3125000))").one().await.unwrap();
        assert_eq!(hash, expected);
        assert_usable(&mut c).await;
    })
    .await;
}

const HUNDRED_THOUSAND: &str =
    "select g::int8, repeat('x', (g % 50)::int4) from generate_series(1, 100000) g";

#[tokio::test]
async fn a_result_of_100_000_rows_is_streamed_in_order() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let mut rows = c.query(HUNDRED_THOUSAND).rows().await.unwrap();
        let mut expected: i64 = 0;
        while let Some(row) = rows.next().await.unwrap() {
            expected += 1;
            let (number, text): (i64, &str) = row.read().unwrap();
            assert_eq!((number, text.len() as i64), (expected, expected % 50));
        }
        assert_eq!((expected, rows.tag().unwrap().rows()), (100_000, 100_000));
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn owned_rows_are_a_stream_and_outlive_it() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let mut stream = pin!(c.query(HUNDRED_THOUSAND).rows().await.unwrap().owned());
        let mut kept = Vec::new();
        while let Some(row) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
            kept.push(row.unwrap());
        }
        assert_eq!(kept.len(), 100_000);
        for (row, expected) in kept.iter().zip(1_i64..) {
            let (number, text): (i64, &str) = row.read().unwrap();
            assert_eq!((number, text.len() as i64), (expected, expected % 50));
        }
        assert_usable(&mut c).await;
        let failing = "select 1 / (3 - g) from generate_series(1, 5) g";
        let mut stream = pin!(c.query(failing).rows().await.unwrap().owned());
        let mut seen = Vec::new();
        while let Some(row) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
            seen.push(row.map(|row| row.get::<i32>(0).unwrap()).map_err(|error| code(&error)));
        }
        assert_eq!(seen, [Ok(0), Ok(1), Err("22012".to_owned())]);
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn typed_rows_are_streamed_in_order_and_can_be_left() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let mut rows = c.query(HUNDRED_THOUSAND).rows_as::<(i64, String)>().await.unwrap();
        let mut expected: i64 = 0;
        while let Some((number, text)) = rows.next().await.unwrap() {
            expected += 1;
            assert_eq!((number, text.len() as i64), (expected, expected % 50));
        }
        assert_eq!((expected, rows.tag().unwrap().rows()), (100_000, 100_000));

        let mut stream = pin!(c.query(HUNDRED_THOUSAND).rows_as::<(i64, String)>().await.unwrap());
        let mut count = 0;
        while let Some(row) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
            count += 1;
            assert_eq!(row.unwrap().0, count);
        }
        assert_eq!(count, 100_000);

        let mut rows = c.query(HUNDRED_THOUSAND).rows_as::<(i64, String)>().await.unwrap();
        assert_eq!(rows.next().await.unwrap().unwrap().0, 1);
        assert_eq!(rows.finish().await.unwrap().rows(), 100_000);
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn a_typed_row_that_cannot_be_read_is_an_error_of_its_own_and_the_others_come() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql = "select nullif(g, 3) from generate_series(1, 5) g";
        let mut rows = c.query(sql).rows_as::<(i32,)>().await.unwrap();
        let mut seen = Vec::new();
        loop {
            match rows.next().await {
                Ok(Some((number,))) => seen.push(Some(number)),
                Ok(None) => break,
                Err(error) => {
                    assert!(value_error(&error).is_null(), "{error:?}");
                    seen.push(None);
                }
            }
        }
        assert_eq!(seen, [Some(1), Some(2), None, Some(4), Some(5)]);

        let failing = "select 1 / (3 - g) from generate_series(1, 5) g";
        let mut rows = c.query(failing).rows_as::<(i32,)>().await.unwrap();
        assert_eq!(rows.next().await.unwrap(), Some((0,)));
        assert_eq!(rows.next().await.unwrap(), Some((1,)));
        assert_eq!(code(&rows.next().await.unwrap_err()), "22012");
        assert_eq!(rows.next().await.unwrap(), None);

        let error = c.query(sql).rows_as::<(String,)>().await.unwrap_err();
        assert!(value_error(&error).is_type_mismatch() && error.sql() == Some(sql), "{error:?}");
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn transactions_are_begun_and_ended_by_sql() {
    on_each_server(async |server| {
        let mut c = connect_to_new(server).await;
        c.execute("create table t (a int)", ()).await.unwrap();
        assert_eq!(c.transaction_status(), TransactionStatus::Idle);
        for (end, expected) in [("rollback", 0), ("commit", 1)] {
            c.execute("begin", ()).await.unwrap();
            assert_ne!(c.transaction_status(), TransactionStatus::Idle);
            assert_ne!(c.transaction_status(), TransactionStatus::Failed);
            assert_eq!(c.execute("insert into t values ($1)", (1_i32,)).await.unwrap(), 1);
            assert_eq!(count(&mut c, "t").await, 1);
            c.execute(end, ()).await.unwrap();
            assert_eq!(c.transaction_status(), TransactionStatus::Idle);
            assert_eq!(count(&mut c, "t").await, expected);
        }
    })
    .await;
}

#[tokio::test]
async fn a_failed_transaction_refuses_everything_until_it_is_rolled_back() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        c.execute("begin", ()).await.unwrap();
        assert_eq!(code(&c.execute("select 1/0", ()).await.unwrap_err()), "22012");
        assert_eq!(c.transaction_status(), TransactionStatus::Failed);
        for _ in 0..2 {
            assert_eq!(code(&c.query("select 1").one::<(i32,)>().await.unwrap_err()), "25P02");
            assert_eq!(code(&c.execute("select 2", ()).await.unwrap_err()), "25P02");
            assert_eq!(code(&c.prepare("select 3").await.unwrap_err()), "25P02");
            assert_eq!(code(&c.script("select 4").await.unwrap_err()), "25P02");
            assert!(c.is_usable());
        }
        c.execute("rollback", ()).await.unwrap();
        assert_eq!(c.transaction_status(), TransactionStatus::Idle);
        assert_usable(&mut c).await;
    })
    .await;
}
