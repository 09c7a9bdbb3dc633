use std::fmt;

use arrow_array::ArrayRef;
use arrow_array::types::Int32Type;
use arrow_buffer::{Buffer, NullBuffer};
use arrow_schema::{DataType, TimeUnit};

use crate::arrow::{Asked, Decode, Extension, Fault, Form, primitive};
use crate::types::cursor::whole;
use crate::types::time::TimeMicros;
use crate::types::{Time, Type};
use crate::{Column, EncodeError, FromSql, IsNull, Oid, Output, ToSql, ValueError};

/// A `timetz`: a time of day, and how far its zone is from UTC.
///
/// Prints as the server does. It compares part by part, the local time first, which is not the server's order.
///
/// ```
/// use molt_db_decode::types::{Time, TimeTz};
///
/// let noon = Time::from_micros(43_200_000_000).ok_or("out of range")?;
/// let noon = TimeTz::new(noon, 19_800).ok_or("out of range")?;
/// assert_eq!(noon.to_string(), "12:00:00+05:30");
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimeTz {
    time: Time,
    offset: i32,
}

// PG source: datatype/timestamp.h, TZDISP_LIMIT.
const OFFSETS: std::ops::Range<i32> = -57_599..57_600;

impl TimeTz {
    /// Takes the time of day there, and by how many seconds it is later there than in UTC: less than 16 hours either
    /// way.
    pub fn new(time: Time, offset: i32) -> Option<Self> {
        OFFSETS.contains(&offset).then_some(Self { time, offset })
    }

    /// Returns the time of day there.
    pub fn time(self) -> Time {
        self.time
    }

    /// Returns by how many seconds it is later there than in UTC; negative in the west.
    pub fn offset(self) -> i32 {
        self.offset
    }
}

impl fmt::Display for TimeTz {
    // PG source: datetime.c, EncodeTimezone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.offset < 0 { '-' } else { '+' };
        let seconds = self.offset.unsigned_abs();
        let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        write!(f, "{}{sign}{hours:02}", self.time)?;
        match (minutes, seconds) {
            (0, 0) => Ok(()),
            (_, 0) => write!(f, ":{minutes:02}"),
            _ => write!(f, ":{minutes:02}:{seconds:02}"),
        }
    }
}

impl FromSql<'_> for TimeTz {
    fn accepts(column: &Column) -> bool {
        column.is_binary(Oid::TIMETZ)
    }

    fn from_sql(_column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        whole(value, "it is no time of day with a zone", |cursor| {
            let time = Time::from_micros(cursor.i64()?)?;
            Self::new(time, cursor.i32()?.checked_neg()?)
        })
    }
}

impl ToSql for TimeTz {
    fn oid(&self) -> Oid {
        Oid::TIMETZ
    }

    fn type_oid() -> Oid {
        Oid::TIMETZ
    }

    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        out.extend_from_slice(&self.time.micros().to_be_bytes());
        // The wire counts towards the west.
        out.extend_from_slice(&self.offset.saturating_neg().to_be_bytes());
        Ok(IsNull::No)
    }
}

/// The offset of a zone in Arrow: seconds to the east.
#[derive(Debug)]
struct OffsetSeconds;

impl Decode<4> for OffsetSeconds {
    type Element = i32;

    fn decode(value: [u8; 4]) -> Result<i32, Fault> {
        let offset = i32::from_be_bytes(value).checked_neg().filter(|offset| OFFSETS.contains(offset));
        offset.ok_or(Fault::Malformed("it is no zone"))
    }

    fn array(elements: Buffer, len: usize, nulls: Option<NullBuffer>, data_type: &DataType) -> ArrayRef {
        primitive::<Int32Type>(elements, len, nulls, data_type)
    }
}

/// `timetz` in Arrow: a struct of the time there and the offset.
pub(crate) const TIMETZ: Type = Type { oid: Oid::TIMETZ, array: Some(Oid(1270)), binary: form, text: None };

fn form(asked: &Asked) -> Form {
    let time = Form::fixed::<TimeMicros, 8>(DataType::Time64(TimeUnit::Microsecond));
    let offset = Form::fixed::<OffsetSeconds, 4>(DataType::Int32);
    let parts = [(Some(8), "time", Oid::TIME, time), (Some(4), "offset", Oid::INT4, offset)];
    Form::parts(asked, parts).with(Extension::Opaque).shown_as::<TimeTz>(asked.oid)
}
