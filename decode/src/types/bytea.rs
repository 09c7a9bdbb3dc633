use std::io::Write;
use std::sync::Arc;

use crate::arrow::{Fault, Form};
use crate::types::Type;
use crate::{Column, EncodeError, FromSql, IsNull, Oid, Output, ToSql, ValueError};

impl<'r> FromSql<'r> for &'r [u8] {
    fn accepts(column: &Column) -> bool {
        column.is_binary(Oid::BYTEA)
    }

    fn from_sql(_column: &Column, value: &'r [u8]) -> Result<Self, ValueError> {
        Ok(value)
    }
}

impl FromSql<'_> for Vec<u8> {
    fn accepts(column: &Column) -> bool {
        <&[u8]>::accepts(column)
    }

    fn from_sql(_column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        Ok(value.to_vec())
    }
}

impl ToSql for [u8] {
    #[inline]
    fn oid(&self) -> Oid {
        Oid::BYTEA
    }

    #[inline]
    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        out.extend_from_slice(self);
        Ok(IsNull::No)
    }
}

impl<const N: usize> ToSql for [u8; N] {
    #[inline]
    fn oid(&self) -> Oid {
        Oid::BYTEA
    }

    fn type_oid() -> Oid {
        Oid::BYTEA
    }

    #[inline]
    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        self.as_slice().to_sql(out)
    }
}

impl ToSql for Vec<u8> {
    #[inline]
    fn oid(&self) -> Oid {
        Oid::BYTEA
    }

    fn type_oid() -> Oid {
        Oid::BYTEA
    }

    #[inline]
    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        self.as_slice().to_sql(out)
    }
}

/// `bytea` in Arrow.
pub(crate) const BYTEA: Type = Type {
    oid: Oid::BYTEA,
    array: Some(Oid(1001)),
    binary: |_| Form::bytes().written(Arc::new(write)),
    text: None,
};

// PG source: bytea.c, byteaout, BYTEA_OUTPUT_HEX.
fn write(value: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    out.extend_from_slice(b"\\x");
    value.iter().try_for_each(|byte| write!(out, "{byte:02x}")).map_err(|_| Fault::TooLong)
}
