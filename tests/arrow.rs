//! Results as Arrow record batches: schemas, values, bounds, and what becomes of values that do not fit.

mod common;

use std::future::poll_fn;
use std::pin::pin;

use common::{assert_usable, code, connect, connect_to_new, on_each_server, plain_config, value_error};
use futures_core::Stream;
use molt_db::arrow::array::cast::AsArray;
use molt_db::arrow::array::types::{
    Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    IntervalMonthDayNanoType, Time64MicrosecondType, TimestampMicrosecondType, UInt32Type,
};
use molt_db::arrow::array::{Array, RecordBatch};
use molt_db::arrow::buffer::i256;
use molt_db::arrow::schema::{DataType, Field, IntervalUnit, TimeUnit};
use molt_db::arrow::{ArrowOptions, BatchLimits, ByteLimit, ExtensionTypes, RowLimit, TextLayout, Unfit};
use molt_db::config::TypeLookup;
use molt_db::{Connection, Error};
use molt_db_testkit::proxy::{Direction, Flow, Proxy};

fn limits(rows: usize, bytes: usize) -> BatchLimits {
    BatchLimits { rows: RowLimit::new(rows), bytes: ByteLimit::new(bytes) }
}

fn rows_at_most(rows: usize) -> BatchLimits {
    limits(rows, ByteLimit::MAX.get())
}

/// Takes the whole result and checks every batch by Arrow's own rules.
async fn take(
    c: &mut Connection,
    sql: &str,
    options: &ArrowOptions,
    limits: BatchLimits,
) -> Result<Vec<RecordBatch>, Error> {
    let mut batches = c.query(sql).arrow_with(options, limits).await?;
    let schema = batches.schema();
    let mut all = Vec::new();
    while let Some(batch) = batches.next().await? {
        assert!(batch.num_rows() > 0);
        assert_eq!(batch.schema(), schema);
        for column in batch.columns() {
            column.to_data().validate_full().unwrap();
        }
        all.push(batch);
    }
    assert!(batches.next().await?.is_none());
    Ok(all)
}

async fn take_all(c: &mut Connection, sql: &str) -> Vec<RecordBatch> {
    let taken = take(c, sql, &ArrowOptions::default(), BatchLimits::default()).await;
    taken.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

async fn only_batch(c: &mut Connection, sql: &str) -> RecordBatch {
    let mut all = take_all(c, sql).await;
    assert_eq!(all.len(), 1, "{sql}");
    all.remove(0)
}

fn rows(batches: &[RecordBatch]) -> usize {
    batches.iter().map(RecordBatch::num_rows).sum()
}

/// A column of each type, two rows: a value and NULL. Under each name stands what Arrow makes of the type.
const EVERY_TYPE: &str = "
    select v::bool as \"bool\", n::int2 as \"int2\", n::int4 as \"int4\", n::int8 as \"int8\", f::float4 as \"float4\",
           f::float8 as \"float8\", o::oid as \"oid\", d::numeric(15,2) as \"small\", d::numeric(50,5) as \"large\",
           d::numeric as \"free\", d::numeric(80,3) as \"huge\", t::text as \"text\", t::varchar(9) as \"varchar\",
           t::char(4) as \"bpchar\", t::name as \"name\", t::\"char\" as \"char\", b::bytea as \"bytea\",
           day::date as \"date\", clock::time as \"time\", at::timestamp as \"timestamp\", at::timestamptz as \"timestamptz\",
           id::uuid as \"uuid\", js::json as \"json\", js::jsonb as \"jsonb\", clock::interval as \"interval\"
    from (values (true, -7, 1.5, '4294967295', '-1234.50', 'äx', '\\x00ff'::bytea, '1969-12-31', '12:34:56.789', '2000-01-01 00:00:00.000001',
                  '00112233-4455-6677-8899-aabbccddeeff', '{\"a\" :1}'),
                 (null, null, null, null, null, null, null, null, null, null, null, null))
         x(v, n, f, o, d, t, b, day, clock, at, id, js)";

/// What the documentation says of each column above: its name, its type, its extension type.
fn documented() -> Vec<(&'static str, DataType, Option<&'static str>)> {
    let opaque = Some("arrow.opaque");
    vec![
        ("bool", DataType::Boolean, None),
        ("int2", DataType::Int16, None),
        ("int4", DataType::Int32, None),
        ("int8", DataType::Int64, None),
        ("float4", DataType::Float32, None),
        ("float8", DataType::Float64, None),
        ("oid", DataType::UInt32, None),
        ("small", DataType::Decimal128(15, 2), None),
        ("large", DataType::Decimal256(50, 5), None),
        ("free", DataType::Utf8, opaque),
        ("huge", DataType::Utf8, opaque),
        ("text", DataType::Utf8, None),
        ("varchar", DataType::Utf8, None),
        ("bpchar", DataType::Utf8, None),
        ("name", DataType::Utf8, None),
        ("char", DataType::Utf8, None),
        ("bytea", DataType::Binary, None),
        ("date", DataType::Date32, None),
        ("time", DataType::Time64(TimeUnit::Microsecond), None),
        ("timestamp", DataType::Timestamp(TimeUnit::Microsecond, None), None),
        ("timestamptz", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), None),
        ("uuid", DataType::FixedSizeBinary(16), Some("arrow.uuid")),
        ("json", DataType::Utf8, Some("arrow.json")),
        ("jsonb", DataType::Utf8, Some("arrow.json")),
        ("interval", DataType::Interval(IntervalUnit::MonthDayNano), None),
    ]
}

