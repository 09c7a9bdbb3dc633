//! Every scalar type at its edges, three ways: the server's text, the typed value (which prints that text, and is the
//! same value as a parameter), and the Arrow value, alone and in a list.

mod common;

use std::cell::RefCell;
use std::fmt::Debug;
use std::net::IpAddr;

use common::{assert_usable, connect, on_each_server, value_error};
use molt_db::arrow::array::cast::AsArray;
use molt_db::arrow::array::types::{
    Float64Type, Int16Type, Int32Type, Int64Type, IntervalMonthDayNanoType, Time64MicrosecondType,
    UInt16Type, UInt32Type, UInt64Type,
};
use molt_db::arrow::array::{Array, ArrayRef};
use molt_db::arrow::schema::DataType;
use molt_db::arrow::{ArrowOptions, BatchLimits, Unfit};
use molt_db::decode::Format;
use molt_db::types::{
    Bits, Cid, Cidr, Circle, Inet, Int2Vector, Interval, Lexeme, Line, LineSegment, MacAddr, MacAddr8, Money,
    OidVector, Path, PgLsn, Point, Polygon, Rect, Snapshot, Tid, Time, TimeTz, TsNode, TsQuery, TsVector,
    Xid, Xid8,
};
use molt_db::{Connection, FromSql, Oid, ToSql};
use molt_db_testkit::shared_servers;
use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use proptest::sample::select;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

/// None of these may change what is read, sent, or found in Arrow.
const ODD: &str = "set IntervalStyle to 'sql_standard'; set DateStyle to 'German'; set TimeZone to 'Asia/Kathmandu'; \
                   set extra_float_digits to -15; set bytea_output to 'escape'; set xmloption to 'document'";

/// Takes the only value of the only row.
async fn arrow(c: &mut Connection, sql: &str) -> ArrayRef {
    let mut batches = c.query(sql).arrow().await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let batch = batches.next().await.unwrap_or_else(|error| panic!("{sql}: {error}")).unwrap();
    assert!(batches.next().await.unwrap().is_none());
    batch.column(0).to_data().validate_full().unwrap();
    assert_eq!((batch.num_rows(), batch.num_columns()), (1, 1));
    batch.column(0).clone()
}

/// What a check of one type needs beside its edge values.
struct Check<T> {
    type_name: &'static str,
    /// What the value prints, which is what the type's own function of output says.
    shown: fn(&T) -> Option<String>,
    /// What the Arrow value is to be, and what it is.
    expected: fn(&T, &str) -> String,
    found: fn(&dyn Array) -> String,
}

impl<T> Check<T>
where
    T: ToSql + Debug + for<'r> FromSql<'r>,
{
    async fn all(&self, literals: &[&str]) {
        on_each_server(async |server| {
            let mut c = connect(server).await;
            self.on(&mut c, literals).await;
            assert_usable(&mut c).await;
        })
        .await;
    }

    async fn on(&self, c: &mut Connection, literals: &[&str]) {
        for literal in literals {
            c.script("reset all; set TimeZone to 'UTC'; set lc_monetary to 'C'").await.unwrap();
            let (printed, array) = self.one(c, literal).await;
            c.script(ODD).await.unwrap();
            let (value, odd): (T, ArrayRef) = self.read(c, literal).await;
            assert_eq!((format!("{value:?}"), &odd), (printed, &array), "{literal} under other settings");
        }
        c.script("reset all").await.unwrap();
        self.null(c).await;
    }

    async fn read(&self, c: &mut Connection, literal: &str) -> (T, ArrayRef) {
        let sql = format!("select '{}'::{}", literal.replace('\'', "''"), self.type_name);
        let (value,): (T,) = c.query(&sql).one().await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let array = arrow(c, &sql).await;
        (value, array)
    }

    /// Returns how the value prints for those who debug, and the Arrow value.
    async fn one(&self, c: &mut Connection, literal: &str) -> (String, ArrayRef) {
        let name = self.type_name;
        let quoted = literal.replace('\'', "''");
        let (text,): (String,) =
            c.query(&format!("select format('%s', '{quoted}'::{name})")).one().await.unwrap();
        let (value, array) = self.read(c, literal).await;
        if let Some(shown) = (self.shown)(&value) {
            assert_eq!(shown, text, "'{literal}'::{name} prints {shown}");
        }
        let sql = format!("select $1::{name}, format('%s', $1::{name})");
        let (echo, back): (T, String) = c.query(&sql).bind(&value).one().await.unwrap();
        assert_eq!(back, text, "'{literal}'::{name} is sent as {back}");
        assert_eq!(format!("{echo:?}"), format!("{value:?}"));
        assert_eq!((self.found)(&array), (self.expected)(&value, &text), "'{literal}'::{name} in Arrow");
        let list = arrow(c, &format!("select array['{quoted}', null]::{name}[]")).await;
        let elements = list.as_list::<i32>().value(0);
        assert_eq!((elements.len(), elements.is_null(1)), (2, true));
        assert_eq!(&elements.slice(0, 1), &array, "'{literal}'::{name} in a list");
        let sql = format!("select array['{quoted}', null]::{name}[]");
        let (values,): (Vec<Option<T>>,) = c.query(&sql).one().await.unwrap();
        assert_eq!(format!("{values:?}"), format!("[Some({value:?}), None]"), "{name}[]");
        // What goes as text, because servers take it in no other form, goes into no array.
        if value.format() == Format::Binary {
            let sql = format!("select $1::{name}[]");
            let (echo,): (Vec<Option<T>>,) = c.query(&sql).bind(&values).one().await.unwrap();
            assert_eq!(format!("{echo:?}"), format!("{values:?}"), "{name}[]");
        }
        (format!("{value:?}"), array)
    }

    async fn null(&self, c: &mut Connection) {
        let name = self.type_name;
        let sql = format!("select $1::{name}, $1::{name} is null");
        let (null, is_null): (Option<T>, bool) = c.query(&sql).bind(None::<T>).one().await.unwrap();
        assert!(null.is_none() && is_null, "{name}");
        assert!(arrow(c, &format!("select null::{name}")).await.is_null(0), "{name}");
    }
}

