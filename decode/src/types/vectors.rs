//! The arrays that catalogues have: of one dimension, which begins at 0, and without NULLs.

use std::fmt;

use crate::arrow::{Asked, Fault, Form, Run};
use crate::types::cursor::Cursor;
use crate::types::{Type, integer, oid};
use crate::{Column, EncodeError, Format, FromSql, IsNull, Oid, Output, ToSql, ValueError};

/// An `int2vector`, such as the columns of an index. Prints as the server does.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Int2Vector(pub Vec<i16>);

/// An `oidvector`, such as the types of a function's arguments. Prints as the server does, as numbers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct OidVector(pub Vec<Oid>);

fn show(values: impl Iterator<Item = impl fmt::Display>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (position, value) in values.enumerate() {
        let gap = if position == 0 { "" } else { " " };
        write!(f, "{gap}{value}")?;
    }
    Ok(())
}

impl fmt::Display for Int2Vector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(self.0.iter(), f)
    }
}

impl fmt::Display for OidVector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(self.0.iter().map(|oid| oid.0), f)
    }
}

/// Finds the elements, each of them behind its length.
fn run(value: &[u8], of: Oid, width: u8) -> Option<Run<'_>> {
    let mut cursor = Cursor(value);
    let (dimensions, nulls, oid) = (cursor.i32()?, cursor.i32()?, cursor.u32()?);
    let (count, lower) = (cursor.i32()?, cursor.i32()?);
    if (dimensions, nulls, oid, lower) != (1, 0, of.0, 0) {
        return None;
    }
    let (each, rest) = (4 + usize::from(width), cursor.0);
    let is_whole = |element: &[u8]| element.starts_with(&[0, 0, 0, width]);
    let (count, elements) = (usize::try_from(count).ok()?, rest.chunks_exact(each));
    if elements.len() != count || !elements.remainder().is_empty() || !elements.clone().all(is_whole) {
        return None;
    }
    Some(Run { count, skipped: 4, width: width.into(), elements: rest })
}

const MALFORMED: &str = "it is no vector of the type";

fn int2s(value: &[u8]) -> Option<Run<'_>> {
    run(value, Oid::INT2, 2)
}

fn oids(value: &[u8]) -> Option<Run<'_>> {
    run(value, Oid::OID, 4)
}

/// Reads all elements, without the lengths that stand before them.
fn elements<T, const EACH: usize>(
    run: Option<Run<'_>>,
    read: fn([u8; EACH]) -> T,
) -> Result<Vec<T>, ValueError> {
    let run = run.ok_or_else(|| ValueError::malformed(MALFORMED))?;
    let (elements, _) = run.elements.as_chunks::<EACH>();
    Ok(elements.iter().map(|element| read(*element)).collect())
}

/// Returns the format to send a vector in: an empty one is text, because servers refuse its binary form.
fn format_of<T>(values: &[T]) -> Format {
    if values.is_empty() { Format::Text } else { Format::Binary }
}

fn encode<const N: usize>(
    of: Oid,
    values: impl ExactSizeIterator<Item = [u8; N]>,
    out: &mut Output,
) -> Result<IsNull, EncodeError> {
    if values.len() == 0 {
        return Ok(IsNull::No);
    }
    let count = u32::try_from(values.len()).map_err(|_| EncodeError::TooLong)?;
    let length = u32::try_from(N).map_err(|_| EncodeError::TooLong)?;
    [1, 0, of.0, count, 0].iter().for_each(|word| out.extend_from_slice(&word.to_be_bytes()));
    for value in values {
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&value);
    }
    Ok(IsNull::No)
}

impl FromSql<'_> for Int2Vector {
    fn accepts(column: &Column) -> bool {
        column.is_binary(Oid::INT2VECTOR)
    }

    fn from_sql(_column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        elements(int2s(value), |[_, _, _, _, value @ ..]: [u8; 6]| i16::from_be_bytes(value)).map(Self)
    }
}

impl FromSql<'_> for OidVector {
    fn accepts(column: &Column) -> bool {
        column.is_binary(Oid::OIDVECTOR)
    }

    fn from_sql(_column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        elements(oids(value), |[_, _, _, _, value @ ..]: [u8; 8]| Oid(u32::from_be_bytes(value))).map(Self)
    }
}

impl ToSql for Int2Vector {
    fn oid(&self) -> Oid {
        Oid::INT2VECTOR
    }

    fn type_oid() -> Oid {
        Oid::INT2VECTOR
    }

    fn format(&self) -> Format {
        format_of(&self.0)
    }

    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        encode(Oid::INT2, self.0.iter().map(|value| value.to_be_bytes()), out)
    }
}

impl ToSql for OidVector {
    fn oid(&self) -> Oid {
        Oid::OIDVECTOR
    }

    fn type_oid() -> Oid {
        Oid::OIDVECTOR
    }

    fn format(&self) -> Format {
        format_of(&self.0)
    }

    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        encode(Oid::OID, self.0.iter().map(|value| value.0.to_be_bytes()), out)
    }
}

/// `int2vector` in Arrow: a list.
pub(crate) const INT2VECTOR: Type =
    Type { oid: Oid::INT2VECTOR, array: Some(Oid(1006)), binary: form_of_int2s, text: None };
/// `oidvector` in Arrow: a list.
pub(crate) const OIDVECTOR: Type =
    Type { oid: Oid::OIDVECTOR, array: Some(Oid(1013)), binary: form_of_oids, text: None };

fn form_of_int2s(asked: &Asked) -> Form {
    let element = (integer::INT2.binary)(asked);
    let form =
        Form::repeated(asked, Oid::INT2, &element, |value| int2s(value).ok_or(Fault::Malformed(MALFORMED)));
    form.shown_as::<Int2Vector>(asked.oid)
}

fn form_of_oids(asked: &Asked) -> Form {
    let element = (oid::OID.binary)(asked);
    let form =
        Form::repeated(asked, Oid::OID, &element, |value| oids(value).ok_or(Fault::Malformed(MALFORMED)));
    form.shown_as::<OidVector>(asked.oid)
}
