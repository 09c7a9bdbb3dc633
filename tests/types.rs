//! Values: what each type reads and sends, at its edges, against what the server itself makes of them.

mod common;

use std::cell::RefCell;
use std::fmt::Debug;

use common::{assert_usable, code, connect, on_each_server, plain_config};
use molt_db::types::{Date, Json, Numeric, Time, Timestamp, TimestampTz, Uuid};
use molt_db::{Connection, FromSql, Oid, ToSql};
use molt_db_testkit::shared_servers;
use proptest::prelude::{Strategy, any};
use proptest::test_runner::{Config as Rounds, TestCaseError, TestRunner};
use tokio::runtime::Runtime;

/// A value in the three forms it has: as a literal of SQL, in Rust, and as the text that the server shows.
struct Case<T> {
    literal: String,
    value: T,
    text: String,
}

fn case<T>(literal: impl Into<String>, value: T, text: impl Into<String>) -> Case<T> {
    Case { literal: literal.into(), value, text: text.into() }
}

/// A value whose literal is shown as it was written.
fn plain<T>(literal: impl Into<String>, value: T) -> Case<T> {
    let literal = literal.into();
    Case { text: literal.clone(), literal, value }
}

/// None of these may change what is read or sent.
const SETTINGS: [[(&str, &str); 4]; 4] = [
    [
        ("TimeZone", "UTC"),
        ("DateStyle", "ISO, MDY"),
        ("IntervalStyle", "postgres"),
        ("extra_float_digits", "1"),
    ],
    [
        ("TimeZone", "America/St_Johns"),
        ("DateStyle", "SQL, DMY"),
        ("IntervalStyle", "sql_standard"),
        ("extra_float_digits", "-15"),
    ],
    [
        ("TimeZone", "Asia/Kathmandu"),
        ("DateStyle", "German"),
        ("IntervalStyle", "iso_8601"),
        ("extra_float_digits", "3"),
    ],
    [
        ("TimeZone", "Europe/Paris"),
        ("DateStyle", "Postgres, YMD"),
        ("IntervalStyle", "postgres_verbose"),
        ("extra_float_digits", "0"),
    ],
];

async fn set(connection: &mut Connection, settings: &[(&str, &str)]) {
    for (name, value) in settings {
        connection.execute(&format!("set {name} to '{value}'"), ()).await.unwrap();
    }
}

/// Checks every case under all settings. Values are compared as they print: NaN is itself then, 0 is not -0, and 1.0
/// not 1.00.
async fn check<T>(type_name: &str, cases: &[Case<T>])
where
    T: ToSql + Debug + for<'r> FromSql<'r>,
{
    on_each_server(async |server| {
        let mut c = connect(server).await;
        for (turn, settings) in SETTINGS.iter().enumerate() {
            set(&mut c, settings).await;
            for case in cases {
                check_case(&mut c, type_name, case).await;
                if turn == 0 {
                    check_text(&mut c, type_name, case).await;
                }
            }
            check_null::<T>(&mut c, type_name).await;
        }
        assert_usable(&mut c).await;
    })
    .await;
}

async fn check_case<T>(c: &mut Connection, type_name: &str, case: &Case<T>)
where
    T: ToSql + Debug + for<'r> FromSql<'r>,
{
    let expected = format!("{:?}", case.value);
    let literal = case.literal.replace('\'', "''");
    let (read,): (T,) = c.query(&format!("select '{literal}'::{type_name}")).one().await.unwrap();
    assert!(format!("{read:?}") == expected, "'{}'::{type_name} is read as {read:?}", case.literal);
    let (echo,): (T,) = c.query(&format!("select $1::{type_name}")).bind(&case.value).one().await.unwrap();
    assert!(format!("{echo:?}") == expected, "{expected} comes back as {echo:?}");
}

