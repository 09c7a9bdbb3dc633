//! Days, times of day and points in time as other crates count them: in nanoseconds, without infinities, and in other years.

use crate::types::calendar::MICROS_PER_DAY;
use crate::types::{ConversionError, Date, Time, Timestamp, TimestampTz};

pub(super) const INFINITE: ConversionError = ConversionError("it is infinite");
pub(super) const BEYOND: ConversionError = ConversionError("its year is beyond what the Rust type holds");
const END_OF_DAY: ConversionError = ConversionError("it is 24:00:00, and the Rust type has no such time");
const FINER: ConversionError =
    ConversionError("it has nanoseconds below the microsecond, which would be lost");
const TOO_EARLY_OR_LATE: ConversionError = ConversionError("it is before 4714-11-24 BC or too late");

/// Returns the days since 2000-01-01.
#[cfg(any(feature = "chrono", feature = "time"))]
pub(super) fn days(date: Date) -> Result<i32, ConversionError> {
    if date.is_finite() { Ok(date.days()) } else { Err(INFINITE) }
}

/// Takes the days since 2000-01-01.
pub(super) fn date(days: i64) -> Result<Date, ConversionError> {
    let days = i32::try_from(days).ok().filter(|days| DAYS.contains(days));
    days.map(Date::from_days).ok_or(TOO_EARLY_OR_LATE)
}

/// Returns the microseconds since midnight, if the day does not end there.
pub(super) fn micros_of_day(time: Time) -> Result<i64, ConversionError> {
    if time.micros() < MICROS_PER_DAY { Ok(time.micros()) } else { Err(END_OF_DAY) }
}

/// Takes the nanoseconds since midnight.
pub(super) fn time(nanos: i64) -> Result<Time, ConversionError> {
    Time::from_micros(micros(nanos.into())?).ok_or(END_OF_DAY)
}

/// Takes nanoseconds that make up whole microseconds.
pub(super) fn micros(nanos: i128) -> Result<i64, ConversionError> {
    if nanos % 1_000 != 0 {
        return Err(FINER);
    }
    i64::try_from(nanos / 1_000).map_err(|_| TOO_EARLY_OR_LATE)
}

/// Returns the day and the time of it.
pub(super) fn split(timestamp: Timestamp) -> Result<(Date, Time), ConversionError> {
    if !timestamp.is_finite() {
        return Err(INFINITE);
    }
    let micros = timestamp.micros();
    let date = date(micros.div_euclid(MICROS_PER_DAY))?;
    Ok((date, Time::from_micros(micros.rem_euclid(MICROS_PER_DAY)).ok_or(END_OF_DAY)?))
}

/// Takes a day and a time of it.
pub(super) fn join(date: Date, time: Time) -> Result<Timestamp, ConversionError> {
    let timestamp = Timestamp::new(date, time).filter(|timestamp| MICROS.contains(&timestamp.micros()));
    timestamp.ok_or(TOO_EARLY_OR_LATE)
}

/// Reads a point in time as what a clock in UTC shows.
#[cfg(any(feature = "chrono", feature = "time"))]
pub(super) fn in_utc(point: TimestampTz) -> Timestamp {
    Timestamp::from_micros(point.micros())
}

/// Takes what a clock in UTC shows.
#[cfg(feature = "chrono")]
pub(super) fn of_utc(timestamp: Timestamp) -> TimestampTz {
    TimestampTz::from_micros(timestamp.micros())
}

/// Takes the nanoseconds since 1970-01-01 in UTC.
#[cfg(any(feature = "jiff", feature = "time"))]
pub(super) fn of_unix(nanos: i128) -> Result<TimestampTz, ConversionError> {
    let micros = micros(nanos)?.checked_sub(MICROS_FROM_UNIX).filter(|micros| MICROS.contains(micros));
    micros.map(TimestampTz::from_micros).ok_or(TOO_EARLY_OR_LATE)
}

/// From 1970-01-01 to 2000-01-01.
#[cfg(any(feature = "jiff", feature = "time"))]
pub(super) const MICROS_FROM_UNIX: i64 = 946_684_800_000_000;

// PG source: datatype/timestamp.h, IS_VALID_DATE and IS_VALID_TIMESTAMP.
const DAYS: std::ops::Range<i32> = -2_451_545..2_145_031_949;
const MICROS: std::ops::Range<i64> = -211_813_488_000_000_000..9_223_371_331_200_000_000;
