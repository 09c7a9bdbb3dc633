use std::fmt;

use super::{Point, point, read_point, write_numbers};
use crate::arrow::{Asked, Extension, Form};
use crate::types::Type;
use crate::types::cursor::whole;
use crate::{Column, EncodeError, FromSql, IsNull, Oid, Output, ToSql, ValueError};

/// An `lseg`: a straight line from one point to another. Prints as the server does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LineSegment {
    /// Where it begins.
    pub start: Point,
    /// Where it ends.
    pub end: Point,
}

impl fmt::Display for LineSegment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{},{}]", self.start, self.end)
    }
}

impl FromSql<'_> for LineSegment {
    fn accepts(column: &Column) -> bool {
        column.is_binary(Oid::LSEG)
    }

    fn from_sql(_column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        whole(value, "its length is not that of the type", |cursor| {
            Some(Self { start: read_point(cursor)?, end: read_point(cursor)? })
        })
    }
}

impl ToSql for LineSegment {
    fn oid(&self) -> Oid {
        Oid::LSEG
    }

    fn type_oid() -> Oid {
        Oid::LSEG
    }

    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        Ok(write_numbers(&[self.start.x, self.start.y, self.end.x, self.end.y], out))
    }
}

/// `lseg` in Arrow: a struct of points.
pub(crate) const LSEG: Type = Type { oid: Oid::LSEG, array: Some(Oid(1018)), binary: form, text: None };

fn form(asked: &Asked) -> Form {
    let end = |name| (Some(16), name, Oid::POINT, point(asked));
    Form::parts(asked, [end("start"), end("end")]).with(Extension::Opaque).shown_as::<LineSegment>(asked.oid)
}
