//! The texts and bytes in the tables below are PostgreSQL's own, from `x::text` and the type's send function.

mod scalars;

use std::fmt::Debug;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use super::*;
use crate::{Column, Columns, Format, FromSql, Oid, Params, RowLayout, ToSql};

fn hex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn column(oid: Oid, format: Format) -> Column {
    Column::new("c", oid, -1, format)
}

fn read<'r, T: FromSql<'r>>(oid: Oid, value: &'r [u8]) -> Result<T, ValueError> {
    T::from_sql(&column(oid, Format::Binary), value)
}

fn encode(value: &(impl ToSql + ?Sized)) -> Vec<u8> {
    let mut out = crate::Output::default();
    assert_eq!(value.to_sql(&mut out).unwrap(), crate::IsNull::No);
    out.bytes
}

/// Sends a value as a parameter and reads it back from a row that carries the very bytes.
fn round_trip<T: ToSql + for<'r> FromSql<'r> + PartialEq + Debug>(value: &T, oid: Oid) {
    let mut params = Params::default();
    params.push(value).unwrap();
    let body = [&[0, 1], params.values()].concat();
    let columns = Columns::new([Column::new("c", oid, -1, value.format())]);
    let mut layout = RowLayout::default();
    let row = layout.row(&body, &columns).unwrap();
    assert_eq!(row.get::<T>("c").unwrap(), *value);
    assert_eq!(row.get::<Option<T>>(0).unwrap().as_ref(), Some(value));
    assert_eq!(row.to_owned().get::<T>(0).unwrap(), *value);
}

proptest! {
    #[test]
    fn values_survive_the_way_there_and_back(
        int2: i16, int4: i32, int8: i64, oid: u32, truth: bool, text: String, bytes: Vec<u8>, id: [u8; 16],
        micros in 0..=86_400_000_000_i64,
    ) {
        round_trip(&int2, Oid::INT2);
        round_trip(&int4, Oid::INT4);
        round_trip(&int8, Oid::INT8);
        round_trip(&oid, Oid::OID);
        round_trip(&Oid(oid), Oid::OID);
        round_trip(&truth, Oid::BOOL);
        round_trip(&text, Oid::TEXT);
        round_trip(&Json(text), Oid::JSONB);
        round_trip(&bytes, Oid::BYTEA);
        round_trip(&Uuid(id), Oid::UUID);
        round_trip(&Date::from_days(int4), Oid::DATE);
        round_trip(&Time::from_micros(micros).unwrap(), Oid::TIME);
        round_trip(&Timestamp::from_micros(int8), Oid::TIMESTAMP);
        round_trip(&TimestampTz::from_micros(int8), Oid::TIMESTAMPTZ);
    }

    #[test]
    fn floats_keep_every_bit(single: u32, double: u64) {
        let (single, double) = (f32::from_bits(single), f64::from_bits(double));
        prop_assert_eq!(read::<f32>(Oid::FLOAT4, &encode(&single)).unwrap().to_bits(), single.to_bits());
        prop_assert_eq!(read::<f64>(Oid::FLOAT8, &encode(&double)).unwrap().to_bits(), double.to_bits());
    }

    #[test]
    fn numerics_survive_bytes_and_text(unscaled: i128, scale in 0_u16..60) {
        let number = Numeric::from_scaled(unscaled, scale);
        round_trip(&number, Oid::NUMERIC);
        let text = number.to_string();
        let again: Numeric = text.parse().unwrap();
        prop_assert_eq!(again.to_string(), text);
        prop_assert_eq!(&again, &number);
        prop_assert_eq!(number.to_scaled(scale), (unscaled != i128::MIN).then_some(unscaled));
    }

    #[test]
    fn numerics_order_as_integers_do(a: i64, b: i64, scale in 0_u16..30) {
        let (left, right) = (Numeric::from_scaled(a.into(), scale), Numeric::from_scaled(b.into(), scale));
        prop_assert_eq!(left.cmp(&right), a.cmp(&b));
        prop_assert!(Numeric::NEG_INFINITY < left && left < Numeric::INFINITY && Numeric::INFINITY < Numeric::NAN);
    }

    #[test]
    fn no_bytes_make_a_read_panic(value in prop::collection::vec(any::<u8>(), 0..40), oid in 0_u32..4_000) {
        hostile(Oid(oid), &value);
        for oid in KNOWN {
            hostile(oid, &value);
        }
    }

    #[test]
    fn no_numeric_header_makes_a_read_panic(
        weight: i16, sign in prop::sample::select(vec![0_u16, 0x4000, 0xc000]), dscale in 0_u16..0x4000,
        groups in prop::collection::vec(0_u16..10_000, 0..30), scale in 0_u16..0x3fff,
    ) {
        let mut value = Vec::new();
        value.extend_from_slice(&(groups.len() as u16).to_be_bytes());
        value.extend_from_slice(&weight.to_be_bytes());
        value.extend_from_slice(&sign.to_be_bytes());
        value.extend_from_slice(&dscale.to_be_bytes());
        groups.iter().for_each(|group| value.extend_from_slice(&group.to_be_bytes()));
        if let Ok(number) = read::<Numeric>(Oid::NUMERIC, &value) {
            number.to_scaled(scale);
            let text = number.to_string();
            prop_assert_eq!(text.parse::<Numeric>().unwrap(), number);
        }
    }

    #[test]
    fn no_text_makes_a_parse_panic(text: String, digits in "[-+]?[0-9.]{0,12}[eE]?[-+]?[0-9]{0,6}") {
        for text in [text, digits] {
            let _ = (text.parse::<Numeric>(), text.parse::<Uuid>());
        }
    }
}