fn prints<T: ToString>(value: &T) -> Option<String> {
    Some(value.to_string())
}

fn text(array: &dyn Array) -> String {
    array.as_string::<i32>().value(0).to_owned()
}

/// A type that is its text in Arrow.
fn as_text<T: ToString>(type_name: &'static str) -> Check<T> {
    Check { type_name, shown: prints, expected: |_, text| text.to_owned(), found: text }
}

/// Scenario 34: mixed signs, both ends.
#[tokio::test]
async fn intervals_keep_months_days_and_microseconds_apart() {
    let check = Check::<Interval> {
        type_name: "interval",
        shown: prints,
        expected: |value, _| format!("{} {} {}", value.months, value.days, i128::from(value.micros) * 1_000),
        found: |array| {
            let found = array.as_primitive::<IntervalMonthDayNanoType>().value(0);
            format!("{} {} {}", found.months, found.days, found.nanoseconds)
        },
    };
    let literals = [
        "0",
        "1 microsecond",
        "-1 microsecond",
        "1 day",
        "-1 day",
        "1 mon",
        "-1 mons",
        "1 year",
        "-11 mons",
        "23 mons",
        "1 year 2 mons -3 days 04:05:06.789",
        "-1 mons +2 days -00:00:00.5",
        "-1 day 1 sec",
        "-1 mon 1 day",
        "1 mon -1 day 00:00:01",
        "-1 year -2 mons 3 days -04:05:06.789",
        "100:00:00",
        "24:00:00",
        "2562000 hours",
        "-2562000 hours 0.000001 seconds",
        "2147483647 days",
        "-2147483648 days",
        "178956970 years 7 mons",
        "-178956970 years -8 mons",
    ];
    check.all(&literals).await;
}

/// Scenario 34: infinities, what overflows.
#[tokio::test]
async fn intervals_that_arrow_cannot_count_are_unfit_and_infinite_ones_exist_from_17_on() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let most = i64::MAX / 1_000;
        for (micros, fits) in [(most, true), (most + 1, false), (-most, true), (-most - 1, false)] {
            let sql = format!("select make_interval(secs => 0) + {micros} * interval '1 microsecond'");
            let (value,): (Interval,) = c.query(&sql).one().await.unwrap();
            // Arithmetic with a factor is done in float8; the parameter is exact.
            let exact = Interval { micros, ..value };
            let (echo,): (Interval,) = c.query("select $1::interval").bind(exact).one().await.unwrap();
            assert_eq!(echo, exact);
            assert_fit(&mut c, "select $1::interval", exact, fits).await;
        }
        for (value, text) in [(Interval::INFINITY, "infinity"), (Interval::NEG_INFINITY, "-infinity")] {
            let (echo,): (Interval,) = c.query("select $1::interval").bind(value).one().await.unwrap();
            assert_eq!((echo, echo.is_finite(), value.to_string()), (value, false, text.to_owned()));
            assert_fit(&mut c, "select $1::interval", value, false).await;
            if server.version().0 >= 17 {
                let sql = format!("select $1::interval::text, '{text}'::interval");
                let (shown, read): (String, Interval) = c.query(&sql).bind(value).one().await.unwrap();
                assert_eq!((shown.as_str(), read), (text, value));
            }
        }
        assert_usable(&mut c).await;
    })
    .await;
}

