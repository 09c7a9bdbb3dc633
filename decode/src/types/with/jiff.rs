//! `jiff`, which has years from -9999 to 9999, and spans with one sign for all of their units.

use super::moment::{self, BEYOND, INFINITE};
use crate::types::conversion::by_way_of;
use crate::types::{ConversionError, Date, Interval, Time, Timestamp, TimestampTz};

by_way_of! {
    jiff::civil::Date as Date,
    jiff::civil::Time as Time,
    jiff::civil::DateTime as Timestamp,
    jiff::Timestamp as TimestampTz,
    jiff::Span as Interval,
    jiff::SignedDuration as Interval,
}

impl TryFrom<Date> for jiff::civil::Date {
    type Error = ConversionError;

    /// Fails for the infinities and after the year 9999.
    fn try_from(date: Date) -> Result<Self, ConversionError> {
        let (year, month, day) = date.ymd().ok_or(INFINITE)?;
        let year = i16::try_from(year).map_err(|_| BEYOND)?;
        let (month, day) = (i8::try_from(month).unwrap_or(i8::MAX), i8::try_from(day).unwrap_or(i8::MAX));
        Self::new(year, month, day).map_err(|_| BEYOND)
    }
}

impl TryFrom<jiff::civil::Date> for Date {
    type Error = ConversionError;

    /// Fails before 4714-11-24 BC.
    fn try_from(date: jiff::civil::Date) -> Result<Self, ConversionError> {
        let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
        let date = Self::from_ymd(date.year().into(), month, day).ok_or(BEYOND)?;
        moment::date(date.days().into())
    }
}

impl TryFrom<Time> for jiff::civil::Time {
    type Error = ConversionError;

    /// Fails for 24:00:00.
    fn try_from(time: Time) -> Result<Self, ConversionError> {
        let since_midnight = jiff::SignedDuration::from_micros(moment::micros_of_day(time)?);
        Self::midnight().checked_add(since_midnight).map_err(|_| BEYOND)
    }
}

impl TryFrom<jiff::civil::Time> for Time {
    type Error = ConversionError;

    /// Fails for nanoseconds below the microsecond.
    fn try_from(time: jiff::civil::Time) -> Result<Self, ConversionError> {
        let seconds =
            i64::from(time.hour()) * 3_600 + i64::from(time.minute()) * 60 + i64::from(time.second());
        moment::time(seconds * 1_000_000_000 + i64::from(time.subsec_nanosecond()))
    }
}

impl TryFrom<Timestamp> for jiff::civil::DateTime {
    type Error = ConversionError;

    /// Fails for the infinities and after the year 9999.
    fn try_from(timestamp: Timestamp) -> Result<Self, ConversionError> {
        let (date, time) = moment::split(timestamp)?;
        Ok(Self::from_parts(date.try_into()?, time.try_into()?))
    }
}

impl TryFrom<jiff::civil::DateTime> for Timestamp {
    type Error = ConversionError;

    /// Fails before 4714-11-24 BC, and for nanoseconds below the microsecond.
    fn try_from(timestamp: jiff::civil::DateTime) -> Result<Self, ConversionError> {
        moment::join(timestamp.date().try_into()?, timestamp.time().try_into()?)
    }
}

impl TryFrom<TimestampTz> for jiff::Timestamp {
    type Error = ConversionError;

    /// Fails for the infinities and after 9999-12-30 22:00 UTC.
    fn try_from(point: TimestampTz) -> Result<Self, ConversionError> {
        if !point.is_finite() {
            return Err(INFINITE);
        }
        let micros = point.micros().checked_add(moment::MICROS_FROM_UNIX).ok_or(BEYOND)?;
        // Of microseconds, jiff takes none in its last second.
        Self::from_nanosecond(i128::from(micros) * 1_000).map_err(|_| BEYOND)
    }
}

impl TryFrom<jiff::Timestamp> for TimestampTz {
    type Error = ConversionError;

    /// Fails before 4714-11-24 BC, and for nanoseconds below the microsecond.
    fn try_from(point: jiff::Timestamp) -> Result<Self, ConversionError> {
        moment::of_unix(point.as_nanosecond())
    }
}

impl TryFrom<Interval> for jiff::Span {
    type Error = ConversionError;

    /// Takes months, days and microseconds as they are. Fails for the infinities, where the signs differ, and for more
    /// than a span holds of a unit, which is about 20,000 years.
    fn try_from(interval: Interval) -> Result<Self, ConversionError> {
        let Interval { months, days, micros } = interval;
        let signs = [months.signum().into(), days.signum().into(), micros.signum()];
        if signs.contains(&1) && signs.contains(&-1) {
            return Err(MIXED);
        }
        let span = Self::new().try_months(months).and_then(|span| span.try_days(days));
        span.and_then(|span| span.try_microseconds(micros)).map_err(|_| TOO_LONG)
    }
}

impl TryFrom<jiff::Span> for Interval {
    type Error = ConversionError;