const KNOWN: [Oid; 43] = [
    Oid::BOOL,
    Oid::BYTEA,
    Oid::CHAR,
    Oid::NAME,
    Oid::INT8,
    Oid::INT2,
    Oid::INT4,
    Oid::TEXT,
    Oid::OID,
    Oid::JSON,
    Oid::FLOAT4,
    Oid::FLOAT8,
    Oid::UNKNOWN,
    Oid::BPCHAR,
    Oid::VARCHAR,
    Oid::DATE,
    Oid::TIME,
    Oid::TIMESTAMP,
    Oid::TIMESTAMPTZ,
    Oid::NUMERIC,
    Oid::UUID,
    Oid::JSONB,
    Oid::INTERVAL,
    Oid::TIMETZ,
    Oid::INET,
    Oid::CIDR,
    Oid::MACADDR,
    Oid::MACADDR8,
    Oid::BIT,
    Oid::MONEY,
    Oid::POINT,
    Oid::BOX,
    Oid::PATH,
    Oid::POLYGON,
    Oid::TID,
    Oid::XID8,
    Oid::INT2VECTOR,
    Oid::OIDVECTOR,
    Oid::PG_SNAPSHOT,
    Oid::TSVECTOR,
    Oid::TSQUERY,
    Oid::JSONPATH,
    Oid::CIRCLE,
];

