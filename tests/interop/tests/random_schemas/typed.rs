//! Typed values as the text that they print, which is to be what the server writes.

use std::any::type_name;
use std::fmt::Display;

use molt_db::types::{
    Array, Bits, Cid, Cidr, Circle, Date, Inet, Int2Vector, Interval, Line, LineSegment, MacAddr, MacAddr8,
    Money, Multirange, Numeric, OidVector, Path, PgLsn, Point, Polygon, Range, Rect, Snapshot, Tid, Time,
    TimeTz, Timestamp, TimestampTz, TsQuery, TsVector, Uuid, Xid, Xid8,
};
use molt_db::{Connection, FromSql, Oid, OwnedRow};

use crate::builtin::Base;
use crate::schema::Type;

/// Columns of rows; a column that no Rust type here prints is `None`.
pub(crate) type Texts = Vec<Option<Vec<Option<String>>>>;

/// Reads the rows of a query, and prints each value of a type that has a text.
pub(crate) async fn texts(c: &mut Connection, sql: &str, types: &[Type]) -> Texts {
    let rows: Vec<OwnedRow> = c.query(sql).all().await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let columns = types.iter().enumerate().map(|(at, of)| {
        let printer = printer(of)?;
        Some(rows.iter().map(|row| printer(row, at)).collect())
    });
    columns.collect()
}

type Printer = fn(&OwnedRow, usize) -> Option<String>;

fn printer(of: &Type) -> Option<Printer> {
    match of {
        Type::Base(base, _) => base_printer(base, false),
        Type::Enum(..) => Some(one::<String>),
        Type::Domain(_, of) => printer(of),
        Type::Array(of) => element_printer(of),
        Type::Range(..) | Type::Composite(..) => None,
    }
}

fn element_printer(of: &Type) -> Option<Printer> {
    match of {
        Type::Base(base, _) => base_printer(base, true),
        Type::Enum(..) => Some(many::<String>),
        Type::Domain(_, of) => element_printer(of).filter(|_| !matches!(**of, Type::Array(_))),
        Type::Array(_) | Type::Range(..) | Type::Composite(..) => None,
    }
}

fn one<T: Display + for<'r> FromSql<'r>>(row: &OwnedRow, at: usize) -> Option<String> {
    let value: Option<T> = row.get(at).unwrap_or_else(|error| panic!("{error}"));
    value.map(|value| value.to_string())
}

fn many<T: Display + for<'r> FromSql<'r>>(row: &OwnedRow, at: usize) -> Option<String> {
    let array: Option<Array<Option<T>>> = row.get(at).unwrap_or_else(|error| panic!("{error}"));
    let array = array?;
    let separator = if type_name::<T>() == type_name::<Rect>() { ";" } else { "," };
    let mut elements = array.elements().iter().map(|element| match element {
        Some(value) => quoted(&value.to_string(), separator),
        None => "NULL".to_owned(),
    });
    let lengths: Vec<_> = array.dimensions().iter().map(|dimension| dimension.len).collect();
    let bounds = array.dimensions().iter().map(|dimension| {
        let last = i64::from(dimension.lower) + i64::try_from(dimension.len).unwrap() - 1;
        format!("[{}:{last}]", dimension.lower)
    });
    let bounds: String = bounds.collect();
    let has_bounds = array.dimensions().iter().any(|dimension| dimension.lower != 1);
    let text = nested(&lengths, separator, &mut elements);
    Some(if has_bounds { format!("{bounds}={text}") } else { text })
}

fn nested(lengths: &[usize], separator: &str, elements: &mut impl Iterator<Item = String>) -> String {
    let parts: Vec<_> = match lengths {
        [] => Vec::new(),
        [count] => elements.take(*count).collect(),
        [count, inner @ ..] => {
            (0..*count).map(|_| nested(inner, separator, &mut *elements.by_ref())).collect()
        }
    };
    format!("{{{}}}", parts.join(separator))
}

