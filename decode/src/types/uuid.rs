use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use arrow_array::{ArrayRef, FixedSizeBinaryArray};
use arrow_buffer::{Buffer, NullBuffer};
use arrow_schema::DataType;

use crate::arrow::{Decode, Extension, Fault, Form};
use crate::types::{Type, fixed, parse};
use crate::{Column, EncodeError, Format, FromSql, IsNull, Oid, Output, ToSql, ValueError};

/// A UUID, as its 16 bytes in the order in which they are written.
///
/// ```
/// use molt_db_decode::Uuid;
///
/// let id: Uuid = "5b30857f-0bfa-48b5-ac0b-5c64e28078d1".parse()?;
/// assert_eq!(id.0[0], 0x5b);
/// assert_eq!(id.to_string(), "5b30857f-0bfa-48b5-ac0b-5c64e28078d1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(pub [u8; 16]);

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, byte) in self.0.iter().enumerate() {
            let hyphen = if matches!(position, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{hyphen}{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uuid({self})")
    }
}

impl FromStr for Uuid {
    type Err = ParseUuidError;

    /// Reads 32 hexadecimal digits, in groups of 8, 4, 4, 4 and 12 with a hyphen between them.
    fn from_str(text: &str) -> Result<Self, ParseUuidError> {
        let mut bytes = [0; 16];
        let mut rest = text;
        for (position, byte) in bytes.iter_mut().enumerate() {
            if matches!(position, 4 | 6 | 8 | 10) {
                rest = rest.strip_prefix('-').ok_or(ParseUuidError)?;
            }
            let (digits, tail) = rest.split_at_checked(2).ok_or(ParseUuidError)?;
            if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(ParseUuidError);
            }
            *byte = u8::from_str_radix(digits, 16).map_err(|_| ParseUuidError)?;
            rest = tail;
        }
        if rest.is_empty() { Ok(Self(bytes)) } else { Err(ParseUuidError) }
    }
}

impl FromSql<'_> for Uuid {
    fn accepts(column: &Column) -> bool {
        column.oid() == Oid::UUID
    }

    #[inline]
    fn from_sql(column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        match column.format() {
            Format::Binary => fixed(value).map(Self),
            Format::Text => parse(value),
        }
    }
}

impl ToSql for Uuid {
    #[inline]
    fn oid(&self) -> Oid {
        Oid::UUID
    }

    fn type_oid() -> Oid {
        Oid::UUID
    }

    #[inline]
    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        out.extend_from_slice(&self.0);
        Ok(IsNull::No)
    }
}

/// The text is no UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseUuidError;

impl fmt::Display for ParseUuidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the text is no UUID of 32 hexadecimal digits and 4 hyphens")
    }
}

impl Error for ParseUuidError {}

/// `uuid` in Arrow: 16 bytes, held as an integer in the order of the machine.
#[derive(Debug)]
pub(crate) struct UuidBytes;

impl Decode<16> for UuidBytes {
    type Element = i128;

    fn decode(value: [u8; 16]) -> Result<i128, Fault> {
        Ok(i128::from_ne_bytes(value))
    }

    fn array(elements: Buffer, _len: usize, nulls: Option<NullBuffer>, _data_type: &DataType) -> ArrayRef {
        Arc::new(FixedSizeBinaryArray::new(16, elements, nulls))
    }
}

/// `uuid` in Arrow.
pub(crate) const UUID: Type = Type {
    oid: Oid::UUID,
    array: Some(Oid(2951)),
    binary: |asked| {
        let form = Form::fixed::<UuidBytes, 16>(DataType::FixedSizeBinary(16)).with(Extension::Uuid);
        form.shown_as::<Uuid>(asked.oid)
    },
    text: None,
};
