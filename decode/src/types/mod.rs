//! The PostgreSQL types, one file each: how they are read, sent, and put into Arrow.
//!
//! | PostgreSQL | read as | sent from |
//! |---|---|---|
//! | `bool` | `bool` | `bool` |
//! | `int2`, `int4`, `int8` | `i16`, `i32`, `i64`, and wider ones | `i16`, `i32`, `i64` |
//! | `oid`, `regclass`, `regtype` and their like | `u32`, [`Oid`] | `u32`, [`Oid`] |
//! | `float4`, `float8` | `f32`, `f64`, and the wider one | `f32`, `f64` |
//! | `numeric` | [`Numeric`] | [`Numeric`] |
//! | `money` | [`Money`] | [`Money`] |
//! | `text`, `varchar`, `bpchar`, `name`, `"char"`, `unknown` | `&str`, `String`, `Cow<str>` | `str`, `String`, `Cow<str>` |
//! | `xml`, `jsonpath`, `refcursor`, `pg_node_tree` | the same | the same |
//! | `"char"` | `i8`, too | `i8`, too |
//! | `bytea` | `&[u8]`, `Vec<u8>` | `[u8]`, `[u8; N]`, `Vec<u8>` |
//! | `bit`, `varbit` | [`Bits`] | [`Bits`] |
//! | `date` | [`Date`] | [`Date`] |
//! | `time`, `timetz` | [`Time`], [`TimeTz`] | [`Time`], [`TimeTz`] |
//! | `timestamp` | [`Timestamp`] | [`Timestamp`] |
//! | `timestamptz` | [`TimestampTz`] | [`TimestampTz`] |
//! | `interval` | [`Interval`] | [`Interval`] |
//! | `uuid` | [`Uuid`] | [`Uuid`] |
//! | `json`, `jsonb` | [`Json`], `&str`, `String`, `Cow<str>` | [`Json`] |
//! | `inet`, `cidr` | [`Inet`], [`Cidr`]; [`IpAddr`](std::net::IpAddr) from `inet` | the same |
//! | `macaddr`, `macaddr8` | [`MacAddr`], [`MacAddr8`] | [`MacAddr`], [`MacAddr8`] |
//! | `point`, `line`, `lseg`, `box` | [`Point`], [`Line`], [`LineSegment`], [`Rect`] | the same |
//! | `path`, `polygon`, `circle` | [`Path`], [`Polygon`], [`Circle`] | the same |
//! | `tsvector`, `tsquery` | [`TsVector`], [`TsQuery`] | the same |
//! | `pg_lsn` | [`PgLsn`] | [`PgLsn`] |
//! | `xid`, `xid8`, `cid`, `tid` | [`Xid`], [`Xid8`], [`Cid`], [`Tid`] | the same |
//! | `pg_snapshot`, `txid_snapshot` | [`Snapshot`] | [`Snapshot`], as the first |
//! | `int2vector`, `oidvector` | [`Int2Vector`], [`OidVector`] | the same |
//! | `void` | `()` | |
//! | `int4range`, `int8range`, `numrange`, `tsrange`, `tstzrange`, `daterange` | [`Range<T>`](Range) | [`Range<T>`](Range) |
//! | their multiranges | [`Multirange<T>`](Multirange) | [`Multirange<T>`](Multirange) |
//! | arrays of the above | `Vec<T>`, [`Array<T>`](Array) | `[T]`, `[T; N]`, `Vec<T>`, [`Array<T>`](Array) |
//!
//! A `Vec<T>` is an array of one dimension that begins at 1, and any other array is an error there: [`Array`] holds those.
//! Elements that may be NULL are `Option<T>`. Strings go as elements of `text[]`, and [`Json`] as those of `json[]`. Types
//! that are not built in have to name their arrays: see [`ToSql::array_oid`](crate::ToSql::array_oid).
//!
//! Values of all types are sent from strings, too, as what a literal in quotes would be.
//!
//! # Types of a database
//!
//! | PostgreSQL | read as | sent from |
//! |---|---|---|
//! | an enum | an enum with [`#[derive(FromSql)]`](macro@crate::FromSql), strings | one with [`#[derive(ToSql)]`](macro@crate::ToSql) |
//! | a composite type, the row of a table | a struct with `#[derive(FromSql)]` | one with `#[derive(ToSql)]` |
//! | a record of no declared type | the same | |
//! | a domain | what it is over, or a newtype of that | the same |
//! | ranges over any type | [`Range<T>`](Range), [`Multirange<T>`](Multirange) | a newtype with a name |
//! | `hstore` | [`Hstore`] | [`Hstore`] |
//! | `cube` | [`Cube`] | [`Cube`] |
//! | `citext`, `ltree`, `lquery`, `ltxtquery` | strings | a newtype of a string with a name |
//! | arrays of these | `Vec<T>`, [`Array<T>`](Array) | the same |
//!
//! ```
//! use molt_db_decode::{FromSql, ToSql};
//!
//! #[derive(FromSql, ToSql)]
//! #[molt(crate = "molt_db_decode", rename_all = "snake_case")] // With molt-db, no crate has to be named.
//! enum Mood {
//!     Sad,
//!     SoSo,
//! }
//!
//! #[derive(FromSql, ToSql)]
//! #[molt(crate = "molt_db_decode", name = "shop.item")]
//! struct Item {
//!     name: String,
//!     price: Option<i64>,
//!     moods: Vec<Mood>,
//! }
//! ```
//!
//! Their numbers differ from database to database: a [`Catalog`](crate::Catalog) says which they are, and the driver fills it. A
//! column that no catalog has described is read as none of these.
//!
//! # Other crates
//!
//! The feature of its name has values of a crate read and sent, alone and inside of arrays and ranges:
//!
//! | PostgreSQL | `chrono` | `time` | `jiff` |
//! |---|---|---|---|
//! | `date` | `NaiveDate` | `Date` | `civil::Date` |
//! | `time` | `NaiveTime` | `Time` | `civil::Time` |
//! | `timestamp` | `NaiveDateTime` | `PrimitiveDateTime` | `civil::DateTime` |
//! | `timestamptz` | `DateTime<Utc>`, `DateTime<FixedOffset>` | `OffsetDateTime` | `Timestamp` |
//! | `interval` | | | `Span`, `SignedDuration` |
//!
//! | PostgreSQL | feature | read as | sent from |
//! |---|---|---|---|
//! | `uuid` | `uuid` | `Uuid` | `Uuid` |
//! | `numeric` | `rust_decimal` | `Decimal` | `Decimal` |
//! | `json`, `jsonb` | `serde_json` | `Value` | `Value`, as text of no declared type |
//! | `inet`, `cidr` | `ipnet` | `IpNet`, `Ipv4Net`, `Ipv6Net` | the same, as `inet` |
//!
//! Nothing is rounded or taken for the nearest value. What the crate has no value for is an error where it is read: infinities,
//! years, 24:00:00, digits, intervals with parts of both signs. What PostgreSQL has no value for is an error before anything is
//! sent: nanoseconds below the microsecond, leap seconds, days before 4714-11-24 BC. `From` and `TryFrom` convert between these
//! types and those here, with the same limits; their error is [`ConversionError`].
//!
//! # Formats
//!
//! Values are read in binary. Where a column came as text, the Rust types of `bool`, the numbers, `uuid`, text, JSON, bits,
//! addresses, `pg_lsn` and the numbers of transactions are read from it as well, and a string type reads any column that
//! came as text.