fn extension(field: &Field) -> Option<&str> {
    field.metadata().get("ARROW:extension:name").map(String::as_str)
}

fn assert_documented(batch: &RecordBatch) {
    let schema = batch.schema();
    let documented = documented();
    assert_eq!(schema.fields().len(), documented.len());
    for (field, (name, data_type, extension_name)) in schema.fields().iter().zip(documented) {
        assert_eq!((field.name().as_str(), field.data_type()), (name, &data_type));
        assert_eq!(extension(field), extension_name, "{name}");
        assert!(field.is_nullable(), "{name}");
        let postgres = match name {
            "small" | "large" | "free" | "huge" => "numeric",
            other => other,
        };
        assert_eq!(field.metadata().get("POSTGRESQL:type").map(String::as_str), Some(postgres));
        let modifier = field.metadata().get("POSTGRESQL:typmod").map(String::as_str);
        let expected = match name {
            "small" => Some((15 << 16 | 2) + 4),
            "large" => Some((50 << 16 | 5) + 4),
            "huge" => Some((80 << 16 | 3) + 4),
            "varchar" => Some(9 + 4),
            "bpchar" => Some(4 + 4),
            _ => None,
        };
        assert_eq!(modifier, expected.map(|n: i32| n.to_string()).as_deref(), "{name}");
    }
}

fn assert_values(batch: &RecordBatch) {
    let column = |name: &str| batch.column_by_name(name).unwrap();
    let text = |name: &str| column(name).as_string::<i32>().value(0).to_owned();
    assert!(column("bool").as_boolean().value(0));
    assert_eq!(column("int2").as_primitive::<Int16Type>().value(0), -7);
    assert_eq!(column("int4").as_primitive::<Int32Type>().value(0), -7);
    assert_eq!(column("int8").as_primitive::<Int64Type>().value(0), -7);
    assert_eq!(column("float4").as_primitive::<Float32Type>().value(0), 1.5);
    assert_eq!(column("float8").as_primitive::<Float64Type>().value(0), 1.5);
    assert_eq!(column("oid").as_primitive::<UInt32Type>().value(0), u32::MAX);
    assert_eq!(column("small").as_primitive::<Decimal128Type>().value(0), -123_450);
    assert_eq!(column("large").as_primitive::<Decimal256Type>().value(0), i256::from_i128(-123_450_000));
    assert_eq!((text("free"), text("huge")), ("-1234.50".into(), "-1234.500".into()));
    assert_eq!((text("text"), text("varchar"), text("bpchar")), ("äx".into(), "äx".into(), "äx  ".into()));
    assert_eq!(text("name"), "äx");
    assert_eq!(column("bytea").as_binary::<i32>().value(0), [0, 0xff]);
    assert_eq!(column("date").as_primitive::<Date32Type>().value(0), -1);
    assert_eq!(column("time").as_primitive::<Time64MicrosecondType>().value(0), 45_296_789_000);
    for name in ["timestamp", "timestamptz"] {
        let found = column(name).as_primitive::<TimestampMicrosecondType>().value(0);
        assert_eq!(found, 946_684_800_000_001, "{name}");
    }
    let id = column("uuid").as_fixed_size_binary().value(0).to_vec();
    assert_eq!(id[..4], [0x00, 0x11, 0x22, 0x33]);
    assert_eq!((text("json"), text("jsonb")), ("{\"a\" :1}".into(), "{\"a\": 1}".into()));
    let interval = column("interval").as_primitive::<IntervalMonthDayNanoType>().value(0);
    assert_eq!((interval.months, interval.days, interval.nanoseconds), (0, 0, 45_296_789_000_000));
}

