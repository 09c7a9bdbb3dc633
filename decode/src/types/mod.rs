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
    bool::BOOL,
    bytea::BYTEA,
    date::DATE,
    float::FLOAT4,
    float::FLOAT8,
    integer::INT2,
    integer::INT4,
    integer::INT8,
    json::JSON,
    json::JSONB,
    numeric::NUMERIC,
    oid::OID,
    text::BPCHAR,
    text::CHAR,
    text::NAME,
    text::TEXT,
    text::UNKNOWN,
    text::VARCHAR,
    time::TIME,
    timestamp::TIMESTAMP,
    timestamp::TIMESTAMPTZ,
    uuid::UUID,
];

/// Returns what a column is in Arrow. There is a form for every type.
pub(crate) fn form(format: Format, asked: &Asked) -> Form {
    let own = TYPES.iter().find(|known| known.oid == asked.oid);
    match format {
        Format::Text => match own.and_then(|known| known.text) {
            Some(form) => form(asked),
            None => Form::text(asked, Copied::Whole).with(Extension::Opaque),
        },
        Format::Binary => match own {
            Some(known) => (known.binary)(asked),
            None => array(asked).unwrap_or_else(|| Form::bytes().with(Extension::Opaque)),
        },
    }
}

/// Returns what the arrays of a type are, if it is known.
fn array(asked: &Asked) -> Option<Form> {
    let element = TYPES.iter().find(|known| known.array == Some(asked.oid))?;
    // The modifier of an array is that of its elements.
    let asked = Asked { oid: element.oid, ..*asked };
    Some(Form::list(&(element.binary)(&asked), &asked))
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