mod array;
mod bits;
mod bool;
mod bytea;
mod calendar;
mod char;
pub mod composite;
mod conversion;
mod cube;
pub(crate) mod cursor;
mod database;
mod date;
pub(crate) mod extension;
mod float;
mod geometry;
mod hstore;
mod inet;
mod integer;
mod interval;
mod json;
mod jsonpath;
pub mod labels;
mod lsn;
mod macaddr;
mod money;
mod nested;
mod numeric;
mod oid;
mod range;
mod snapshot;
mod text;
mod tid;
mod time;
mod timestamp;
mod timestamptz;
mod timetz;
mod transaction;
mod tsquery;
mod tsvector;
mod uuid;
mod vectors;
mod void;
mod with;

use std::fmt;
use std::str::FromStr;

pub use self::array::{Array, Dimension};
pub(crate) use self::array::{
    Head as ArrayHead, INT4_ARRAY, built_in as built_in_array, is_ascii as array_is_ascii, lengths,
    lower_bounds, writer as array_writer,
};
pub use self::bits::{Bits, ParseBitsError};
pub use self::conversion::ConversionError;
pub use self::cube::Cube;
pub(crate) use self::database::form_of;
pub use self::date::Date;
pub(crate) use self::extension::Sent;
pub use self::geometry::{Circle, Line, LineSegment, Path, Point, Polygon, Rect};
pub use self::hstore::Hstore;
pub use self::inet::{Cidr, Inet, ParseInetError};
pub use self::interval::Interval;
pub use self::json::Json;
pub use self::lsn::{ParsePgLsnError, PgLsn};
pub use self::macaddr::{MacAddr, MacAddr8, ParseMacAddrError};
pub use self::money::Money;
pub use self::numeric::{Numeric, ParseNumericError};
pub(crate) use self::oid::is_alias;
pub(crate) use self::range::Wire as WireRange;
pub use self::range::{Multirange, Range};
pub use self::snapshot::Snapshot;
pub(crate) use self::text::is_text;
pub use self::tid::Tid;
pub use self::time::Time;
pub use self::timestamp::Timestamp;
pub use self::timestamptz::{TimestampTz, TimestampTzRangeError};
pub use self::timetz::TimeTz;
pub use self::transaction::{Cid, Xid, Xid8};
pub use self::tsquery::{TsNode, TsQuery};
pub use self::tsvector::{Lexeme, LexemePosition, TsVector, Weight};
pub use self::uuid::{ParseUuidError, Uuid};
pub use self::vectors::{Int2Vector, OidVector};
use crate::arrow::{Asked, Copied, Extension, Form};
use crate::{Format, Oid, ValueError};

