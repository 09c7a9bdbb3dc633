//! Arrays, ranges and multiranges: what is read, sent, and found in Arrow, against what the server itself makes of them.

mod common;

use std::cell::RefCell;
use std::fmt::{Debug, Display};
use std::ops::Bound;

use common::{assert_usable, code, connect, on_each_server, plain_config, value_error};
use molt_db::arrow::array::cast::AsArray;
use molt_db::arrow::array::types::{Date32Type, Int32Type};
use molt_db::arrow::array::{Array as _, ArrayRef};
use molt_db::arrow::{ArrowOptions, BatchLimits, Unfit};
use molt_db::types::{
    Array, Date, Dimension, Inet, Interval, Json, Multirange, Numeric, Point, Range, Time, Timestamp,
    TimestampTz, Uuid,
};
use molt_db::{Connection, FromSql, Oid, ToSql};
use molt_db_testkit::shared_servers;
use proptest::prelude::{Just, Strategy, any, prop};
use proptest::prop_oneof;
use proptest::test_runner::{Config as Rounds, TestCaseError, TestRunner};
use tokio::runtime::Runtime;

/// Reads a literal, and sends what was read: it is to be the expected value, the same for the server, and shown by it as
/// it was written.
async fn check<T>(c: &mut Connection, type_name: &str, literal: &str, expected: &T)
where
    T: ToSql + Debug + PartialEq + for<'r> FromSql<'r>,
{
    let quoted = literal.replace('\'', "''");
    let sql = format!(
        "select '{quoted}'::{type_name}, $1::{type_name}, $1::{type_name} = '{quoted}'::{type_name}, \
         $1::{type_name}::text"
    );
    let found = c.query(&sql).bind(expected).one::<(T, T, bool, String)>().await;
    let (read, echo, is_same, shown) = found.unwrap_or_else(|error| panic!("{type_name} {literal}: {error}"));
    assert_eq!((&read, &echo), (expected, expected), "{type_name} {literal}");
    assert!(is_same, "{type_name} {literal} is {shown} for the server");
    assert_eq!(shown, literal, "{type_name}");
}

/// The same for what prints as the server does.
async fn check_shown<T>(c: &mut Connection, type_name: &str, literal: &str, expected: &T)
where
    T: ToSql + Debug + Display + PartialEq + for<'r> FromSql<'r>,
{
    assert_eq!(expected.to_string(), literal, "{type_name}");
    check(c, type_name, literal, expected).await;
}

fn array<T>(dimensions: &[(usize, i32)], elements: Vec<T>) -> Array<T> {
    let dimensions: Vec<_> =
        dimensions.iter().map(|(len, lower)| Dimension { len: *len, lower: *lower }).collect();
    Array::new(dimensions, elements).unwrap()
}

/// Scenario 35: `{}`, `[2:4]={1,2,3}`, six dimensions, NULLs.
#[tokio::test]
async fn arrays_keep_their_dimensions_and_lower_bounds() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let cases: [(&str, Array<Option<i32>>); 8] = [
            ("{}", array(&[], vec![])),
            ("{NULL}", array(&[(1, 1)], vec![None])),
            ("{1,NULL,3}", array(&[(3, 1)], vec![Some(1), None, Some(3)])),
            ("[2:4]={1,2,3}", array(&[(3, 2)], vec![Some(1), Some(2), Some(3)])),
            ("{{1,2},{NULL,4}}", array(&[(2, 1), (2, 1)], vec![Some(1), Some(2), None, Some(4)])),
            ("[0:0][-2:0]={{1,2,3}}", array(&[(1, 0), (3, -2)], vec![Some(1), Some(2), Some(3)])),
            ("{{{{{{7}}}}}}", array(&[(1, 1); 6], vec![Some(7)])),
            ("[-2147483648:-2147483647]={1,2}", array(&[(2, i32::MIN)], vec![Some(1), Some(2)])),
        ];
        for (literal, expected) in &cases {
            check(&mut c, "int4[]", literal, expected).await;
        }
        // A subscript finds here what it finds there.
        let plane = array(&[(2, 5), (3, -1)], vec![1_i64, 2, 3, 4, 5, 6]);
        for subscripts in [[5, -1], [6, 0], [5, 1], [6, 1], [7, 0], [5, -2], [i32::MIN, i32::MAX]] {
            let sql = "select ($1::int8[])[$2][$3]";
            let (found,): (Option<i64>,) =
                c.query(sql).bind(&plane).bind(subscripts[0]).bind(subscripts[1]).one().await.unwrap();
            assert_eq!(plane.get(&subscripts).copied(), found, "{subscripts:?}");
        }
        assert_usable(&mut c).await;
    })
    .await;
}