#[tokio::test]
async fn every_type_becomes_what_is_documented() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        // A byte of a longer character is no text of its own.
        let sql = EVERY_TYPE.replace("t::\"char\"", "left(ascii(t)::text, 1)::\"char\"");
        for settings in [
            "set TimeZone to 'UTC'",
            "set DateStyle to 'German'; set extra_float_digits to -15; set IntervalStyle to 'iso_8601'",
        ] {
            c.script(settings).await.unwrap();
            let batch = only_batch(&mut c, &sql).await;
            assert_eq!(batch.num_rows(), 2);
            assert_documented(&batch);
            assert_values(&batch);
            for column in batch.columns() {
                assert!(column.is_valid(0) && column.is_null(1) && column.null_count() == 1);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn an_empty_result_has_the_whole_schema() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql = EVERY_TYPE.replace("t::\"char\"", "left(ascii(t)::text, 1)::\"char\"");
        let full = only_batch(&mut c, &sql).await.schema();
        for _ in 0..2 {
            let mut batches = c.query("select 1 as here where false").arrow().await.unwrap();
            assert_eq!(batches.schema().field(0).data_type(), &DataType::Int32);
            assert!(batches.next().await.unwrap().is_none());
            let empty = format!("{sql} where v is null and n is not null");
            let mut batches = c.query(&empty).arrow().await.unwrap();
            assert_eq!(batches.schema(), full);
            assert!(batches.next().await.unwrap().is_none());
        }
        assert!(take_all(&mut c, "create temp table t (a int)").await.is_empty());
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn rows_without_columns_are_counted() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let batch = only_batch(&mut c, "select from generate_series(1, 3)").await;
        assert_eq!((batch.num_rows(), batch.num_columns()), (3, 0));
        assert!(take_all(&mut c, "").await.is_empty());
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn batches_have_at_most_as_many_rows_as_they_may() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql = "select g::int8, 'text ' || g from generate_series(1, 1000) g";
        for limit in [1, 2, 7, 999, 1000, 1001] {
            let all = take(&mut c, sql, &ArrowOptions::default(), rows_at_most(limit)).await.unwrap();
            let sizes: Vec<_> = all.iter().map(RecordBatch::num_rows).collect();
            let (last, head) = sizes.split_last().unwrap();
            assert!(head.iter().all(|size| *size == limit) && *last <= limit, "{limit}: {sizes:?}");
            let numbers: Vec<i64> = all
                .iter()
                .flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec())
                .collect();
            assert_eq!(numbers, (1..=1000).collect::<Vec<_>>());
            assert_eq!(all[0].column(1).as_string::<i32>().value(0), "text 1");
        }
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn batches_end_with_the_row_that_reaches_the_limit_of_bytes() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql = "select repeat('x', 100) from generate_series(1, 1000)";
        // 100 bytes of text and 4 of an offset.
        for (limit, rows_each) in [(1, 1), (104, 1), (105, 2), (1040, 10), (1041, 11)] {
            let all = take(&mut c, sql, &ArrowOptions::default(), limits(65_536, limit)).await.unwrap();
            assert_eq!(rows(&all), 1000);
            let sizes: Vec<_> = all.iter().map(RecordBatch::num_rows).collect();
            let (last, head) = sizes.split_last().unwrap();
            assert!(head.iter().all(|size| *size == rows_each) && *last <= rows_each, "{limit}: {sizes:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_value_larger_than_the_limit_of_bytes_comes_whole() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql = "select repeat('y', case g when 2 then 3000000 else 3 end) from generate_series(1, 4) g";
        let all = take(&mut c, sql, &ArrowOptions::default(), limits(65_536, 1000)).await.unwrap();
        let lengths: Vec<Vec<usize>> = all
            .iter()
            .map(|batch| batch.column(0).as_string::<i32>().iter().map(|text| text.unwrap().len()).collect())
            .collect();
        assert_eq!(lengths, [vec![3, 3_000_000], vec![3, 3]]);
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn a_million_rows_arrive_complete() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql =
            "select g::int8, (g % 1000)::int4, nullif(g % 10, 0)::int8 from generate_series(1, 1000000) g";
        let mut batches = c.query(sql).arrow().await.unwrap();
        let (mut count, mut sum, mut nulls, mut last) = (0, 0_i64, 0, 0);
        while let Some(batch) = batches.next().await.unwrap() {
            assert!(batch.num_rows() <= 65_536);
            count += batch.num_rows();
            nulls += batch.column(2).null_count();
            let numbers = batch.column(0).as_primitive::<Int64Type>().values();
            assert!(numbers.iter().zip(last + 1..).all(|(found, expected)| *found == expected));
            last = *numbers.last().unwrap();
            sum += batch
                .column(1)
                .as_primitive::<Int32Type>()
                .values()
                .iter()
                .map(|n| i64::from(*n))
                .sum::<i64>();
        }
        assert_eq!((count, last, nulls, sum), (1_000_000, 1_000_000, 100_000, 499_500_000));
        assert_usable(&mut c).await;
    })
    .await;
}

