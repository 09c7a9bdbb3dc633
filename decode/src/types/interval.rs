use std::fmt;

use arrow_array::ArrayRef;
use arrow_array::types::IntervalMonthDayNanoType;
use arrow_buffer::{Buffer, IntervalMonthDayNano, NullBuffer};
use arrow_schema::{DataType, IntervalUnit};

use crate::arrow::{Asked, Decode, Extension, Fault, Form, Kind, Kinds, Profile, primitive};
use crate::types::calendar::Clock;
use crate::types::cursor::Cursor;
use crate::types::date::not_counted;
use crate::types::{Type, fixed, raw};
use crate::{Column, EncodeError, FromSql, IsNull, Oid, Output, ToSql, ValueError};

/// An `interval`: months, days and microseconds, none of which is ever turned into another.
///
/// Prints as the server does with `IntervalStyle` postgres. It compares part by part, which is not the server's order:
/// there a month has 30 days and a day 24 hours.
///
/// ```
/// use molt_db_decode::types::Interval;
///
/// let long = Interval { months: 14, days: -3, micros: 14_706_789_000 };
/// assert_eq!(long.to_string(), "1 year 2 mons -3 days +04:05:06.789");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Interval {
    /// Months; twelve are a year.
    pub months: i32,
    /// Days, of 23 to 25 hours each.
    pub days: i32,
    /// The rest, in microseconds.
    pub micros: i64,
}

impl Interval {
    /// Longer than all others, for PostgreSQL 17 and later. Before that it is but a long interval.
    pub const INFINITY: Self = Self { months: i32::MAX, days: i32::MAX, micros: i64::MAX };
    /// Shorter than all others, for PostgreSQL 17 and later. Before that it is but a long interval.
    pub const NEG_INFINITY: Self = Self { months: i32::MIN, days: i32::MIN, micros: i64::MIN };

    /// Says whether it is no infinity of PostgreSQL 17.
    pub fn is_finite(self) -> bool {
        self != Self::INFINITY && self != Self::NEG_INFINITY
    }

    fn from_wire(value: [u8; 16]) -> Option<Self> {
        let mut cursor = Cursor(&value);
        let (micros, days, months) = (cursor.i64()?, cursor.i32()?, cursor.i32()?);
        Some(Self { months, days, micros })
    }
}

impl fmt::Display for Interval {
    // PG source: datetime.c, EncodeInterval, INTSTYLE_POSTGRES.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::INFINITY => return f.write_str("infinity"),
            Self::NEG_INFINITY => return f.write_str("-infinity"),
            _ => {}
        }
        let units = [(self.months / 12, "year"), (self.months % 12, "mon"), (self.days, "day")];
        let (mut gap, mut before) = ("", false);
        for (count, unit) in units.into_iter().filter(|(count, _)| *count != 0) {
            let plus = if before && count > 0 { "+" } else { "" };
            let plural = if count == 1 { "" } else { "s" };
            write!(f, "{gap}{plus}{count} {unit}{plural}")?;
            (gap, before) = (" ", count < 0);
        }
        if !gap.is_empty() && self.micros == 0 {
            return Ok(());
        }
        let sign = match (self.micros < 0, before) {
            (true, _) => "-",
            (false, true) => "+",
            (false, false) => "",
        };
        write!(f, "{gap}{sign}{}", Clock(self.micros))
    }
}

impl FromSql<'_> for Interval {
    fn accepts(column: &Column) -> bool {
        column.is_binary(Oid::INTERVAL)
    }

    #[inline]
    fn from_sql(_column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        Self::from_wire(fixed(value)?).ok_or_else(|| ValueError::malformed("it is no interval"))
    }
}

impl ToSql for Interval {
    #[inline]
    fn oid(&self) -> Oid {
        Oid::INTERVAL
    }

    fn type_oid() -> Oid {
        Oid::INTERVAL
    }

    #[inline]
    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        out.extend_from_slice(&self.micros.to_be_bytes());
        out.extend_from_slice(&self.days.to_be_bytes());
        out.extend_from_slice(&self.months.to_be_bytes());
        Ok(IsNull::No)
    }
}

/// `interval` in Arrow, which counts nanoseconds.
#[derive(Debug)]
pub(crate) struct IntervalParts;

impl Decode<16> for IntervalParts {
    type Element = IntervalMonthDayNano;

    const UNFIT: Kinds = Kinds::of(Kind::Infinity).and(Kind::Range);

    #[inline]
    fn decode(value: [u8; 16]) -> Result<IntervalMonthDayNano, Fault> {
        let interval = Interval::from_wire(value).ok_or(NO_INTERVAL)?;
        let Interval { months, days, micros } = interval;
        // The infinities of PostgreSQL 17 have a part beyond this, too.
        let nanos = micros.checked_mul(1_000).ok_or_else(|| not_counted(interval.is_finite()))?;
        Ok(IntervalMonthDayNano::new(months, days, nanos))
    }

    fn array(elements: Buffer, len: usize, nulls: Option<NullBuffer>, data_type: &DataType) -> ArrayRef {
        primitive::<IntervalMonthDayNanoType>(elements, len, nulls, data_type)
    }
}

const NO_INTERVAL: Fault = Fault::Malformed("it is no interval");

/// `interval` in Arrow.
pub(crate) const INTERVAL: Type =
    Type { oid: Oid::INTERVAL, array: Some(Oid(1187)), binary: form, text: None };

fn form(asked: &Asked) -> Form {
    let form = match asked.options.profile {
        Profile::Arrow => Form::fixed::<IntervalParts, 16>(DataType::Interval(IntervalUnit::MonthDayNano)),
        Profile::Molt => in_parts(asked),
    };
    form.shown_as::<Interval>(asked.oid)
}

/// A struct that holds all but the infinities.
fn in_parts(asked: &Asked) -> Form {
    let part = |oid| raw(&asked.instead(oid));
    let parts = [
        (12..16, "months", Oid::INT4, part(Oid::INT4)),
        (8..12, "days", Oid::INT4, part(Oid::INT4)),
        (0..8, "micros", Oid::INT8, part(Oid::INT8)),
    ];
    let form = Form::places(asked, is_finite, parts).with(Extension::Opaque);
    form.unfit(Kinds::of(Kind::Infinity))
}

fn is_finite(value: &[u8]) -> Result<(), Fault> {
    let interval = value.try_into().ok().and_then(Interval::from_wire).ok_or(NO_INTERVAL)?;
    if interval.is_finite() { Ok(()) } else { Err(not_counted(false)) }
}
