//! The proleptic Gregorian calendar around PostgreSQL's epoch, 2000-01-01.

use std::fmt;

pub(super) const MICROS_PER_DAY: i64 = 86_400_000_000;

/// A day; the year before 1 is 0, which is written as 1 BC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Day {
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
}

/// From 0000-03-01 to 2000-01-01. Years that begin in March have the leap day at their end.
const EPOCH: i64 = 730_425;
const DAYS_PER_ERA: i64 = 146_097;
const YEARS_PER_ERA: i64 = 400;

impl Day {
    /// Finds the day that is so many days after 2000-01-01, or before it. Far from overflow for all days that fit an
    /// `i32`, and for all microseconds that fit an `i64`.
    pub(super) fn from_days(days: i64) -> Self {
        let days = days + EPOCH;
        let (era, day_of_era) = (days.div_euclid(DAYS_PER_ERA), days.rem_euclid(DAYS_PER_ERA));
        let leap_days = day_of_era / 1_460 - day_of_era / 36_524 + day_of_era / 146_096;
        let year_of_era = (day_of_era - leap_days) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let (month, later) =
            if month_from_march < 10 { (month_from_march + 3, 0) } else { (month_from_march - 9, 1) };
        Self { year: era * YEARS_PER_ERA + year_of_era + later, month, day }
    }

    /// Counts the days from 2000-01-01 to this day. The inverse of [`from_days`](Self::from_days) for days that exist.
    pub(super) fn to_days(self) -> i64 {
        let (year, month) =
            if self.month > 2 { (self.year, self.month - 3) } else { (self.year - 1, self.month + 9) };
        let (era, year_of_era) = (year.div_euclid(YEARS_PER_ERA), year.rem_euclid(YEARS_PER_ERA));
        let day_of_year = (153 * month + 2) / 5 + self.day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * DAYS_PER_ERA + day_of_era - EPOCH
    }

    /// What is written after the date.
    pub(super) fn era(self) -> &'static str {
        if self.year > 0 { "" } else { " BC" }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let year = if self.year > 0 { self.year } else { 1 - self.year };
        write!(f, "{year:04}-{:02}-{:02}", self.month, self.day)
    }
}

/// A time in microseconds, written as the server does: the fraction only if there is one, without its last zeros. What
/// is negative is written without its sign.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock(pub(super) i64);

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, micros) = (self.0.unsigned_abs() / 1_000_000, self.0.unsigned_abs() % 1_000_000);
        write!(f, "{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)?;
        if micros == 0 {
            return Ok(());
        }
        let (mut fraction, mut width) = (micros, 6);
        while fraction % 10 == 0 {
            (fraction, width) = (fraction / 10, width - 1);
        }
        write!(f, ".{fraction:0width$}")
    }
}

/// Splits microseconds since 2000-01-01 00:00 into the day and the time of day.
pub(super) fn split(micros: i64) -> (Day, Clock) {
    (Day::from_days(micros.div_euclid(MICROS_PER_DAY)), Clock(micros.rem_euclid(MICROS_PER_DAY)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_inverse() {
        for days in (-2_500_000..2_500_000).step_by(97).chain([i32::MIN.into(), i32::MAX.into()]) {
            assert_eq!(Day::from_days(days).to_days(), days);
        }
        for days in -1_000..1_000 {
            assert_eq!(Day::from_days(days).to_days(), days);
        }
    }
}
