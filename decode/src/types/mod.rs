//! The PostgreSQL types, one file each: how they are read, sent, and put into Arrow.
//!
//! | PostgreSQL | read as | sent from |
//! |---|---|---|
//! | `bool` | `bool` | `bool` |
//! | `int2`, `int4`, `int8` | `i16`, `i32`, `i64`, and wider ones | `i16`, `i32`, `i64` |
//! | `oid` | `u32`, [`Oid`](crate::Oid) | `u32`, [`Oid`](crate::Oid) |
//! | `float4`, `float8` | `f32`, `f64`, and the wider one | `f32`, `f64` |
//! | `numeric` | [`Numeric`] | [`Numeric`] |
//! | `text`, `varchar`, `bpchar`, `name`, `"char"`, `unknown` | `&str`, `String`, `Cow<str>` | `str`, `String`, `Cow<str>` |
//! | `bytea` | `&[u8]`, `Vec<u8>` | `[u8]`, `[u8; N]`, `Vec<u8>` |
//! | `date` | [`Date`] | [`Date`] |
//! | `time` | [`Time`] | [`Time`] |
//! | `timestamp` | [`Timestamp`] | [`Timestamp`] |
//! | `timestamptz` | [`TimestampTz`] | [`TimestampTz`] |
//! | `uuid` | [`Uuid`] | [`Uuid`] |
//! | `json`, `jsonb` | [`Json`], `&str`, `String`, `Cow<str>` | [`Json`] |
//!
//! Values are read in binary. Where a column came as text, the Rust types of `bool`, the numbers, `uuid`, text and JSON
//! are read from it as well, and a string type reads any column that came as text.

mod bool;
mod bytea;
mod calendar;
mod date;
mod float;
mod integer;
mod json;
mod numeric;
mod oid;
mod text;
mod time;
mod timestamp;
mod timestamptz;
mod uuid;

use std::str::FromStr;

pub use self::date::Date;
pub use self::json::Json;
pub use self::numeric::{Numeric, ParseNumericError};
pub(crate) use self::text::is_text;
pub use self::time::Time;
pub use self::timestamp::Timestamp;
pub use self::timestamptz::{TimestampTz, TimestampTzRangeError};
pub use self::uuid::{ParseUuidError, Uuid};
use crate::ValueError;

/// What the types are in Arrow.
pub(crate) mod arrow {
    pub(crate) use super::bool::Bool;
    pub(crate) use super::date::DateDays;
    pub(crate) use super::float::{Float4, Float8};
    pub(crate) use super::integer::{Int2, Int4, Int8};
    pub(crate) use super::json::{append_jsonb, is_json};
    pub(crate) use super::numeric::{DecimalShape, append_numeric, decimal_column, decimal_shape};
    pub(crate) use super::oid::OidNumber;
    pub(crate) use super::time::TimeMicros;
    pub(crate) use super::timestamp::TimestampMicros;
    pub(crate) use super::uuid::UuidBytes;
}

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

#[cfg(test)]
mod tests;