/// Scenario 35: the text "NULL".
#[tokio::test]
async fn lists_of_every_kind_of_element_are_the_same_on_both_sides() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        c.script("set TimeZone to 'UTC'").await.unwrap();
        let c = &mut c;
        check(c, "bool[]", "{t,f}", &vec![true, false]).await;
        check(c, "int2[]", "{-32768,32767}", &vec![i16::MIN, i16::MAX]).await;
        check(c, "int4[]", "{-2147483648,NULL,2147483647}", &vec![Some(i32::MIN), None, Some(i32::MAX)])
            .await;
        check(c, "int8[]", "{-9223372036854775808,9223372036854775807}", &vec![i64::MIN, i64::MAX]).await;
        check(c, "oid[]", "{4294967295,16}", &vec![Oid(u32::MAX), Oid::BOOL]).await;
        check(c, "float4[]", "{1.5,-Infinity}", &vec![1.5_f32, f32::NEG_INFINITY]).await;
        check(c, "float8[]", "{0.1,Infinity}", &vec![0.1, f64::INFINITY]).await;
        let number = |text: &str| text.parse::<Numeric>().unwrap();
        check(c, "numeric[]", "{1.50,NaN,NULL}", &vec![Some(number("1.50")), Some(number("NaN")), None])
            .await;
        check(c, "bytea[]", r#"{"\\x00ff","\\x"}"#, &vec![vec![0_u8, 255], vec![]]).await;
        check(c, "date[]", "{2000-01-01,infinity}", &vec![Date::from_days(0), Date::INFINITY]).await;
        check(c, "time[]", "{24:00:00}", &vec![Time::from_micros(86_400_000_000).unwrap()]).await;
        check(
            c,
            "timestamp[]",
            r#"{"2000-01-01 00:00:00",-infinity}"#,
            &vec![Timestamp::from_micros(0), Timestamp::NEG_INFINITY],
        )
        .await;
        check(c, "timestamptz[]", r#"{"2000-01-01 00:00:00+00"}"#, &vec![TimestampTz::from_micros(0)]).await;
        check(c, "uuid[]", "{07070707-0707-0707-0707-070707070707}", &vec![Uuid([7; 16])]).await;
        let inet: Inet = "10.0.0.0/8".parse().unwrap();
        check(c, "inet[]", "{10.0.0.0/8}", &vec![inet]).await;
        check(
            c,
            "interval[]",
            "{\"1 mon 2 days 00:00:03\"}",
            &vec![Interval { months: 1, days: 2, micros: 3_000_000 }],
        )
        .await;
        let texts = ["", "NULL", "a,b", "{x}", "\"\\", " ", "ä😀"].map(str::to_owned).to_vec();
        check(c, "text[]", r#"{"","NULL","a,b","{x}","\"\\"," ",ä😀}"#, &texts).await;
        check(c, "varchar[]", "{a,NULL}", &vec![Some("a".to_owned()), None]).await;
        // What no operator compares, and what is separated by something else.
        let (points, shown): (Vec<Point>, String) = c
            .query("select $1::point[], $1::point[]::text")
            .bind([Point { x: 1.0, y: -2.0 }])
            .one()
            .await
            .unwrap();
        assert_eq!((points, shown.as_str()), (vec![Point { x: 1.0, y: -2.0 }], r#"{"(1,-2)"}"#));
        assert_usable(c).await;
    })
    .await;
}

#[tokio::test]
async fn what_a_list_cannot_hold_is_an_error_that_names_the_column() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        for (literal, why) in [("[0:1]={1,2}", "lower bound"), ("{{1,2},{3,4}}", "more than one dimension")] {
            let sql = format!("select 1, '{literal}'::int4[] as many");
            let error = c.query(&sql).one::<(i32, Vec<i32>)>().await.unwrap_err();
            let found = value_error(&error);
            assert!(found.is_out_of_range() && found.to_string().contains(why), "{found}");
            assert!(found.to_string().contains("\"many\" (position 1, type _int4)"), "{found}");
        }
        let error = c.query("select '{1,NULL}'::int4[]").one::<(Vec<i32>,)>().await.unwrap_err();
        assert!(value_error(&error).is_null());
        let error = c.query("select '{1}'::int8[]").one::<(Vec<i32>,)>().await.unwrap_err();
        assert!(value_error(&error).is_type_mismatch());
        let error = c.query("select 1").one::<(Vec<i32>,)>().await.unwrap_err();
        assert!(value_error(&error).is_type_mismatch());
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn lists_are_sent_as_arrays_of_their_elements_even_if_there_are_none() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let kind = "select pg_typeof($1)::text, cardinality($1)";
        let lists: [(&(dyn ToSql + Sync), &str, i32); 9] = [
            (&vec![1, 2], "integer[]", 2),
            (&Vec::<i64>::new(), "bigint[]", 0),
            (&Vec::<&str>::new(), "text[]", 0),
            (&["a", "b"], "text[]", 2),
            (&[None::<String>], "text[]", 1),
            (&[Json("{}")].as_slice(), "json[]", 1),
            (&[&b"a"[..]], "bytea[]", 1),
            (&vec![Range::new(1..2)], "int4range[]", 1),
            (&array(&[(1, 1), (2, 1)], vec![true, false]), "boolean[]", 2),
        ];
        for (list, name, count) in lists {
            let found: (String, i32) = c.query(kind).bind(list).one().await.unwrap();
            assert_eq!(found, (name.to_owned(), count));
        }
        let none: (bool, String) =
            c.query("select $1 is null, pg_typeof($1)::text").bind(None::<Vec<&str>>).one().await.unwrap();
        assert_eq!(none, (true, "text[]".to_owned()));
        let sql = "select name from unnest($1, $2) as x(name, age) where age = any($3) and name = any($4)";
        let names: Vec<(String,)> =
            c.query(sql).bind_all((["a", "b"], [1, 2], vec![2, 3], ["b"])).all().await.unwrap();
        assert_eq!(names, [("b".to_owned(),)]);
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn lists_of_strings_are_stored_in_arrays_of_texts_and_json() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        c.script("create temp table t (a text[], b varchar(3)[], c name[], d json[], e jsonb[], f bpchar[])")
            .await
            .unwrap();
        let (texts, json) = (["a", "ä"], [Json("{\"b\": 1}"), Json("null")]);
        c.query("insert into t values ($1, $1, $1, $2, $2, $1)")
            .bind_all((texts, json))
            .execute()
            .await
            .unwrap();
        type Row = (Vec<String>, Vec<String>, Vec<String>, Vec<Json<String>>, Vec<Json<String>>, Vec<String>);
        let row: Row = c.query("select * from t").one().await.unwrap();
        let (texts, json) =
            (texts.map(str::to_owned).to_vec(), json.map(|Json(it)| Json(it.to_owned())).to_vec());
        assert_eq!(row, (texts.clone(), texts.clone(), texts.clone(), json.clone(), json, texts));
        // An enum is no text to the server.
        c.script("create type pg_temp.mood as enum ('sad', 'ok')").await.unwrap();
        let sql = "select $1::text[]::pg_temp.mood[]::text";
        let (moods,): (String,) = c.query(sql).bind(["sad", "ok"]).one().await.unwrap();
        assert_eq!(moods, "{sad,ok}");
        let error = c.query("insert into t (e) values ($1)").bind([1, 2]).execute().await.unwrap_err();
        assert_eq!(code(&error), "42804");
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn containers_are_copied_into_columns_of_their_type() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        c.script("create temp table t (a int4[], b text[], c int8range, d int4[])").await.unwrap();
        let plane = array(&[(1, 0), (2, 1)], vec![Some(1), None]);
        let mut rows = c.copy_in_rows("t", &[]).await.unwrap();
        rows.send((vec![1, 2], ["a", ""], Range::new(1_i64..=5), &plane)).await.unwrap();
        rows.send((Vec::<i32>::new(), Vec::<&str>::new(), Range::<i64>::Empty, None::<Array<i32>>))
            .await
            .unwrap();
        let error = rows.send((vec![1_i64], ["a"], Range::<i64>::Empty, &plane)).await.unwrap_err();
        assert!(error.is_conversion() && error.is_unsent(), "{error}");
        assert_eq!(rows.finish().await.unwrap(), 2);
        let shown: Vec<(String,)> = c.query("select t::text from t").all().await.unwrap();
        assert_eq!(shown[0].0, r#"("{1,2}","{a,""""}","[1,6)","[0:0][1:2]={{1,NULL}}")"#);
        assert_eq!(shown[1].0, "({},{},empty,)");
        assert_usable(&mut c).await;
    })
    .await;
}

