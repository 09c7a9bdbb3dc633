use std::io::Write;
use std::sync::Arc;

use crate::arrow::{Fault, Form};
use crate::types::{Type, is_built_in};
use crate::{Column, EncodeError, Format, FromSql, IsNull, Oid, Output, ToSql, TypeKind, ValueError};

impl<'r> FromSql<'r> for &'r [u8] {
    fn accepts(column: &Column) -> bool {
        column.is_binary(Oid::BYTEA) || is_plain_bytes(column)
    }

    fn from_sql(_column: &Column, value: &'r [u8]) -> Result<Self, ValueError> {
        Ok(value)
    }
}

/// Says whether a column has values of a base type that is not built in, or was not looked up: what the server sends.
fn is_plain_bytes(column: &Column) -> bool {
    let is_base = match column.kind() {
        Some(kind) => matches!(kind, TypeKind::Base { .. }),
        None => !is_built_in(column.oid()),
    };
    is_base && column.format() == Format::Binary
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
