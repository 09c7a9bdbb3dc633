//! `time`, which has years from -9999 to 9999, and from -999999 to 999999 with its feature `large-dates`.

use super::moment::{self, BEYOND, in_utc};
use crate::types::conversion::by_way_of;
use crate::types::{ConversionError, Date, Time, Timestamp, TimestampTz};

by_way_of! {
    time::Date as Date,
    time::Time as Time,
    time::PrimitiveDateTime as Timestamp,
    time::OffsetDateTime as TimestampTz,
}

impl TryFrom<Date> for time::Date {
    type Error = ConversionError;

    /// Fails for the infinities and after the last year.
    fn try_from(date: Date) -> Result<Self, ConversionError> {
        let day = moment::days(date)?.checked_add(JULIAN_DAY).ok_or(BEYOND)?;
        Self::from_julian_day(day).map_err(|_| BEYOND)
    }
}

impl TryFrom<time::Date> for Date {
    type Error = ConversionError;

    /// Fails before 4714-11-24 BC.
    fn try_from(date: time::Date) -> Result<Self, ConversionError> {
        moment::date(i64::from(date.to_julian_day()) - i64::from(JULIAN_DAY))
    }
}

impl TryFrom<Time> for time::Time {
    type Error = ConversionError;

    /// Fails for 24:00:00.
    fn try_from(time: Time) -> Result<Self, ConversionError> {
        let micros = moment::micros_of_day(time)?;
        let (seconds, micros) = (micros / 1_000_000, u32::try_from(micros % 1_000_000).unwrap_or(u32::MAX));
        let part = |number: i64| u8::try_from(number).unwrap_or(u8::MAX);
        let (hour, minute, second) = (part(seconds / 3_600), part(seconds / 60 % 60), part(seconds % 60));
        Self::from_hms_micro(hour, minute, second, micros).map_err(|_| BEYOND)
    }
}

impl TryFrom<time::Time> for Time {
    type Error = ConversionError;

    /// Fails for nanoseconds below the microsecond.
    fn try_from(time: time::Time) -> Result<Self, ConversionError> {
        let (hour, minute, second, nanos) = time.as_hms_nano();
        let seconds = i64::from(hour) * 3_600 + i64::from(minute) * 60 + i64::from(second);
        moment::time(seconds * 1_000_000_000 + i64::from(nanos))
    }
}

impl TryFrom<Timestamp> for time::PrimitiveDateTime {
    type Error = ConversionError;

    /// Fails for the infinities and after the last year.
    fn try_from(timestamp: Timestamp) -> Result<Self, ConversionError> {
        let (date, time) = moment::split(timestamp)?;
        Ok(Self::new(date.try_into()?, time.try_into()?))
    }
}

impl TryFrom<time::PrimitiveDateTime> for Timestamp {
    type Error = ConversionError;

    /// Fails before 4714-11-24 BC, after the year 294276, and for nanoseconds below the microsecond.
    fn try_from(timestamp: time::PrimitiveDateTime) -> Result<Self, ConversionError> {
        moment::join(timestamp.date().try_into()?, timestamp.time().try_into()?)
    }
}

impl TryFrom<TimestampTz> for time::OffsetDateTime {
    type Error = ConversionError;

    /// Takes the offset of UTC: PostgreSQL keeps none. Fails for the infinities and after the last year.
    fn try_from(point: TimestampTz) -> Result<Self, ConversionError> {
        time::PrimitiveDateTime::try_from(in_utc(point)).map(time::PrimitiveDateTime::assume_utc)
    }
}

impl TryFrom<time::OffsetDateTime> for TimestampTz {
    type Error = ConversionError;

    /// Takes the point in time, whatever its offset. Fails before 4714-11-24 BC, after the year 294276, and for
    /// nanoseconds below the microsecond.
    fn try_from(point: time::OffsetDateTime) -> Result<Self, ConversionError> {
        moment::of_unix(point.unix_timestamp_nanos())
    }
}