/// Scenario 37: empty, infinite and canonical ranges.
#[tokio::test]
async fn ranges_keep_what_their_bounds_are() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        c.script("set TimeZone to 'UTC'").await.unwrap();
        let c = &mut c;
        for (literal, range) in [
            ("empty", Range::Empty),
            ("(,)", Range::new(..)),
            ("[1,4)", Range::new(1..4)),
            ("(,4)", Range::new(..4)),
            ("[-2147483648,)", Range::new(i32::MIN..)),
        ] {
            check_shown(c, "int4range", literal, &range).await;
        }
        check_shown(
            c,
            "int8range",
            "[-9223372036854775808,9223372036854775807)",
            &Range::new(i64::MIN..i64::MAX),
        )
        .await;
        let number = |text: &str| text.parse::<Numeric>().unwrap();
        let open = Range::Between(Bound::Excluded(number("-1.50")), Bound::Included(number("1e30")));
        check_shown(c, "numrange", "(-1.50,1000000000000000000000000000000]", &open).await;
        check_shown(c, "numrange", "[NaN,NaN]", &Range::new(number("NaN")..=number("NaN"))).await;
        let (at, later) = (Timestamp::from_micros(0), Timestamp::from_micros(500_000));
        check_shown(
            c,
            "tsrange",
            "[\"2000-01-01 00:00:00\",\"2000-01-01 00:00:00.5\"]",
            &Range::new(at..=later),
        )
        .await;
        check_shown(
            c,
            "tsrange",
            "[-infinity,infinity)",
            &Range::new(Timestamp::NEG_INFINITY..Timestamp::INFINITY),
        )
        .await;
        check_shown(
            c,
            "tstzrange",
            "(,\"2000-01-01 00:00:00+00\"]",
            &Range::new(..=TimestampTz::from_micros(0)),
        )
        .await;
        check_shown(c, "daterange", "[2000-01-01,infinity)", &Range::new(Date::from_days(0)..Date::INFINITY))
            .await;
        check(
            c,
            "int4range[]",
            "{\"[1,2)\",empty,NULL}",
            &vec![Some(Range::new(1..2)), Some(Range::Empty), None],
        )
        .await;
        // The narrower type reads as the wider one, and the server writes in its own way what it was sent.
        let (range,): (Range<i64>,) =
            c.query("select $1::int4range").bind(Range::new(1..=3)).one().await.unwrap();
        assert_eq!(range, Range::new(1..4));
        let (range,): (Range<i32>,) =
            c.query("select $1::int4range").bind(Range::new(1..1)).one().await.unwrap();
        assert_eq!(range, Range::Empty);
        let backwards = Range::Between(Bound::Included(3), Bound::Excluded(1));
        let error = c.query("select $1::int4range").bind(backwards).execute().await.unwrap_err();
        assert_eq!(code(&error), "22000");
        let (contains, null): (bool, Option<Range<i32>>) = c
            .query("select $1 @> 2, $2")
            .bind_all((Range::new(1..4), None::<Range<i32>>))
            .one()
            .await
            .unwrap();
        assert!(contains && null.is_none());
        assert_usable(c).await;
    })
    .await;
}

