//! Parameters of types of a database, made to fit once those are known.
//!
//! A value is written before anybody knows which number its type has here, and what exactly its attributes are. What was
//! written says of every part what it is, by number or by name, and is copied to what the type wants: the numbers filled
//! in, text as whichever type of text it is, and what does not fit refused.

use crate::copy::Takes;
use crate::params::{NULL, set_length};
use crate::types::extension::{self, Sent};
use crate::types::{cursor::Cursor, element_of};
use crate::{Column, Columns, EncodeError, Format, Oid, TypeKind, TypeName};

/// What a value says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Given {
    Oid(Oid),
    Name(TypeName),
}

/// Values as they were written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Written<'a> {
    pub(crate) bytes: &'a [u8],
    /// The places where the number of a type belongs, in order.
    pub(crate) holes: &'a [(usize, TypeName)],
}

impl Written<'_> {
    /// Appends the value that was written from `start` to `end`, as a column has it.
    pub(crate) fn fit(
        self,
        column: &Column,
        given: Given,
        (start, end): (usize, usize),
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let value = self.bytes.get(start..end).unwrap_or_default();
        let refused = || mismatch(column, given);
        if let Given::Name(name) = given
            && !column.is_named(name)
        {
            return Err(refused());
        }
        match (column.kind(), given) {
            (Some(TypeKind::Composite(attributes)), Given::Name(_)) => {
                self.composite(column, attributes, start, value, out)
            }
            (Some(TypeKind::Array(_)), Given::Oid(oid)) if element_of(oid).is_none() => Err(refused()),
            (Some(TypeKind::Array(element)), _) => self.array(column, element, start, value, out),
            (kind, Given::Name(_)) => {
                // Such values are written as their text.
                if kind.and_then(Sent::of) == Some(Sent::Versioned) {
                    out.push(extension::VERSION);
                }
                out.extend_from_slice(value);
                Ok(())
            }
            (_, Given::Oid(oid)) => match Takes::of_column(column).as_it_goes(column.oid(), oid) {
                Some(prefix) => {
                    out.extend_from_slice(prefix);
                    out.extend_from_slice(value);
                    Ok(())
                }
                None => match element_of(column.oid()) {
                    Some(element) if element_of(oid).is_some() => {
                        let element = Column::new("", element, -1, Format::Binary);
                        self.array(column, &element, start, value, out)
                    }
                    _ => Err(refused()),
                },
            },
        }
    }

    fn given(&self, place: usize, oid: Oid) -> Given {
        match self.holes.binary_search_by_key(&place, |(hole, _)| *hole) {
            Ok(found) => self.holes.get(found).map_or(Given::Oid(oid), |(_, name)| Given::Name(*name)),
            Err(_) => Given::Oid(oid),
        }
    }

    fn composite(
        self,
        column: &Column,
        attributes: &Columns,
        start: usize,
        value: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let mut cursor = Cursor(value);
        let count = cursor.i32().ok_or_else(cut_short)?;
        if usize::try_from(count) != Ok(attributes.len()) {
            let (name, has) = (type_of(column), attributes.len());
            return Err(EncodeError::Other(
                format!("{name} has {has} attributes, and the value {count}").into(),
            ));
        }
        out.extend_from_slice(&count.to_be_bytes());
        for attribute in attributes.iter() {
            let given = self
                .given(start.saturating_add(cursor.taken(value)), Oid(cursor.u32().ok_or_else(cut_short)?));
            out.extend_from_slice(&attribute.declared().0.to_be_bytes());
            self.part(attribute, given, start, value, &mut cursor, out)?;
        }
        Ok(())
    }

    fn array(
        self,
        column: &Column,
        element: &Column,
        start: usize,
        value: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let mut cursor = Cursor(value);
        let head = cursor.bytes(HEAD).ok_or_else(|| mismatch(column, Given::Oid(Oid::UNSPECIFIED)))?;
        let dimensions =
            Cursor(head).i32().and_then(|count| usize::try_from(count).ok()).ok_or_else(cut_short)?;
        let given = self.given(start.saturating_add(HEAD), Oid(cursor.u32().ok_or_else(cut_short)?));
        out.extend_from_slice(head);
        out.extend_from_slice(&element.declared().0.to_be_bytes());
        out.extend_from_slice(cursor.bytes(dimensions.saturating_mul(DIMENSION)).ok_or_else(cut_short)?);
        while !cursor.is_empty() {
            self.part(element, given, start, value, &mut cursor, out)?;
        }
        Ok(())
    }

    /// Takes a part of a value behind its length.
    fn part(
        self,
        column: &Column,
        given: Given,
        start: usize,
        whole: &[u8],
        cursor: &mut Cursor<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let length = cursor.i32().ok_or_else(cut_short)?;
        let word = out.len();
        out.extend_from_slice(&length.to_be_bytes());
        if length == NULL {
            return Ok(());
        }
        let from = start.saturating_add(cursor.taken(whole));
        let value = cursor.bytes(usize::try_from(length).map_err(|_| cut_short())?).ok_or_else(cut_short)?;
        self.fit(column, given, (from, from.saturating_add(value.len())), out)?;
        set_length(out, word)
    }
}

