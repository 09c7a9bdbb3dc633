//! Typed rows into a table, by binary COPY.

mod common;

use common::{assert_usable, code, connect, connect_to_new, on_each_server, open, poll_times, within};
use molt_db::decode::Format;
use molt_db::types::{Date, Json, Numeric, Time, Timestamp, TimestampTz, Uuid};
use molt_db::{Column, Columns, Connection, Oid, OwnedRow, ToSql, TransactionStatus};
use molt_db_testkit::{Server, User};

async fn table(server: &Server) -> Connection {
    let mut c = connect_to_new(server).await;
    c.script("create table t (id int8, name text)").await.unwrap();
    c
}

async fn superuser(server: &Server) -> Connection {
    let database = server.create_database().unwrap();
    open(&format!("{}?sslmode=disable", server.url(User::Superuser, &database))).await.unwrap()
}

async fn count(c: &mut Connection) -> i64 {
    c.query("select count(*) from t").one::<(i64,)>().await.unwrap().0
}

fn columns(oids: &[Oid]) -> Columns {
    oids.iter().map(|oid| Column::new("c", *oid, -1, Format::Binary)).collect()
}

#[tokio::test]
async fn rows_go_in_and_come_out_as_they_are() {
    on_each_server(async |server| {
        let mut c = table(server).await;
        let row = |id: i64| (id, (id % 3 > 0).then(|| format!("name {id}")));
        let mut rows = c.copy_in_rows("t", &["id", "name"]).await.unwrap();
        for id in 0..20_000 {
            rows.send(row(id)).await.unwrap();
        }
        assert_eq!(rows.finish().await.unwrap(), 20_000);
        let mut rows = c.copy_out_rows::<(i64, Option<String>)>("select * from t order by id").await.unwrap();
        for id in 0..20_000 {
            assert_eq!(rows.next().await.unwrap(), Some(row(id)));
        }
        assert_eq!(rows.next().await.unwrap(), None);
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn values_of_every_type_go_in() {
    on_each_server(async |server| {
        let mut c = connect_to_new(server).await;
        c.script(
            "create type mood as enum ('sad', 'ok'); create domain short as varchar(9); create domain feeling as mood;
             create table t (a bool, b int2, c int4, d int8, e float4, f float8, g numeric, h text, i varchar(9),
             j char(3), k name, l bytea, m date, n time, o timestamp, p timestamptz, q json, r jsonb, s uuid, t oid,
             u mood, v short, w feeling, x xml, y jsonb)",
        )
        .await
        .unwrap();
        let number: Numeric = "-12345.678".parse().unwrap();
        let (uuid, text) = (Uuid([7; 16]), String::from("text"));
        let (json, bytes) = (Json("{\"a\": 1}"), [1_u8, 0, 255]);
        let (date, time) = (Date::INFINITY, Time::from_micros(0).unwrap());
        let (timestamp, moment) = (Timestamp::INFINITY, TimestampTz::INFINITY);
        let values: [&(dyn ToSql + Sync); 25] = [
            &true, &1_i16, &2_i32, &3_i64, &1.5_f32, &-0.0_f64, &number, &text, &"varchar", &"ab", &"name",
            &bytes.as_slice(), &date, &time, &timestamp, &moment, &json, &json, &uuid, &Oid(26), &"sad", &"short",
            &"ok", &"<a/>", &"[2]",
        ];
        let mut rows = c.copy_in_rows("t", &[]).await.unwrap();
        assert_eq!(rows.columns().len(), 25);
        rows.send(values.as_slice()).await.unwrap();
        rows.send([None::<i32>; 25].as_slice()).await.unwrap();
        assert_eq!(rows.finish().await.unwrap(), 2);
        let sql = "select a and b = 1 and c = 2 and d = 3 and e = 1.5 and f = 0 and g = -12345.678 and h = 'text'
             and i = 'varchar' and j = 'ab' and k = 'name' and l = '\\x0100ff' and m = 'infinity' and n = '00:00'
             and o = 'infinity' and p = 'infinity' and q::text = '{\"a\": 1}' and r = '{\"a\": 1}'
             and s = '07070707-0707-0707-0707-070707070707' and t = 26 and u = 'sad' and v = 'short' and w::mood = 'ok'
             and x::text = '<a/>' and y = '[2]'
             from t where a is not null";
        assert_eq!(c.query(sql).one::<(bool,)>().await.unwrap(), (true,));
        let nulls: (i64,) = c.query("select count(*) from t where t is null").one().await.unwrap();
        assert_eq!(nulls, (1,));
    })
    .await;
}

#[tokio::test]
async fn a_row_that_does_not_fit_is_refused_before_it_is_sent_and_the_copy_goes_on() {
    on_each_server(async |server| {
        let mut c = table(server).await;
        let mut rows = c.copy_in_rows("t", &["id", "name"]).await.unwrap();
        rows.send((1_i64, "one")).await.unwrap();
        let few = rows.send((2_i64,)).await.unwrap_err();
        assert_eq!(few.to_string(), "the row has 1 values where the copy has 2 columns");
        let many = rows.send((2_i64, "two", 2)).await.unwrap_err();
        assert!(many.to_string().contains("3 values"), "{many}");
        let narrow = rows.send((2_i32, "two")).await.unwrap_err();
        assert!(narrow.to_string().contains("column \"id\" (position 0, type int8)"), "{narrow}");
        let text = rows.send(("2", "two")).await.unwrap_err();
        assert!(text.to_string().contains("from text"), "{text}");
        let nul = rows.send((2_i64, "t\0wo")).await.unwrap_err();
        for error in [few, many, narrow, text, nul] {
            assert!(error.is_conversion() && error.is_unsent() && error.server().is_none(), "{error:?}");
        }
        rows.send((3_i64, None::<&str>)).await.unwrap();
        assert_eq!(rows.finish().await.unwrap(), 2);
        let ids: Vec<(i64, Option<String>)> = c.query("select * from t order by id").all().await.unwrap();
        assert_eq!(ids, [(1, Some("one".to_owned())), (3, None)]);
    })
    .await;
}

#[tokio::test]
async fn the_types_are_those_of_the_table_at_that_time() {
    on_each_server(async |server| {
        let mut c = table(server).await;
        c.copy_in_rows("t", &["id"]).await.unwrap().finish().await.unwrap();
        c.script("alter table t alter id type float8").await.unwrap();
        // The bytes of an int8 would be another number.
        let mut rows = c.copy_in_rows("t", &["id"]).await.unwrap();
        assert!(rows.send((1_i64,)).await.unwrap_err().is_conversion());
        rows.send((1.0_f64,)).await.unwrap();
        assert_eq!(rows.finish().await.unwrap(), 1);
        let mut out = c.copy_out_rows::<(f64,)>("select id from t").await.unwrap();
        assert_eq!(out.next().await.unwrap(), Some((1.0,)));
        assert_eq!(out.next().await.unwrap(), None);
        c.script("alter table t alter id type int4").await.unwrap();
        assert!(c.copy_out_rows::<(f64,)>("select id from t").await.unwrap_err().is_conversion());
        let mut out = c.copy_out_rows::<(i32,)>("select id from t").await.unwrap();
        assert_eq!(out.next().await.unwrap(), Some((1,)));
        out.finish().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn names_are_taken_as_they_stand() {
    on_each_server(async |server| {
        let mut c = superuser(server).await;
        c.script(
            "create schema \"Shop\";
             create table \"Shop\".\"it's \"\"odd\"\" \\ (1)\" (\"select\" int, \"A\"\"b\" text, other int default 7);
             set standard_conforming_strings = off",
        )
        .await
        .unwrap();
        let mut rows = c.copy_in_rows("Shop.it's \"odd\" \\ (1)", &["A\"b", "select"]).await.unwrap();
        rows.send(("x", 1_i32)).await.unwrap();
        assert_eq!(rows.finish().await.unwrap(), 1);
        let query = "select * from \"Shop\".\"it's \"\"odd\"\" \\ (1)\"";
        let mut out = c.copy_out_rows::<(i32, String, i32)>(query).await.unwrap();
        assert_eq!(out.next().await.unwrap(), Some((1, "x".to_owned(), 7)));
        out.finish().await.unwrap();
        for (table, columns, expected) in
            [("missing", &["a"][..], "42P01"), ("Shop.it's \"odd\" \\ (1)", &["a"], "42703"), ("", &["a"], "42601")]
        {
            let error = c.copy_in_rows(table, columns).await.unwrap_err();
            assert_eq!(code(&error), expected);
            assert_usable(&mut c).await;
        }
    })
    .await;
}

#[tokio::test]
async fn declared_columns_are_for_whoever_may_not_read_the_table() {
    on_each_server(async |server| {
        let mut owner = table(server).await;
        owner.script("grant insert on t to scram").await.unwrap();
        let (database,): (String,) = owner.query("select current_database()::text").one().await.unwrap();
        let url = format!("{}?sslmode=disable", server.url(User::Scram, &database));
        let mut c = open(&url).await.unwrap();
        let refused = c.copy_in_rows("t", &["id", "name"]).await.map(|_| ());
        assert_eq!(code(&refused.unwrap_err()), "42501");
        let sql = "copy t from stdin (format binary)";
        let copy = c.copy_in(sql).await.unwrap();
        let mut rows = copy.rows(&columns(&[Oid::INT8, Oid::TEXT])).await.unwrap();
        rows.send((1_i64, "one")).await.unwrap();
        assert_eq!(rows.finish().await.unwrap(), 1);
        for (sql, oids, said) in [
            ("copy t from stdin", &[Oid::INT8, Oid::TEXT][..], "format binary"),
            (sql, &[Oid::INT8], "2 columns"),
        ] {
            let error = c.copy_in(sql).await.unwrap().rows(&columns(oids)).await.unwrap_err();
            assert!(error.is_copy() && error.to_string().contains(said), "{error}");
            assert_usable(&mut c).await;
        }
        assert_eq!(count(&mut owner).await, 1);
    })
    .await;
}

/// Scenario 25, with typed rows.
#[tokio::test]
async fn an_error_of_the_server_stops_typed_rows_and_says_where() {
    on_each_server(async |server| {
        let mut c = table(server).await;
        c.script("alter table t add check (id < 100)").await.unwrap();
        let mut rows = c.copy_in_rows("t", &["id", "name"]).await.unwrap();
        let error = within(async {
            for id in 0_i64.. {
                if let Err(error) = rows.send((id, "x".repeat(100))).await {
                    return error;
                }
            }
            unreachable!("the server has to fail")
        })
        .await;
        assert_eq!(code(&error), "23514");
        assert!(error.server().unwrap().context().unwrap().contains("COPY t, line 101"));
        assert!(rows.finish().await.is_err());
        assert_usable(&mut c).await;
        assert_eq!(count(&mut c).await, 0);
    })
    .await;
}

#[tokio::test]
async fn rows_that_are_dropped_or_aborted_store_nothing() {
    on_each_server(async |server| {
        let mut c = table(server).await;
        let mut rows = c.copy_in_rows("t", &["id", "name"]).await.unwrap();
        rows.send((1_i64, "one")).await.unwrap();
        rows.flush().await.unwrap();
        rows.abort("no more").await.unwrap();
        assert_usable(&mut c).await;
        let mut rows = c.copy_in_rows("t", &["id", "name"]).await.unwrap();
        rows.send((1_i64, "one")).await.unwrap();
        drop(rows);
        within(c.settle()).await.unwrap();
        let mut tx = c.begin().await.unwrap();
        let mut rows = tx.copy_in_rows("t", &["id", "name"]).await.unwrap();
        rows.send((1_i64, "one")).await.unwrap();
        assert_eq!(rows.finish().await.unwrap(), 1);
        assert_eq!(tx.transaction_status(), TransactionStatus::InTransaction);
        tx.rollback().await.unwrap();
        assert_eq!(count(&mut c).await, 0);
    })
    .await;
}

#[tokio::test]
async fn typed_rows_that_are_dropped_at_any_poll_are_stored_all_or_not_at_all() {
    on_each_server(async |server| {
        let mut c = table(server).await;
        let text = "x".repeat(1000);
        for polls in 0.. {
            let work = async {
                let mut rows = c.copy_in_rows("t", &["id", "name"]).await.unwrap();
                for id in 0..5000_i64 {
                    rows.send((id, &text)).await.unwrap();
                }
                rows.flush().await.unwrap();
                rows.finish().await.unwrap();
            };
            let ended = poll_times(work, polls).await;
            within(c.settle()).await.unwrap();
            let stored = count(&mut c).await;
            assert!(stored == 0 || stored == 5000, "{stored} rows after {polls} polls");
            c.script("truncate t").await.unwrap();
            if ended {
                assert!(polls > 2);
                return;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_foreign_encoding_is_an_error_and_nothing_is_copied() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        c.script("create temporary table t (a text); set client_encoding = latin1").await.unwrap();
        assert!(c.copy_in_rows("t", &["a"]).await.unwrap_err().is_foreign_encoding());
        assert!(c.copy_out_rows::<OwnedRow>("select * from t").await.unwrap_err().is_foreign_encoding());
        assert!(c.is_usable());
        let mut copy = c.copy_in("copy t from stdin").await.unwrap();
        copy.send(b"\xe9\n").await.unwrap();
        copy.finish().await.unwrap();
        c.script("set client_encoding = utf8").await.unwrap();
        assert_eq!(c.query("select a from t").one::<(String,)>().await.unwrap().0, "é");
    })
    .await;
}