/// Asserts that Arrow can hold the value, or that it follows the policy.
async fn assert_fit(c: &mut Connection, sql: &str, value: impl ToSql + Copy, fits: bool) {
    for unfit in [Unfit::Error, Unfit::Null] {
        let options = ArrowOptions { unfit: unfit.into(), ..ArrowOptions::default() };
        let mut batches =
            c.query(sql).bind(value).arrow_with(&options, BatchLimits::default()).await.unwrap();
        match (batches.next().await, unfit) {
            (Ok(batch), _) if fits => assert!(batch.unwrap().column(0).is_valid(0)),
            (Ok(batch), Unfit::Null) => assert!(batch.unwrap().column(0).is_null(0)),
            (Err(error), Unfit::Error) if !fits => assert!(value_error(&error).is_out_of_range(), "{error}"),
            (other, _) => panic!("{sql}: {other:?}"),
        }
        c.settle().await.unwrap();
    }
}

/// Scenario 33: offsets up to 15:59:59 on both sides.
#[tokio::test]
async fn times_with_a_zone_keep_it() {
    let check = Check::<TimeTz> {
        type_name: "timetz",
        shown: prints,
        expected: |value, _| format!("{} {}", value.time().micros(), value.offset()),
        found: |array| {
            let parts = array.as_struct();
            let time = parts.column(0).as_primitive::<Time64MicrosecondType>().value(0);
            format!("{time} {}", parts.column(1).as_primitive::<Int32Type>().value(0))
        },
    };
    let literals = [
        "00:00:00+00",
        "00:00:00.000001-00:30",
        "12:34:56.789+05:30",
        "23:59:59.999999-15:59:59",
        "01:02:03+15:59:59",
        "12:34:56+05:30:15",
        "12:34:56-05:30:15",
        "12:00:00-08",
    ];
    check.all(&literals).await;
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let (end,): (TimeTz,) = c.query("select '24:00:00+01'::timetz").one().await.unwrap();
        assert_eq!(end.to_string(), "24:00:00+01");
        assert_fit(&mut c, "select $1::timetz", end, false).await;
    })
    .await;
}

#[tokio::test]
async fn addresses_of_hosts_and_networks_are_written_as_the_server_does() {
    let hosts = [
        "0.0.0.0",
        "255.255.255.255",
        "10.1.2.3/8",
        "10.1.2.3/0",
        "10.1.2.3/32",
        "::",
        "::/0",
        "::1",
        "::2",
        "::1:0",
        "::1.2.3.4",
        "::ffff:1.2.3.4/96",
        "::ffff:0:0",
        "::fffe:1.2.3.4",
        "0:0:1:2:3:4:0:0",
        "1:0:0:2:0:0:0:3",
        "1:0:0:2:3:0:0:4",
        "1:0:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:0",
        "2001:db8::/128",
        "2001:db8::1/64",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/127",
    ];
    as_text::<Inet>("inet").all(&hosts).await;
    let networks = [
        "0.0.0.0/0",
        "10/8",
        "10.1.2.3/32",
        "10.1.2.2/31",
        "255.255.255.255/32",
        "::/0",
        "::1/128",
        "2001:db8::/32",
        "::ffff:1.2.3.0/120",
        "::1.2.0.0/112",
    ];
    as_text::<Cidr>("cidr").all(&networks).await;
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let addr: IpAddr = [10, 1, 2, 3].into();
        let sql = "select $1::inet::cidr::text, $2::cidr::inet::text, $1::inet <<= $2::cidr";
        let parameters = (Inet::from(addr), Cidr::new([10, 0, 0, 0].into(), 8).unwrap());
        let row: (String, String, bool) = c.query(sql).bind_all(parameters).one().await.unwrap();
        assert_eq!(row, ("10.1.2.3/32".to_owned(), "10.0.0.0/8".to_owned(), true));
    })
    .await;
}