fn type_of(column: &Column) -> String {
    match column.type_info() {
        Some(info) => format!("{}.{}", info.schema(), info.name()),
        None => column.oid().to_string(),
    }
}

fn mismatch(column: &Column, given: Given) -> EncodeError {
    let given = match given {
        Given::Oid(oid) => oid.to_string(),
        Given::Name(name) => name.to_string(),
    };
    let (wanted, name) = (type_of(column), column.name());
    EncodeError::Other(match name {
        "" => format!("{wanted} is wanted, and the value is {given}").into(),
        name => format!("attribute {name:?} is {wanted}, and the value is {given}").into(),
    })
}

/// The value was written by somebody who does not know the form.
fn cut_short() -> EncodeError {
    EncodeError::Other("what was written is no value of its type".into())
}

const HEAD: usize = 8;
const DIMENSION: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::composite::AttributeWriter;
    use crate::{Catalog, Definition, IsNull, Json, Output, Params, ToSql, TypeRow};

    const PAIR: TypeName = TypeName::new("pair");

    /// A pair of any two values.
    struct Pair<A, B>(A, B);

    impl<A: ToSql, B: ToSql> ToSql for Pair<A, B> {
        fn oid(&self) -> Oid {
            Oid::UNSPECIFIED
        }

        fn type_name() -> Option<TypeName> {
            Some(PAIR)
        }

        fn declared_name(&self) -> Option<TypeName> {
            Some(PAIR)
        }

        fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
            let mut attributes = AttributeWriter::new(out, 2);
            attributes.write(&self.0)?;
            attributes.write(&self.1)?;
            Ok(IsNull::No)
        }
    }

    /// Sends a pair to a type with these attributes, and returns what goes.
    fn sent(pair: &impl ToSql, attributes: [u32; 2]) -> Result<Vec<u8>, EncodeError> {
        let row = |oid, name: &str, definition| TypeRow {
            oid: Oid(oid),
            schema: "s".into(),
            name: name.into(),
            definition,
        };
        let attributes = attributes.map(|oid| ("x".to_owned(), Oid(oid), -1)).to_vec();
        let mut catalog = Catalog::default();
        catalog.extend([
            row(20_000, "pair", Definition::Composite(attributes)),
            row(20_001, "small", Definition::Domain(Oid::INT2, -1)),
            row(20_002, "_small", Definition::Array(Oid(20_001))),
        ]);
        catalog.name(PAIR, Oid(20_000));
        let mut params = Params::default();
        params.push(pair)?;
        params.resolve(&catalog)?;
        assert_eq!(params.oids(), [Oid(20_000)]);
        Ok(params.values().to_vec())
    }

    #[test]
    fn attributes_are_made_what_their_types_want() {
        let value = sent(&Pair("a", Json("{}")), [1043, 3802]).unwrap();
        let expected = [
            &[0, 0, 0, 24, 0, 0, 0, 2][..],
            &[0, 0, 4, 19, 0, 0, 0, 1, b'a'],
            &[0, 0, 14, 218, 0, 0, 0, 3, 1, b'{', b'}'],
        ];
        assert_eq!(value[8..], expected.concat()[8..]);
        assert_eq!(u32::from_be_bytes(*value.first_chunk().unwrap()) as usize, value.len() - 4);
        let value = sent(&Pair(vec![7_i16], None::<i16>), [20_002, 20_001]).unwrap();
        let small = 20_001_u32.to_be_bytes();
        assert!(value.windows(4).filter(|word| *word == small).count() == 2, "{value:?}");
        assert!(value.ends_with(&[0xff; 4]));
    }

    #[test]
    fn what_does_not_fit_an_attribute_is_refused() {
        let refused = [
            sent(&Pair(7_i32, "a"), [20, 25]),
            sent(&Pair(7_i64, "a"), [20_002, 25]),
            sent(&Pair([0_u8; 12], "a"), [20_002, 25]),
            sent(&Pair(vec![7_i32], "a"), [20_002, 25]),
            sent(&Pair(Pair(1_i16, 2_i16), "a"), [25, 25]),
            sent(&Pair("a", "a"), [23, 25]),
        ];
        for (at, result) in refused.into_iter().enumerate() {
            assert!(matches!(result, Err(EncodeError::Other(_))), "{at}");
        }
    }
}
