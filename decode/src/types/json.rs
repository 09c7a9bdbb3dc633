use crate::arrow::{Asked, Copied, Extension, Form};
use crate::types::Type;
use crate::types::text::utf8;
use crate::{Column, EncodeError, Format, FromSql, IsNull, Oid, Output, ToSql, ValueError};

/// JSON as the text that the server has: a value of `json` or `jsonb`, neither parsed nor checked here.
///
/// As a parameter it goes as text of no declared type, which fits `json` and `jsonb` alike. An array of them goes as
/// `json[]`, which the server stores in `jsonb[]` too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Json<T>(pub T);

pub(crate) fn is_json(oid: Oid) -> bool {
    matches!(oid, Oid::JSON | Oid::JSONB)
}

/// Takes off what the binary form of `jsonb` puts in front of the text.
fn without_version<'r>(column: &Column, value: &'r [u8]) -> Result<&'r [u8], ValueError> {
    match column.is_binary(Oid::JSONB) {
        true => strip(value).ok_or_else(|| ValueError::malformed(UNKNOWN_VERSION)),
        false => Ok(value),
    }
}

/// The only version of the binary form there has been is 1.
pub(super) fn strip(value: &[u8]) -> Option<&[u8]> {
    value.strip_prefix(&[VERSION])
}

// PG source: jsonb.c, jsonb_send.
const VERSION: u8 = 1;
pub(super) const UNKNOWN_VERSION: &str = "its version of jsonb is unknown";

impl<'r> FromSql<'r> for Json<&'r str> {
    fn accepts(column: &Column) -> bool {
        is_json(column.oid())
    }

    fn from_sql(column: &Column, value: &'r [u8]) -> Result<Self, ValueError> {
        without_version(column, value).and_then(utf8).map(Self)
    }
}

impl FromSql<'_> for Json<String> {
    fn accepts(column: &Column) -> bool {
        is_json(column.oid())
    }

    fn from_sql(column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        <Json<&str>>::from_sql(column, value).map(|Json(text)| Self(text.to_owned()))
    }
}

impl<T: AsRef<str>> ToSql for Json<T> {
    #[inline]
    fn oid(&self) -> Oid {
        Oid::UNSPECIFIED
    }

    fn element_oid() -> Oid {
        Oid::JSON
    }

    #[inline]
    fn format(&self) -> Format {
        Format::Text
    }

    #[inline]
    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        self.0.as_ref().to_sql(out)
    }
}

/// `json` in Arrow.
pub(crate) const JSON: Type =
    Type { oid: Oid::JSON, array: Some(Oid(199)), binary: verbatim, text: Some(verbatim) };
/// `jsonb` in Arrow.
pub(crate) const JSONB: Type = Type {
    oid: Oid::JSONB,
    array: Some(Oid(3807)),
    binary: |asked| Form::text(asked, Copied::Behind(VERSION, UNKNOWN_VERSION)).with(Extension::Json),
    text: Some(verbatim),
};

fn verbatim(asked: &Asked) -> Form {
    Form::text(asked, Copied::Whole).with(Extension::Json)
}
