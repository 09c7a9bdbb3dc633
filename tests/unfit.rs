//! The policies of values that do not fit Arrow, against what the server makes of the same values.

mod common;

use common::{assert_usable, connect, on_each_server, value_error};
use molt_db::arrow::array::cast::AsArray;
use molt_db::arrow::array::{Array as _, ArrayRef, RecordBatch};
use molt_db::arrow::schema::DataType;
use molt_db::arrow::{ArrowOptions, BatchLimits, Policies, TextLayout, Unfit};
use molt_db::types::{Array, Dimension};
use molt_db::{Connection, Error};

fn with(unfit: impl Into<Policies>) -> ArrowOptions {
    ArrowOptions { unfit: unfit.into(), ..ArrowOptions::default() }
}

/// Takes a result of one batch.
async fn take(c: &mut Connection, sql: &str, options: &ArrowOptions) -> Result<RecordBatch, Error> {
    let mut batches = c.query(sql).arrow_with(options, BatchLimits::default()).await?;
    let batch = batches.next().await?.unwrap_or_else(|| panic!("{sql}: no rows"));
    assert!(batches.next().await?.is_none(), "{sql}");
    batch.columns().iter().for_each(|column| column.to_data().validate_full().unwrap());
    Ok(batch)
}

fn texts(array: &ArrayRef) -> Vec<Option<String>> {
    let texts: Vec<_> = match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().iter().collect(),
        DataType::Utf8View => array.as_string_view().iter().collect(),
        other => panic!("{other}"),
    };
    texts.into_iter().map(|text| text.map(str::to_owned)).collect()
}

/// Types with values that do not fit, and values at their edges; from the version on that has them.
const UNFIT: [(&str, u32, &[&str]); 12] = [
    ("date", 13, &["infinity", "-infinity", "4713-01-01 BC", "5874897-12-31", "2024-02-29", "0001-01-01"]),
    ("time", 13, &["24:00", "00:00", "23:59:59.999999", "12:00:00.5"]),
    ("timetz", 13, &["24:00-15:59", "12:00:00.000001+05:30:15", "00:00+00"]),
    (
        "timestamp",
        13,
        &["infinity", "-infinity", "294276-12-31 23:59:59.999999", "4713-01-01 BC", "2000-01-01 10:00"],
    ),
    (
        "timestamptz",
        13,
        &["infinity", "-infinity", "294276-12-31 23:59:59.999999+00", "4713-01-01 BC", "epoch"],
    ),
    ("interval", 13, &["178000000 years", "-1 mon +1 day -00:00:00.5", "0", "1 year -2 days 3:00"]),
    // Earlier parsers of intervals overflow at it.
    ("interval", 15, &["2562047788:00:54.775807"]),
    ("interval", 17, &["infinity", "-infinity"]),
    ("numeric(12,2)", 13, &["NaN", "0", "-9999999999.99", "1.5"]),
    ("tsrange", 13, &["empty", "(,)", "[epoch,infinity)", "(-infinity,2000-01-01 10:00]"]),
    ("daterange", 13, &["[2000-01-01,infinity]", "(,4713-01-01 BC)", "empty"]),
    ("tstzrange", 13, &["[2000-01-01 00:00:00.5+00,294276-12-31+00)"]),
];

#[tokio::test]
async fn text_is_what_the_server_writes() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        c.script("set TimeZone to 'UTC'; set DateStyle to 'ISO'; set IntervalStyle to 'postgres'").await.unwrap();
        for (name, version, values) in UNFIT {
            if server.version().0 < version {
                continue;
            }
            let values: Vec<_> = values.iter().map(|value| format!("('{value}'::{name})")).collect();
            let sql = format!("select v::{name}, v::text from (values {}, (null)) x(v)", values.join(", "));
            for text in [TextLayout::Utf8, TextLayout::Utf8View] {
                let options = ArrowOptions { text, ..with(Unfit::Text) };
                let batch = take(&mut c, &sql, &options).await.unwrap();
                assert_eq!(texts(batch.column(0)), texts(batch.column(1)), "{name}");
                assert_eq!(batch.schema().field(0).metadata()["POSTGRESQL:unfit"], "text");
            }
            // Another policy leaves the type as it is.
            let batch = take(&mut c, &format!("select null::{name}"), &with(Unfit::Null)).await.unwrap();
            assert!(!matches!(batch.column(0).data_type(), DataType::Utf8), "{name}");
        }
        if server.version().0 >= 16 {
            let sql = "select v, v::text from (values ('a'::\"char\"), ('\\377'::\"char\"), ('\\200'::\"char\")) x(v)";
            let batch = take(&mut c, sql, &with(Unfit::Text)).await.unwrap();
            assert_eq!(texts(batch.column(0)), texts(batch.column(1)));
        }
        assert_usable(&mut c).await;
    })
    .await;
}

