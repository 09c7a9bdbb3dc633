//! `chrono`, which has leap seconds and years from -262143 to 262142.

use chrono::Timelike;

use super::moment::{self, BEYOND, in_utc, of_utc};
use crate::types::conversion::by_way_of;
use crate::types::{ConversionError, Date, Time, Timestamp, TimestampTz};

by_way_of! {
    chrono::NaiveDate as Date,
    chrono::NaiveTime as Time,
    chrono::NaiveDateTime as Timestamp,
    chrono::DateTime<chrono::Utc> as TimestampTz,
    chrono::DateTime<chrono::FixedOffset> as TimestampTz,
}

impl TryFrom<Date> for chrono::NaiveDate {
    type Error = ConversionError;

    /// Fails for the infinities and after the year 262142.
    fn try_from(date: Date) -> Result<Self, ConversionError> {
        let days = moment::days(date)?.checked_add(DAYS_FROM_FIRST);
        days.and_then(Self::from_num_days_from_ce_opt).ok_or(BEYOND)
    }
}

impl TryFrom<chrono::NaiveDate> for Date {
    type Error = ConversionError;

    /// Fails before 4714-11-24 BC.
    fn try_from(date: chrono::NaiveDate) -> Result<Self, ConversionError> {
        let days = chrono::Datelike::num_days_from_ce(&date);
        moment::date(i64::from(days) - i64::from(DAYS_FROM_FIRST))
    }
}

impl TryFrom<Time> for chrono::NaiveTime {
    type Error = ConversionError;

    /// Fails for 24:00:00.
    fn try_from(time: Time) -> Result<Self, ConversionError> {
        let micros = moment::micros_of_day(time)?;
        let part = |number: i64| u32::try_from(number).ok();
        let (seconds, nanos) = (part(micros / 1_000_000), part(micros % 1_000_000 * 1_000));
        let time = seconds.zip(nanos).and_then(|(s, n)| Self::from_num_seconds_from_midnight_opt(s, n));
        time.ok_or(BEYOND)
    }
}

impl TryFrom<chrono::NaiveTime> for Time {
    type Error = ConversionError;

    /// Fails for nanoseconds below the microsecond, and in leap seconds.
    fn try_from(time: chrono::NaiveTime) -> Result<Self, ConversionError> {
        if time.nanosecond() >= NANOS {
            return Err(LEAP);
        }
        let seconds = i64::from(time.num_seconds_from_midnight());
        moment::time(seconds * i64::from(NANOS) + i64::from(time.nanosecond()))
    }
}

impl TryFrom<Timestamp> for chrono::NaiveDateTime {
    type Error = ConversionError;

    /// Fails for the infinities and after the year 262142.
    fn try_from(timestamp: Timestamp) -> Result<Self, ConversionError> {
        let (date, time) = moment::split(timestamp)?;
        Ok(Self::new(date.try_into()?, time.try_into()?))
    }
}

impl TryFrom<chrono::NaiveDateTime> for Timestamp {
    type Error = ConversionError;

    /// Fails before 4714-11-24 BC, for nanoseconds below the microsecond, and in leap seconds.
    fn try_from(timestamp: chrono::NaiveDateTime) -> Result<Self, ConversionError> {
        moment::join(timestamp.date().try_into()?, timestamp.time().try_into()?)
    }
}

impl TryFrom<TimestampTz> for chrono::DateTime<chrono::Utc> {
    type Error = ConversionError;

    /// Fails for the infinities and after the year 262142.
    fn try_from(point: TimestampTz) -> Result<Self, ConversionError> {
        chrono::NaiveDateTime::try_from(in_utc(point)).map(|timestamp| timestamp.and_utc())
    }
}

impl TryFrom<chrono::DateTime<chrono::Utc>> for TimestampTz {
    type Error = ConversionError;

    /// Fails before 4714-11-24 BC, for nanoseconds below the microsecond, and in leap seconds.
    fn try_from(point: chrono::DateTime<chrono::Utc>) -> Result<Self, ConversionError> {
        Timestamp::try_from(point.naive_utc()).map(of_utc)
    }
}

impl TryFrom<TimestampTz> for chrono::DateTime<chrono::FixedOffset> {
    type Error = ConversionError;

    /// Takes the offset of UTC: PostgreSQL keeps none. Fails for the infinities and after the year 262142.
    fn try_from(point: TimestampTz) -> Result<Self, ConversionError> {
        chrono::DateTime::<chrono::Utc>::try_from(point).map(|point| point.fixed_offset())
    }
}

impl TryFrom<chrono::DateTime<chrono::FixedOffset>> for TimestampTz {
    type Error = ConversionError;

    /// Takes the point in time, whatever its offset. Fails before 4714-11-24 BC, for nanoseconds below the microsecond,
    /// and in leap seconds.
    fn try_from(point: chrono::DateTime<chrono::FixedOffset>) -> Result<Self, ConversionError> {
        point.to_utc().try_into()
    }
}

const LEAP: ConversionError = ConversionError("it lies in a leap second, which PostgreSQL has not");
const NANOS: u32 = 1_000_000_000;
/// The days that chrono counts on 2000-01-01.
const DAYS_FROM_FIRST: i32 = 730_120;

#[cfg(test)]
mod tests {
    use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
    use proptest::prelude::*;

    use super::*;
    use crate::types::with::testing::{read, same, same_range, unread, unsent};
    use crate::{Format, FromSql};

    fn day(year: i32, month: u32, day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(year, month, day).unwrap()
    }

    fn ours(year: i32, month: u8, day: u8) -> Date {
        Date::from_ymd(year, month, day).unwrap()
    }