/// A type that has a form of its own in Arrow. Its file declares it, and it is listed below: no other place knows of it.
pub(crate) struct Type {
    oid: Oid,
    /// The type of its arrays.
    array: Option<Oid>,
    binary: fn(&Asked) -> Form,
    /// What it is in Arrow where it came as text, if that is no makeshift.
    text: Option<fn(&Asked) -> Form>,
}

const TYPES: &[Type] = &[
    bits::BIT,
    bits::VARBIT,
    bool::BOOL,
    bytea::BYTEA,
    char::CHAR,
    date::DATE,
    float::FLOAT4,
    float::FLOAT8,
    geometry::BOX,
    geometry::CIRCLE,
    geometry::LINE,
    geometry::LSEG,
    geometry::PATH,
    geometry::POINT,
    geometry::POLYGON,
    inet::CIDR,
    inet::INET,
    integer::INT2,
    integer::INT4,
    integer::INT8,
    interval::INTERVAL,
    json::JSON,
    json::JSONB,
    jsonpath::JSONPATH,
    lsn::PG_LSN,
    macaddr::MACADDR,
    macaddr::MACADDR8,
    money::MONEY,
    numeric::NUMERIC,
    oid::OID,
    range::DATEMULTIRANGE,
    range::DATERANGE,
    range::INT4MULTIRANGE,
    range::INT4RANGE,
    range::INT8MULTIRANGE,
    range::INT8RANGE,
    range::NUMMULTIRANGE,
    range::NUMRANGE,
    range::TSMULTIRANGE,
    range::TSRANGE,
    range::TSTZMULTIRANGE,
    range::TSTZRANGE,
    oid::REGCLASS,
    oid::REGCOLLATION,
    oid::REGCONFIG,
    oid::REGDICTIONARY,
    oid::REGNAMESPACE,
    oid::REGOPER,
    oid::REGOPERATOR,
    oid::REGPROC,
    oid::REGPROCEDURE,
    oid::REGROLE,
    oid::REGTYPE,
    snapshot::PG_SNAPSHOT,
    snapshot::TXID_SNAPSHOT,
    text::BPCHAR,
    text::NAME,
    text::PG_NODE_TREE,
    text::REFCURSOR,
    text::TEXT,
    text::UNKNOWN,
    text::VARCHAR,
    text::XML,
    tid::TID,
    time::TIME,
    timestamp::TIMESTAMP,
    timestamp::TIMESTAMPTZ,
    timetz::TIMETZ,
    transaction::CID,
    transaction::XID,
    transaction::XID8,
    tsquery::TSQUERY,
    tsvector::TSVECTOR,
    uuid::UUID,
    vectors::INT2VECTOR,
    vectors::OIDVECTOR,
];