fn hostile(oid: Oid, value: &[u8]) {
    for format in [Format::Binary, Format::Text] {
        let column = column(oid, format);
        let column = &column;
        let _ = (bool::from_sql(column, value), f32::from_sql(column, value), f64::from_sql(column, value));
        let _ = (i16::from_sql(column, value), i32::from_sql(column, value), i64::from_sql(column, value));
        let _ = (u32::from_sql(column, value), Oid::from_sql(column, value), Uuid::from_sql(column, value));
        let _ = (<&str>::from_sql(column, value), String::from_sql(column, value));
        let _ = (<&[u8]>::from_sql(column, value), <Json<&str>>::from_sql(column, value));
        let printed = [
            Date::from_sql(column, value).map(|it| it.to_string()),
            Time::from_sql(column, value).map(|it| it.to_string()),
            Timestamp::from_sql(column, value).map(|it| it.to_string()),
            TimestampTz::from_sql(column, value).map(|it| it.to_string()),
            Numeric::from_sql(column, value).map(|it| it.to_string()),
            Interval::from_sql(column, value).map(|it| it.to_string()),
            TimeTz::from_sql(column, value).map(|it| it.to_string()),
            Point::from_sql(column, value).map(|it| it.to_string()),
            Rect::from_sql(column, value).map(|it| it.to_string()),
            Path::from_sql(column, value).map(|it| it.to_string()),
            Polygon::from_sql(column, value).map(|it| it.to_string()),
            Circle::from_sql(column, value).map(|it| it.to_string()),
            Tid::from_sql(column, value).map(|it| it.to_string()),
            Snapshot::from_sql(column, value).map(|it| it.to_string()),
        ];
        assert!(printed.iter().flatten().all(|text| !text.is_empty()));
        let _ = (Inet::from_sql(column, value), Cidr::from_sql(column, value), Bits::from_sql(column, value));
        let _ = (Int2Vector::from_sql(column, value), OidVector::from_sql(column, value));
        let _ = TsVector::from_sql(column, value).map(|it| it.to_string());
        let _ = TsQuery::from_sql(column, value).map(|it| it.to_string());
    }
}

/// Checks both ways against PostgreSQL's text and bytes.
fn check<T>(oid: Oid, known: &[(&str, &str)])
where
    T: for<'r> FromSql<'r> + ToSql + ToString,
{
    for (text, bytes) in known {
        let value: T = read(oid, &hex(bytes)).unwrap();
        assert_eq!(value.to_string(), *text);
        assert_eq!(encode(&value), hex(bytes), "{text}");
    }
}

const NUMERICS: [(&str, &str); 24] = [
    ("NaN", "00000000c0000000"),
    ("0.00", "0000000000000002"),
    ("0", "0000000000000000"),
    ("0.000000001234", "0001fffd0000000c04d2"),
    (
        "123456789012345678901234567890123456789012345",
        "000c000b00000000000109291a85007b11d722c509291a85007b11d722c50929",
    ),
    ("-98765.4321000", "00030001400000070009223d10e1"),
    ("10000000000", "00010002000000000064"),
    ("10000", "00010001000000000001"),
    ("100000000.00", "00010002000000020001"),
    ("0.00000000000000000001", "0001fffb000000140001"),
    ("0.1", "0001ffff0000000103e8"),
    ("-0.01", "0001ffff400000020064"),
    ("9999.9999", "0002000000000004270f270f"),
    ("12345678.12345678", "000400010000000804d2162e04d2162e"),
    ("0.00010000", "0001ffff000000080001"),
    ("0.00000015", "0001fffe00000008000f"),
    ("1000000000000000000000", "0001000500000000000a"),
    ("-1", "00010000400000000001"),
    ("1000", "000100000000000003e8"),
    ("0.5", "0001ffff000000011388"),
    ("15.0", "0001000000000001000f"),
    ("1.2", "0002000000000001000107d0"),
    ("0.00000", "0000000000000005"),
    ("0.0012300", "0002ffff00000007000c0bb8"),
];

#[test]
fn numerics_are_written_as_the_server_writes_them() {
    check::<Numeric>(Oid::NUMERIC, &NUMERICS);
    for (text, bytes) in NUMERICS {
        assert_eq!(encode(&text.parse::<Numeric>().unwrap()), hex(bytes), "{text}");
    }
    assert_eq!(read::<Numeric>(Oid::NUMERIC, &hex("00000000d0000020")).unwrap().to_string(), "Infinity");
    assert_eq!(read::<Numeric>(Oid::NUMERIC, &hex("00000000f0000020")).unwrap().to_string(), "-Infinity");
}