async fn check_text<T: ToSql + Debug>(c: &mut Connection, type_name: &str, case: &Case<T>) {
    let sql = format!("select $1::{type_name}::text");
    let (shown,): (String,) = c.query(&sql).bind(&case.value).one().await.unwrap();
    assert!(shown == case.text, "{:?} is {shown} for the server", case.value);
}

async fn check_null<T>(c: &mut Connection, type_name: &str)
where
    T: ToSql + Debug + for<'r> FromSql<'r>,
{
    let sql = format!("select $1::{type_name}, $1::{type_name} is null, null::{type_name}");
    let (echo, null, literal): (Option<T>, bool, Option<T>) =
        c.query(&sql).bind(None::<T>).one().await.unwrap();
    assert!(echo.is_none() && null && literal.is_none(), "{type_name}");
}

#[tokio::test]
async fn bool_has_two_values() {
    check("bool", &[plain("true", true), plain("false", false)]).await;
}

/// Scenario 32: both ends of the integers.
#[tokio::test]
async fn integers_reach_both_ends_of_their_types() {
    check("int2", &[i16::MIN, -1, 0, 1, i16::MAX].map(|n| plain(n.to_string(), n))).await;
    check("int4", &[i32::MIN, -1, 0, 1, i32::MAX].map(|n| plain(n.to_string(), n))).await;
    check("int8", &[i64::MIN, -1, 0, 1, i64::MAX].map(|n| plain(n.to_string(), n))).await;
}

/// Scenario 32: an oid above 2^31.
#[tokio::test]
async fn oids_are_unsigned() {
    check("oid", &[0, 1, 0x8000_0000, u32::MAX].map(|n| plain(n.to_string(), n))).await;
    check("oid", &[Oid(0), Oid(u32::MAX)].map(|n| plain(n.0.to_string(), n))).await;
}

#[tokio::test]
async fn narrow_numbers_read_as_wider_ones() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql = "select (-5)::int2, (-5)::int2, (-6)::int4, 1.5::float4";
        let row: (i32, i64, i64, f64) = c.query(sql).one().await.unwrap();
        assert_eq!(row, (-5, -5, -6, 1.5));
    })
    .await;
}

/// Scenario 32: zeros with a sign, subnormal numbers.
#[tokio::test]
async fn floats_keep_their_bits() {
    check(
        "float8",
        &[
            plain("0", 0.0_f64),
            plain("-0", -0.0),
            plain("NaN", f64::NAN),
            plain("Infinity", f64::INFINITY),
            plain("-Infinity", f64::NEG_INFINITY),
            plain("5e-324", 5e-324),
            plain("2.2250738585072014e-308", f64::MIN_POSITIVE),
            plain("1.7976931348623157e+308", f64::MAX),
            plain("-1.7976931348623157e+308", f64::MIN),
            plain("0.1", 0.1),
            plain("0.30000000000000004", 0.1 + 0.2),
        ],
    )
    .await;
    check(
        "float4",
        &[
            plain("0", 0.0_f32),
            plain("-0", -0.0),
            plain("NaN", f32::NAN),
            plain("Infinity", f32::INFINITY),
            plain("-Infinity", f32::NEG_INFINITY),
            plain("1e-45", 1e-45),
            plain("3.4028235e+38", f32::MAX),
            plain("0.1", 0.1),
        ],
    )
    .await;
}

fn numeric(text: &str) -> Numeric {
    text.parse().unwrap()
}

/// Scenario 31: NaN, -0, zeros at the end.
#[tokio::test]
async fn numerics_are_exact_down_to_their_last_zero() {
    let same = [
        "0",
        "0.00",
        "1",
        "-1",
        "1.0",
        "1.00",
        "100",
        "10000",
        "100000000",
        "0.1",
        "0.0001",
        "0.00001",
        "0.000000001234",
        "12345678901234567890.123456789",
        "9999.9999",
        "-9999.9999",
        "10000.0001",
        "99999999999999999999999999999999999999999999999999999999999999999999999999999999",
        "NaN",
        "0.00000000000000000000000000000000000000000000000001",
        "1000000000000.000",
        "-0.5",
    ];
    let mut cases: Vec<_> = same.into_iter().map(|text| plain(text, numeric(text))).collect();
    cases.extend([
        case("-0.00", numeric("0.00"), "0.00"),
        case("1e3", numeric("1000"), "1000"),
        case("1.50e-3", numeric("0.00150"), "0.00150"),
        case(" +7. ", numeric("7"), "7"),
    ]);
    check("numeric", &cases).await;
}