/// Scenario 37: multiranges.
#[tokio::test]
async fn multiranges_hold_their_ranges() {
    on_each_server(async |server| {
        if server.version().0 < 14 {
            return;
        }
        let mut c = connect(server).await;
        c.script("set TimeZone to 'UTC'").await.unwrap();
        let c = &mut c;
        check_shown(c, "int4multirange", "{}", &Multirange::<i32>(vec![])).await;
        check_shown(c, "int4multirange", "{(,)}", &Multirange::<i32>(vec![Range::new(..)])).await;
        check_shown(
            c,
            "int8multirange",
            "{(,1),[3,5),[7,)}",
            &Multirange(vec![Range::new(..1_i64), Range::new(3..5), Range::new(7..)]),
        )
        .await;
        let number = |text: &str| text.parse::<Numeric>().unwrap();
        check_shown(
            c,
            "nummultirange",
            "{[0.50,1.0]}",
            &Multirange(vec![Range::new(number("0.50")..=number("1.0"))]),
        )
        .await;
        check_shown(
            c,
            "tsmultirange",
            "{[\"2000-01-01 00:00:00\",)}",
            &Multirange(vec![Range::new(Timestamp::from_micros(0)..)]),
        )
        .await;
        check_shown(
            c,
            "tstzmultirange",
            "{(,\"2000-01-01 00:00:00+00\"]}",
            &Multirange(vec![Range::new(..=TimestampTz::from_micros(0))]),
        )
        .await;
        check_shown(
            c,
            "datemultirange",
            "{[2000-01-01,infinity)}",
            &Multirange(vec![Range::new(Date::from_days(0)..Date::INFINITY)]),
        )
        .await;
        check(
            c,
            "int4multirange[]",
            "{\"{[1,2)}\",NULL,\"{}\"}",
            &vec![Some(Multirange(vec![Range::new(1..2)])), None, Some(Multirange(vec![]))],
        )
        .await;
        let mixed = Multirange(vec![Range::new(5..=6), Range::Empty, Range::new(1..3), Range::new(2..4)]);
        let (joined,): (Multirange<i32>,) =
            c.query("select $1::int4multirange").bind(mixed).one().await.unwrap();
        assert_eq!(joined.to_string(), "{[1,4),[5,7)}");
        assert_usable(c).await;
    })
    .await;
}