#[test]
fn numerics_are_parsed_as_the_server_parses_them() {
    let known = [
        ("-0.00", "0.00"),
        ("  +1.e3  ", "1000"),
        (".5", "0.5"),
        ("1.50e1", "15.0"),
        ("12e-1", "1.2"),
        ("0e5", "0"),
        ("0e-5", "0.00000"),
        ("1.2300e-3", "0.0012300"),
        ("inf", "Infinity"),
        ("-INFINITY", "-Infinity"),
        ("nan", "NaN"),
        ("1e10", "10000000000"),
    ];
    for (text, printed) in known {
        assert_eq!(text.parse::<Numeric>().unwrap().to_string(), printed, "{text}");
    }
    for text in [
        "",
        " ",
        ".",
        "-",
        "e5",
        "1e",
        "1 2",
        "--1",
        "+-1",
        "-NaN",
        "0x10",
        "1_000",
        "1e99999999999999999999",
    ] {
        assert!(text.parse::<Numeric>().is_err(), "{text:?}");
    }
}

#[test]
fn the_smallest_and_largest_numerics_pass_and_the_next_do_not() {
    let smallest: Numeric = "1e-16383".parse().unwrap();
    assert_eq!(encode(&smallest), hex("0001f00000003fff000a"));
    assert_eq!(smallest.to_string().len(), 16_385);
    assert!(smallest.to_string().ends_with("001"));
    assert!("1e-16384".parse::<Numeric>().is_err());

    let largest: Numeric = "1e131071".parse().unwrap();
    assert_eq!(encode(&largest), hex("00017fff0000000003e8"));
    assert_eq!(largest.to_string().len(), 131_072);
    assert!("1e131072".parse::<Numeric>().is_err());
}

#[test]
fn a_numeric_is_the_same_with_more_zeros() {
    let (short, long): (Numeric, Numeric) = ("1.5".parse().unwrap(), "1.500".parse().unwrap());
    assert_eq!(short, long);
    assert_ne!(short.to_string(), long.to_string());
    let set = std::collections::HashSet::from([short, long]);
    assert_eq!(set.len(), 1);
}

#[test]
fn malformed_numerics_are_refused() {
    let known = [
        ("", "empty"),
        ("00010000000000", "a short header"),
        ("000200000000000004d2", "a group too few"),
        ("000100000000000004d204d2", "a group too many"),
        ("000100000000000004d2ff", "half a group"),
        ("00010000000000002710", "a group of 10000"),
        ("00010000123400000001", "a sign that is none"),
        ("00010000000040000001", "a dscale that is none"),
        ("0001ffff0000000104d2", "digits below the dscale"),
    ];
    for (bytes, why) in known {
        let value = hex(bytes);
        assert!(read::<Numeric>(Oid::NUMERIC, &value).unwrap_err().is_malformed(), "{why}");
    }
}

#[test]
fn dates_and_times_are_written_as_the_server_writes_them() {
    check::<Date>(
        Oid::DATE,
        &[
            ("infinity", "7fffffff"),
            ("-infinity", "80000000"),
            ("5874897-12-31", "7fda970c"),
            ("4714-11-24 BC", "ffda97a7"),
            ("2000-01-01", "00000000"),
            ("1999-12-31", "ffffffff"),
            ("2024-02-29", "00002279"),
            ("1900-03-01", "ffff718f"),
            ("0001-01-01", "fff4dbf9"),
            ("0001-12-31 BC", "fff4dbf8"),
        ],
    );
    check::<Time>(
        Oid::TIME,
        &[
            ("24:00:00", "000000141dd76000"),
            ("00:00:00", "0000000000000000"),
            ("23:59:59.999999", "000000141dd75fff"),
            ("12:34:56.7", "0000000a8be4ca60"),
        ],
    );
    check::<Timestamp>(
        Oid::TIMESTAMP,
        &[
            ("infinity", "7fffffffffffffff"),
            ("-infinity", "8000000000000000"),
            ("294276-12-31 23:59:59.999999", "7fffff5bb3b29fff"),
            ("4714-11-24 00:00:00 BC", "fd0f7cc1411fa000"),
            ("2000-01-01 00:00:00", "0000000000000000"),
            ("1999-12-31 23:59:59.999999", "ffffffffffffffff"),
            ("2024-02-29 12:34:56.78", "0002b583417262e0"),
            ("0001-12-31 00:00:00.5 BC", "ff1fe2eba7cca120"),
            ("0044-03-15 01:02:03 BC", "ff1af9dfca4398c0"),
        ],
    );
    check::<TimestampTz>(
        Oid::TIMESTAMPTZ,
        &[
            ("infinity", "7fffffffffffffff"),
            ("2024-02-29 12:34:56.78+00", "0002b583417262e0"),
            ("0044-03-15 01:02:03+00 BC", "ff1af9dfca4398c0"),
        ],
    );
}