#[tokio::test]
async fn addresses_without_a_netmask_are_those_of_the_standard_library() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let hosts = ["0.0.0.0", "10.1.2.3", "::", "::ffff:1.2.3.4", "2001:db8::1"];
        let hosts = hosts.map(|text| text.parse::<IpAddr>().unwrap());
        for host in hosts {
            let sql = "select $1::inet, host($1), masklen($1)";
            let (back, shown, bits): (IpAddr, String, i32) = c.query(sql).bind(host).one().await.unwrap();
            assert_eq!((back, shown.parse(), bits), (host, Ok(host), if host.is_ipv4() { 32 } else { 128 }));
        }
        let (list,): (Vec<IpAddr>,) = c.query("select $1::inet[]").bind(hosts).one().await.unwrap();
        assert_eq!(list, hosts);
        for sql in ["select '10.1.2.3/31'::inet", "select '::1/0'::inet"] {
            let error = c.query(sql).one::<(IpAddr,)>().await.unwrap_err();
            let error = value_error(&error);
            assert!(error.is_out_of_range() && error.to_string().contains("netmask"), "{error}");
        }
        let error = c.query("select '10.1.2.3/32'::cidr").one::<(IpAddr,)>().await.unwrap_err();
        assert!(value_error(&error).is_type_mismatch(), "{error}");
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn addresses_of_devices_are_six_or_eight_bytes() {
    let bytes = |array: &dyn Array| format!("{:02x?}", array.as_fixed_size_binary().value(0));
    Check::<MacAddr> {
        type_name: "macaddr",
        shown: prints,
        expected: |value, _| format!("{:02x?}", value.0),
        found: bytes,
    }
    .all(&["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "08:00:2b:01:02:03"])
    .await;
    Check::<MacAddr8> {
        type_name: "macaddr8",
        shown: prints,
        expected: |value, _| format!("{:02x?}", value.0),
        found: bytes,
    }
    .all(&[
        "00:00:00:00:00:00:00:00",
        "ff:ff:ff:ff:ff:ff:ff:ff",
        "08:00:2b:01:02:03",
        "08:00:2b:01:02:03:04:05",
    ])
    .await;
}

/// Scenario 37: bit and varbit.
#[tokio::test]
async fn bits_are_as_many_as_they_were() {
    let long = "10110".repeat(3_001);
    let ones = "1".repeat(64);
    let literals = ["", "0", "1", "10101", "0000000", "11111111", "000000001", &ones, &long];
    as_text::<Bits>("varbit").all(&literals).await;
    as_text::<Bits>("bit(1)").all(&["0", "1"]).await;
    as_text::<Bits>("bit(9)").all(&["000000001", "111111111", "100000000"]).await;
}

/// Scenario 37: money.
#[tokio::test]
async fn money_is_units_of_a_currency() {
    let check = Check::<Money> {
        type_name: "money",
        shown: |_| None,
        expected: |value, _| value.0.to_string(),
        found: |array| array.as_primitive::<Int64Type>().value(0).to_string(),
    };
    check.all(&["0", "0.01", "-0.01", "92233720368547758.07", "-92233720368547758.08", "1234.5"]).await;
    on_each_server(async |server| {
        let mut c = connect(server).await;
        c.script("set lc_monetary to 'C'").await.unwrap();
        let (units,): (Money,) = c.query("select '-1234.5'::money").one().await.unwrap();
        assert_eq!(units, Money(-123_450));
    })
    .await;
}

/// Scenario 32: xid8.
#[tokio::test]
async fn numbers_of_transactions_and_places_have_no_sign() {
    let narrow = |array: &dyn Array| array.as_primitive::<UInt32Type>().value(0).to_string();
    let wide = |array: &dyn Array| array.as_primitive::<UInt64Type>().value(0).to_string();
    let expected = |_: &_, text: &str| text.to_owned();
    let numbers = ["0", "1", "2147483648", "4294967295"];
    Check::<Xid> { type_name: "xid", shown: prints, expected, found: narrow }.all(&numbers).await;
    Check::<Cid> { type_name: "cid", shown: prints, expected: |v, _| v.to_string(), found: narrow }
        .all(&numbers)
        .await;
    Check::<Xid8> { type_name: "xid8", shown: prints, expected: |v, _| v.to_string(), found: wide }
        .all(&["0", "4294967296", "9223372036854775808", "18446744073709551615"])
        .await;
    Check::<PgLsn> { type_name: "pg_lsn", shown: prints, expected: |v, _| v.0.to_string(), found: wide }
        .all(&["0/0", "16/B374D848", "FFFFFFFF/FFFFFFFF", "0/1", "1/0"])
        .await;
    let tid = Check::<Tid> {
        type_name: "tid",
        shown: prints,
        expected: |_, text| text.to_owned(),
        found: |array| {
            let parts = array.as_struct();
            let block = parts.column(0).as_primitive::<UInt32Type>().value(0);
            format!("({block},{})", parts.column(1).as_primitive::<UInt16Type>().value(0))
        },
    };
    tid.all(&["(0,0)", "(0,1)", "(4294967295,65535)", "(2147483648,32768)"]).await;
}

/// Scenario 37: regclass, with a number of nothing.
#[tokio::test]
async fn names_in_the_catalogues_are_numbers() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let known = [
            ("regproc", "now"),
            ("regprocedure", "now()"),
            ("regoper", "||/"),
            ("regoperator", "+(integer,integer)"),
            ("regclass", "pg_class"),
            ("regtype", "integer"),
            ("regconfig", "simple"),
            ("regdictionary", "simple"),
            ("regnamespace", "pg_catalog"),
            ("regrole", "pg_monitor"),
            ("regcollation", "\"C\""),
        ];
        for (name, text) in known {
            let sql = format!("select '{text}'::{name}, '{text}'::{name}::oid, '{text}'::{name}::text");
            let (alias, number, shown): (Oid, u32, String) = c.query(&sql).one().await.unwrap();
            assert_eq!(alias.0, number, "{name}");
            let sql = format!("select $1::{name}::text, $1::{name}");
            let (back, echo): (String, Oid) = c.query(&sql).bind(alias).one().await.unwrap();
            assert_eq!((back, echo), (shown, alias), "{name}");
            let found = arrow(&mut c, &format!("select '{text}'::{name}")).await;
            assert_eq!(found.as_primitive::<UInt32Type>().value(0), number, "{name}");
            let found = arrow(&mut c, &format!("select '4294967295'::oid::{name}")).await;
            assert_eq!(found.as_primitive::<UInt32Type>().value(0), u32::MAX, "{name}");
        }
        assert_usable(&mut c).await;
    })
    .await;
}

