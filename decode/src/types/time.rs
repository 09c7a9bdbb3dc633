use std::fmt;

use arrow_array::ArrayRef;
use arrow_array::types::Time64MicrosecondType;
use arrow_buffer::{Buffer, NullBuffer};
use arrow_schema::{DataType, TimeUnit};

use crate::arrow::{Decode, Fault, Form, Kind, Kinds, primitive};
use crate::types::calendar::{Clock, MICROS_PER_DAY};
use crate::types::{Type, fixed};
use crate::{Column, EncodeError, FromSql, IsNull, Oid, Output, ToSql, ValueError};

/// A `time`: microseconds since midnight, from 00:00:00 to 24:00:00, which PostgreSQL counts in.
///
/// ```
/// use molt_db_decode::Time;
///
/// let late = Time::from_micros(86_399_500_000).ok_or("out of range")?;
/// assert_eq!(late.to_string(), "23:59:59.5");
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

impl Time {
    /// Takes the microseconds since midnight, 0 to 86,400,000,000.
    pub fn from_micros(micros: i64) -> Option<Self> {
        (0..=MICROS_PER_DAY).contains(&micros).then_some(Self(micros))
    }

    /// Returns the microseconds since midnight, 0 to 86,400,000,000.
    pub fn micros(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Clock(self.0).fmt(f)
    }
}

impl FromSql<'_> for Time {
    fn accepts(column: &Column) -> bool {
        column.is_binary(Oid::TIME)
    }

    #[inline]
    fn from_sql(_column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        let time = Self::from_micros(i64::from_be_bytes(fixed(value)?));
        time.ok_or_else(|| ValueError::malformed("it is no time of day"))
    }
}

impl ToSql for Time {
    #[inline]
    fn oid(&self) -> Oid {
        Oid::TIME
    }

    fn type_oid() -> Oid {
        Oid::TIME
    }

    #[inline]
    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        out.extend_from_slice(&self.0.to_be_bytes());
        Ok(IsNull::No)
    }
}

/// `time` in Arrow, where a day ends before 24:00:00.
#[derive(Debug)]
pub(crate) struct TimeMicros;

impl Decode<8> for TimeMicros {
    type Element = i64;

    const UNFIT: Kinds = Kinds::of(Kind::Range);

    fn decode(value: [u8; 8]) -> Result<i64, Fault> {
        match i64::from_be_bytes(value) {
            micros @ 0..MICROS_PER_DAY => Ok(micros),
            MICROS_PER_DAY => Err(Fault::Unfit(Kind::Range, "it is 24:00:00")),
            _ => Err(Fault::Malformed("it is no time of day")),
        }
    }

    fn array(elements: Buffer, len: usize, nulls: Option<NullBuffer>, data_type: &DataType) -> ArrayRef {
        primitive::<Time64MicrosecondType>(elements, len, nulls, data_type)
    }
}

/// `time` in Arrow.
pub(crate) const TIME: Type = Type {
    oid: Oid::TIME,
    array: Some(Oid(1183)),
    binary: |asked| {
        let form = Form::fixed::<TimeMicros, 8>(DataType::Time64(TimeUnit::Microsecond));
        form.shown_as::<Time>(asked.oid)
    },
    text: None,
};
