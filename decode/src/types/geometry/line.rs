use std::fmt;

use super::{Shortest, number, write_numbers};
use crate::arrow::{Asked, Extension, Form};
use crate::types::Type;
use crate::types::cursor::whole;
use crate::{Column, EncodeError, FromSql, IsNull, Oid, Output, ToSql, ValueError};

/// A `line` without ends: all points for which `a`x + `b`y + `c` is 0. Prints as the server does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// What x is multiplied by.
    pub a: f64,
    /// What y is multiplied by.
    pub b: f64,
    /// What is added.
    pub c: f64,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{},{},{}}}", Shortest(self.a), Shortest(self.b), Shortest(self.c))
    }
}

impl FromSql<'_> for Line {
    fn accepts(column: &Column) -> bool {
        column.is_binary(Oid::LINE)
    }

    fn from_sql(_column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        whole(value, "its length is not that of the type", |cursor| {
            Some(Self { a: cursor.f64()?, b: cursor.f64()?, c: cursor.f64()? })
        })
    }
}

impl ToSql for Line {
    fn oid(&self) -> Oid {
        Oid::LINE
    }

    fn type_oid() -> Oid {
        Oid::LINE
    }

    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        Ok(write_numbers(&[self.a, self.b, self.c], out))
    }
}

/// `line` in Arrow: a struct.
pub(crate) const LINE: Type = Type { oid: Oid::LINE, array: Some(Oid(629)), binary: form, text: None };

fn form(asked: &Asked) -> Form {
    let factor = |name| (Some(8), name, Oid::FLOAT8, number());
    Form::parts(asked, [factor("a"), factor("b"), factor("c")])
        .with(Extension::Opaque)
        .shown_as::<Line>(asked.oid)
}