/// Values that their Arrow types cannot hold.
const UNFIT: [(&str, &str); 9] = [
    ("date 'infinity'", "date"),
    ("date '-infinity'", "date"),
    ("timestamp 'infinity'", "timestamp"),
    ("timestamp '-infinity'", "timestamp"),
    ("timestamptz 'infinity'", "timestamptz"),
    ("timestamp '294247-01-10 04:00:54.775808'", "timestamp"),
    ("timestamptz '294276-12-31 23:59:59.999999+00'", "timestamptz"),
    ("time '24:00:00'", "time"),
    ("numeric 'NaN'", "numeric(5,2)"),
];

#[tokio::test]
async fn a_value_that_does_not_fit_is_an_error_that_names_its_column() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        for (value, type_name) in UNFIT {
            for (first, last) in [(1, 1), (1, 5000), (4000, 5000)] {
                let sql = format!(
                    "select g, (case when g = {first} then {value} end)::{type_name} as misfit
                     from generate_series(1, {last}) g"
                );
                let name = type_name.trim_end_matches("(5,2)");
                let taken = take(&mut c, &sql, &ArrowOptions::default(), BatchLimits::default()).await;
                let error = taken.unwrap_err();
                assert!(value_error(&error).is_out_of_range(), "{value}: {error:?}");
                for part in ["misfit", name, &format!("row {}", first - 1)] {
                    assert!(error.to_string().contains(part), "{part} is missing in: {error}");
                }
                assert_usable(&mut c).await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_value_that_does_not_fit_is_null_where_that_is_asked_for() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let options = ArrowOptions { unfit: Unfit::Null.into(), ..ArrowOptions::default() };
        let values: Vec<_> = UNFIT.iter().map(|(value, name)| format!("({value})::{name}")).collect();
        let sql = format!("select g, {} from generate_series(1, 3) g", values.join(", "));
        let all = take(&mut c, &sql, &options, BatchLimits::default()).await.unwrap();
        assert_eq!(rows(&all), 3);
        assert_eq!(all[0].column(0).null_count(), 0);
        assert!(all[0].columns()[1..].iter().all(|column| column.null_count() == 3));
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn the_last_values_that_fit_do() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        c.execute("set TimeZone to 'UTC'", ()).await.unwrap();
        let sql = "select timestamp '294247-01-10 04:00:54.775807', timestamptz '4714-11-24 00:00:00 BC',
                          time '23:59:59.999999', date '5874897-12-31', date '4714-11-24 BC',
                          (-99999999999999999999999999999999999999)::numeric(38,0), (10::numeric(77,0) ^ 76 - 1)::numeric(76,0),
                          0.00012::numeric(5,5), 'NaN'::numeric, 'NaN'::float8, '-infinity'::float4";
        let batch = only_batch(&mut c, sql).await;
        let micros = |at: usize| batch.column(at).as_primitive::<TimestampMicrosecondType>().value(0);
        assert_eq!((micros(0), micros(1)), (i64::MAX, -210_866_803_200_000_000));
        assert_eq!(batch.column(2).as_primitive::<Time64MicrosecondType>().value(0), 86_399_999_999);
        let days = |at: usize| batch.column(at).as_primitive::<Date32Type>().value(0);
        assert_eq!((days(3), days(4)), (2_145_042_905, -2_440_588));
        let decimal = batch.column(5).as_primitive::<Decimal128Type>().value(0);
        assert_eq!(decimal, -99_999_999_999_999_999_999_999_999_999_999_999_999);
        let large = batch.column(6).as_primitive::<Decimal256Type>();
        assert_eq!(large.value_as_string(0), "9".repeat(76));
        assert_eq!(batch.column(7).as_primitive::<Decimal128Type>().value_as_string(0), "0.00012");
        assert_eq!(batch.column(8).as_string::<i32>().value(0), "NaN");
        assert!(batch.column(9).as_primitive::<Float64Type>().value(0).is_nan());
        assert_eq!(batch.column(10).as_primitive::<Float32Type>().value(0), f32::NEG_INFINITY);
    })
    .await;
}

