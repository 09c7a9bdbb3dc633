//! The table of parameters says what every type is sent as.

mod sent;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use molt_db_decode::types::{
    self, Array, Bits, Cid, Cidr, Circle, Cube, Hstore, Inet, Int2Vector, Interval, Line, LineSegment,
    MacAddr, MacAddr8, Money, Multirange, OidVector, PgLsn, Point, Polygon, Range, Rect, Snapshot, Tid,
    TimeTz, TsNode, TsQuery, TsVector, Xid, Xid8,
};
use molt_db_decode::{Date, Format, Json, Numeric, Oid, Params, Time, Timestamp, TimestampTz, ToSql, Uuid};

use sent::implementations;

/// For each Rust type the OID and the format.
type Table = BTreeMap<String, (u32, String)>;

const POINT: Point = Point { x: 1.0, y: 2.0 };

fn search() -> TsQuery {
    TsQuery::from_postfix(vec![TsNode::Lexeme { text: "a".into(), weights: 0, prefix: false }]).unwrap()
}

#[test]
fn every_type_is_sent_as_the_table_says() {
    let mut sent = Table::new();
    let mut note = |name: &str, value: &dyn ToSql| {
        let mut params = Params::default();
        params.push(value).unwrap();
        let format = match params.formats() {
            [Format::Text] => "text",
            _ => "binary",
        };
        sent.insert(name.to_owned(), (params.oids()[0].0, format.to_owned()));
    };
    note("bool", &true);
    note("i16", &7_i16);
    note("i32", &7_i32);
    note("i64", &7_i64);
    note("u32", &7_u32);
    note("Oid", &Oid::INT4);
    note("f32", &7.0_f32);
    note("f64", &7.0_f64);
    note("Numeric", &"7.50".parse::<Numeric>().unwrap());
    note("str", &"text");
    note("String", &String::from("text"));
    note("Cow<'_, str>", &Cow::from("text"));
    note("[u8]", &b"bytes".as_slice());
    note("[u8; N]", b"bytes");
    note("Vec<u8>", &b"bytes".to_vec());
    note("Date", &Date::INFINITY);
    note("Time", &Time::from_micros(7).unwrap());
    note("Timestamp", &Timestamp::INFINITY);
    note("TimestampTz", &TimestampTz::INFINITY);
    note("Uuid", &Uuid([7; 16]));
    note("Hstore", &Hstore::default());
    note("Cube", &Cube::Point(vec![1.0]));
    note("Json<T>", &Json("{}"));
    note("i8", &7_i8);
    note("Interval", &Interval::INFINITY);
    note("TimeTz", &TimeTz::new(Time::from_micros(7).unwrap(), 0).unwrap());
    note("Inet", &"10.0.0.1".parse::<Inet>().unwrap());
    note("IpAddr", &IpAddr::from([10, 0, 0, 1]));
    note("Cidr", &"10.0.0.0/8".parse::<Cidr>().unwrap());
    note("MacAddr", &MacAddr([7; 6]));
    note("MacAddr8", &MacAddr8([7; 8]));
    note("Bits", &"101".parse::<Bits>().unwrap());
    note("Money", &Money(7));
    note("Xid", &Xid(7));
    note("Cid", &Cid(7));
    note("Xid8", &Xid8(7));
    note("PgLsn", &PgLsn(7));
    note("Tid", &Tid { block: 7, offset: 1 });
    note("Point", &POINT);
    note("LineSegment", &LineSegment { start: POINT, end: POINT });
    note("Rect", &Rect { high: POINT, low: POINT });
    note("Path", &types::Path { closed: true, points: vec![POINT] });
    note("Polygon", &Polygon { points: vec![POINT] });
    note("Line", &Line { a: 1.0, b: 2.0, c: 3.0 });
    note("Circle", &Circle { center: POINT, radius: 1.0 });
    note("Int2Vector", &Int2Vector(vec![7]));
    note("OidVector", &OidVector(vec![Oid::INT4]));
    note("Snapshot", &Snapshot { xmin: Xid8(7), xmax: Xid8(8), running: vec![] });
    note("TsVector", &TsVector::default());
    note("TsQuery", &search());
    note("[T]", &[7].as_slice());
    note("[T; N]", &[7]);
    note("Vec<T>", &vec!["text"]);
    note("Array<T>", &Array::from(vec![None::<i64>]));
    note("Range<T>", &Range::new(Date::INFINITY..));
    note("Multirange<T>", &Multirange::<Numeric>(Vec::new()));
    assert_eq!(sent, table());
}

