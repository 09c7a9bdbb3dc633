//! `"char"`: one byte, which is a character of ASCII, none at all if it is 0, or anything else.

use std::io::Write;
use std::sync::Arc;

use crate::arrow::{Asked, Copied, Fault, Form, Kind, Kinds};
use crate::types::{Type, fixed};
use crate::{Column, EncodeError, FromSql, IsNull, Oid, Output, ToSql, ValueError};

impl FromSql<'_> for i8 {
    fn accepts(column: &Column) -> bool {
        column.is_binary(Oid::CHAR)
    }

    fn from_sql(_column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        fixed(value).map(Self::from_be_bytes)
    }
}

impl ToSql for i8 {
    fn oid(&self) -> Oid {
        Oid::CHAR
    }

    fn type_oid() -> Oid {
        Oid::CHAR
    }

    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        out.extend_from_slice(&self.to_be_bytes());
        Ok(IsNull::No)
    }
}

/// Returns the text that the byte is.
pub(super) fn as_text(value: &[u8]) -> Result<&[u8], ValueError> {
    match text(value) {
        Ok(text) => Ok(text),
        Err(fault) => Err(fault.into()),
    }
}

fn text(value: &[u8]) -> Result<&[u8], Fault> {
    match value {
        [0] => Ok(&[]),
        [1..=0x7f] => Ok(value),
        [_] => Err(Fault::Unfit(Kind::Range, "its byte is no character")),
        _ => Err(Fault::Malformed("its length is not that of the type")),
    }
}

/// `"char"` in Arrow.
pub(crate) const CHAR: Type =
    Type { oid: Oid::CHAR, array: Some(Oid(1002)), binary: form, text: Some(verbatim) };

fn form(asked: &Asked) -> Form {
    Form::text(asked, Copied::Rewritten(append)).unfit(Kinds::of(Kind::Range)).written(Arc::new(write))
}

/// Appends what servers write from PostgreSQL 16 on; before, what is no character is that byte.
// PG source: char.c, charout.
fn write(value: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    match value {
        [byte @ 0x80..=0xff] => write!(out, "\\{byte:o}").map_err(|_| Fault::TooLong),
        _ => append(value, out),
    }
}

fn verbatim(asked: &Asked) -> Form {
    Form::text(asked, Copied::Whole)
}

fn append(value: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    out.extend_from_slice(text(value)?);
    Ok(())
}
