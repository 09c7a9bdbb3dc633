use std::error::Error;
use std::fmt;
use std::str::FromStr;

use crate::arrow::{Asked, Copied, Extension, Fault, Form};
use crate::types::cursor::{Cursor, to_end};
use crate::types::{Type, parse};
use crate::{Column, EncodeError, Format, FromSql, IsNull, Oid, Output, ToSql, ValueError};

/// A `bit` or `varbit`: a string of bits. Prints and parses as digits 0 and 1.
///
/// As a parameter it is a `varbit`, which the server takes for `bit` too.
///
/// ```
/// use molt_db_decode::types::Bits;
///
/// let mask: Bits = "10101".parse()?;
/// assert_eq!((mask.len(), mask.as_bytes()), (5, &[0b1010_1000][..]));
/// assert_eq!(mask.iter().filter(|bit| *bit).count(), 3);
/// assert_eq!(Bits::from_bytes(5, vec![0xff]), "11111".parse().ok());
/// # Ok::<(), molt_db_decode::types::ParseBitsError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bits {
    /// The first bit is the highest of the first byte. Those beyond the length are 0.
    bytes: Vec<u8>,
    len: usize,
}

impl Bits {
    /// Takes `len` bits out of as many bytes as they need, the highest of each first. What the last byte has beyond
    /// them is dropped.
    pub fn from_bytes(len: usize, mut bytes: Vec<u8>) -> Option<Self> {
        if bytes.len() != len.div_ceil(8) {
            return None;
        }
        if let (Some(last), used @ 1..) = (bytes.last_mut(), len % 8) {
            *last &= !(0xff >> used);
        }
        Some(Self { bytes, len })
    }

    /// Returns the number of bits.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Says whether there is no bit.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the bits, eight to a byte, the first the highest. Those beyond the length are 0.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the bits one by one.
    pub fn iter(&self) -> impl Iterator<Item = bool> + '_ {
        each(&self.bytes, self.len)
    }
}

fn each(bytes: &[u8], len: usize) -> impl Iterator<Item = bool> + '_ {
    bytes.iter().flat_map(|byte| (0..8).map(move |place| byte >> (7 - place) & 1 == 1)).take(len)
}

impl fmt::Display for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|bit| f.write_str(if bit { "1" } else { "0" }))
    }
}

impl FromStr for Bits {
    type Err = ParseBitsError;

    /// Reads digits 0 and 1.
    fn from_str(text: &str) -> Result<Self, ParseBitsError> {
        let mut bytes = vec![0; text.len().div_ceil(8)];
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(8)) {
            for (place, digit) in digits.iter().enumerate() {
                match digit {
                    b'0' => {}
                    b'1' => *byte |= 0x80 >> place,
                    _ => return Err(ParseBitsError),
                }
            }
        }
        Ok(Self { bytes, len: text.len() })
    }
}

impl FromIterator<bool> for Bits {
    fn from_iter<I: IntoIterator<Item = bool>>(bits: I) -> Self {
        let mut all = Self::default();
        for bit in bits {
            let place = all.len % 8;
            if place == 0 {
                all.bytes.push(0);
            }
            if let (true, Some(last)) = (bit, all.bytes.last_mut()) {
                *last |= 0x80 >> place;
            }
            all.len = all.len.saturating_add(1);
        }
        all
    }
}

/// The text has other characters than 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseBitsError;

impl fmt::Display for ParseBitsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the text has other characters than 0 and 1")
    }
}

impl Error for ParseBitsError {}

// PG source: varbit.c, varbit_send: the number of bits, and the bytes.
fn split(value: &[u8]) -> Option<(usize, &[u8])> {
    to_end(value, |cursor: &mut Cursor<'_>| {
        let len = usize::try_from(cursor.i32()?).ok()?;
        Some((len, cursor.bytes(len.div_ceil(8))?))
    })
}

const MALFORMED: &str = "it is no string of bits";

impl FromSql<'_> for Bits {
    fn accepts(column: &Column) -> bool {
        matches!(column.oid(), Oid::BIT | Oid::VARBIT)
    }

    fn from_sql(column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        let bits = match column.format() {
            Format::Binary => split(value).and_then(|(len, bytes)| Self::from_bytes(len, bytes.to_vec())),
            Format::Text => return parse(value),
        };
        bits.ok_or_else(|| ValueError::malformed(MALFORMED))
    }
}

impl ToSql for Bits {
    fn oid(&self) -> Oid {
        Oid::VARBIT
    }

    fn type_oid() -> Oid {
        Oid::VARBIT
    }

    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        let len = i32::try_from(self.len).map_err(|_| EncodeError::TooLong)?;
        out.extend_from_slice(&len.to_be_bytes());
        out.extend_from_slice(&self.bytes);
        Ok(IsNull::No)
    }
}

/// `bit` in Arrow.
pub(crate) const BIT: Type = Type { oid: Oid::BIT, array: Some(Oid(1561)), binary: digits, text: None };
/// `varbit` in Arrow.
pub(crate) const VARBIT: Type = Type { oid: Oid::VARBIT, array: Some(Oid(1563)), binary: digits, text: None };

fn digits(asked: &Asked) -> Form {
    Form::text(asked, Copied::Rewritten(append)).with(Extension::Opaque)
}

fn append(value: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    let (len, bytes) = split(value).ok_or(Fault::Malformed(MALFORMED))?;
    out.extend(each(bytes, len).map(|bit| if bit { b'1' } else { b'0' }));
    Ok(())
}