/// Scenario 31: 131072 digits in front of the point, 16383 behind it.
#[tokio::test]
async fn the_longest_numerics_travel_whole() {
    let whole = "9".repeat(131_072);
    let fraction = "12345678901".repeat(1489) + "1234";
    assert_eq!(fraction.len(), 16_383);
    let texts = [whole.clone(), format!("-{whole}"), format!("0.{fraction}"), format!("{whole}.{fraction}")];
    let zeros = [format!("1{}", "0".repeat(131_071)), format!("0.{}1", "0".repeat(16_382))];
    let cases: Vec<_> =
        texts.into_iter().chain(zeros).map(|text| case(text.clone(), numeric(&text), text)).collect();
    check("numeric", &cases).await;
}

/// Scenario 31: infinities.
#[tokio::test]
async fn infinite_numerics_exist_from_14_on() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        if server.version().0 < 14 {
            let error = c.query("select $1::numeric").bind(Numeric::INFINITY).one::<(Numeric,)>().await;
            assert!(error.unwrap_err().server().is_some());
            return assert_usable(&mut c).await;
        }
        for (text, value) in [("Infinity", Numeric::INFINITY), ("-Infinity", Numeric::NEG_INFINITY)] {
            let found = plain(text, value);
            check_case(&mut c, "numeric", &found).await;
            check_text(&mut c, "numeric", &found).await;
        }
    })
    .await;
}

/// Scenario 31: scales that are negative, or wider than the precision.
#[tokio::test]
async fn numerics_take_the_scale_of_their_column() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let sql = "select 1.5::numeric(15,2), 0.2::numeric(5,5), null::numeric(3,1)";
        let row: (Numeric, Numeric, Option<Numeric>) = c.query(sql).one().await.unwrap();
        assert_eq!((row.0.to_string(), row.1.to_string(), row.2), ("1.50".into(), "0.20000".into(), None));
        let sql =
            "select 12345::numeric(5,-2), (-45)::numeric(2,-3), 0.00012::numeric(3,5), 5e4::numeric(1,-4)";
        let found = c.query(sql).one::<(Numeric, Numeric, Numeric, Numeric)>().await;
        if server.version().0 < 15 {
            assert_eq!(code(&found.unwrap_err()), "22023");
            return;
        }
        let (a, b, small, d) = found.unwrap();
        assert_eq!([a, b, small, d].map(|n| n.to_string()), ["12300", "0", "0.00012", "50000"]);
    })
    .await;
}

/// The first and last two characters of every plane, and of every length in UTF-8.
fn all_planes() -> String {
    let edges = (0..=16_u32).flat_map(|plane| [0, 1, 0xfffe, 0xffff].map(|low| plane << 16 | low));
    let lengths = [0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xfeff];
    edges.chain(lengths).filter_map(char::from_u32).filter(|c| *c != '\0').collect()
}

#[tokio::test]
async fn text_of_all_planes_and_none_is_the_same_on_both_sides() {
    let texts = [
        String::new(),
        " ".into(),
        "it's \\ \"quoted\"\n\r\t".into(),
        "ä€😀e\u{301}".into(),
        all_planes(),
        "x".repeat(100_000),
    ];
    let cases = || texts.iter().map(|text| plain(text.clone(), text.clone())).collect::<Vec<_>>();
    check("text", &cases()).await;
    check("varchar", &cases()).await;
    check("varchar(5)", &[plain("äöüßx", "äöüßx".to_owned()), plain("", String::new())]).await;
    let padded = |text: &str| case(text.trim_end(), text.to_owned(), text.trim_end());
    check("char(4)", &[padded("ab  "), padded("    "), padded("äöüß")]).await;
    check("name", &[plain("pg_class", "pg_class".to_owned()), plain("n".repeat(63), "n".repeat(63))]).await;
    check("\"char\"", &[plain("x", "x".to_owned())]).await;
}