/// Takes the only column of all rows.
async fn arrow(c: &mut Connection, sql: &str, options: ArrowOptions) -> ArrayRef {
    let mut batches = c.query(sql).arrow_with(&options, BatchLimits::default()).await.unwrap();
    let batch = batches.next().await.unwrap_or_else(|error| panic!("{sql}: {error}")).unwrap();
    assert!(batches.next().await.unwrap().is_none());
    batch.column(0).to_data().validate_full().unwrap();
    batch.column(0).clone()
}

#[tokio::test]
async fn ranges_are_structs_in_arrow() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql = "select r::int4range from (values ('[1,4)'), (null), ('(,)'), ('empty')) x(r)";
        let array = arrow(&mut c, sql, ArrowOptions::default()).await;
        let ranges = array.as_struct();
        assert!((0..4).all(|row| ranges.is_null(row) == (row == 1)));
        let part = |name| ranges.column_by_name(name).unwrap();
        let bounds = |name| part(name).as_primitive::<Int32Type>().iter().collect::<Vec<_>>();
        let bits = |name| part(name).as_boolean().iter().collect::<Vec<_>>();
        let (yes, no) = (Some(true), Some(false));
        assert_eq!(
            (bounds("lower"), bounds("upper")),
            (vec![Some(1), None, None, None], vec![Some(4), None, None, None])
        );
        assert_eq!((bits("lower_inc"), bits("upper_inc")), (vec![yes, None, no, no], vec![no, None, no, no]));
        assert_eq!(bits("empty"), [no, None, no, yes]);

        let sql = "select '[2000-01-01,infinity)'::daterange union all select '[2000-01-01,)'";
        let mut batches = c.query(sql).arrow().await.unwrap();
        let error = batches.next().await.unwrap_err();
        assert!(value_error(&error).is_out_of_range(), "{error}");
        drop(batches);
        let options = ArrowOptions { unfit: Unfit::Null.into(), ..ArrowOptions::default() };
        let array = arrow(&mut c, sql, options).await;
        assert!(array.is_null(0) && !array.is_null(1));
        if server.version().0 >= 14 {
            let sql = "select '{(,1970-01-02),[1970-01-05,)}'::datemultirange";
            let list = arrow(&mut c, sql, ArrowOptions::default()).await.as_list::<i32>().value(0);
            let uppers = list.as_struct().column(1).as_primitive::<Date32Type>().iter().collect::<Vec<_>>();
            assert_eq!(uppers, [Some(1), None]);
        }
        assert_usable(&mut c).await;
    })
    .await;
}

