use std::borrow::Cow;

use crate::arrow::{Asked, Copied, Extension, Form};
use crate::types::char::as_text;
use crate::types::{Type, extension, json, jsonpath};
use crate::{Column, EncodeError, Format, FromSql, IsNull, Oid, Output, ToSql, ValueError};

/// Says whether the binary form of the type is its text.
pub(crate) fn is_text(oid: Oid) -> bool {
    matches!(oid, Oid::TEXT | Oid::VARCHAR | Oid::BPCHAR | Oid::NAME | Oid::CHAR | Oid::UNKNOWN)
        || matches!(oid, Oid::XML | Oid::REFCURSOR | Oid::PG_NODE_TREE)
}

pub(crate) fn utf8(value: &[u8]) -> Result<&str, ValueError> {
    str::from_utf8(value).map_err(|_| ValueError::malformed("its text is not valid UTF-8"))
}

/// Finds the text in the binary form of a value.
fn in_binary<'r>(column: &Column, value: &'r [u8]) -> Result<&'r [u8], ValueError> {
    match column.oid() {
        Oid::JSONB => json::strip(value).ok_or_else(|| ValueError::malformed(json::UNKNOWN_VERSION)),
        Oid::JSONPATH => jsonpath::strip(value),
        Oid::CHAR => as_text(value),
        _ if column.kind().is_some() => extension::text(column, value),
        _ => Ok(value),
    }
}

impl<'r> FromSql<'r> for &'r str {
    fn accepts(column: &Column) -> bool {
        column.format() == Format::Text
            || is_text(column.oid())
            || json::is_json(column.oid())
            || column.oid() == Oid::JSONPATH
            || extension::is_text(column)
    }

    fn from_sql(column: &Column, value: &'r [u8]) -> Result<Self, ValueError> {
        match column.format() {
            Format::Binary => utf8(in_binary(column, value)?),
            Format::Text => utf8(value),
        }
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
    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        out.extend_from_slice(self.as_bytes());
        Ok(IsNull::No)
    }
}

impl ToSql for String {
    #[inline]
    fn oid(&self) -> Oid {
        self.as_str().oid()
    }

    fn element_oid() -> Oid {
        Oid::TEXT
    }

    #[inline]
    fn format(&self) -> Format {
        self.as_str().format()
    }

    #[inline]
    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        self.as_str().to_sql(out)
    }
}

impl ToSql for Cow<'_, str> {
    #[inline]
    fn oid(&self) -> Oid {
        self.as_ref().oid()
    }

    fn element_oid() -> Oid {
        Oid::TEXT
    }

    #[inline]
    fn format(&self) -> Format {
        self.as_ref().format()
    }

    #[inline]
    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
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
/// `unknown` in Arrow.
pub(crate) const UNKNOWN: Type = text(Oid::UNKNOWN, None);

/// A type whose values are the same text in both formats.
const fn text(oid: Oid, array: Option<Oid>) -> Type {
    Type { oid, array, binary: verbatim, text: Some(verbatim) }
}

/// `refcursor` in Arrow.
pub(crate) const REFCURSOR: Type = text(Oid::REFCURSOR, Some(Oid(2201)));
/// `xml` in Arrow.
pub(crate) const XML: Type = marked(Oid::XML, Some(Oid(143)));
/// `pg_node_tree` in Arrow.
pub(crate) const PG_NODE_TREE: Type = marked(Oid::PG_NODE_TREE, None);

/// A type whose values are text that is of use as what the type says only.
const fn marked(oid: Oid, array: Option<Oid>) -> Type {
    Type { oid, array, binary: |asked| verbatim(asked).with(Extension::Opaque), text: None }
}

fn verbatim(asked: &Asked) -> Form {
    Form::text(asked, Copied::Whole)
}