#[tokio::test]
async fn bytea_holds_all_bytes_and_none() {
    let all: Vec<u8> = (0..=255).collect();
    let hex = |bytes: &[u8]| bytes.iter().fold("\\x".to_owned(), |text, byte| text + &format!("{byte:02x}"));
    let values = [Vec::new(), vec![0], all.clone(), all.repeat(300)];
    check("bytea", &values.map(|value| plain(hex(&value), value))).await;
}

fn date(year: i32, month: u8, day: u8) -> Date {
    Date::from_ymd(year, month, day).unwrap()
}

/// Scenario 33: infinities, 4713-01-01 BC.
#[tokio::test]
async fn dates_reach_from_4713_bc_to_5874897() {
    check(
        "date",
        &[
            plain("infinity", Date::INFINITY),
            plain("-infinity", Date::NEG_INFINITY),
            plain("2000-01-01", Date::from_days(0)),
            plain("1999-12-31", Date::from_days(-1)),
            plain("1970-01-01", date(1970, 1, 1)),
            plain("2024-02-29", date(2024, 2, 29)),
            plain("0001-01-01", date(1, 1, 1)),
            plain("0001-12-31 BC", date(0, 12, 31)),
            plain("4714-11-24 BC", date(-4713, 11, 24)),
            plain("4713-01-01 BC", date(-4712, 1, 1)),
            plain("294276-12-31", date(294_276, 12, 31)),
            plain("5874897-12-31", date(5_874_897, 12, 31)),
        ],
    )
    .await;
}

/// Scenario 33: 24:00:00.
#[tokio::test]
async fn times_of_day_include_their_end() {
    let time = |micros| Time::from_micros(micros).unwrap();
    check(
        "time",
        &[
            plain("00:00:00", time(0)),
            plain("00:00:00.000001", time(1)),
            plain("12:34:56.789", time(45_296_789_000)),
            plain("23:59:59.999999", time(86_399_999_999)),
            plain("24:00:00", time(86_400_000_000)),
        ],
    )
    .await;
}

const EARLIEST: i64 = -211_813_488_000_000_000;
const LATEST: i64 = 9_223_371_331_199_999_999;

/// Scenario 33: infinities, the year 294276.
#[tokio::test]
async fn timestamps_keep_their_microseconds_at_both_ends() {
    let cases = [
        ("2000-01-01 00:00:00", 0),
        ("2000-01-01 00:00:00.000001", 1),
        ("1999-12-31 23:59:59.999999", -1),
        ("1970-01-01 00:00:00", -946_684_800_000_000),
        ("2024-02-29 12:00:00.5", 762_523_200_500_000),
        ("294276-12-31 23:59:59.999999", LATEST),
    ];
    let ends = [("infinity", i64::MAX), ("-infinity", i64::MIN)];
    let mut plains: Vec<_> = cases
        .iter()
        .chain(&ends)
        .map(|(text, micros)| plain(*text, Timestamp::from_micros(*micros)))
        .collect();
    plains.push(plain("4714-11-24 00:00:00 BC", Timestamp::from_micros(EARLIEST)));
    check("timestamp", &plains).await;

    let mut zoned: Vec<_> = cases
        .iter()
        .map(|(text, micros)| plain(format!("{text}+00"), TimestampTz::from_micros(*micros)))
        .collect();
    zoned.extend(ends.map(|(text, micros)| plain(text, TimestampTz::from_micros(micros))));
    zoned.push(plain("4714-11-24 00:00:00+00 BC", TimestampTz::from_micros(EARLIEST)));
    zoned.push(case(
        "2024-06-30 23:30:00-05:30",
        TimestampTz::from_micros(773_125_200_000_000),
        "2024-07-01 05:00:00+00",
    ));
    check("timestamptz", &zoned).await;
}