    #[test]
    fn days_are_the_same_where_both_have_them() {
        for (year, month, date) in
            [(2000, 1, 1), (1999, 12, 31), (2024, 2, 29), (0, 12, 31), (-4713, 11, 24), (262_142, 12, 31)]
        {
            same(&day(year, month, date), &ours(year, month as u8, date as u8));
        }
        same_range(day(2024, 2, 29), ours(2024, 2, 29));
        unread::<NaiveDate>(&Date::INFINITY, "infinite");
        unread::<NaiveDate>(&Date::NEG_INFINITY, "infinite");
        unread::<NaiveDate>(&ours(262_143, 1, 1), "year");
        unread::<NaiveDate>(&ours(5_874_897, 12, 31), "year");
        unsent(&day(-4713, 11, 23), "4714");
        unsent(&NaiveDate::MIN, "4714");
        same(&NaiveDate::MAX, &ours(262_142, 12, 31));
    }

    #[test]
    fn times_of_day_have_microseconds_and_no_leap_seconds() {
        let time = |seconds, nanos| NaiveTime::from_num_seconds_from_midnight_opt(seconds, nanos).unwrap();
        same(&time(0, 0), &Time::from_micros(0).unwrap());
        same(&time(0, 1_000), &Time::from_micros(1).unwrap());
        same(&time(86_399, 999_999_000), &Time::from_micros(86_399_999_999).unwrap());
        unread::<NaiveTime>(&Time::from_micros(86_400_000_000).unwrap(), "24:00:00");
        unsent(&time(1, 1), "nanoseconds");
        unsent(&time(86_399, 999_999_999), "nanoseconds");
        unsent(&time(86_399, 1_000_000_000), "leap second");
        unsent(&time(86_399, 1_500_000_001), "leap second");
    }

    #[test]
    fn timestamps_end_where_either_ends() {
        let at = |date: NaiveDate, micros| date.and_hms_micro_opt(23, 59, 59, micros).unwrap();
        let last = Timestamp::new(ours(262_142, 12, 31), Time::from_micros(86_399_999_999).unwrap()).unwrap();
        same(&at(NaiveDate::MAX, 999_999), &last);
        same_range(at(NaiveDate::MAX, 999_999), last);
        let first = Timestamp::new(ours(-4713, 11, 24), Time::from_micros(0).unwrap()).unwrap();
        same(&day(-4713, 11, 24).and_time(NaiveTime::MIN), &first);
        unsent(&at(day(-4713, 11, 23), 999_999), "4714");
        unsent(&at(NaiveDate::MIN, 0), "4714");
        unread::<NaiveDateTime>(&Timestamp::from_micros(last.micros() + 1), "year");
        unread::<NaiveDateTime>(&Timestamp::from_micros(i64::MAX - 1), "year");
        unread::<NaiveDateTime>(&Timestamp::INFINITY, "infinite");
        unread::<NaiveDateTime>(&Timestamp::NEG_INFINITY, "infinite");
        unsent(&(at(NaiveDate::MAX, 0) + TimeDelta::nanoseconds(1)), "nanoseconds");
        unsent(&at(NaiveDate::MAX, 1_000_000), "leap second");
    }

    #[test]
    fn points_in_time_are_the_same_whatever_their_offset() {
        let noon = day(2024, 2, 29).and_hms_micro_opt(12, 0, 0, 1).unwrap().and_utc();
        let ours = TimestampTz::from_micros(762_523_200_000_001);
        same(&noon, &ours);
        same_range(noon, ours);
        let east = FixedOffset::east_opt(86_399).unwrap();
        same(&noon.with_timezone(&east), &ours);
        let read =
            read::<DateTime<FixedOffset>>(crate::Oid::TIMESTAMPTZ, &ours.micros().to_be_bytes()).unwrap();
        assert_eq!(read.offset().local_minus_utc(), 0);
        unread::<DateTime<Utc>>(&TimestampTz::INFINITY, "infinite");
        unread::<DateTime<FixedOffset>>(&TimestampTz::NEG_INFINITY, "infinite");
        unread::<DateTime<Utc>>(&TimestampTz::from_micros(9_223_371_331_199_999_999), "year");
        unsent(&DateTime::<Utc>::MIN_UTC, "4714");
        unsent(&DateTime::<Utc>::MIN_UTC.with_timezone(&east), "4714");
        unsent(&DateTime::<Utc>::MAX_UTC, "nanoseconds");
        let text = crate::Column::new("c", crate::Oid::TIMESTAMPTZ, -1, Format::Text);
        assert!(!<DateTime<Utc>>::accepts(&text));
    }

    proptest! {
        #[test]
        fn every_point_is_the_same_or_refused(micros: i64, days in -100_000_000..100_000_000_i32) {
            let timestamp = Timestamp::from_micros(micros);
            if let Ok(theirs) = NaiveDateTime::try_from(timestamp) {
                prop_assert_eq!(theirs.and_utc().timestamp_micros() - 946_684_800_000_000, micros);
                let is_sendable = micros >= -211_813_488_000_000_000;
                prop_assert_eq!(Timestamp::try_from(theirs).ok(), is_sendable.then_some(timestamp));
            }
            let date = Date::from_days(days);
            if let Ok(theirs) = NaiveDate::try_from(date) {
                let (year, month, day) = date.ymd().unwrap();
                prop_assert_eq!(Some(theirs), NaiveDate::from_ymd_opt(year, month.into(), day.into()));
                prop_assert_eq!(Date::try_from(theirs).ok(), (days >= -2_451_545).then_some(date));
            }
        }
    }
}
