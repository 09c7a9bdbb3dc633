use std::borrow::Cow;

use crate::arrow::{Asked, Copied, Form};
use crate::types::{Type, json};
use crate::{Column, EncodeError, Format, FromSql, IsNull, Oid, ToSql, ValueError};

/// Says whether the binary form of the type is its text.
pub(crate) fn is_text(oid: Oid) -> bool {
    matches!(oid, Oid::TEXT | Oid::VARCHAR | Oid::BPCHAR | Oid::NAME | Oid::CHAR | Oid::UNKNOWN)
}

pub(crate) fn utf8(value: &[u8]) -> Result<&str, ValueError> {
    str::from_utf8(value).map_err(|_| ValueError::malformed("its text is not valid UTF-8"))
}

impl<'r> FromSql<'r> for &'r str {
    fn accepts(column: &Column) -> bool {
        column.format() == Format::Text || is_text(column.oid()) || json::is_json(column.oid())
    }

    fn from_sql(column: &Column, value: &'r [u8]) -> Result<Self, ValueError> {
        utf8(json::without_version(column, value)?)
    }
}

impl FromSql<'_> for String {
    fn accepts(column: &Column) -> bool {
        <&str>::accepts(column)
    }

    fn from_sql(column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        <&str>::from_sql(column, value).map(Self::from)
    }
}

impl<'r> FromSql<'r> for Cow<'r, str> {
    fn accepts(column: &Column) -> bool {
        <&str>::accepts(column)
    }

    fn from_sql(column: &Column, value: &'r [u8]) -> Result<Self, ValueError> {
        <&str>::from_sql(column, value).map(Cow::Borrowed)
    }
}

impl ToSql for str {
    #[inline]
    fn oid(&self) -> Oid {
        Oid::UNSPECIFIED
    }

    #[inline]
    fn format(&self) -> Format {
        Format::Text
    }

    #[inline]
    fn to_sql(&self, out: &mut Vec<u8>) -> Result<IsNull, EncodeError> {
        out.extend_from_slice(self.as_bytes());
        Ok(IsNull::No)
    }
}

impl ToSql for String {
    #[inline]
    fn oid(&self) -> Oid {
        self.as_str().oid()
    }

    #[inline]
    fn format(&self) -> Format {
        self.as_str().format()
    }

    #[inline]
    fn to_sql(&self, out: &mut Vec<u8>) -> Result<IsNull, EncodeError> {
        self.as_str().to_sql(out)
    }
}

impl ToSql for Cow<'_, str> {
    #[inline]
    fn oid(&self) -> Oid {
        self.as_ref().oid()
    }

    #[inline]
    fn format(&self) -> Format {
        self.as_ref().format()
    }

    #[inline]
    fn to_sql(&self, out: &mut Vec<u8>) -> Result<IsNull, EncodeError> {
        self.as_ref().to_sql(out)
    }
}

/// `text` in Arrow.
pub(crate) const TEXT: Type = text(Oid::TEXT, Some(Oid(1009)));
/// `varchar` in Arrow.
pub(crate) const VARCHAR: Type = text(Oid::VARCHAR, Some(Oid(1015)));
/// `bpchar` in Arrow, with its spaces.
pub(crate) const BPCHAR: Type = text(Oid::BPCHAR, Some(Oid(1014)));
/// `name` in Arrow.
pub(crate) const NAME: Type = text(Oid::NAME, Some(Oid(1003)));
/// `"char"` in Arrow.
pub(crate) const CHAR: Type = text(Oid::CHAR, Some(Oid(1002)));
/// `unknown` in Arrow.
pub(crate) const UNKNOWN: Type = text(Oid::UNKNOWN, None);

/// A type whose values are the same text in both formats.
const fn text(oid: Oid, array: Option<Oid>) -> Type {
    Type { oid, array, binary: verbatim, text: Some(verbatim) }
}

fn verbatim(asked: &Asked) -> Form {
    Form::text(asked, Copied::Whole)
}
