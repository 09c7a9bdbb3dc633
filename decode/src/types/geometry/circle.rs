use std::fmt;

use super::{Point, Shortest, number, point, read_point, write_numbers};
use crate::arrow::{Asked, Extension, Form};
use crate::types::Type;
use crate::types::cursor::whole;
use crate::{Column, EncodeError, FromSql, IsNull, Oid, Output, ToSql, ValueError};

/// A `circle`. Prints as the server does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Circle {
    /// Its middle.
    pub center: Point,
    /// How far its line is from there.
    pub radius: f64,
}

impl fmt::Display for Circle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{},{}>", self.center, Shortest(self.radius))
    }
}

impl FromSql<'_> for Circle {
    fn accepts(column: &Column) -> bool {
        column.is_binary(Oid::CIRCLE)
    }

    fn from_sql(_column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        whole(value, "its length is not that of the type", |cursor| {
            Some(Self { center: read_point(cursor)?, radius: cursor.f64()? })
        })
    }
}

impl ToSql for Circle {
    fn oid(&self) -> Oid {
        Oid::CIRCLE
    }

    fn type_oid() -> Oid {
        Oid::CIRCLE
    }

    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        Ok(write_numbers(&[self.center.x, self.center.y, self.radius], out))
    }
}

/// `circle` in Arrow: a struct.
pub(crate) const CIRCLE: Type = Type { oid: Oid::CIRCLE, array: Some(Oid(719)), binary: form, text: None };

fn form(asked: &Asked) -> Form {
    let center = (Some(16), "center", Oid::POINT, point(asked));
    Form::parts(asked, [center, (Some(8), "radius", Oid::FLOAT8, number())])
        .with(Extension::Opaque)
        .shown_as::<Circle>(asked.oid)
}
