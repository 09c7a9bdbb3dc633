use std::error::Error;
use std::fmt;
use std::str::FromStr;

use arrow_schema::DataType;

use crate::arrow::Form;
use crate::types::transaction::Unsigned;
use crate::types::{Type, fixed, parse};
use crate::{Column, EncodeError, Format, FromSql, IsNull, Oid, Output, ToSql, ValueError};

/// A `pg_lsn`: a place in the write-ahead log, in bytes from its beginning.
///
/// Prints as the server does, and parses what it prints.
///
/// ```
/// use molt_db_decode::types::PgLsn;
///
/// let place: PgLsn = "16/B374D848".parse()?;
/// assert_eq!(place, PgLsn(0x16_b374_d848));
/// assert_eq!(place.to_string(), "16/B374D848");
/// # Ok::<(), molt_db_decode::types::ParsePgLsnError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PgLsn(pub u64);

impl fmt::Display for PgLsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xffff_ffff)
    }
}

impl FromStr for PgLsn {
    type Err = ParsePgLsnError;

    /// Reads two numbers of up to eight hexadecimal digits with a slash between them.
    fn from_str(text: &str) -> Result<Self, ParsePgLsnError> {
        let half = |digits: &str| {
            let sane =
                (1..=8).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            u64::from_str_radix(digits, 16).ok().filter(|_| sane).ok_or(ParsePgLsnError)
        };
        let (high, low) = text.split_once('/').ok_or(ParsePgLsnError)?;
        Ok(Self(half(high)? << 32 | half(low)?))
    }
}

/// The text is no place in the write-ahead log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParsePgLsnError;

impl fmt::Display for ParsePgLsnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the text is no pg_lsn of two hexadecimal numbers with a slash between them")
    }
}

impl Error for ParsePgLsnError {}

impl FromSql<'_> for PgLsn {
    fn accepts(column: &Column) -> bool {
        column.oid() == Oid::PG_LSN
    }

    fn from_sql(column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        match column.format() {
            Format::Binary => Ok(Self(u64::from_be_bytes(fixed(value)?))),
            Format::Text => parse(value),
        }
    }
}

impl ToSql for PgLsn {
    fn oid(&self) -> Oid {
        Oid::PG_LSN
    }

    fn type_oid() -> Oid {
        Oid::PG_LSN
    }

    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        out.extend_from_slice(&self.0.to_be_bytes());
        Ok(IsNull::No)
    }
}

/// `pg_lsn` in Arrow.
pub(crate) const PG_LSN: Type = Type {
    oid: Oid::PG_LSN,
    array: Some(Oid(3221)),
    binary: |asked| Form::fixed::<Unsigned, 8>(DataType::UInt64).shown_as::<PgLsn>(asked.oid),
    text: None,
};