/// Every number in an array, from the outside to the inside, and whether anything is closed.
fn numbers(array: &dyn Array) -> String {
    match array.data_type() {
        DataType::Float64 => format!("{:?} ", array.as_primitive::<Float64Type>().values().to_vec()),
        DataType::Boolean => format!("{:?} ", array.as_boolean().value(0)),
        DataType::List(_) => numbers(array.as_list::<i32>().values()),
        DataType::Struct(_) => array.as_struct().columns().iter().map(|part| numbers(part)).collect(),
        other => panic!("{other}"),
    }
}

fn xs_and_ys(points: &[Point]) -> String {
    let (xs, ys): (Vec<_>, Vec<_>) = points.iter().map(|point| (point.x, point.y)).unzip();
    format!("{xs:?} {ys:?} ")
}

#[tokio::test]
async fn points_and_what_is_made_of_them_keep_every_bit() {
    let points = [
        "(0,-0)",
        "(1.5,-2)",
        "(NaN,Infinity)",
        "(-Infinity,5e-324)",
        "(1e15,1e14)",
        "(123456789012345678,-0.0001)",
        "(0.00001,0.1)",
        "(1.7976931348623157e308,0.30000000000000004)",
        "(999999999999999.9,2.2250738585072014e-308)",
    ];
    Check::<Point> {
        type_name: "point",
        shown: prints,
        expected: |value, _| xs_and_ys(&[*value]),
        found: numbers,
    }
    .all(&points)
    .await;
    Check::<LineSegment> {
        type_name: "lseg",
        shown: prints,
        expected: |value, _| xs_and_ys(&[value.start]) + &xs_and_ys(&[value.end]),
        found: numbers,
    }
    .all(&["[(1,2),(3,4)]", "[(-1e300,0.1),(1e-300,-0)]"])
    .await;
    Check::<Circle> {
        type_name: "circle",
        shown: prints,
        expected: |value, _| xs_and_ys(&[value.center]) + &format!("{:?} ", [value.radius]),
        found: numbers,
    }
    .all(&["<(1,2),3>", "<(0.1,-0.2),0>", "<(0,0),Infinity>"])
    .await;
    Check::<Line> {
        type_name: "line",
        shown: prints,
        expected: |value, _| format!("{:?} {:?} {:?} ", [value.a], [value.b], [value.c]),
        found: numbers,
    }
    .all(&["{1,2,3}", "{-0.1,0,1e300}", "{0,-1,0}"])
    .await;
}

#[tokio::test]
async fn paths_polygons_and_boxes_keep_every_point() {
    let check = Check::<Rect> {
        type_name: "box",
        shown: prints,
        expected: |value, _| xs_and_ys(&[value.high]) + &xs_and_ys(&[value.low]),
        found: numbers,
    };
    // An array of boxes is written with another separator; a single one has none.
    on_each_server(async |server| {
        let mut c = connect(server).await;
        for literal in ["(3,4),(1,2)", "(1,2),(3,4)", "(0,0),(0,0)", "(1e300,0.1),(-1e-300,-5)"] {
            check.one(&mut c, literal).await;
        }
        check.null(&mut c).await;
    })
    .await;
    Check::<Path> {
        type_name: "path",
        shown: prints,
        expected: |value, _| format!("{} {}", value.closed, xs_and_ys(&value.points)),
        found: numbers,
    }
    .all(&["[(1,2)]", "((1,2))", "[(0,0),(1,0.1),(1e20,-1)]", "((0,0),(1,0.1),(1e20,-1))"])
    .await;
    Check::<Polygon> {
        type_name: "polygon",
        shown: prints,
        expected: |value, _| xs_and_ys(&value.points),
        found: numbers,
    }
    .all(&["((1,2))", "((0,0),(1,0.1),(1e20,-1))"])
    .await;
}

/// Scenario 35: int2vector and oidvector.
#[tokio::test]
async fn vectors_of_the_catalogues_are_lists() {
    Check::<Int2Vector> {
        type_name: "int2vector",
        shown: prints,
        expected: |value, _| format!("{:?}", value.0),
        found: |array| {
            let values = array.as_list::<i32>().value(0);
            format!("{:?}", values.as_primitive::<Int16Type>().values().to_vec())
        },
    }
    .all(&["", "0", "1 -2 32767 -32768"])
    .await;
    Check::<OidVector> {
        type_name: "oidvector",
        shown: prints,
        expected: |value, _| format!("{:?}", value.0.iter().map(|oid| oid.0).collect::<Vec<_>>()),
        found: |array| {
            let values = array.as_list::<i32>().value(0);
            format!("{:?}", values.as_primitive::<UInt32Type>().values().to_vec())
        },
    }
    .all(&["", "0", "1 4294967295 2147483648"])
    .await;
}

