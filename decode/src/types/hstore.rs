use std::collections::BTreeMap;

use crate::arrow::{Fault, Field, field};
use crate::params::{NULL, length_word};
use crate::types::cursor::Cursor;
use crate::types::quote;
use crate::types::text::utf8;
use crate::{
    Column, EncodeError, Format, FromSql, IsNull, Oid, Output, ToSql, TypeKind, TypeName, ValueError,
};

/// An `hstore`, of the extension of that name: texts by key, of which each may be NULL.
///
/// It is sent as the type `hstore`, which is looked up along the `search_path`.
///
/// ```
/// use molt_db_decode::types::Hstore;
///
/// let mut store = Hstore::default();
/// store.0.insert("colour".into(), Some("red".into()));
/// store.0.insert("size".into(), None);
/// assert_eq!(store.0.len(), 2);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Hstore(pub BTreeMap<String, Option<String>>);

/// Says whether values of a type are such stores.
pub(crate) fn is_hstore(kind: &TypeKind) -> bool {
    matches!(kind, TypeKind::Base { send } if &**send == "hstore_send")
}

/// Takes a key and its value.
pub(crate) fn pair(rest: &[u8]) -> Option<(&[u8], Field<'_>)> {
    let (key, rest) = field(rest)?;
    Some((key?, field(rest)?))
}

/// Reads how many pairs there are, which is no more than there is room for, and where they begin.
// PG source: contrib/hstore, hstore_io.c, hstore_send: the number of pairs, and of each the key and the value behind
// their lengths.
pub(crate) fn pairs(value: &[u8]) -> Option<(usize, &[u8])> {
    let mut cursor = Cursor(value);
    let count = cursor.count(SMALLEST)?;
    Some((count, cursor.0))
}

/// Finds the pairs as what they are on the wire: fields, keys and values in turn.
pub(crate) fn pairs_as_fields(value: &[u8]) -> Result<(usize, &[u8]), Fault> {
    pairs(value).ok_or(MALFORMED)
}

/// Writes a value as the server does.
// PG source: contrib/hstore, hstore_io.c, hstore_out.
pub(crate) fn append(value: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    let (count, mut rest) = pairs(value).ok_or(MALFORMED)?;
    let quoted = |text: &[u8], out: &mut Vec<u8>| {
        let start = out.len();
        out.extend_from_slice(text);
        quote(out, start, |byte| matches!(byte, b'"' | b'\\').then_some(b'\\'));
    };
    for position in 0..count {
        let (key, (value, next)) = pair(rest).ok_or(MALFORMED)?;
        if position > 0 {
            out.extend_from_slice(b", ");
        }
        quoted(key, out);
        out.extend_from_slice(b"=>");
        match value {
            Some(value) => quoted(value, out),
            None => out.extend_from_slice(b"NULL"),
        }
        rest = next;
    }
    if rest.is_empty() { Ok(()) } else { Err(MALFORMED) }
}

const MALFORMED: Fault = Fault::Malformed("it is no hstore");

/// Two lengths.
const SMALLEST: usize = 8;

impl FromSql<'_> for Hstore {
    fn accepts(column: &Column) -> bool {
        column.format() == Format::Binary && column.kind().is_some_and(is_hstore)
    }

    fn from_sql(_column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        let (count, mut rest) = pairs(value).ok_or_else(malformed)?;
        let mut store = BTreeMap::new();
        for _ in 0..count {
            let (key, (value, next)) = pair(rest).ok_or_else(malformed)?;
            let value = value.map(utf8).transpose()?;
            store.insert(utf8(key)?.to_owned(), value.map(str::to_owned));
            rest = next;
        }
        // A key that is there twice would be one of its values only.
        if rest.is_empty() && store.len() == count { Ok(Self(store)) } else { Err(malformed()) }
    }
}

#[cold]
fn malformed() -> ValueError {
    ValueError::malformed("it is no hstore")
}

const NAME: TypeName = TypeName::new("hstore");

impl ToSql for Hstore {
    fn oid(&self) -> Oid {
        Oid::UNSPECIFIED
    }

    fn type_name() -> Option<TypeName> {
        Some(NAME)
    }

    fn declared_name(&self) -> Option<TypeName> {
        Some(NAME)
    }

    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        out.extend_from_slice(&length_word(self.0.len())?.to_be_bytes());
        for (key, value) in &self.0 {
            write(Some(key), out)?;
            write(value.as_deref(), out)?;
        }
        Ok(IsNull::No)
    }
}

fn write(text: Option<&str>, out: &mut Output) -> Result<(), EncodeError> {
    let Some(text) = text else {
        out.extend_from_slice(&NULL.to_be_bytes());
        return Ok(());
    };
    if text.contains('\0') {
        return Err(EncodeError::Nul);
    }
    out.extend_from_slice(&length_word(text.len())?.to_be_bytes());
    out.extend_from_slice(text.as_bytes());
    Ok(())
}
