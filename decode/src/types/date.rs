use std::fmt;

use arrow_array::ArrayRef;
use arrow_array::types::Date32Type;
use arrow_buffer::{Buffer, NullBuffer};
use arrow_schema::DataType;

use crate::arrow::{Decode, Fault, Form, Kind, Kinds, primitive};
use crate::types::calendar::Day;
use crate::types::{Type, fixed};
use crate::{Column, EncodeError, FromSql, IsNull, Oid, Output, ToSql, ValueError};

/// A `date`: days since 2000-01-01 in the Gregorian calendar, or an infinity.
///
/// Prints as the server does with `DateStyle` ISO.
///
/// ```
/// use molt_db_decode::Date;
///
/// let leap = Date::from_ymd(2024, 2, 29).ok_or("no such day")?;
/// assert_eq!(leap.to_string(), "2024-02-29");
/// assert_eq!(Date::from_ymd(2023, 2, 29), None);
/// assert_eq!(Date::INFINITY.to_string(), "infinity");
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(i32);

impl Date {
    /// Later than all other dates.
    pub const INFINITY: Self = Self(i32::MAX);
    /// Earlier than all other dates.
    pub const NEG_INFINITY: Self = Self(i32::MIN);

    /// Takes the days since 2000-01-01. `i32::MAX` and `i32::MIN` are the infinities; the server refuses days before
    /// 4714-11-24 BC and after 5874897-12-31.
    pub fn from_days(days: i32) -> Self {
        Self(days)
    }

    /// Takes a day of the calendar, if it exists. The year before 1 is 0, which is written as 1 BC.
    pub fn from_ymd(year: i32, month: u8, day: u8) -> Option<Self> {
        let asked = Day { year: year.into(), month: month.into(), day: day.into() };
        let days = asked.to_days();
        let exists = Day::from_days(days) == asked;
        exists.then_some(Self(i32::try_from(days).ok()?)).filter(|date| date.is_finite())
    }

    /// Returns the days since 2000-01-01; of the infinities, `i32::MAX` and `i32::MIN`.
    pub fn days(self) -> i32 {
        self.0
    }

    /// Returns year, month and day, unless it is an infinity. The year before 1 is 0.
    pub fn ymd(self) -> Option<(i32, u8, u8)> {
        let Day { year, month, day } = self.is_finite().then(|| Day::from_days(self.0.into()))?;
        Some((year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?))
    }

    /// Says whether it is a day of the calendar and no infinity.
    pub fn is_finite(self) -> bool {
        self != Self::INFINITY && self != Self::NEG_INFINITY
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::INFINITY => f.write_str("infinity"),
            Self::NEG_INFINITY => f.write_str("-infinity"),
            Self(days) => {
                let day = Day::from_days(days.into());
                write!(f, "{day}{}", day.era())
            }
        }
    }
}

impl FromSql<'_> for Date {
    fn accepts(column: &Column) -> bool {
        column.is_binary(Oid::DATE)
    }

    #[inline]
    fn from_sql(_column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        Ok(Self(i32::from_be_bytes(fixed(value)?)))
    }
}

impl ToSql for Date {
    #[inline]
    fn oid(&self) -> Oid {
        Oid::DATE
    }

    fn type_oid() -> Oid {
        Oid::DATE
    }

    #[inline]
    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        out.extend_from_slice(&self.0.to_be_bytes());
        Ok(IsNull::No)
    }
}

/// From 1970-01-01, where Arrow counts from, to 2000-01-01.
const DAYS_FROM_UNIX: i32 = 10_957;

/// Says why Arrow does not count a day, or a point in time.
#[cold]
pub(super) fn not_counted(is_finite: bool) -> Fault {
    match is_finite {
        true => Fault::Unfit(Kind::Range, "it is beyond what Arrow counts"),
        false => Fault::Unfit(Kind::Infinity, "it is infinite"),
    }
}

/// `date` in Arrow.
#[derive(Debug)]
pub(crate) struct DateDays;

impl Decode<4> for DateDays {
    type Element = i32;

    // The server has no days that Arrow does not count.
    const UNFIT: Kinds = Kinds::of(Kind::Infinity);

    fn decode(value: [u8; 4]) -> Result<i32, Fault> {
        let date = Date(i32::from_be_bytes(value));
        let days = date.is_finite().then(|| date.0.checked_add(DAYS_FROM_UNIX)).flatten();
        days.ok_or_else(|| not_counted(date.is_finite()))
    }

    fn array(elements: Buffer, len: usize, nulls: Option<NullBuffer>, data_type: &DataType) -> ArrayRef {
        primitive::<Date32Type>(elements, len, nulls, data_type)
    }
}

/// `date` in Arrow.
pub(crate) const DATE: Type = Type {
    oid: Oid::DATE,
    array: Some(Oid(1182)),
    binary: |asked| Form::fixed::<DateDays, 4>(DataType::Date32).shown_as::<Date>(asked.oid),
    text: None,
};