#[tokio::test]
async fn decimals_with_odd_scales_keep_their_values() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        if server.version().0 < 15 {
            let error = c.execute("select 12345::numeric(5,-2)", ()).await.unwrap_err();
            assert_eq!(code(&error), "22023");
            return;
        }
        let sql = "select 12345::numeric(5,-2), (-99900)::numeric(3,-2), 0.00012::numeric(3,5), 9.9e-10::numeric(2,10)";
        let batch = only_batch(&mut c, sql).await;
        let found: Vec<_> = (0..4)
            .map(|at| {
                let column = batch.column(at).as_primitive::<Decimal128Type>();
                (column.data_type().clone(), column.value_as_string(0))
            })
            .collect();
        assert_eq!(
            found,
            [
                (DataType::Decimal128(7, 0), "12300".to_owned()),
                (DataType::Decimal128(5, 0), "-99900".to_owned()),
                (DataType::Decimal128(5, 5), "0.00012".to_owned()),
                (DataType::Decimal128(10, 10), "0.0000000010".to_owned()),
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn decimals_of_every_shape_have_the_digits_of_the_server() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        for (precision, scale) in [(1, 0), (4, 4), (9, 3), (15, 2), (18, 6), (19, 19), (38, 0), (38, 19), (38, 38), (39, 1), (60, 30), (76, 76)] {
            let shape = format!("numeric({precision},{scale})");
            let digits = "random()::numeric * 1000000000000000 + random()::numeric";
            let sql = format!(
                "select v, v::text from (select (({digits}) % (10::numeric ^ ({precision} - {scale}) - 0.1::numeric ^ {scale}) * sign(random() - 0.5)::numeric)::{shape} as v
                 from generate_series(1, 100)) x"
            );
            let batch = only_batch(&mut c, &sql).await;
            let (found, shown) = (batch.column(0), batch.column(1).as_string::<i32>());
            for row in 0..batch.num_rows() {
                let value = match found.data_type() {
                    DataType::Decimal128(..) => found.as_primitive::<Decimal128Type>().value_as_string(row),
                    _ => found.as_primitive::<Decimal256Type>().value_as_string(row),
                };
                assert_eq!(value, shown.value(row), "{shape}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn batches_that_are_dropped_half_way_leave_the_connection_unusable() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql = "select g, repeat('x', 100) from generate_series(1, 100000) g";
        let mut batches = c.query(sql).arrow_with(&ArrowOptions::default(), rows_at_most(10)).await.unwrap();
        assert_eq!(batches.next().await.unwrap().unwrap().num_rows(), 10);
        drop(batches);
        assert!(!c.is_usable());
        for error in [
            c.execute("select 1", ()).await.unwrap_err(),
            c.query("select 1").arrow().await.unwrap_err(),
            c.script("select 1").await.unwrap_err(),
            c.prepare("select 1").await.unwrap_err(),
        ] {
            assert!(error.server().is_none() && !error.is_connection_lost(), "{error:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_error_behind_rows_is_reported_behind_their_batches() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql = "select 1 / (4 - g) from generate_series(1, 10) g";
        for _ in 0..2 {
            let mut batches =
                c.query(sql).arrow_with(&ArrowOptions::default(), rows_at_most(1)).await.unwrap();
            for _ in 0..3 {
                assert_eq!(batches.next().await.unwrap().unwrap().num_rows(), 1);
            }
            assert_eq!(code(&batches.next().await.unwrap_err()), "22012");
            assert!(batches.next().await.unwrap().is_none());
            assert_usable(&mut c).await;
            let taken = take(&mut c, sql, &ArrowOptions::default(), BatchLimits::default()).await;
            assert_eq!(code(&taken.unwrap_err()), "22012");
            assert_usable(&mut c).await;
        }
        assert_eq!(code(&c.query("selct").arrow().await.unwrap_err()), "42601");
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn an_error_at_the_very_end_spoils_a_result_that_looked_complete() {
    on_each_server(async |server| {
        let mut c = connect_to_new(server).await;
        c.execute("create table t (a int unique deferrable initially deferred)", ()).await.unwrap();
        let sql = "insert into t values (1), (1) returning a";
        let taken = take(&mut c, sql, &ArrowOptions::default(), rows_at_most(1)).await;
        assert_eq!(code(&taken.unwrap_err()), "23505");
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn columns_that_come_as_text_are_opaque_text() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql = "select relname, relacl[1] as access from pg_class where relacl is not null limit 3";
        for begin in ["select", "begin"] {
            c.script(begin).await.unwrap();
            for _ in 0..2 {
                let batch = only_batch(&mut c, sql).await;
                let schema = batch.schema();
                let field = schema.field_with_name("access").unwrap();
                assert_eq!((field.data_type(), extension(field)), (&DataType::Utf8, Some("arrow.opaque")));
                assert!(batch.column(1).as_string::<i32>().iter().all(|text| text.unwrap().contains('=')));
            }
        }
    })
    .await;
}

#[tokio::test]
async fn types_that_are_not_known_are_opaque_bytes() {
    on_each_server(async |server| {
        let config = plain_config(server, &server.create_database().unwrap());
        let mut c = Connection::connect(&config.type_lookup(TypeLookup::Never)).await.unwrap();
        c.script("create type mood as enum ('sad', 'happy'); create type pair as (a int, b text)")
            .await
            .unwrap();
        let sql = "select 'happy'::mood as m, row(1, 'x')::pair as p, pg_sleep(0) as q, '{sad}'::mood[] as a";
        let batch = only_batch(&mut c, sql).await;
        for field in batch.schema().fields() {
            assert_eq!((field.data_type(), extension(field)), (&DataType::Binary, Some("arrow.opaque")));
            assert!(field.metadata()["ARROW:extension:metadata"].contains("type_name"));
        }
        assert_eq!(batch.column(0).as_binary::<i32>().value(0), b"happy");
        assert!(batch.column(2).as_binary::<i32>().value(0).is_empty(), "void");
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn the_layout_of_text_and_the_extension_types_are_a_choice() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql = "select 'short' as t, repeat('long', 100) as l, 1.5::numeric as n, '{}'::jsonb as j, null::text as z,
                          '00112233-4455-6677-8899-aabbccddeeff'::uuid as u";
        let options = ArrowOptions {
            text: TextLayout::Utf8View,
            extension_types: ExtensionTypes::Omit,
            ..ArrowOptions::default()
        };
        let all = take(&mut c, sql, &options, BatchLimits::default()).await.unwrap();
        let schema = all[0].schema();
        assert!(schema.fields().iter().all(|field| extension(field).is_none()));
        assert!(schema.fields()[..5].iter().all(|field| field.data_type() == &DataType::Utf8View));
        let text = |at: usize| all[0].column(at).as_string_view().value(0).to_owned();
        assert_eq!((text(0), text(1), text(2), text(3)), ("short".into(), "long".repeat(100), "1.5".into(), "{}".into()));
        assert!(all[0].column(4).is_null(0));
    })
    .await;
}

#[tokio::test]
async fn batches_are_a_stream() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql = "select 1 / (101 - g) from generate_series(1, 200) g";
        let batches = c.query(sql).arrow_with(&ArrowOptions::default(), rows_at_most(10)).await.unwrap();
        let mut stream = pin!(batches);
        let mut seen = Vec::new();
        while let Some(item) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
            seen.push(item.map(|batch| batch.num_rows()).map_err(|error| code(&error)));
        }
        let mut expected = vec![Ok(10); 10];
        expected.push(Err("22012".to_owned()));
        assert_eq!(seen, expected);
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn a_result_is_the_same_however_its_bytes_are_cut() {
    on_each_server(async |server| {
        let sql = "select g::int8, 'text ' || repeat('ä', g % 20), nullif(g % 3, 0)::int4, g::numeric(12,2) / 7,
                          decode(repeat('00ff', g % 5), 'hex'), g % 2 = 0, case g % 4 when 0 then '[1, 2]'::jsonb end
                   from generate_series(1, 300) g";
        let mut direct = connect(server).await;
        let options = ArrowOptions::default();
        let whole = take(&mut direct, sql, &options, BatchLimits::default()).await.unwrap();
        assert_eq!((whole.len(), rows(&whole)), (1, 300));
        for flow in [Flow::Pieces(1), Flow::Pieces(7), Flow::Whole] {
            let proxy = Proxy::start(server.port()).unwrap();
            proxy.set_flow(Direction::ToClient, flow);
            proxy.set_flow(Direction::ToServer, flow);
            let config = plain_config(server, "test").port(proxy.port());
            let mut c = Connection::connect(&config).await.unwrap();
            for _ in 0..2 {
                let found = take(&mut c, sql, &options, BatchLimits::default()).await.unwrap();
                assert!(found == whole, "{flow:?}");
            }
            let parts = take(&mut c, sql, &options, rows_at_most(64)).await.unwrap();
            let sizes: Vec<_> = parts.iter().map(RecordBatch::num_rows).collect();
            assert_eq!(sizes, [64, 64, 64, 64, 44], "{flow:?}");
            for (turn, part) in parts.iter().enumerate() {
                assert!(*part == whole[0].slice(turn * 64, part.num_rows()), "{flow:?}");
            }
            assert_usable(&mut c).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_column_that_has_changed_its_type_has_a_new_schema() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        c.script("create temporary table changing (a int4); insert into changing values (7)").await.unwrap();
        let read = "select a from changing";
        for _ in 0..3 {
            assert_eq!(only_batch(&mut c, read).await.column(0).data_type(), &DataType::Int32);
        }
        for (to, expected) in [
            ("int8", DataType::Int64),
            ("numeric(5, 2)", DataType::Decimal128(5, 2)),
            ("text", DataType::Utf8),
        ] {
            c.script(&format!("alter table changing alter a type {to}")).await.unwrap();
            assert_eq!(only_batch(&mut c, read).await.column(0).data_type(), &expected);
        }
    })
    .await;
}

#[tokio::test]
async fn arrays_of_every_server_are_lists() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql = "select g % 5, case when g % 7 > 0 then array(select h::int4 from generate_series(1, g % 5) h) end, \
                   array['a' || g, null, repeat('long ', g % 30)], '[2:3]={1,2}'::int4[], '{{1,2},{3,4}}'::int4[] \
                   from generate_series(1, 3000) g";
        let options = ArrowOptions { unfit: Unfit::Null.into(), ..ArrowOptions::default() };
        let all = take(&mut c, sql, &options, rows_at_most(1000)).await.unwrap();
        let mut number = 0;
        for batch in &all {
            let (numbers, texts) = (batch.column(1).as_list::<i32>(), batch.column(2).as_list::<i32>());
            assert_eq!([3, 4].map(|column| batch.column(column).null_count()), [batch.num_rows(); 2]);
            for row in 0..batch.num_rows() {
                number += 1;
                assert_eq!(numbers.is_null(row), number % 7 == 0);
                if numbers.is_valid(row) {
                    let list = numbers.value(row);
                    let expected: Vec<_> = (1..=number % 5).collect();
                    assert_eq!(list.as_primitive::<Int32Type>().values(), &expected[..]);
                }
                let list = texts.value(row);
                let list = list.as_string::<i32>();
                assert_eq!((list.len(), list.value(0), list.is_null(1)), (3, &*format!("a{number}"), true));
                assert_eq!(list.value_length(2), number % 30 * 5);
            }
        }
        assert_eq!(number, 3000);
        let error = take(&mut c, sql, &ArrowOptions::default(), limits(1000, 1 << 20)).await.unwrap_err();
        assert!(error.is_conversion() && error.to_string().contains("lower bound"), "{error}");
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn a_value_of_more_than_a_gibibyte_is_the_servers_error() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql = "select 'small' union all select repeat('x', 1 << 30)";
        let error = take(&mut c, sql, &ArrowOptions::default(), BatchLimits::default()).await.unwrap_err();
        assert!(error.server().is_some(), "{error}");
        assert_usable(&mut c).await;
    })
    .await;
}
