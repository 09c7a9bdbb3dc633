use std::fmt;

use super::{Point, points, read_points, show_points, write_points};
use crate::arrow::{Asked, Extension, Form};
use crate::types::Type;
use crate::types::cursor::whole;
use crate::{Column, EncodeError, FromSql, IsNull, Oid, Output, ToSql, ValueError};

/// A `polygon`, by its corners; the server wants one at least. Prints as the server does.
#[derive(Debug, Clone, PartialEq)]
pub struct Polygon {
    /// Its corners, in order.
    pub points: Vec<Point>,
}

impl fmt::Display for Polygon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(")?;
        show_points(&self.points, f)?;
        f.write_str(")")
    }
}

impl FromSql<'_> for Polygon {
    fn accepts(column: &Column) -> bool {
        column.is_binary(Oid::POLYGON)
    }

    fn from_sql(_column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        whole(value, "its length is not that of its points", |cursor| {
            Some(Self { points: read_points(cursor)? })
        })
    }
}

impl ToSql for Polygon {
    fn oid(&self) -> Oid {
        Oid::POLYGON
    }

    fn type_oid() -> Oid {
        Oid::POLYGON
    }

    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        write_points(&self.points, out)
    }
}

/// `polygon` in Arrow: a list of points.
pub(crate) const POLYGON: Type = Type { oid: Oid::POLYGON, array: Some(Oid(1027)), binary: form, text: None };

fn form(asked: &Asked) -> Form {
    points(asked).with(Extension::Opaque).shown_as::<Polygon>(asked.oid)
}