/// Types of elements, with values.
const ELEMENTS: [(&str, &[&str]); 41] = [
    ("bool", &["true", "false"]),
    ("bytea", &["\\x00ff", ""]),
    ("char", &["a", ""]),
    ("name", &["a b", "NULL"]),
    ("int2", &["-32768", "7"]),
    ("int4", &["-2147483648"]),
    ("int8", &["9223372036854775807"]),
    (
        "float4",
        &[
            "1.5",
            "-0",
            "1e6",
            "123456",
            "1234567",
            "1e-4",
            "9.9e-5",
            "NaN",
            "-Infinity",
            "3.4028235e38",
            "1e-45",
        ],
    ),
    (
        "float8",
        &[
            "0.1",
            "1e15",
            "1e23",
            "9007199254740993",
            "2e23",
            "5e22",
            "0.00012345678901234567",
            "123456789012345",
            "1e-4",
            "1.2345e-5",
            "Infinity",
            "5e-324",
            "1.7976931348623157e308",
        ],
    ),
    ("numeric", &["1.50", "NaN", "1e30", "-0.001"]),
    ("text", &["", "null", "a,b", "{x}", "\"\\", " ", "ä😀", "plain"]),
    ("varchar", &["x"]),
    ("json", &["{\"a\" : [1]}"]),
    ("jsonb", &["{\"a\": [1]}"]),
    ("uuid", &["00112233-4455-6677-8899-aabbccddeeff"]),
    ("date", &["infinity", "2000-01-01"]),
    ("timestamptz", &["2000-01-01 00:00:00.5+00", "infinity"]),
    ("interval", &["1 mon 2 days 00:00:03"]),
    ("timetz", &["12:00+05:30"]),
    ("inet", &["10.0.0.1/8", "::1"]),
    ("cidr", &["10.0.0.0/8"]),
    ("macaddr", &["08:00:2b:01:02:03"]),
    ("macaddr8", &["08:00:2b:01:02:03:04:05"]),
    ("bit", &["1"]),
    ("varbit", &["", "101"]),
    ("oid", &["4294967295"]),
    ("xid", &["7"]),
    ("xid8", &["8"]),
    ("cid", &["9"]),
    ("tid", &["(1,2)"]),
    ("pg_lsn", &["16/B374D848"]),
    ("point", &["(1,-2.5)"]),
    ("line", &["{1,2,3}"]),
    ("lseg", &["[(1,2),(3,4)]"]),
    ("box", &["(3,4),(1,2)"]),
    ("path", &["((1,2),(3,4))", "[(1,2)]"]),
    ("polygon", &["((1,2),(3,4))"]),
    ("circle", &["<(1,2),3>"]),
    ("int2vector", &["1 2", ""]),
    ("tsquery", &["'a' & !'b c'"]),
    ("numrange", &["[1.50,)", "empty"]),
];