/// Gives random values, some hundred in all, to a check that asks the server about each.
fn for_many<S: Strategy>(values: S, check: impl AsyncFn(&mut Connection, &S::Value) -> Result<(), String>)
where
    S::Value: Clone,
{
    let runtime = Runtime::new().unwrap();
    for server in shared_servers() {
        let connected = runtime.block_on(Connection::connect(&plain_config(server, "test")));
        let connection = RefCell::new(connected.unwrap());
        let mut runner =
            TestRunner::new(Rounds { cases: 200, failure_persistence: None, ..Rounds::default() });
        let outcome = runner.run(&values, |value| {
            let checked = runtime.block_on(check(&mut connection.borrow_mut(), &value));
            checked.map_err(TestCaseError::fail)
        });
        outcome.unwrap_or_else(|error| panic!("{server:?}: {error}"));
    }
}

#[test]
fn any_array_survives_the_round_trip() {
    let dimensions = prop::collection::vec((1_usize..4, -5_i32..5), 0..=6);
    let arrays = dimensions.prop_flat_map(|dimensions| {
        let count = if dimensions.is_empty() { 0 } else { dimensions.iter().map(|(len, _)| len).product() };
        let texts = prop::collection::vec(any::<Option<String>>(), count);
        (Just(dimensions), texts)
    });
    for_many(arrays, async |c, (dimensions, texts)| {
        let texts = texts.iter().map(|text| text.as_ref().map(|text| text.replace('\0', ""))).collect();
        let sent = array(dimensions, texts);
        let sql = "select $1, $1::text::text[] = $1, array_dims($1)";
        let found = c.query(sql).bind(&sent).one::<(Array<Option<String>>, bool, Option<String>)>().await;
        let (echo, is_same, shown) = found.map_err(|error| error.to_string())?;
        let dims = dimensions.iter().map(|(len, lower)| format!("[{lower}:{}]", lower + *len as i32 - 1));
        let dims: String = dims.collect();
        let has_same_dims = shown.unwrap_or_default() == dims;
        if echo == sent && is_same && has_same_dims {
            Ok(())
        } else {
            Err(format!("{sent:?} came back as {echo:?}"))
        }
    });
}

fn any_bound() -> impl Strategy<Value = Bound<i64>> {
    let micros = || -200_000_000_000_000_000..200_000_000_000_000_000_i64;
    prop_oneof![
        micros().prop_map(Bound::Included),
        micros().prop_map(Bound::Excluded),
        Just(Bound::Unbounded)
    ]
}

#[test]
fn any_range_survives_the_round_trip() {
    for_many((any_bound(), any_bound()), async |c, (lower, upper)| {
        let is_sorted = match (lower, upper) {
            (Bound::Unbounded, _) | (_, Bound::Unbounded) => true,
            (Bound::Included(a) | Bound::Excluded(a), Bound::Included(b) | Bound::Excluded(b)) => a < b,
        };
        let (lower, upper) = if is_sorted { (lower, upper) } else { (upper, lower) };
        let stamps = Range::Between(lower.map(Timestamp::from_micros), upper.map(Timestamp::from_micros));
        let number = |scaled| Numeric::from_scaled(i128::from(scaled), 7);
        let numbers = Range::Between(lower.map(number), upper.map(number));
        let sql = "select $1, $1::text, $2, $2::text";
        let row =
            c.query(sql)
                .bind_all((&stamps, &numbers))
                .one::<(Range<Timestamp>, String, Range<Numeric>, String)>();
        let row = row.await.map_err(|error| error.to_string())?;
        let expected = (stamps, stamps.to_string(), numbers.clone(), numbers.to_string());
        if row == expected { Ok(()) } else { Err(format!("{expected:?} came back as {row:?}")) }
    });
}