    /// Counts years as twelve months, weeks as seven days, and hours and all below as microseconds. Fails for nanoseconds
    /// below the microsecond.
    fn try_from(span: jiff::Span) -> Result<Self, ConversionError> {
        let units = [
            (i64::from(span.get_hours()), 3_600_000_000_000),
            (span.get_minutes(), 60_000_000_000),
            (span.get_seconds(), 1_000_000_000),
            (span.get_milliseconds(), 1_000_000),
            (span.get_microseconds(), 1_000),
            (span.get_nanoseconds(), 1),
        ];
        let nanos: i128 = units.into_iter().map(|(count, unit)| i128::from(count) * unit).sum();
        Ok(Self {
            months: i32::from(span.get_years()) * 12 + span.get_months(),
            days: span.get_weeks() * 7 + span.get_days(),
            micros: moment::micros(nanos)?,
        })
    }
}

impl TryFrom<Interval> for jiff::SignedDuration {
    type Error = ConversionError;

    /// Fails where there are months or days, whose length depends on when they are.
    fn try_from(interval: Interval) -> Result<Self, ConversionError> {
        match interval {
            Interval { months: 0, days: 0, micros } => Ok(Self::from_micros(micros)),
            _ => Err(NO_DURATION),
        }
    }
}

impl TryFrom<jiff::SignedDuration> for Interval {
    type Error = ConversionError;

    /// Takes microseconds. Fails for nanoseconds below them, and beyond 292,000 years.
    fn try_from(duration: jiff::SignedDuration) -> Result<Self, ConversionError> {
        moment::micros(duration.as_nanos()).map(|micros| Self { micros, ..Self::default() })
    }
}

