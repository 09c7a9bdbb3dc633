use std::fmt;

use arrow_array::ArrayRef;
use arrow_array::types::TimestampMicrosecondType;
use arrow_buffer::{Buffer, NullBuffer};
use arrow_schema::{DataType, TimeUnit};

use crate::arrow::{Decode, Fault, Form, Kind, Kinds, primitive};
use crate::types::calendar::{MICROS_PER_DAY, split};
use crate::types::date::not_counted;
use crate::types::{Date, Time, TimestampTz, Type, fixed};
use crate::{Column, EncodeError, FromSql, IsNull, Oid, Output, ToSql, ValueError};

/// A `timestamp` without time zone: microseconds since 2000-01-01 00:00, or an infinity.
///
/// Prints as the server does with `DateStyle` ISO.
///
/// ```
/// use molt_db_decode::{Date, Time, Timestamp};
///
/// let day = Date::from_ymd(2024, 2, 29).ok_or("no such day")?;
/// let noon = Time::from_micros(43_200_000_000).ok_or("no such time")?;
/// let timestamp = Timestamp::new(day, noon).ok_or("out of range")?;
/// assert_eq!(timestamp.to_string(), "2024-02-29 12:00:00");
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Later than all others.
    pub const INFINITY: Self = Self(i64::MAX);
    /// Earlier than all others.
    pub const NEG_INFINITY: Self = Self(i64::MIN);

    /// Takes a day and a time of it. `None` for an infinite date and beyond what microseconds in an `i64` can say.
    pub fn new(date: Date, time: Time) -> Option<Self> {
        let days = date.is_finite().then(|| i64::from(date.days()))?;
        days.checked_mul(MICROS_PER_DAY)?.checked_add(time.micros()).map(Self).filter(|it| it.is_finite())
    }

    /// Takes the microseconds since 2000-01-01 00:00. `i64::MAX` and `i64::MIN` are the infinities; the server refuses
    /// what lies before 4714-11-24 BC or after the year 294276.
    pub fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Returns the microseconds since 2000-01-01 00:00; of the infinities, `i64::MAX` and `i64::MIN`.
    pub fn micros(self) -> i64 {
        self.0
    }

    /// Says whether it is a point in time and no infinity.
    pub fn is_finite(self) -> bool {
        self != Self::INFINITY && self != Self::NEG_INFINITY
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::INFINITY => f.write_str("infinity"),
            Self::NEG_INFINITY => f.write_str("-infinity"),
            Self(micros) => {
                let (day, clock) = split(micros);
                write!(f, "{day} {clock}{}", day.era())
            }
        }
    }
}

impl FromSql<'_> for Timestamp {
    fn accepts(column: &Column) -> bool {
        column.is_binary(Oid::TIMESTAMP)
    }

    #[inline]
    fn from_sql(_column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        Ok(Self(i64::from_be_bytes(fixed(value)?)))
    }
}

impl ToSql for Timestamp {
    #[inline]
    fn oid(&self) -> Oid {
        Oid::TIMESTAMP
    }

    fn type_oid() -> Oid {
        Oid::TIMESTAMP
    }

    #[inline]
    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        out.extend_from_slice(&self.0.to_be_bytes());
        Ok(IsNull::No)
    }
}

/// From 1970-01-01, where Arrow counts from, to 2000-01-01.
const MICROS_FROM_UNIX: i64 = 946_684_800_000_000;

/// `timestamp` and `timestamptz` in Arrow.
#[derive(Debug)]
pub(crate) struct TimestampMicros;

impl Decode<8> for TimestampMicros {
    type Element = i64;

    const UNFIT: Kinds = Kinds::of(Kind::Infinity).and(Kind::Range);

    fn decode(value: [u8; 8]) -> Result<i64, Fault> {
        let timestamp = Timestamp(i64::from_be_bytes(value));
        let micros = timestamp.is_finite().then(|| timestamp.0.checked_add(MICROS_FROM_UNIX)).flatten();
        micros.ok_or_else(|| not_counted(timestamp.is_finite()))
    }

    fn array(elements: Buffer, len: usize, nulls: Option<NullBuffer>, data_type: &DataType) -> ArrayRef {
        primitive::<TimestampMicrosecondType>(elements, len, nulls, data_type)
    }
}

/// `timestamp` in Arrow.
pub(crate) const TIMESTAMP: Type = Type {
    oid: Oid::TIMESTAMP,
    array: Some(Oid(1115)),
    binary: |asked| {
        let form = Form::fixed::<TimestampMicros, 8>(DataType::Timestamp(TimeUnit::Microsecond, None));
        form.shown_as::<Timestamp>(asked.oid)
    },
    text: None,
};

/// `timestamptz` in Arrow.
pub(crate) const TIMESTAMPTZ: Type = Type {
    oid: Oid::TIMESTAMPTZ,
    array: Some(Oid(1185)),
    binary: |asked| {
        let data_type = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        Form::fixed::<TimestampMicros, 8>(data_type).shown_as::<TimestampTz>(asked.oid)
    },
    text: None,
};