/// Returns what a column is in Arrow. There is a form for every type.
pub(crate) fn form(format: Format, asked: &Asked) -> Form {
    let own = TYPES.iter().find(|known| known.oid == asked.oid);
    match format {
        Format::Text => match own.and_then(|known| known.text) {
            Some(form) => form(asked),
            None => Form::text(asked, Copied::Whole).with(Extension::Opaque),
        },
        Format::Binary => raw(asked).under(asked),
    }
}

/// Returns the same for values in binary, whatever becomes of those that do not fit.
pub(crate) fn raw(asked: &Asked) -> Form {
    match TYPES.iter().find(|known| known.oid == asked.oid) {
        Some(known) => (known.binary)(asked),
        None => array(asked).unwrap_or_else(|| Form::bytes().with(Extension::Opaque)),
    }
}

/// Returns what the arrays of a type are, if it is known.
fn array(asked: &Asked) -> Option<Form> {
    let element = TYPES.iter().find(|known| known.array == Some(asked.oid))?;
    // The modifier of an array is that of its elements.
    let of_element = Asked { oid: element.oid, ..*asked };
    Some(Form::list(asked.oid, &form(Format::Binary, &of_element), &of_element))
}

/// Built-in types without a form of their own, and their arrays.
// PG source: pg_type.dat: aclitem, gtsvector, pg_ndistinct, pg_dependencies, pg_mcv_list, pg_brin_bloom_summary,
// pg_brin_minmax_multi_summary.
const FORMLESS: &[Oid] =
    &[Oid(1033), Oid(1034), Oid(3642), Oid(3644), Oid(3361), Oid(3402), Oid(5017), Oid(4600), Oid(4601)];

/// Says whether nothing needs to be looked up to read and send values of a type.
pub(crate) fn is_built_in(oid: Oid) -> bool {
    matches!(oid, Oid::UNSPECIFIED | Oid::VOID | Oid::RECORD)
        || FORMLESS.contains(&oid)
        || TYPES.iter().any(|known| known.oid == oid || known.array == Some(oid))
}

/// Returns the type of the arrays of a built-in type.
fn array_of(element: Oid) -> Option<Oid> {
    TYPES.iter().find(|known| known.oid == element)?.array
}

/// Returns the type of the elements of a built-in type of arrays.
pub(crate) fn element_of(array: Oid) -> Option<Oid> {
    match array {
        RECORDS => Some(Oid::RECORD),
        _ => TYPES.iter().find(|known| known.array == Some(array)).map(|known| known.oid),
    }
}

/// Arrays of records of no declared type.
const RECORDS: Oid = Oid(2287);

/// Takes a value of a fixed width whole.
#[inline]
fn fixed<const N: usize>(value: &[u8]) -> Result<[u8; N], ValueError> {
    value.try_into().map_err(|_| ValueError::malformed("its length is not that of the type"))
}

/// Reads the text form of a value whose Rust form understands it.
fn parse<T: FromStr>(value: &[u8]) -> Result<T, ValueError> {
    let text = str::from_utf8(value).ok().and_then(|text| text.parse().ok());
    text.ok_or_else(|| ValueError::malformed("its text is not one of the type"))
}

/// Writes the text from `start` on in quotes, with `escape` in front of characters that need one.
fn quote(out: &mut Vec<u8>, start: usize, escape: impl Fn(u8) -> Option<u8>) {
    let end = out.len();
    out.push(b'"');
    for place in start..end {
        let Some(byte) = out.get(place).copied() else { break };
        out.extend(escape(byte));
        out.push(byte);
    }
    out.push(b'"');
    out.drain(start..end);
}

/// Says whether the server takes a character for a blank in arrays and ranges.
// PG source: scansup.c, array_isspace; rangetypes.c uses isspace.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// Appends text to bytes.
pub(crate) struct Utf8<'a>(pub(crate) &'a mut Vec<u8>);

impl fmt::Write for Utf8<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests;