#[tokio::test]
async fn dates_and_timestamps_print_as_the_server_does() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        set(&mut c, &SETTINGS[0]).await;
        for micros in [EARLIEST, -62_000_000_000_000_001, -1, 0, 1_000, 762_523_200_500_000, LATEST] {
            let (shown, zoned) = (Timestamp::from_micros(micros), TimestampTz::from_micros(micros));
            let sql = "select $1::timestamp::text, $2::timestamptz::text, $1::timestamp::date::text, $1::timestamp::date, \
                       $1::timestamp::time::text, $1::timestamp::time";
            let row: (String, String, String, Date, String, Time) =
                c.query(sql).bind_all((shown, zoned)).one().await.unwrap();
            assert_eq!((row.0, row.1), (shown.to_string(), zoned.to_string()));
            assert_eq!((row.2, row.4), (row.3.to_string(), row.5.to_string()));
        }
    })
    .await;
}

#[tokio::test]
async fn what_lies_outside_of_a_type_is_refused_by_the_server() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let errors = [
            c.query("select $1::date").bind(Date::from_days(i32::MAX - 1)).execute().await.unwrap_err(),
            c.query("select $1::date").bind(Date::from_days(i32::MIN + 1)).execute().await.unwrap_err(),
            c.query("select $1::timestamp")
                .bind(Timestamp::from_micros(EARLIEST - 1))
                .execute()
                .await
                .unwrap_err(),
            c.query("select $1::timestamptz")
                .bind(TimestampTz::from_micros(LATEST + 1))
                .execute()
                .await
                .unwrap_err(),
        ];
        for error in errors {
            assert_eq!(code(&error), "22008");
        }
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn uuids_keep_the_order_of_their_bytes() {
    let uuid = |text: &str| plain(text, text.parse::<Uuid>().unwrap());
    let cases = [
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "00112233-4455-6677-8899-aabbccddeeff",
    ]
    .map(uuid);
    assert_eq!(cases[2].value.0[..4], [0x00, 0x11, 0x22, 0x33]);
    check("uuid", &cases).await;
}

#[tokio::test]
async fn json_is_the_text_that_was_stored() {
    let nested = format!("{}{}", "[".repeat(500), "]".repeat(500));
    let json = |text: &str| plain(text, Json(text.to_owned()));
    check(
        "json",
        &[
            json("null"),
            json("{\"b\" :  1, \"a\":2, \"a\":3}"),
            json("\"ä😀\\u0041\""),
            json(&nested),
            json("1e400"),
        ],
    )
    .await;
    let jsonb = |literal: &str, shown: &str| case(literal, Json(shown.to_owned()), shown);
    check(
        "jsonb",
        &[
            jsonb("null", "null"),
            jsonb(
                "{\"b\":1,\"a\":{\"c\":[1,2.50,\"ä😀\",null,true]}}",
                "{\"a\": {\"c\": [1, 2.50, \"ä😀\", null, true]}, \"b\": 1}",
            ),
            jsonb("\"\"", "\"\""),
            jsonb("[]", "[]"),
            jsonb(&nested, &nested),
        ],
    )
    .await;
}

#[tokio::test]
async fn json_reads_as_text_too() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let row: (String, String) = c.query("select '{\"a\": 1}'::jsonb, '[ ]'::json").one().await.unwrap();
        assert_eq!(row, ("{\"a\": 1}".to_owned(), "[ ]".to_owned()));
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
            TestRunner::new(Rounds { cases: 300, failure_persistence: None, ..Rounds::default() });
        let outcome = runner.run(&values, |value| {
            let checked = runtime.block_on(check(&mut connection.borrow_mut(), &value));
            checked.map_err(TestCaseError::fail)
        });
        outcome.unwrap_or_else(|error| panic!("{server:?}: {error}"));
    }
}