#[test]
fn none_is_sent_as_the_type_that_it_is_none_of() {
    fn declares<T: ToSql>(value: T) {
        let (oid, some, none) = (value.oid(), Some(value), None::<T>);
        assert_eq!((some.oid(), none.oid()), (oid, oid));
        assert_eq!(<&Option<T>>::oid(&&none), oid);
        assert_eq!(none.format(), Format::Text);
    }
    declares(true);
    declares(7_i16);
    declares(7_i32);
    declares(7_i64);
    declares(7_u32);
    declares(Oid::INT4);
    declares(7.0_f32);
    declares(7.0_f64);
    declares("7.50".parse::<Numeric>().unwrap());
    declares(String::from("text"));
    declares(Cow::from("text"));
    declares(*b"bytes");
    declares(b"bytes".to_vec());
    declares(Date::INFINITY);
    declares(Time::from_micros(7).unwrap());
    declares(Timestamp::INFINITY);
    declares(TimestampTz::INFINITY);
    declares(Uuid([7; 16]));
    declares(Json("{}"));
    declares([7]);
    declares(vec!["text"]);
    declares(Array::from(vec![Json("{}")]));
    declares(Range::new(7..));
    declares(Multirange::<Date>(Vec::new()));
    declares(7_i8);
    declares(Interval::INFINITY);
    declares(TimeTz::new(Time::from_micros(7).unwrap(), 0).unwrap());
    declares("10.0.0.1".parse::<Inet>().unwrap());
    declares("10.0.0.0/8".parse::<Cidr>().unwrap());
    declares(IpAddr::from([10, 0, 0, 1]));
    declares(MacAddr([7; 6]));
    declares(MacAddr8([7; 8]));
    declares("101".parse::<Bits>().unwrap());
    declares(Money(7));
    declares(Xid(7));
    declares(Cid(7));
    declares(Xid8(7));
    declares(PgLsn(7));
    declares(Tid { block: 7, offset: 1 });
    declares(POINT);
    declares(LineSegment { start: POINT, end: POINT });
    declares(Rect { high: POINT, low: POINT });
    declares(types::Path { closed: true, points: vec![POINT] });
    declares(Polygon { points: vec![POINT] });
    declares(Line { a: 1.0, b: 2.0, c: 3.0 });
    declares(Circle { center: POINT, radius: 1.0 });
    declares(Int2Vector(vec![7]));
    declares(OidVector(vec![Oid::INT4]));
    declares(Snapshot { xmin: Xid8(7), xmax: Xid8(8), running: vec![] });
    declares(TsVector::default());
    declares(search());
}

#[test]
fn the_table_misses_no_type() {
    let implemented = implementations(&root().join("decode/src/types"), Some("with"));
    assert!(implemented.len() > 15, "{implemented:?}");
    let table = table();
    let missing: Vec<_> = implemented.iter().filter(|name| !table.contains_key(*name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert_eq!(implemented.len(), table.len());
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn table() -> Table {
    let text = fs::read_to_string(root().join("spec/parameters.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|line| {
        let cells: Vec<_> =
            line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let [name, _, oid, format] = cells[..] else { panic!("{line}") };
        (name.to_owned(), (oid.parse().unwrap(), format.to_owned()))
    })
    .collect()
}
