//! `void`: what functions return that return nothing.

use crate::types::fixed;
use crate::{Column, FromSql, Oid, ValueError};

impl FromSql<'_> for () {
    fn accepts(column: &Column) -> bool {
        column.oid() == Oid::VOID
    }

    fn from_sql(_column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        fixed(value).map(|[]: [u8; 0]| ())
    }
}
