use std::error::Error;
use std::fmt;
use std::time::{Duration, SystemTime};

use crate::types::calendar::split;
use crate::types::fixed;
use crate::{Column, EncodeError, FromSql, IsNull, Oid, Output, ToSql, ValueError};

/// A `timestamptz`: a point in time, in microseconds since 2000-01-01 00:00 UTC, or an infinity.
///
/// PostgreSQL keeps no time zone with it. Prints as the server does with `DateStyle` ISO and `TimeZone` UTC.
///
/// ```
/// use std::time::SystemTime;
/// use molt_db_decode::TimestampTz;
///
/// let epoch = TimestampTz::try_from(SystemTime::UNIX_EPOCH)?;
/// assert_eq!(epoch.to_string(), "1970-01-01 00:00:00+00");
/// assert_eq!(SystemTime::try_from(epoch)?, SystemTime::UNIX_EPOCH);
/// # Ok::<(), molt_db_decode::types::TimestampTzRangeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimestampTz(i64);

impl TimestampTz {
    /// Later than all others.
    pub const INFINITY: Self = Self(i64::MAX);
    /// Earlier than all others.
    pub const NEG_INFINITY: Self = Self(i64::MIN);

    /// Takes the microseconds since 2000-01-01 00:00 UTC. `i64::MAX` and `i64::MIN` are the infinities; the server
    /// refuses what lies before 4714-11-24 BC or after the year 294276.
    pub fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Returns the microseconds since 2000-01-01 00:00 UTC; of the infinities, `i64::MAX` and `i64::MIN`.
    pub fn micros(self) -> i64 {
        self.0
    }

    /// Says whether it is a point in time and no infinity.
    pub fn is_finite(self) -> bool {
        self != Self::INFINITY && self != Self::NEG_INFINITY
    }
}

// PG source: datatype/timestamp.h, MIN_TIMESTAMP and END_TIMESTAMP.
const RANGE: std::ops::Range<i64> = -211_813_488_000_000_000..9_223_371_331_200_000_000;

/// From 1970-01-01 to 2000-01-01.
const EPOCH: Duration = Duration::from_secs(946_684_800);

impl TryFrom<SystemTime> for TimestampTz {
    type Error = TimestampTzRangeError;

    /// Takes the microsecond in which the time lies: what is finer is cut off towards the past.
    fn try_from(time: SystemTime) -> Result<Self, TimestampTzRangeError> {
        let micros = match time.duration_since(SystemTime::UNIX_EPOCH + EPOCH) {
            Ok(later) => i64::try_from(later.as_micros()),
            Err(earlier) => {
                i64::try_from(earlier.duration().as_nanos().div_ceil(1_000)).map(|micros| -micros)
            }
        };
        let inside = micros.ok().filter(|micros| RANGE.contains(micros));
        inside.map(Self).ok_or(TimestampTzRangeError)
    }
}

impl TryFrom<TimestampTz> for SystemTime {
    type Error = TimestampTzRangeError;

    /// Fails for the infinities, and for what the platform's clock cannot say.
    fn try_from(time: TimestampTz) -> Result<Self, TimestampTzRangeError> {
        let distance = Duration::from_micros(time.0.unsigned_abs());
        let epoch = Self::UNIX_EPOCH + EPOCH;
        let found = if time.0 < 0 { epoch.checked_sub(distance) } else { epoch.checked_add(distance) };
        found.filter(|_| time.is_finite()).ok_or(TimestampTzRangeError)
    }
}

impl fmt::Display for TimestampTz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::INFINITY => f.write_str("infinity"),
            Self::NEG_INFINITY => f.write_str("-infinity"),
            Self(micros) => {
                let (day, clock) = split(micros);
                write!(f, "{day} {clock}+00{}", day.era())
            }
        }
    }
}

impl FromSql<'_> for TimestampTz {
    fn accepts(column: &Column) -> bool {
        column.is_binary(Oid::TIMESTAMPTZ)
    }

    #[inline]
    fn from_sql(_column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        Ok(Self(i64::from_be_bytes(fixed(value)?)))
    }
}

impl ToSql for TimestampTz {
    #[inline]
    fn oid(&self) -> Oid {
        Oid::TIMESTAMPTZ
    }

    fn type_oid() -> Oid {
        Oid::TIMESTAMPTZ
    }

    #[inline]
    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        out.extend_from_slice(&self.0.to_be_bytes());
        Ok(IsNull::No)
    }
}

/// A point in time is not one that the other side's clock can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimestampTzRangeError;

impl fmt::Display for TimestampTzRangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the point in time is out of range")
    }
}

impl Error for TimestampTzRangeError {}