/// Sends a value, and compares what comes back and what the server shows.
async fn round_trip<T>(c: &mut Connection, type_name: &str, value: &T, text: &str) -> Result<(), String>
where
    T: ToSql + Debug + for<'r> FromSql<'r>,
{
    let sql = format!("select $1::{type_name}, $1::{type_name}::text, $2::text::{type_name}");
    let found = c.query(&sql).bind_all((value, text)).one::<(T, String, T)>().await;
    let (echo, shown, read) = found.map_err(|error| error.to_string())?;
    let same = [&echo, &read].into_iter().all(|found| format!("{found:?}") == format!("{value:?}"));
    if same && shown == text {
        Ok(())
    } else {
        Err(format!("{value:?} came back as {echo:?}, shown as {shown}, read as {read:?}"))
    }
}

#[test]
fn any_int8_survives_the_round_trip() {
    for_many(any::<i64>(), async |c, value| round_trip(c, "int8", value, &value.to_string()).await);
}

#[test]
fn any_float8_survives_the_round_trip() {
    for_many(any::<u64>(), async |c, bits| {
        let value = f64::from_bits(*bits);
        let sql = "select $1::float8, $1::float8::text";
        let (echo, shown): (f64, String) = c.query(sql).bind(value).one().await.map_err(|e| e.to_string())?;
        let parsed: f64 = shown.parse().map_err(|_| shown.clone())?;
        let same = if value.is_nan() { parsed.is_nan() } else { parsed.to_bits() == *bits };
        if echo.to_bits() == *bits && same { Ok(()) } else { Err(format!("{value:?} {echo:?} {shown}")) }
    });
}

#[test]
fn any_numeric_survives_the_round_trip() {
    let texts = "-?[0-9]{1,40}(\\.[0-9]{1,40})?(e-?[0-9]{1,2})?";
    for_many(texts, async |c, text| {
        let value: Numeric = text.parse().map_err(|_| "it does not parse".to_owned())?;
        let sql = "select ($1::text::numeric)::text";
        let (shown,): (String,) = c.query(sql).bind(text).one().await.map_err(|e| e.to_string())?;
        if shown != value.to_string() {
            return Err(format!("{text} is {shown} for the server and {value} here"));
        }
        round_trip(c, "numeric", &value, &shown).await
    });
}

#[test]
fn any_text_survives_the_round_trip() {
    for_many(any::<String>(), async |c, text| {
        let text = text.replace('\0', "");
        let sql = "select octet_length($1::text)::int8, char_length($1::text)::int8";
        let (bytes, chars): (i64, i64) = c.query(sql).bind(&text).one().await.map_err(|e| e.to_string())?;
        if (bytes, chars) != (text.len() as i64, text.chars().count() as i64) {
            return Err(format!("{bytes} bytes, {chars} characters"));
        }
        round_trip(c, "text", &text, &text).await
    });
}

#[test]
fn any_timestamp_survives_the_round_trip() {
    for_many(EARLIEST..=LATEST, async |c, micros| {
        let value = Timestamp::from_micros(*micros);
        round_trip(c, "timestamp", &value, &value.to_string()).await?;
        let value = TimestampTz::from_micros(*micros);
        round_trip(c, "timestamptz", &value, &value.to_string()).await
    });
}

#[test]
fn any_date_and_time_survive_the_round_trip() {
    let dates = -2_451_545..=2_145_031_948_i32;
    for_many((dates, 0..=86_400_000_000_i64), async |c, (days, micros)| {
        let value = Date::from_days(*days);
        round_trip(c, "date", &value, &value.to_string()).await?;
        let value = Time::from_micros(*micros).ok_or("out of range")?;
        round_trip(c, "time", &value, &value.to_string()).await
    });
}
