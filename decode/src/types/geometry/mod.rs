//! Points, and what is made of them, by `float8`s.

mod circle;
mod line;
mod number;
mod path;
mod point;
mod polygon;
mod rect;
mod segment;

use std::fmt;

use arrow_schema::DataType;

pub(crate) use self::circle::CIRCLE;
pub use self::circle::Circle;
pub(crate) use self::line::LINE;
pub use self::line::Line;
pub(super) use self::number::Shortest;
pub(crate) use self::path::PATH;
pub use self::path::Path;
pub(crate) use self::point::POINT;
pub use self::point::Point;
pub(crate) use self::polygon::POLYGON;
pub use self::polygon::Polygon;
pub(crate) use self::rect::BOX;
pub use self::rect::Rect;
pub(crate) use self::segment::LSEG;
pub use self::segment::LineSegment;
use crate::arrow::{Asked, Fault, Form, Run};
use crate::types::cursor::{Cursor, to_end};
use crate::types::float::Float8;
use crate::{EncodeError, IsNull, Oid, Output};

/// A `float8` in Arrow.
fn number() -> Form {
    Form::fixed::<Float8, 8>(DataType::Float64)
}

/// A point in Arrow.
fn point(asked: &Asked) -> Form {
    let coordinate = |name| (Some(8), name, Oid::FLOAT8, number());
    Form::parts(asked, [coordinate("x"), coordinate("y")])
}

/// Points in a row, behind their number, in Arrow.
fn points(asked: &Asked) -> Form {
    Form::repeated(asked, Oid::POINT, &point(asked), |value| {
        let run = to_end(value, |cursor| {
            let count = cursor.count(POINT_WIDTH)?;
            let elements = cursor.bytes(count.checked_mul(POINT_WIDTH)?)?;
            Some(Run { count, skipped: 0, width: POINT_WIDTH, elements })
        });
        run.ok_or(Fault::Malformed(MALFORMED))
    })
}

const POINT_WIDTH: usize = 16;
const MALFORMED: &str = "its length is not that of its points";

fn read_point(cursor: &mut Cursor<'_>) -> Option<Point> {
    Some(Point { x: cursor.f64()?, y: cursor.f64()? })
}

fn read_points(cursor: &mut Cursor<'_>) -> Option<Vec<Point>> {
    let count = cursor.count(POINT_WIDTH)?;
    (0..count).map(|_| read_point(cursor)).collect()
}

fn write_numbers(numbers: &[f64], out: &mut Output) -> IsNull {
    numbers.iter().for_each(|number| out.extend_from_slice(&number.to_be_bytes()));
    IsNull::No
}

fn write_points(points: &[Point], out: &mut Output) -> Result<IsNull, EncodeError> {
    let count = i32::try_from(points.len()).map_err(|_| EncodeError::TooLong)?;
    out.extend_from_slice(&count.to_be_bytes());
    points.iter().for_each(|point| {
        let _ = write_numbers(&[point.x, point.y], out);
    });
    Ok(IsNull::No)
}

fn show_points(points: &[Point], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (position, point) in points.iter().enumerate() {
        let comma = if position == 0 { "" } else { "," };
        write!(f, "{comma}{point}")?;
    }
    Ok(())
}
