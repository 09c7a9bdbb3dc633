use std::fmt;

use super::{Point, point, read_point, write_numbers};
use crate::arrow::{Asked, Extension, Form};
use crate::types::Type;
use crate::types::cursor::whole;
use crate::{Column, EncodeError, FromSql, IsNull, Oid, Output, ToSql, ValueError};

/// A `box`, by two of its corners. The server puts the upper right one first. Prints as the server does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rect {
    /// The upper right corner.
    pub high: Point,
    /// The lower left corner.
    pub low: Point,
}

impl fmt::Display for Rect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{}", self.high, self.low)
    }
}

impl FromSql<'_> for Rect {
    fn accepts(column: &Column) -> bool {
        column.is_binary(Oid::BOX)
    }

    fn from_sql(_column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        whole(value, "its length is not that of the type", |cursor| {
            Some(Self { high: read_point(cursor)?, low: read_point(cursor)? })
        })
    }
}

impl ToSql for Rect {
    fn oid(&self) -> Oid {
        Oid::BOX
    }

    fn type_oid() -> Oid {
        Oid::BOX
    }

    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        Ok(write_numbers(&[self.high.x, self.high.y, self.low.x, self.low.y], out))
    }
}

/// `box` in Arrow: a struct of points.
pub(crate) const BOX: Type = Type { oid: Oid::BOX, array: Some(Oid(1020)), binary: form, text: None };

fn form(asked: &Asked) -> Form {
    let corner = |name| (Some(16), name, Oid::POINT, point(asked));
    Form::parts(asked, [corner("high"), corner("low")]).with(Extension::Opaque).shown_as::<Rect>(asked.oid)
}