#[tokio::test]
async fn arrays_are_the_text_that_the_server_writes() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        c.script("set TimeZone to 'UTC'").await.unwrap();
        let shapes = with(Policies { shape: Unfit::Text, ..Policies::default() });
        for (name, values) in ELEMENTS {
            let quoted: Vec<_> = values.iter().map(|value| format!("'{}'::\"{name}\"", value.replace('\'', "''"))).collect();
            let (list, count) = (quoted.join(", "), quoted.len());
            let name = if name == "char" { "\"char\"" } else { name };
            let sql = format!(
                "select v, v::text from (values (array[{list}]), (array[{list}, null]), (array[[{list}], [{list}]]),
                 (array_fill({first}, array[2, {count}, 1], array[-1, 7, 1])), (array[]::{name}[]), (null)) x(v)",
                first = quoted[0],
            );
            let batch = take(&mut c, &sql, &shapes).await.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(texts(batch.column(0)), texts(batch.column(1)), "{name}");
            let in_force = batch.schema().field(0).metadata()["POSTGRESQL:unfit"].clone();
            assert!(in_force == "text" || in_force == "shape=text,encoding=error", "{name}: {in_force}");
        }
        if server.version().0 >= 14 {
            let sql = "select v, v::text from (values (array['{[1,3),[5,)}'::int4multirange, '{}'])) x(v)";
            let batch = take(&mut c, sql, &shapes).await.unwrap();
            assert_eq!(texts(batch.column(0)), texts(batch.column(1)));
        }
        let noise = |seed: u64| seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for seed in 0..500_u64 {
            let lower = |shift: u64| (noise(seed) >> shift) as i32 % 1_000;
            let dimensions = [Dimension { len: 2, lower: lower(0) }, Dimension { len: 3, lower: lower(9) }];
            let wide = (0..6).map(|place| f64::from_bits(noise(seed * 6 + place))).collect();
            let narrow = (0..6).map(|place| f32::from_bits(noise(seed * 6 + place) as u32)).collect();
            let (wide, narrow) = (Array::new(dimensions, wide).unwrap(), Array::new(dimensions, narrow).unwrap());
            let query = c.query("select $1, $1::text, $2, $2::text").bind_all((&wide, &narrow));
            let mut batches = query.arrow_with(&shapes, BatchLimits::default()).await.unwrap();
            let batch = batches.next().await.unwrap().unwrap();
            assert!(batches.next().await.unwrap().is_none());
            assert_eq!(texts(batch.column(0)), texts(batch.column(1)), "{wide:?}");
            assert_eq!(texts(batch.column(2)), texts(batch.column(3)), "{narrow:?}");
        }
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn each_kind_has_its_own_policy_and_an_error_that_tells_row_column_and_value() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        c.script("set TimeZone to 'UTC'").await.unwrap();
        let one = |set: fn(&mut Policies, Unfit)| {
            move |unfit| {
                let mut policies = Policies::default();
                set(&mut policies, unfit);
                with(policies)
            }
        };
        let infinity = one(|policies, unfit| policies.infinity = unfit);
        let nan = one(|policies, unfit| policies.nan = unfit);
        let range = one(|policies, unfit| policies.range = unfit);
        let shape = one(|policies, unfit| policies.shape = unfit);
        type Policy<'f> = &'f dyn Fn(Unfit) -> ArrowOptions;
        let cases: [(&str, &str, Policy<'_>, &str); 8] = [
            ("infinity", "date", &infinity, "infinity"),
            ("-infinity", "timestamptz", &infinity, "-infinity"),
            ("[2000-01-01,infinity)", "tsrange", &infinity, "[\"2000-01-01 00:00:00\",infinity)"),
            ("NaN", "numeric(5,2)", &nan, "NaN"),
            ("294276-12-31", "timestamp", &range, "294276-12-31 00:00:00"),
            ("24:00", "time", &range, "24:00:00"),
            ("[2:3]={1,2}", "int4[]", &shape, "[2:3]={1,2}"),
            ("{{1},{2}}", "int4[]", &shape, "{{1},{2}}"),
        ];
        for (value, name, policy, text) in cases {
            // The second row is the one that does not fit.
            let sql = format!(
                "select 1, (case when g = 2 then '{value}' end)::{name} as odd from generate_series(1, 3) g"
            );
            let error = take(&mut c, &sql, &policy(Unfit::Error)).await.unwrap_err();
            let found = value_error(&error);
            assert!(error.is_conversion() && error.to_string().contains("row 1"), "{error}");
            assert!(found.is_out_of_range() && found.position() == Some(1), "{found}");
            assert_eq!((found.column().unwrap().name(), found.value()), ("odd", Some(text)));
            // But for those kinds that are one value.
            let is_told = matches!(text, "NaN" | "24:00:00");
            assert!(is_told || !error.to_string().contains(text), "{error}");
            c.settle().await.unwrap();
            let batch = take(&mut c, &sql, &policy(Unfit::Null)).await.unwrap();
            assert_eq!(batch.column(1).null_count(), 3, "{value}");
            let batch = take(&mut c, &sql, &policy(Unfit::Text)).await.unwrap();
            assert_eq!(texts(batch.column(1)), [None, Some(text.to_owned()), None]);
        }
        assert_usable(&mut c).await;
    })
    .await;
}
