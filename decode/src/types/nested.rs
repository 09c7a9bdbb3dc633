//! Values inside of values: each behind its length, as the fields of a row.

use crate::params::length_word;
use crate::types::is_text;
use crate::{Column, EncodeError, Format, IsNull, Oid, Output, ToSql, TypeName};

/// Describes the values inside of a value, which are of another type than that is.
pub(super) fn part(oid: Oid, typmod: i32) -> Column {
    Column::new("", oid, typmod, Format::Binary)
}

/// Appends a value of that type behind its length. What was written is meaningless in case of an error.
pub(super) fn put(value: &impl ToSql, oid: Oid, out: &mut Output) -> Result<IsNull, EncodeError> {
    let start = out.len();
    out.extend_from_slice(&NULL.to_be_bytes());
    let content = out.len();
    if value.to_sql(out)? == IsNull::Yes {
        out.truncate(content);
        return Ok(IsNull::Yes);
    }
    let written = out.bytes.get(content..).unwrap_or_default();
    if value.format() == Format::Text {
        check_text(written, oid)?;
    }
    let length = length_word(written.len())?;
    out.set(start, length);
    Ok(IsNull::No)
}

/// Inside of a value all is binary, so text has a place only where that is the same.
fn check_text(text: &[u8], oid: Oid) -> Result<(), EncodeError> {
    if !binary_is_text(oid) {
        return Err(EncodeError::Other("it goes as text, which has no place in an array or a range".into()));
    }
    if text.contains(&0) { Err(EncodeError::Nul) } else { Ok(()) }
}

/// Says whether the binary form of a type is its text. Of types that are not built in, the value that has named its type
/// is believed.
pub(super) fn binary_is_text(oid: Oid) -> bool {
    is_text(oid) || oid == Oid::JSON || oid >= FIRST_USER_OID
}

/// Returns the number that stands for a type of the database as long as it is not known which one that is.
pub(super) fn named_or(oid: Oid, name: Option<TypeName>) -> Oid {
    name.map_or(oid, |_| SOME_TYPE)
}

/// In the place of a length.
const NULL: i32 = -1;
/// The smallest number of a type that is not built in.
// PG source: access/transam.h, FirstNormalObjectId.
const FIRST_USER_OID: Oid = Oid(16_384);
/// Stands for a type of the database as long as it is not known which one that is.
pub(super) const SOME_TYPE: Oid = FIRST_USER_OID;