const MIXED: ConversionError = ConversionError("its parts differ in sign, which those of a span cannot");
const TOO_LONG: ConversionError = ConversionError("it is infinite, or longer than a span holds");
const NO_DURATION: ConversionError = ConversionError("it has months or days, which have no fixed length");

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Span, ToSpan, civil};
    use proptest::prelude::*;

    use super::*;
    use crate::types::with::testing::{encode, read, same, same_range, unread, unsent};

    fn ours(year: i32, month: u8, day: u8) -> Date {
        Date::from_ymd(year, month, day).unwrap()
    }

    #[test]
    fn days_are_the_same_where_both_have_them() {
        for (year, month, day) in
            [(2000, 1, 1), (1999, 12, 31), (2024, 2, 29), (0, 12, 31), (-4713, 11, 24), (9_999, 12, 31)]
        {
            same(&civil::date(year, month, day), &ours(year.into(), month as u8, day as u8));
        }
        same_range(civil::date(2024, 2, 29), ours(2024, 2, 29));
        unread::<civil::Date>(&Date::INFINITY, "infinite");
        unread::<civil::Date>(&Date::NEG_INFINITY, "infinite");
        unread::<civil::Date>(&ours(10_000, 1, 1), "year");
        unread::<civil::Date>(&ours(5_874_897, 12, 31), "year");
        unsent(&civil::date(-4713, 11, 23), "4714");
        unsent(&civil::Date::MIN, "4714");
    }

    #[test]
    fn times_of_day_have_microseconds() {
        same(&civil::time(0, 0, 0, 0), &Time::from_micros(0).unwrap());
        same(&civil::time(1, 2, 3, 4_000), &Time::from_micros(3_723_000_004).unwrap());
        same(&civil::time(23, 59, 59, 999_999_000), &Time::from_micros(86_399_999_999).unwrap());
        unread::<civil::Time>(&Time::from_micros(86_400_000_000).unwrap(), "24:00:00");
        unsent(&civil::time(0, 0, 0, 1), "nanoseconds");
        unsent(&civil::Time::MAX, "nanoseconds");
    }

    #[test]
    fn timestamps_end_where_either_ends() {
        let last = Timestamp::new(ours(9_999, 12, 31), Time::from_micros(86_399_999_999).unwrap()).unwrap();
        let theirs = civil::date(9_999, 12, 31).at(23, 59, 59, 999_999_000);
        same(&theirs, &last);
        same_range(theirs, last);
        let first = Timestamp::new(ours(-4713, 11, 24), Time::from_micros(0).unwrap()).unwrap();
        same(&civil::date(-4713, 11, 24).at(0, 0, 0, 0), &first);
        unsent(&civil::date(-4713, 11, 23).at(23, 59, 59, 999_999_000), "4714");
        unsent(&civil::DateTime::MIN, "4714");
        unsent(&civil::DateTime::MAX, "nanoseconds");
        unread::<civil::DateTime>(&Timestamp::from_micros(last.micros() + 1), "year");
        unread::<civil::DateTime>(&Timestamp::INFINITY, "infinite");
        unread::<civil::DateTime>(&Timestamp::NEG_INFINITY, "infinite");
    }

    #[test]
    fn points_in_time_end_a_day_earlier() {
        let ours = TimestampTz::from_micros(762_523_200_000_001);
        let noon = "2024-02-29T12:00:00.000001Z".parse::<jiff::Timestamp>().unwrap();
        same(&noon, &ours);
        same_range(noon, ours);
        let last: jiff::Timestamp = "9999-12-30T22:00:00.999999Z".parse().unwrap();
        let point = TimestampTz::try_from(last).unwrap();
        same(&last, &point);
        unread::<jiff::Timestamp>(&TimestampTz::from_micros(point.micros() + 1), "year");
        unread::<jiff::Timestamp>(&TimestampTz::from_micros(i64::MAX - 1), "year");
        unread::<jiff::Timestamp>(&TimestampTz::INFINITY, "infinite");
        unread::<jiff::Timestamp>(&TimestampTz::NEG_INFINITY, "infinite");
        unsent(&jiff::Timestamp::MIN, "4714");
        unsent(&jiff::Timestamp::MAX, "nanoseconds");
        same(
            &"-004713-11-24T00:00:00Z".parse::<jiff::Timestamp>().unwrap(),
            &TimestampTz::from_micros(-211_813_488_000_000_000),
        );
    }

    fn interval(months: i32, days: i32, micros: i64) -> Interval {
        Interval { months, days, micros }
    }

    #[test]
    fn spans_are_months_days_and_microseconds() {
        for (span, expected) in [
            (Span::new(), interval(0, 0, 0)),
            (1.year().months(14), interval(26, 0, 0)),
            (-2.weeks().days(1), interval(0, -15, 0)),
            (26.hours().minutes(61), interval(0, 0, 97_260_000_000)),
            (1.second().milliseconds(2).microseconds(3).nanoseconds(4_000), interval(0, 0, 1_002_007)),
            (-1.month().days(2).nanoseconds(5_000), interval(-1, -2, -5)),
        ] {
            assert_eq!(encode(&span), encode(&expected), "{span}");
            let back = read::<Span>(crate::Oid::INTERVAL, &encode(&expected)).unwrap();
            assert_eq!(
                (back.get_months(), back.get_days(), back.get_microseconds()),
                (expected.months, expected.days, expected.micros)
            );
            assert_eq!((back.get_years(), back.get_weeks(), back.get_hours()), (0, 0, 0));
        }
        unsent(&1.nanosecond(), "nanoseconds");
        unsent(&-1_001.nanoseconds(), "nanoseconds");
    }

    #[test]
    fn spans_have_one_sign_and_end_at_20000_years() {
        for mixed in [interval(1, -1, 0), interval(0, 1, -1), interval(-1, 0, 1), interval(-1, -1, 1)] {
            unread::<Span>(&mixed, "sign");
        }
        unread::<Span>(&Interval::INFINITY, "longer");
        unread::<Span>(&Interval::NEG_INFINITY, "longer");
        for (months, days, micros) in
            [(239_976, 0, 0), (0, 7_304_484, 0), (0, 0, 631_107_417_600_000_000), (-1, -1, -1)]
        {
            let fits = interval(months, days, micros);
            assert_eq!(Span::try_from(fits).and_then(Interval::try_from), Ok(fits));
        }
        unread::<Span>(&interval(239_977, 0, 0), "longer");
        unread::<Span>(&interval(0, 7_304_485, 0), "longer");
        unread::<Span>(&interval(0, 0, 631_107_417_600_000_001), "longer");
        unread::<Span>(&interval(i32::MIN, i32::MIN, 0), "longer");
    }

    #[test]
    fn durations_have_neither_months_nor_days() {
        same(&SignedDuration::new(-1, -500_000_000), &interval(0, 0, -1_500_000));
        same(&SignedDuration::from_micros(i64::MAX), &interval(0, 0, i64::MAX));
        same(&SignedDuration::from_micros(i64::MIN), &interval(0, 0, i64::MIN));
        unread::<SignedDuration>(&interval(1, 0, 0), "months or days");
        unread::<SignedDuration>(&interval(0, -1, 0), "months or days");
        unread::<SignedDuration>(&Interval::INFINITY, "months or days");
        unsent(&SignedDuration::from_nanos(-1), "nanoseconds");
        unsent(&SignedDuration::MAX, "nanoseconds");
        unsent(&SignedDuration::from_secs(i64::MAX), "late");
    }

    proptest! {
        #[test]
        fn every_value_is_the_same_or_refused(
            micros in -300_000_000_000_000_000..300_000_000_000_000_000_i64, months: i16, days: i16,
        ) {
            let timestamp = Timestamp::from_micros(micros);
            if let Ok(theirs) = civil::DateTime::try_from(timestamp) {
                let sendable = micros >= -211_813_488_000_000_000;
                prop_assert_eq!(Timestamp::try_from(theirs).ok(), sendable.then_some(timestamp));
            }
            if let Ok(theirs) = jiff::Timestamp::try_from(TimestampTz::from_micros(micros)) {
                prop_assert_eq!(theirs.as_microsecond() - 946_684_800_000_000, micros);
            }
            let interval = Interval { months: months.into(), days: days.into(), micros };
            if let Ok(span) = Span::try_from(interval) {
                prop_assert_eq!(Interval::try_from(span), Ok(interval));
            }
        }
    }
}