#[test]
fn times_beyond_the_day_are_refused() {
    assert!(Time::from_micros(86_400_000_000).is_some());
    assert!(Time::from_micros(86_400_000_001).is_none());
    assert!(Time::from_micros(-1).is_none());
    assert!(read::<Time>(Oid::TIME, &(-1_i64).to_be_bytes()).unwrap_err().is_malformed());
}

#[test]
fn days_that_do_not_exist_are_none() {
    for (year, month, day) in
        [(2023, 2, 29), (1900, 2, 29), (2024, 13, 1), (2024, 0, 1), (2024, 4, 31), (2024, 1, 0)]
    {
        assert_eq!(Date::from_ymd(year, month, day), None, "{year}-{month}-{day}");
    }
    assert_eq!(Date::from_ymd(i32::MAX, 1, 1), None);
    assert_eq!(Date::from_ymd(0, 12, 31).unwrap().ymd(), Some((0, 12, 31)));
    assert_eq!(Date::INFINITY.ymd(), None);
}

#[test]
fn system_times_convert_within_the_server_range() {
    let before = SystemTime::UNIX_EPOCH - Duration::from_nanos(1);
    assert_eq!(TimestampTz::try_from(before).unwrap().to_string(), "1969-12-31 23:59:59.999999+00");
    let after = SystemTime::UNIX_EPOCH + Duration::from_nanos(1_999);
    assert_eq!(TimestampTz::try_from(after).unwrap().to_string(), "1970-01-01 00:00:00.000001+00");

    let last = TimestampTz::from_micros(9_223_371_331_199_999_999);
    let time = SystemTime::try_from(last).unwrap();
    assert_eq!(TimestampTz::try_from(time).unwrap(), last);
    assert!(TimestampTz::try_from(time + Duration::from_micros(1)).is_err());

    let first = TimestampTz::from_micros(-211_813_488_000_000_000);
    let time = SystemTime::try_from(first).unwrap();
    assert_eq!(TimestampTz::try_from(time).unwrap(), first);
    assert!(TimestampTz::try_from(time - Duration::from_nanos(1)).is_err());

    assert!(SystemTime::try_from(TimestampTz::INFINITY).is_err());
    assert!(SystemTime::try_from(TimestampTz::NEG_INFINITY).is_err());
}

#[test]
fn numbers_widen_and_never_narrow() {
    assert_eq!(read::<i64>(Oid::INT2, &[0xff, 0xfe]).unwrap(), -2);
    assert_eq!(read::<i64>(Oid::INT4, &[0xff, 0xff, 0xff, 0xfe]).unwrap(), -2);
    assert_eq!(read::<i32>(Oid::INT2, &[0xff, 0xfe]).unwrap(), -2);
    assert_eq!(read::<f64>(Oid::FLOAT4, &1.5_f32.to_be_bytes()).unwrap(), 1.5);
    let refused =
        |accepts: fn(&Column) -> bool, oid| assert!(!accepts(&column(oid, Format::Binary)), "{oid}");
    refused(i32::accepts, Oid::INT8);
    refused(i16::accepts, Oid::INT4);
    refused(f32::accepts, Oid::FLOAT8);
    refused(f64::accepts, Oid::INT8);
    refused(i64::accepts, Oid::OID);
    refused(String::accepts, Oid::INT4);
    refused(String::accepts, Oid::BYTEA);
    refused(<&[u8]>::accepts, Oid::TEXT);
    refused(Timestamp::accepts, Oid::TIMESTAMPTZ);
    refused(TimestampTz::accepts, Oid::TIMESTAMP);
}