/// The number of 2000-01-01 among the Julian days.
const JULIAN_DAY: i32 = 2_451_545;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::{Duration, OffsetDateTime, PrimitiveDateTime, UtcOffset};

    use super::*;
    use crate::types::with::testing::{same, same_range, unread, unsent};

    fn day(year: i32, month: u8, day: u8) -> time::Date {
        time::Date::from_calendar_date(year, month.try_into().unwrap(), day).unwrap()
    }

    fn ours(year: i32, month: u8, day: u8) -> Date {
        Date::from_ymd(year, month, day).unwrap()
    }

    #[test]
    fn days_are_the_same_where_both_have_them() {
        for (year, month, date) in
            [(2000, 1, 1), (1999, 12, 31), (2024, 2, 29), (0, 12, 31), (-4713, 11, 24), (9_999, 12, 31)]
        {
            same(&day(year, month, date), &ours(year, month, date));
        }
        same_range(day(2024, 2, 29), ours(2024, 2, 29));
        unread::<time::Date>(&Date::INFINITY, "infinite");
        unread::<time::Date>(&Date::NEG_INFINITY, "infinite");
        unread::<time::Date>(&ours(1_000_000, 1, 1), "year");
        unread::<time::Date>(&ours(5_874_897, 12, 31), "year");
        unsent(&day(-4713, 11, 23), "4714");
        unsent(&time::Date::MIN, "4714");
    }

    #[test]
    fn times_of_day_have_microseconds() {
        let time =
            |hour, minute, second, nano| time::Time::from_hms_nano(hour, minute, second, nano).unwrap();
        same(&time(0, 0, 0, 0), &Time::from_micros(0).unwrap());
        same(&time(1, 2, 3, 4_000), &Time::from_micros(3_723_000_004).unwrap());
        same(&time(23, 59, 59, 999_999_000), &Time::from_micros(86_399_999_999).unwrap());
        unread::<time::Time>(&Time::from_micros(86_400_000_000).unwrap(), "24:00:00");
        unsent(&time(0, 0, 0, 1), "nanoseconds");
        unsent(&time(23, 59, 59, 999_999_999), "nanoseconds");
    }

    #[test]
    fn timestamps_end_where_either_ends() {
        let last = Timestamp::new(ours(9_999, 12, 31), Time::from_micros(86_399_999_999).unwrap()).unwrap();
        let theirs = day(9_999, 12, 31).with_hms_micro(23, 59, 59, 999_999).unwrap();
        same(&theirs, &last);
        same_range(theirs, last);
        let first = Timestamp::new(ours(-4713, 11, 24), Time::from_micros(0).unwrap()).unwrap();
        same(&day(-4713, 11, 24).midnight(), &first);
        unsent(&day(-4713, 11, 23).with_hms_micro(23, 59, 59, 999_999).unwrap(), "4714");
        unread::<PrimitiveDateTime>(&Timestamp::INFINITY, "infinite");
        unread::<PrimitiveDateTime>(&Timestamp::NEG_INFINITY, "infinite");
        unread::<PrimitiveDateTime>(&Timestamp::from_micros(i64::MAX - 1), "year");
        unsent(&(theirs - Duration::nanoseconds(1)), "nanoseconds");
    }

    #[test]
    fn points_in_time_are_the_same_whatever_their_offset() {
        let noon = day(2024, 2, 29).with_hms_micro(12, 0, 0, 1).unwrap().assume_utc();
        let ours = TimestampTz::from_micros(762_523_200_000_001);
        same(&noon, &ours);
        same_range(noon, ours);
        same(&noon.to_offset(UtcOffset::from_hms(25, 59, 59).unwrap()), &ours);
        assert_eq!(OffsetDateTime::try_from(ours).unwrap().offset(), UtcOffset::UTC);
        unread::<OffsetDateTime>(&TimestampTz::INFINITY, "infinite");
        unread::<OffsetDateTime>(&TimestampTz::NEG_INFINITY, "infinite");
        unread::<OffsetDateTime>(&TimestampTz::from_micros(9_223_371_331_199_999_999), "year");
        unsent(&time::Date::MIN.midnight().assume_utc(), "4714");
        unsent(&(noon + Duration::nanoseconds(1)), "nanoseconds");
        // In UTC it is a year that the crate has not.
        let edge = time::Date::MAX.midnight().assume_offset(UtcOffset::from_hms(-25, 0, 0).unwrap());
        let point = TimestampTz::try_from(edge).unwrap();
        unread::<OffsetDateTime>(&point, "year");
    }

    proptest! {
        #[test]
        fn every_point_is_the_same_or_refused(micros in -300_000_000_000_000_000..300_000_000_000_000_000_i64) {
            let timestamp = Timestamp::from_micros(micros);
            if let Ok(theirs) = PrimitiveDateTime::try_from(timestamp) {
                let unix = i128::from(micros + 946_684_800_000_000) * 1_000;
                prop_assert_eq!(theirs.assume_utc().unix_timestamp_nanos(), unix);
                let sendable = micros >= -211_813_488_000_000_000;
                prop_assert_eq!(Timestamp::try_from(theirs).ok(), sendable.then_some(timestamp));
            }
        }
    }
}