// PG source: arrayfuncs.c, array_out.
fn quoted(text: &str, separator: &str) -> String {
    let is_plain = !text.is_empty()
        && !text.eq_ignore_ascii_case("NULL")
        && !text.contains(separator)
        && !text.contains(['"', '\\', '{', '}', ' ', '\t', '\n', '\r', '\u{b}', '\u{c}']);
    if is_plain {
        text.to_owned()
    } else {
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

/// Prints nothing but what the type does.
struct Plain<T>(T);

impl Display for Plain<bool> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0 { "t" } else { "f" })
    }
}

impl Display for Plain<Oid> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.0)
    }
}

impl Display for Plain<Money> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.0)
    }
}

impl Display for Plain<Vec<u8>> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("\\x")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl<'r, T: FromSql<'r>> FromSql<'r> for Plain<T> {
    fn accepts(column: &molt_db::decode::Column) -> bool {
        T::accepts(column)
    }

    fn from_sql(
        column: &molt_db::decode::Column,
        value: &'r [u8],
    ) -> Result<Self, molt_db::decode::ValueError> {
        T::from_sql(column, value).map(Self)
    }
}

fn base_printer(base: &Base, in_array: bool) -> Option<Printer> {
    fn of<T: Display + for<'r> FromSql<'r>>(in_array: bool) -> Option<Printer> {
        Some(if in_array { many::<T> } else { one::<T> })
    }
    match base.name {
        "bool" => of::<Plain<bool>>(in_array),
        "int2" => of::<i16>(in_array),
        "int4" => of::<i32>(in_array),
        "int8" => of::<i64>(in_array),
        "oid" => of::<Plain<Oid>>(in_array),
        "xid" => of::<Xid>(in_array),
        "cid" => of::<Cid>(in_array),
        "xid8" => of::<Xid8>(in_array),
        "pg_lsn" => of::<PgLsn>(in_array),
        "tid" => of::<Tid>(in_array),
        "float4" => of::<f32>(in_array),
        "float8" => of::<f64>(in_array),
        "numeric" => of::<Numeric>(in_array),
        "bytea" => of::<Plain<Vec<u8>>>(in_array),
        "date" => of::<Date>(in_array),
        "time" => of::<Time>(in_array),
        "timetz" => of::<TimeTz>(in_array),
        "timestamp" => of::<Timestamp>(in_array),
        "timestamptz" => of::<TimestampTz>(in_array),
        "interval" => of::<Interval>(in_array),
        "uuid" => of::<Uuid>(in_array),
        "inet" => of::<Inet>(in_array),
        "cidr" => of::<Cidr>(in_array),
        "macaddr" => of::<MacAddr>(in_array),
        "macaddr8" => of::<MacAddr8>(in_array),
        "money" => of::<Plain<Money>>(in_array),
        "bit" | "varbit" => of::<Bits>(in_array),
        "point" => of::<Point>(in_array),
        "lseg" => of::<LineSegment>(in_array),
        "line" => of::<Line>(in_array),
        "box" => of::<Rect>(in_array),
        "path" => of::<Path>(in_array),
        "polygon" => of::<Polygon>(in_array),
        "circle" => of::<Circle>(in_array),
        "int2vector" => of::<Int2Vector>(in_array),
        "oidvector" => of::<OidVector>(in_array),
        "pg_snapshot" | "txid_snapshot" => of::<Snapshot>(in_array),
        "tsvector" => of::<TsVector>(in_array),
        "tsquery" => of::<TsQuery>(in_array),
        "int4range" => of::<Range<i32>>(in_array),
        "int8range" => of::<Range<i64>>(in_array),
        "numrange" => of::<Range<Numeric>>(in_array),
        "daterange" => of::<Range<Date>>(in_array),
        "tsrange" => of::<Range<Timestamp>>(in_array),
        "tstzrange" => of::<Range<TimestampTz>>(in_array),
        "int4multirange" => of::<Multirange<i32>>(in_array),
        "int8multirange" => of::<Multirange<i64>>(in_array),
        "nummultirange" => of::<Multirange<Numeric>>(in_array),
        "datemultirange" => of::<Multirange<Date>>(in_array),
        "tsmultirange" => of::<Multirange<Timestamp>>(in_array),
        "tstzmultirange" => of::<Multirange<TimestampTz>>(in_array),
        name if name.starts_with("reg") => of::<Plain<Oid>>(in_array),
        _ => of::<String>(in_array),
    }
}
