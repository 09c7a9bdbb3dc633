use std::fmt;

use super::{Point, points, read_points, show_points, write_points};
use crate::arrow::{Asked, Extension, Form};
use crate::types::Type;
use crate::types::bool::BOOL;
use crate::types::cursor::whole;
use crate::{Column, EncodeError, FromSql, IsNull, Oid, Output, ToSql, ValueError};

/// A `path`: straight lines from point to point; the server wants one at least. Prints as the server does.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// Whether it goes from its last point to its first.
    pub closed: bool,
    /// Its points, in order.
    pub points: Vec<Point>,
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (open, close) = if self.closed { ("(", ")") } else { ("[", "]") };
        f.write_str(open)?;
        show_points(&self.points, f)?;
        f.write_str(close)
    }
}

impl FromSql<'_> for Path {
    fn accepts(column: &Column) -> bool {
        column.is_binary(Oid::PATH)
    }

    fn from_sql(_column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        whole(value, "its length is not that of its points", |cursor| {
            let closed = match cursor.u8()? {
                0 => false,
                1 => true,
                _ => return None,
            };
            Some(Self { closed, points: read_points(cursor)? })
        })
    }
}

impl ToSql for Path {
    fn oid(&self) -> Oid {
        Oid::PATH
    }

    fn type_oid() -> Oid {
        Oid::PATH
    }

    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        out.push(self.closed.into());
        write_points(&self.points, out)
    }
}

/// `path` in Arrow: a struct of whether it is closed, and a list of points.
pub(crate) const PATH: Type = Type { oid: Oid::PATH, array: Some(Oid(1019)), binary: form, text: None };

fn form(asked: &Asked) -> Form {
    let closed = (Some(1), "closed", Oid::BOOL, (BOOL.binary)(asked));
    // An array of points is what they would be, were they a value of their own.
    Form::parts(asked, [closed, (None, "points", Oid(1017), points(asked))])
        .with(Extension::Opaque)
        .shown_as::<Path>(asked.oid)
}