#[test]
fn a_wrong_length_is_malformed() {
    assert!(read::<i64>(Oid::INT8, &[0; 4]).unwrap_err().is_malformed());
    assert!(read::<i64>(Oid::INT8, &[]).unwrap_err().is_malformed());
    assert!(read::<bool>(Oid::BOOL, &[2]).unwrap_err().is_malformed());
    assert!(read::<Uuid>(Oid::UUID, &[0; 15]).unwrap_err().is_malformed());
    assert!(read::<&str>(Oid::TEXT, b"\xff").unwrap_err().is_malformed());
}

#[test]
fn the_version_of_jsonb_is_taken_off_and_checked() {
    assert_eq!(read::<&str>(Oid::JSONB, b"\x01{}").unwrap(), "{}");
    assert_eq!(read::<Json<String>>(Oid::JSONB, b"\x01{}").unwrap(), Json("{}".to_owned()));
    assert_eq!(read::<Json<&str>>(Oid::JSON, b"{}").unwrap(), Json("{}"));
    assert!(read::<&str>(Oid::JSONB, b"\x02{}").unwrap_err().is_malformed());
    assert!(read::<&str>(Oid::JSONB, b"").unwrap_err().is_malformed());
}

#[test]
fn text_is_read_where_a_column_came_as_text() {
    fn text<T: for<'r> FromSql<'r>>(oid: Oid, value: &str) -> Result<T, ValueError> {
        let column = column(oid, Format::Text);
        assert!(T::accepts(&column));
        T::from_sql(&column, value.as_bytes())
    }
    assert!(text::<bool>(Oid::BOOL, "t").unwrap());
    assert!(!text::<bool>(Oid::BOOL, "f").unwrap());
    assert!(text::<bool>(Oid::BOOL, "true").unwrap_err().is_malformed());
    assert_eq!(text::<i64>(Oid::INT4, "-42").unwrap(), -42);
    assert!(text::<i16>(Oid::INT2, "32768").unwrap_err().is_malformed());
    assert_eq!(text::<f64>(Oid::FLOAT8, "-Infinity").unwrap(), f64::NEG_INFINITY);
    assert!(text::<f32>(Oid::FLOAT4, "NaN").unwrap().is_nan());
    assert_eq!(text::<Numeric>(Oid::NUMERIC, "1.50").unwrap().to_string(), "1.50");
    assert_eq!(text::<Oid>(Oid::OID, "4000000000").unwrap(), Oid(4_000_000_000));
    assert_eq!(text::<Json<String>>(Oid::JSONB, "{}").unwrap(), Json("{}".to_owned()));
    assert_eq!(text::<String>(Oid(3_614), "'a':1").unwrap(), "'a':1");
    let error = ValueError::mismatch(&column(Oid::DATE, Format::Text));
    assert!(!Date::accepts(&column(Oid::DATE, Format::Text)));
    assert_eq!(error.to_string(), "the server sent the column as text");
}

#[test]
fn uuids_parse_what_they_print_and_nothing_else() {
    let text = "5b30857f-0bfa-48b5-ac0b-5c64e28078d1";
    assert_eq!(text.parse::<Uuid>().unwrap().to_string(), text);
    for wrong in [
        "",
        "5b30857f",
        "5b30857f-0bfa-48b5-ac0b-5c64e28078d",
        "+b30857f-0bfa-48b5-ac0b-5c64e28078d1",
        "5b30857f00bfa-48b5-ac0b-5c64e28078d1",
        "5b30857f-0bfa-48b5-ac0b-5c64e28078d11",
    ] {
        assert!(wrong.parse::<Uuid>().is_err(), "{wrong}");
    }
}

/// The policies of Arrow have it written.
#[test]
fn every_type_is_written_as_text() {
    for known in TYPES {
        let asked = Asked { oid: known.oid, typmod: -1, options: crate::arrow::ArrowOptions::default() };
        assert!((known.binary)(&asked).writer().is_some(), "{}", known.oid);
    }
}
