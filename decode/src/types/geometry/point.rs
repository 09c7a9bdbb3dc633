use std::fmt;

use super::{Shortest, point, read_point, write_numbers};
use crate::arrow::{Asked, Extension, Form};
use crate::types::Type;
use crate::types::cursor::whole;
use crate::{Column, EncodeError, FromSql, IsNull, Oid, Output, ToSql, ValueError};

/// A `point`. Prints as the server does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Across.
    pub x: f64,
    /// Up.
    pub y: f64,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({},{})", Shortest(self.x), Shortest(self.y))
    }
}

impl FromSql<'_> for Point {
    fn accepts(column: &Column) -> bool {
        column.is_binary(Oid::POINT)
    }

    fn from_sql(_column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        whole(value, "its length is not that of the type", |cursor| read_point(cursor))
    }
}

impl ToSql for Point {
    fn oid(&self) -> Oid {
        Oid::POINT
    }

    fn type_oid() -> Oid {
        Oid::POINT
    }

    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        Ok(write_numbers(&[self.x, self.y], out))
    }
}

/// `point` in Arrow: a struct.
pub(crate) const POINT: Type = Type { oid: Oid::POINT, array: Some(Oid(1017)), binary: form, text: None };

fn form(asked: &Asked) -> Form {
    point(asked).with(Extension::Opaque).shown_as::<Point>(asked.oid)
}