#[tokio::test]
async fn snapshots_name_the_transactions_that_were_running() {
    let literals = ["1:1:", "10:20:10,14,15", "1:9223372036854775807:3", "10:12:10,11"];
    as_text::<Snapshot>("pg_snapshot").all(&literals).await;
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let (old,): (Snapshot,) = c.query("select '10:20:10,14'::txid_snapshot").one().await.unwrap();
        assert_eq!(old.to_string(), "10:20:10,14");
        assert_eq!(text(&arrow(&mut c, "select '10:20:10,14'::txid_snapshot").await), "10:20:10,14");
    })
    .await;
}

/// Scenario 37: tsvector.
#[tokio::test]
async fn documents_and_searches_are_written_as_the_server_does() {
    let documents =
        ["", "a", "b a a", "a:1A,2B,3C,4D,16383 b", "'it''s' '\\\\' 'a b' 'ä😀'", "a:16383A fat:2,4 cat:3B"];
    as_text::<TsVector>("tsvector").all(&documents).await;
    let searches = [
        "",
        "a",
        "!a",
        "!!a",
        "a:* & b:ABCD & c:*D",
        "a & b | c & d",
        "(a | b) & (c | d)",
        "a <-> b <-> c",
        "a <-> (b <-> c)",
        "(a & b) <2> !(c | d)",
        "!(a <-> b) <16384> 'it''s'",
        "'\\\\' & 'ä 😀'",
        "!(a & !(b | c))",
    ];
    as_text::<TsQuery>("tsquery").all(&searches).await;
    let deep = format!("{}a{}", "!(b & ".repeat(500), ")".repeat(500));
    as_text::<TsQuery>("tsquery").all(&[&deep]).await;
}

/// Types that strings read, and send. Scenario 37: xml with its declaration.
#[tokio::test]
async fn types_that_are_text_read_as_strings() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        let known: [(&str, &[&str]); 5] = [
            ("xml", &["<a>ä</a>", "text", "<?xml version=\"1.0\"?><a/>", ""]),
            ("jsonpath", &["$.\"a\"[*]", "strict $", "$.\"ä\"?(@ > 1.5)"]),
            ("refcursor", &["", "cursor ä"]),
            ("name", &["", "n"]),
            ("\"char\"", &["", "x", "\x7f"]),
        ];
        for (name, texts) in known {
            if name == "xml" && !has_xml(&mut c).await {
                continue;
            }
            for literal in texts {
                let sql = format!("select $1::{name}, format('%s', $1::{name})");
                let (echo, shown): (String, String) = c.query(&sql).bind(*literal).one().await.unwrap();
                assert_eq!(echo, shown, "{name}");
                let quoted = literal.replace('\'', "''");
                assert_eq!(text(&arrow(&mut c, &format!("select '{quoted}'::{name}")).await), shown);
            }
            assert!(arrow(&mut c, &format!("select null::{name}")).await.is_null(0));
        }
        c.script("create temp table defaults (a int default 7)").await.unwrap();
        let sql = "select adbin from pg_attrdef where adrelid = 'defaults'::regclass";
        let (tree,): (String,) = c.query(sql).one().await.unwrap();
        assert!(tree.starts_with('{'), "{tree}");
        assert_eq!(text(&arrow(&mut c, sql).await), tree);
        assert_usable(&mut c).await;
    })
    .await;
}

/// Servers are built with libxml or without it.
async fn has_xml(c: &mut Connection) -> bool {
    let found = c.query("select '<a/>'::xml::text").one::<(String,)>().await;
    assert!(c.is_usable());
    found.is_ok()
}

