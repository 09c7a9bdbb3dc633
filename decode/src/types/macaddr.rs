use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use arrow_array::{ArrayRef, FixedSizeBinaryArray};
use arrow_buffer::{Buffer, NullBuffer, ScalarBuffer};
use arrow_schema::DataType;

use crate::arrow::{Decode, Extension, Fault, Form};
use crate::types::{Type, fixed, parse};
use crate::{Column, EncodeError, Format, FromSql, IsNull, Oid, Output, ToSql, ValueError};

/// A `macaddr`: the six bytes of a MAC address (EUI-48).
///
/// Prints as the server does, and parses what it prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddr(pub [u8; 6]);

/// A `macaddr8`: the eight bytes of a MAC address (EUI-64).
///
/// Prints as the server does, and parses what it prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddr8(pub [u8; 8]);

fn write(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (position, byte) in bytes.iter().enumerate() {
        let colon = if position == 0 { "" } else { ":" };
        write!(f, "{colon}{byte:02x}")?;
    }
    Ok(())
}

fn read<const N: usize>(text: &str) -> Result<[u8; N], ParseMacAddrError> {
    let mut bytes = [0; N];
    let mut groups = text.split(':');
    for byte in &mut bytes {
        let digits = groups.next().filter(|group| group.len() == 2).ok_or(ParseMacAddrError)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(ParseMacAddrError);
        }
        *byte = u8::from_str_radix(digits, 16).map_err(|_| ParseMacAddrError)?;
    }
    if groups.next().is_none() { Ok(bytes) } else { Err(ParseMacAddrError) }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(&self.0, f)
    }
}

impl fmt::Display for MacAddr8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(&self.0, f)
    }
}

impl FromStr for MacAddr {
    type Err = ParseMacAddrError;

    /// Reads six groups of two hexadecimal digits with a colon between them.
    fn from_str(text: &str) -> Result<Self, ParseMacAddrError> {
        read(text).map(Self)
    }
}

impl FromStr for MacAddr8 {
    type Err = ParseMacAddrError;

    /// Reads eight groups of two hexadecimal digits with a colon between them.
    fn from_str(text: &str) -> Result<Self, ParseMacAddrError> {
        read(text).map(Self)
    }
}

/// The text is no MAC address of that length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseMacAddrError;

impl fmt::Display for ParseMacAddrError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the text is no MAC address in groups of two digits with colons")
    }
}

impl Error for ParseMacAddrError {}

impl FromSql<'_> for MacAddr {
    fn accepts(column: &Column) -> bool {
        column.oid() == Oid::MACADDR
    }

    fn from_sql(column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        match column.format() {
            Format::Binary => fixed(value).map(Self),
            Format::Text => parse(value),
        }
    }
}

impl FromSql<'_> for MacAddr8 {
    fn accepts(column: &Column) -> bool {
        column.oid() == Oid::MACADDR8
    }

    fn from_sql(column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        match column.format() {
            Format::Binary => fixed(value).map(Self),
            Format::Text => parse(value),
        }
    }
}

impl ToSql for MacAddr {
    fn oid(&self) -> Oid {
        Oid::MACADDR
    }

    fn type_oid() -> Oid {
        Oid::MACADDR
    }

    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        out.extend_from_slice(&self.0);
        Ok(IsNull::No)
    }
}

impl ToSql for MacAddr8 {
    fn oid(&self) -> Oid {
        Oid::MACADDR8
    }

    fn type_oid() -> Oid {
        Oid::MACADDR8
    }

    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        out.extend_from_slice(&self.0);
        Ok(IsNull::No)
    }
}

/// `macaddr` in Arrow: six bytes, each held in an integer of eight until a batch is done.
#[derive(Debug)]
struct SixBytes;

impl Decode<6> for SixBytes {
    type Element = u64;

    fn decode([a, b, c, d, e, f]: [u8; 6]) -> Result<u64, Fault> {
        Ok(u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
    }

    fn array(elements: Buffer, len: usize, nulls: Option<NullBuffer>, _data_type: &DataType) -> ArrayRef {
        let elements: ScalarBuffer<u64> = ScalarBuffer::new(elements, 0, len);
        let mut bytes = Vec::with_capacity(len.saturating_mul(6));
        for element in elements.iter() {
            let [_, _, value @ ..] = element.to_be_bytes();
            bytes.extend_from_slice(&value);
        }
        Arc::new(FixedSizeBinaryArray::new(6, Buffer::from_vec(bytes), nulls))
    }
}

/// `macaddr8` in Arrow: eight bytes, held as an integer in the order of the machine.
#[derive(Debug)]
struct EightBytes;

impl Decode<8> for EightBytes {
    type Element = u64;

    fn decode(value: [u8; 8]) -> Result<u64, Fault> {
        Ok(u64::from_ne_bytes(value))
    }

    fn array(elements: Buffer, _len: usize, nulls: Option<NullBuffer>, _data_type: &DataType) -> ArrayRef {
        Arc::new(FixedSizeBinaryArray::new(8, elements, nulls))
    }
}

/// `macaddr` in Arrow.
pub(crate) const MACADDR: Type = Type {
    oid: Oid::MACADDR,
    array: Some(Oid(1040)),
    binary: |asked| {
        let form = Form::fixed::<SixBytes, 6>(DataType::FixedSizeBinary(6)).with(Extension::Opaque);
        form.shown_as::<MacAddr>(asked.oid)
    },
    text: None,
};

/// `macaddr8` in Arrow.
pub(crate) const MACADDR8: Type = Type {
    oid: Oid::MACADDR8,
    array: Some(Oid(775)),
    binary: |asked| {
        let form = Form::fixed::<EightBytes, 8>(DataType::FixedSizeBinary(8)).with(Extension::Opaque);
        form.shown_as::<MacAddr8>(asked.oid)
    },
    text: None,
};