/// Scenario 32: "char" from 0x80 on.
#[tokio::test]
async fn a_byte_that_is_no_character_is_unfit_for_text_and_a_number_to_i8() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        for number in [i8::MIN, -1, 0, 1, 65, i8::MAX] {
            let sql = "select $1::\"char\", $1::\"char\"::int4";
            let (echo, shown): (i8, i32) = c.query(sql).bind(number).one().await.unwrap();
            assert_eq!((echo, shown), (number, number.into()));
            assert_fit(&mut c, "select $1::\"char\"", number, number >= 0).await;
            let read = c.query("select $1::\"char\"").bind(number).one::<(String,)>().await;
            assert_eq!(read.is_ok(), number >= 0);
            c.settle().await.unwrap();
        }
        assert_usable(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn scalars_go_in_and_out_by_a_binary_copy() {
    on_each_server(async |server| {
        let mut c = connect(server).await;
        c.script(
            "create temp table t (a interval, b timetz, c inet, d cidr, e macaddr, f macaddr8, g bit(3), h varbit, i money,
             j xid, k xid8, l pg_lsn, m tid, n regclass, o point, p path, q polygon, r circle, s int2vector, t oidvector,
             u pg_snapshot, v tsvector, w tsquery, x jsonpath, y refcursor, z \"char\")",
        )
        .await
        .unwrap();
        let point = Point { x: 1.0, y: -0.5 };
        let bits: Bits = "101".parse().unwrap();
        let words = TsVector { lexemes: vec![Lexeme { text: "it's".into(), positions: vec![] }] };
        let search = TsNode::Lexeme { text: "a".into(), weights: 8, prefix: true };
        let values: [&(dyn ToSql + Sync); 26] = [
            &Interval { months: 14, days: -3, micros: 1 },
            &TimeTz::new(Time::from_micros(1).unwrap(), -3_600).unwrap(),
            &"10.1.2.3/8".parse::<Inet>().unwrap(),
            &"10.0.0.0/8".parse::<Cidr>().unwrap(),
            &MacAddr([1; 6]),
            &MacAddr8([2; 8]),
            &bits,
            &bits,
            &Money(-105),
            &Xid(u32::MAX),
            &Xid8(u64::MAX),
            &PgLsn(0x16_b374_d848),
            &Tid { block: 1, offset: 2 },
            &Oid(1259),
            &point,
            &Path { closed: false, points: vec![point, point] },
            &Polygon { points: vec![point] },
            &Circle { center: point, radius: 2.0 },
            &Int2Vector(vec![1, -2]),
            &OidVector(vec![Oid(7)]),
            &Snapshot { xmin: Xid8(1), xmax: Xid8(3), running: vec![Xid8(2)] },
            &words,
            &TsQuery::from_postfix(vec![search]).unwrap(),
            &"$.\"a\"",
            &"cursor",
            &65_i8,
        ];
        let mut rows = c.copy_in_rows("t", &[]).await.unwrap();
        rows.send(values.as_slice()).await.unwrap();
        rows.send([None::<i32>; 26].as_slice()).await.unwrap();
        assert_eq!(rows.finish().await.unwrap(), 2);
        c.script("set lc_monetary to 'C'").await.unwrap();
        let (shown,): (String,) =
            c.query("select format('%s', whole) from t as whole where a is not null").one().await.unwrap();
        assert!(shown.starts_with("(\"1 year 2 mons -3 days +00:00:00.000001\",00:00:00.000001-01,10.1.2.3/8,"), "{shown}");
        for part in ["10.0.0.0/8,01:01:01:01:01:01,", ",101,101,-$1.05,4294967295,", ",16/B374D848,", ",pg_class,"] {
            assert!(shown.contains(part), "{part} is not in {shown}");
        }
        for part in ["\"(1,2)\"", "[(1,-0.5),(1,-0.5)]", "<(1,-0.5),2>", "1 -2", "1:3:2", "'it''s'", "'a':*A", "cursor"] {
            assert!(shown.contains(part), "{part} is not in {shown}");
        }
        let ((), nothing): ((), String) = c.query("select pg_sleep(0), ''::text").one().await.unwrap();
        assert_eq!(nothing, "");
        assert_usable(&mut c).await;
    })
    .await;
}

/// Settings of a session that may be anything.
fn settings() -> impl Strategy<Value = String> {
    let zones = select(vec!["UTC", "America/St_Johns", "Asia/Kathmandu", "Europe/Paris"]);
    let dates = select(vec!["ISO, MDY", "SQL, DMY", "German", "Postgres, YMD"]);
    let intervals = select(vec!["postgres", "sql_standard", "iso_8601", "postgres_verbose"]);
    (zones, dates, intervals, -15..=3_i32).prop_map(|(zone, date, interval, digits)| {
        format!(
            "set TimeZone to '{zone}'; set DateStyle to '{date}'; set IntervalStyle to '{interval}'; \
             set extra_float_digits to {digits}"
        )
    })
}

/// Sends a value under one setting, and under another one compares what comes back, what the server makes of the text
/// that the value prints, and what Arrow has of both.
async fn round_trip<T>(c: &mut Connection, name: &str, value: &T) -> Result<(), String>
where
    T: ToSql + Debug + ToString + for<'r> FromSql<'r>,
{
    let said = |error: molt_db::Error| format!("{name} {value:?}: {error}");
    let text = value.to_string();
    let sql = format!("select $1::{name}, $2::text::{name}");
    let (echo, read): (T, T) = c.query(&sql).bind_all((value, &text)).one().await.map_err(said)?;
    for found in [echo, read] {
        if format!("{found:?}") != format!("{value:?}") {
            return Err(format!("{name} {value:?}, which prints {text}, comes back as {found:?}"));
        }
    }
    let mut batches = c.query(&sql).bind_all((value, &text)).arrow().await.map_err(said)?;
    let batch = batches.next().await.map_err(said)?.ok_or("no batch")?;
    assert!(batches.next().await.map_err(said)?.is_none());
    let same = batch.column(0).to_data() == batch.column(1).to_data() && batch.column(0).is_valid(0);
    if same { Ok(()) } else { Err(format!("{name} {value:?} is {batch:?}")) }
}

/// Values of which the server accepts all.
fn scalars() -> impl Strategy<Value = Scalars> {
    let finite = || (-1e300..1e300_f64).boxed();
    let interval = (any::<i32>(), any::<i32>(), -9_223_372_036_854_775..=9_223_372_036_854_775_i64);
    let zoned = (0..86_400_000_000_i64, -57_599..57_600_i32);
    let inet = (any::<[u8; 16]>(), any::<bool>(), 0..=128_u8);
    let words = vec(("[a-z'\\\\ ä]{1,5}", 1..=16_383_u16), 1..4);
    (interval, zoned, inet, vec(any::<bool>(), 0..40), any::<u64>(), vec((finite(), finite()), 1..4), words)
        .prop_map(|(interval, (micros, offset), (octets, is_v6, prefix), bits, number, points, words)| {
            Scalars {
                interval: Interval { months: interval.0, days: interval.1, micros: interval.2 },
                timetz: TimeTz::new(Time::from_micros(micros).unwrap(), offset).unwrap(),
                inet: if is_v6 {
                    Inet::new(octets.into(), prefix).unwrap()
                } else {
                    Inet::new([octets[0], octets[1], octets[2], octets[3]].into(), prefix % 33).unwrap()
                },
                bits: bits.into_iter().collect(),
                number,
                points: points.into_iter().map(|(x, y)| Point { x, y }).collect(),
                words,
            }
        })
}

#[derive(Debug, Clone)]
struct Scalars {
    interval: Interval,
    timetz: TimeTz,
    inet: Inet,
    bits: Bits,
    number: u64,
    points: Vec<Point>,
    words: Vec<(String, u16)>,
}

impl Scalars {
    fn search(&self) -> TsQuery {
        let mut nodes = Vec::new();
        for (place, (text, distance)) in self.words.iter().enumerate() {
            let weights = u8::try_from(distance % 16).unwrap();
            nodes.push(TsNode::Lexeme { text: text.clone(), weights, prefix: distance % 3 == 0 });
            if distance % 2 == 0 {
                nodes.push(TsNode::Not);
            }
            if place > 0 {
                nodes.push(
                    [TsNode::And, TsNode::Or, TsNode::Phrase(*distance)][usize::from(distance % 3)].clone(),
                );
            }
        }
        TsQuery::from_postfix(nodes).unwrap()
    }

    async fn check(&self, c: &mut Connection) -> Result<(), String> {
        // What is longer in text than the server reads: it multiplies and adds as it goes.
        let modest = Interval { months: self.interval.months / 2, days: self.interval.days, ..self.interval };
        round_trip(c, "interval", &modest).await?;
        round_trip(c, "timetz", &self.timetz).await?;
        round_trip(c, "inet", &self.inet).await?;
        round_trip(c, "varbit", &self.bits).await?;
        let [low, high] =
            [self.number & 0xffff_ffff, self.number >> 32].map(|half| u32::try_from(half).unwrap());
        round_trip(c, "xid", &Xid(low)).await?;
        round_trip(c, "xid8", &Xid8(self.number)).await?;
        round_trip(c, "pg_lsn", &PgLsn(self.number)).await?;
        round_trip(c, "tid", &Tid { block: low, offset: (high & 0xffff).try_into().unwrap() }).await?;
        let octets = self.number.to_be_bytes();
        round_trip(c, "macaddr8", &MacAddr8(octets)).await?;
        round_trip(c, "macaddr", &MacAddr(*octets.first_chunk().unwrap())).await?;
        round_trip(c, "oidvector", &OidVector(vec![Oid(low), Oid(high)])).await?;
        let first = self.points[0];
        round_trip(c, "point", &first).await?;
        round_trip(c, "circle", &Circle { center: first, radius: first.x.abs() }).await?;
        round_trip(c, "path", &Path { closed: low % 2 == 0, points: self.points.clone() }).await?;
        round_trip(c, "polygon", &Polygon { points: self.points.clone() }).await?;
        round_trip(c, "tsquery", &self.search()).await
    }
}

#[test]
fn any_scalar_survives_the_round_trip() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for server in shared_servers() {
        let connection = RefCell::new(runtime.block_on(connect(server)));
        let rounds = Config { cases: 150, failure_persistence: None, ..Config::default() };
        let outcome = TestRunner::new(rounds).run(&(scalars(), settings()), |(scalars, settings)| {
            let mut c = connection.borrow_mut();
            runtime.block_on(c.script(&settings)).map_err(|error| TestCaseError::fail(error.to_string()))?;
            runtime.block_on(scalars.check(&mut c)).map_err(TestCaseError::fail)
        });
        outcome.unwrap_or_else(|error| panic!("{server:?}: {error}"));
    }
}
