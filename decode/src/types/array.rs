use std::borrow::Cow;
use std::io::Write;
use std::sync::Arc;

use crate::arrow::{Fault, Run, Writer, field};
use crate::types::composite::changed;
use crate::types::cursor::Cursor;
use crate::types::nested::{binary_is_text, named_or, part, put};
use crate::types::{array_of, element_of, is_blank, quote};
use crate::{
    Column, EncodeError, Format, FromSql, IsNull, Oid, Output, ToSql, TypeKind, TypeName, ValueError,
};

/// An array as PostgreSQL has it: any number of dimensions up to six, each with a lower bound of its own.
///
/// For arrays of one dimension that begin at 1 a `Vec<T>` does, and is an error for all others. `Array<Option<T>>` has a
/// place for elements that are NULL. An array without elements has no dimensions.
///
/// ```
/// use molt_db_decode::types::{Array, Dimension};
///
/// let dimensions = [Dimension { len: 2, lower: 1 }, Dimension { len: 3, lower: -1 }];
/// let matrix = Array::new(dimensions, vec![1, 2, 3, 4, 5, 6]).ok_or("a dimension does not fit")?;
/// assert_eq!(matrix.get(&[2, -1]), Some(&4));
/// assert_eq!(matrix.get(&[2, 2]), None);
/// assert_eq!(Array::from(vec!["a", "b"]).dimensions(), [Dimension { len: 2, lower: 1 }]);
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Array<T> {
    /// At most six, none of length 0; the product of the lengths is the number of elements, and 0 of none.
    dimensions: Vec<Dimension>,
    elements: Vec<T>,
}

/// One dimension of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Dimension {
    /// The number of subscripts.
    pub len: usize,
    /// The first subscript, which is 1 unless something else was asked for.
    pub lower: i32,
}

impl Dimension {
    /// Says whether there is such a dimension: not empty, and with subscripts that are all of 32 bits.
    fn is_proper(self) -> bool {
        let last = self.len.checked_sub(1).and_then(|last| i32::try_from(last).ok());
        last.is_some_and(|last| self.lower.checked_add(last).is_some())
    }
}

impl<T> Array<T> {
    /// The most dimensions that an array can have.
    // PG source: c.h, MAXDIM.
    pub const MAX_DIMENSIONS: usize = 6;

    /// Takes the dimensions, and the elements with those of the last dimension beside each other. `None` if there are
    /// more than six, one is empty or has subscripts beyond 32 bits, or another number of elements.
    pub fn new(dimensions: impl Into<Vec<Dimension>>, elements: Vec<T>) -> Option<Self> {
        let dimensions = dimensions.into();
        let is_proper = dimensions.iter().all(|dimension| dimension.is_proper());
        let count = count(dimensions.iter().copied())?;
        (is_proper && dimensions.len() <= Self::MAX_DIMENSIONS && count == elements.len())
            .then_some(Self { dimensions, elements })
    }

    /// Returns the dimensions, the outermost first; none if there are no elements.
    pub fn dimensions(&self) -> &[Dimension] {
        &self.dimensions
    }

    /// Returns the elements, those of the last dimension beside each other.
    pub fn elements(&self) -> &[T] {
        &self.elements
    }

    /// Returns the elements, those of the last dimension beside each other.
    pub fn into_elements(self) -> Vec<T> {
        self.elements
    }

    /// Returns the element at these subscripts, one for each dimension.
    pub fn get(&self, subscripts: &[i32]) -> Option<&T> {
        if subscripts.len() != self.dimensions.len() || subscripts.is_empty() {
            return None;
        }
        let position =
            self.dimensions.iter().zip(subscripts).try_fold(0_usize, |position, (of, subscript)| {
                let steps = i64::from(*subscript).checked_sub(i64::from(of.lower))?;
                let steps = usize::try_from(steps).ok().filter(|steps| *steps < of.len)?;
                position.checked_mul(of.len)?.checked_add(steps)
            });
        self.elements.get(position?)
    }
}

/// Counts the elements that the dimensions have room for.
fn count(mut dimensions: impl ExactSizeIterator<Item = Dimension>) -> Option<usize> {
    let some = usize::from(dimensions.len() > 0);
    dimensions.try_fold(some, |count, dimension| count.checked_mul(dimension.len))
}

impl<T> From<Vec<T>> for Array<T> {
    /// Makes an array of one dimension that begins at 1, or of none if there are no elements.
    fn from(elements: Vec<T>) -> Self {
        Self { dimensions: line(&elements).into_iter().collect(), elements }
    }
}

/// The one dimension of elements in a line.
fn line<T>(elements: &[T]) -> Option<Dimension> {
    (!elements.is_empty()).then_some(Dimension { len: elements.len(), lower: 1 })
}

impl<'r, T: FromSql<'r>> FromSql<'r> for Array<T> {
    fn accepts(column: &Column) -> bool {
        has_elements::<T>(column)
    }

    fn from_sql(column: &Column, value: &'r [u8]) -> Result<Self, ValueError> {
        let head = Head::read(value).ok_or_else(malformed)?;
        Ok(Self { dimensions: head.dimensions().collect(), elements: head.elements(column)? })
    }
}

impl<'r, T: FromSql<'r>> FromSql<'r> for Vec<T> {
    fn accepts(column: &Column) -> bool {
        has_elements::<T>(column)
    }

    fn from_sql(column: &Column, value: &'r [u8]) -> Result<Self, ValueError> {
        let head = Head::read(value).ok_or_else(malformed)?;
        let mut dimensions = head.dimensions();
        match (dimensions.next(), dimensions.next()) {
            (None | Some(Dimension { lower: 1, .. }), None) => head.elements(column),
            (Some(_), None) => Err(ValueError::out_of_range("the lower bound of the array is not 1")),
            (_, Some(_)) => Err(ValueError::out_of_range("the array has more than one dimension")),
        }
    }
}

/// Says whether a column has arrays, with elements that `T` reads.
fn has_elements<'r, T: FromSql<'r>>(column: &Column) -> bool {
    if column.format() != Format::Binary {
        return false;
    }
    match column.kind() {
        Some(TypeKind::Array(element)) => T::accepts(element),
        Some(_) => false,
        None => element_of(column.oid()).is_some_and(|element| T::accepts(&part(element, column.typmod()))),
    }
}

/// Returns what writes arrays as the server does, whose elements have this type and are written by `write`.
// PG source: arrayfuncs.c, array_out.
pub(crate) fn writer(element: Oid, write: Writer) -> Writer {
    // PG source: pg_type.dat, typdelim.
    let delimiter = if element == Oid::BOX { b';' } else { b',' };
    Arc::new(move |value, out| {
        let head = Head::read(value).filter(|head| head.element == element).ok_or(MALFORMED)?;
        if head.dimensions().any(|dimension| dimension.lower != 1) {
            for Dimension { len, lower } in head.dimensions() {
                let upper = i64::try_from(len).ok().and_then(|len| i64::from(lower).checked_add(len - 1));
                write!(out, "[{lower}:{}]", upper.unwrap_or_default()).map_err(|_| MALFORMED)?;
            }
            out.push(b'=');
        }
        if head.count == 0 {
            out.extend_from_slice(b"{}");
        }
        let mut rest = head.elements;
        for position in 0..head.count {
            let (value, next) = field(rest).ok_or(MALFORMED)?;
            // So many dimensions begin here, and so many end.
            (0..head.edges(position)).for_each(|_| out.push(b'{'));
            match value {
                Some(value) => write_element(value, &write, delimiter, out)?,
                None => out.extend_from_slice(b"NULL"),
            }
            (0..head.edges(position.saturating_add(1))).for_each(|_| out.push(b'}'));
            if position.saturating_add(1) < head.count {
                out.push(delimiter);
            }
            rest = next;
        }
        if rest.is_empty() { Ok(()) } else { Err(MALFORMED) }
    })
}

fn write_element(value: &[u8], write: &Writer, delimiter: u8, out: &mut Vec<u8>) -> Result<(), Fault> {
    let start = out.len();
    write(value, out)?;
    let text = out.get(start..).unwrap_or_default();
    let is_special =
        |byte: &u8| matches!(byte, b'"' | b'\\' | b'{' | b'}') || *byte == delimiter || is_blank(*byte);
    if text.is_empty() || text.eq_ignore_ascii_case(b"NULL") || text.iter().any(is_special) {
        quote(out, start, |byte| matches!(byte, b'"' | b'\\').then_some(b'\\'));
    }
    Ok(())
}

const MALFORMED: Fault = Fault::Malformed("it is no array of the type");

/// The type of arrays of `int4`.
pub(crate) const INT4_ARRAY: Oid = Oid(1007);

/// Finds the lengths of an array's dimensions.
pub(crate) fn lengths(value: &[u8]) -> Result<Run<'_>, Fault> {
    // Eight bytes each that end with a length: the first four are what is in front of it.
    numbers(value, DIMENSION)
}

/// Finds the lower bounds of an array's dimensions.
pub(crate) fn lower_bounds(value: &[u8]) -> Result<Run<'_>, Fault> {
    numbers(value, HEAD)
}

fn numbers(value: &[u8], start: usize) -> Result<Run<'_>, Fault> {
    let head = Head::read(value).ok_or(MALFORMED)?;
    let end = start.saturating_add(head.dimensions.len());
    let elements = value.get(start..end).ok_or(MALFORMED)?;
    Ok(Run { count: head.dimensions().len(), skipped: 4, width: 4, elements })
}

/// The bytes in front of the dimensions.
const HEAD: usize = 12;

/// An array on the wire, whose elements nobody has looked at.
// PG source: arrayfuncs.c, array_send: dimensions, flag for NULLs, type of the elements, and of each dimension the size
// and the lower bound.
pub(crate) struct Head<'r> {
    /// Of each eight bytes. They are proper, and at most six.
    dimensions: &'r [u8],
    pub(crate) element: Oid,
    /// No more than there are lengths of elements in what is left.
    pub(crate) count: usize,
    pub(crate) elements: &'r [u8],
}

impl<'r> Head<'r> {
    pub(crate) fn read(value: &'r [u8]) -> Option<Self> {
        let mut cursor = Cursor(value);
        let dimensions = usize::try_from(cursor.i32()?).ok().filter(|count| *count <= MAX_DIMENSIONS)?;
        let (0 | 1) = cursor.i32()? else { return None };
        let element = Oid(cursor.u32()?);
        let dimensions = cursor.bytes(dimensions.checked_mul(DIMENSION)?)?;
        let mut head = Self { dimensions, element, count: 0, elements: cursor.0 };
        head.count = count(head.dimensions())?;
        let is_proper = head.dimensions().all(Dimension::is_proper);
        (is_proper && head.count <= head.elements.len() / LENGTH_WORD).then_some(head)
    }

    /// Returns how many dimensions begin with the element at that position, which is how many end in front of it.
    fn edges(&self, position: usize) -> usize {
        let mut whole = 1_usize;
        let inner_first = self.dimensions().rev();
        let is_edge = |dimension: &Dimension| {
            whole = whole.saturating_mul(dimension.len);
            position.is_multiple_of(whole)
        };
        inner_first.take_while(is_edge).count()
    }

    pub(crate) fn dimensions(
        &self,
    ) -> impl DoubleEndedIterator<Item = Dimension> + ExactSizeIterator + use<'r> {
        self.dimensions.chunks_exact(DIMENSION).map(|pair| {
            let mut pair = Cursor(pair);
            let (len, lower) = (pair.i32().unwrap_or(0), pair.i32().unwrap_or(0));
            // What is negative is as wrong as what is empty.
            Dimension { len: usize::try_from(len).unwrap_or(0), lower }
        })
    }

    fn elements<T: FromSql<'r>>(&self, column: &Column) -> Result<Vec<T>, ValueError> {
        let part = match column.kind() {
            Some(TypeKind::Array(element)) if element.declared() == self.element => Cow::Borrowed(&**element),
            Some(_) => return Err(changed(column)),
            None => Cow::Owned(part(self.element, column.typmod())),
        };
        if !T::accepts(&part) {
            return Err(ValueError::mismatch(&part));
        }
        let (mut elements, mut rest) = (Vec::with_capacity(self.count), self.elements);
        for _ in 0..self.count {
            let (value, next) = field(rest).ok_or_else(malformed)?;
            elements.push(match value {
                Some(value) => T::from_sql(&part, value)?,
                None => T::from_null(&part)?,
            });
            rest = next;
        }
        if rest.is_empty() { Ok(elements) } else { Err(malformed()) }
    }
}

const MAX_DIMENSIONS: usize = Array::<()>::MAX_DIMENSIONS;
const DIMENSION: usize = 8;
const LENGTH_WORD: usize = 4;

#[cold]
fn malformed() -> ValueError {
    ValueError::malformed("it is no array")
}

/// Says whether all text in an array, as it goes to the server, is ASCII.
pub(crate) fn is_ascii(array: Oid, value: &[u8]) -> bool {
    if !element_of(array).is_some_and(binary_is_text) {
        return true;
    }
    let Some(Head { count, elements: mut rest, .. }) = Head::read(value) else { return false };
    (0..count).all(|_| {
        let Some((element, next)) = field(rest) else { return false };
        rest = next;
        element.unwrap_or_default().is_ascii()
    })
}

impl<T: ToSql> ToSql for Array<T> {
    fn oid(&self) -> Oid {
        T::array_oid()
    }

    fn type_oid() -> Oid {
        T::array_oid()
    }

    fn type_name() -> Option<TypeName> {
        T::type_name().map(TypeName::array)
    }

    fn declared_name(&self) -> Option<TypeName> {
        T::type_name().map(TypeName::array)
    }

    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        write(&self.dimensions, &self.elements, out)
    }
}

impl<T: ToSql> ToSql for [T] {
    fn oid(&self) -> Oid {
        T::array_oid()
    }

    fn declared_name(&self) -> Option<TypeName> {
        T::type_name().map(TypeName::array)
    }

    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        write(line(self).as_slice(), self, out)
    }
}

impl<T: ToSql, const N: usize> ToSql for [T; N] {
    fn oid(&self) -> Oid {
        T::array_oid()
    }

    fn type_oid() -> Oid {
        T::array_oid()
    }

    fn type_name() -> Option<TypeName> {
        T::type_name().map(TypeName::array)
    }

    fn declared_name(&self) -> Option<TypeName> {
        T::type_name().map(TypeName::array)
    }

    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        self.as_slice().to_sql(out)
    }
}

impl<T: ToSql> ToSql for Vec<T> {
    fn oid(&self) -> Oid {
        T::array_oid()
    }

    fn type_oid() -> Oid {
        T::array_oid()
    }

    fn type_name() -> Option<TypeName> {
        T::type_name().map(TypeName::array)
    }

    fn declared_name(&self) -> Option<TypeName> {
        T::type_name().map(TypeName::array)
    }

    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        self.as_slice().to_sql(out)
    }
}

fn write<T: ToSql>(
    dimensions: &[Dimension],
    elements: &[T],
    out: &mut Output,
) -> Result<IsNull, EncodeError> {
    let name = T::type_name();
    let has_array = name.map_or_else(|| T::array_oid() != Oid::UNSPECIFIED, |name| !name.is_array());
    if !has_array {
        return Err(EncodeError::Other("its Rust type does not say what type its arrays have".into()));
    }
    let number = |count: usize| i32::try_from(count).map_err(|_| EncodeError::TooLong);
    let oid = T::element_oid();
    out.extend_from_slice(&number(dimensions.len())?.to_be_bytes());
    let flags = out.len();
    out.extend_from_slice(&0_i32.to_be_bytes());
    match name {
        Some(name) => out.push_type(name),
        None => out.extend_from_slice(&oid.0.to_be_bytes()),
    }
    for dimension in dimensions {
        out.extend_from_slice(&number(dimension.len)?.to_be_bytes());
        out.extend_from_slice(&dimension.lower.to_be_bytes());
    }
    let mut has_null: i32 = 0;
    for element in elements {
        if put(element, named_or(oid, name), out)? == IsNull::Yes {
            has_null = 1;
        }
    }
    out.set(flags, has_null);
    Ok(IsNull::No)
}

/// The type of arrays that a Rust type has unless it says otherwise: that of the built-in type its values are.
pub(crate) fn built_in(element: Oid) -> Oid {
    array_of(element).unwrap_or(Oid::UNSPECIFIED)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;

    use super::*;
    use crate::{Date, Json, Params, Uuid};

    const INT4_ARRAY: Oid = Oid(1007);

    fn column(oid: Oid) -> Column {
        Column::new("c", oid, -1, Format::Binary)
    }

    fn read<'r, T: FromSql<'r>>(value: &'r [u8]) -> Result<T, ValueError> {
        assert!(T::accepts(&column(INT4_ARRAY)));
        T::from_sql(&column(INT4_ARRAY), value)
    }

    fn encode(value: &(impl ToSql + ?Sized)) -> Vec<u8> {
        let mut out = Output::default();
        assert_eq!(value.to_sql(&mut out).unwrap(), IsNull::No);
        out.bytes
    }

    fn words(words: &[i32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    fn dimension(len: usize, lower: i32) -> Dimension {
        Dimension { len, lower }
    }

    // From array_send of PostgreSQL.
    #[test]
    fn arrays_are_written_as_the_server_writes_them() {
        let empty = words(&[0, 0, 23]);
        let line = words(&[1, 1, 23, 3, 1, 4, 1, -1, 4, 3]);
        let plane = words(&[2, 0, 23, 1, -5, 2, 7, 4, 1, 4, 2]);
        assert_eq!(encode(&Vec::<i32>::new()), empty);
        assert_eq!(encode(&[Some(1), None, Some(3)]), line);
        assert_eq!(encode(&Array::new([dimension(1, -5), dimension(2, 7)], vec![1, 2]).unwrap()), plane);
        assert_eq!(read::<Vec<Option<i32>>>(&line).unwrap(), [Some(1), None, Some(3)]);
        assert!(read::<Vec<i64>>(&empty).unwrap().is_empty());
        let found = read::<Array<i32>>(&plane).unwrap();
        assert_eq!(found.dimensions(), [dimension(1, -5), dimension(2, 7)]);
        assert_eq!(
            (found.elements(), found.get(&[-5, 8]), found.get(&[-5, 9])),
            (&[1, 2][..], Some(&2), None)
        );
        assert_eq!(found.into_elements(), [1, 2]);
    }

    #[test]
    fn every_form_of_a_list_is_the_same_array() {
        let expected = encode(&vec![1_i32, 2]);
        assert_eq!(encode(&[1, 2]), expected);
        assert_eq!(encode([1, 2].as_slice()), expected);
        assert_eq!(encode(&[&1, &2]), expected);
        assert_eq!(encode(&[Some(1), Some(2)]), expected);
        assert_eq!(encode(&Array::from(vec![1, 2])), expected);
        assert_eq!(<&[i32]>::type_oid(), INT4_ARRAY);
        assert_eq!(None::<Vec<Option<&i32>>>.oid(), INT4_ARRAY);
    }

    #[test]
    fn bytes_are_no_array() {
        assert_eq!(
            (vec![1_u8].oid(), [1_u8].oid(), [1_u8].as_slice().oid()),
            (Oid::BYTEA, Oid::BYTEA, Oid::BYTEA)
        );
        assert!(!<Vec<u8>>::accepts(&column(INT4_ARRAY)) && <Vec<u8>>::accepts(&column(Oid::BYTEA)));
        assert!(!<Vec<i32>>::accepts(&column(Oid::BYTEA)));
        assert_eq!(
            (vec![vec![1_u8]].oid(), [&[1_u8][..]].oid(), [b"a"].oid()),
            (Oid(1001), Oid(1001), Oid(1001))
        );
        assert_eq!(encode(&[b"a"]), [&words(&[1, 0, 17, 1, 1, 1])[..], b"a"].concat());
    }

    #[test]
    fn strings_are_sent_as_text_even_if_there_are_none() {
        let lists: [&dyn ToSql; 5] = [
            &Vec::<&str>::new(),
            &Vec::<String>::new(),
            &vec![Cow::from("a")],
            &[None::<&str>],
            &["a"].as_slice(),
        ];
        assert!(lists.iter().all(|list| list.oid() == Oid(1009) && list.format() == Format::Binary));
        assert_eq!(encode(&["ab"]), [&words(&[1, 0, 25, 1, 1, 2])[..], b"ab"].concat());
        assert_eq!((vec![Json("{}")].oid(), vec![Json("{}".to_owned())].oid()), (Oid(199), Oid(199)));
        let error = ["a\0b"].to_sql(&mut Output::default()).unwrap_err();
        assert!(matches!(error, EncodeError::Nul));
    }

    #[test]
    fn other_arrays_than_lists_are_not_flattened() {
        for (value, why) in [
            (words(&[1, 0, 23, 1, 0, 4, 7]), "lower bound"),
            (words(&[1, 0, 23, 1, 2, 4, 7]), "lower bound"),
            (words(&[2, 0, 23, 1, 1, 1, 1, 4, 7]), "more than one dimension"),
        ] {
            let error = read::<Vec<i32>>(&value).unwrap_err();
            assert!(error.is_out_of_range() && error.to_string().contains(why), "{error}");
            assert_eq!(encode(&read::<Array<i32>>(&value).unwrap()), value);
        }
    }

    #[test]
    fn there_are_six_dimensions_at_most() {
        let of = |count: usize| Array::new(vec![dimension(1, 1); count], vec![7]);
        assert!(of(7).is_none());
        let six = encode(&of(6).unwrap());
        assert_eq!(read::<Array<i32>>(&six).unwrap(), of(6).unwrap());
        let seven = words(&[&[7, 0, 23][..], &[1; 14], &[4, 7]].concat());
        assert!(read::<Array<i32>>(&seven).unwrap_err().is_malformed());
        assert!(read::<Vec<i32>>(&seven).unwrap_err().is_malformed());
    }

    #[test]
    fn dimensions_hold_the_elements_within_32_bits() {
        let new = |dimensions: &[Dimension], count| Array::new(dimensions, vec![(); count]);
        assert!(new(&[], 0).is_some() && new(&[], 1).is_none());
        assert!(new(&[dimension(2, 1)], 2).is_some() && new(&[dimension(2, 1)], 3).is_none());
        assert!(new(&[dimension(0, 1)], 0).is_none());
        assert!(new(&[dimension(1, i32::MAX)], 1).is_some() && new(&[dimension(2, i32::MAX)], 2).is_none());
        assert!(new(&[dimension(2, i32::MIN)], 2).is_some());
        assert!(new(&[dimension(usize::MAX, 1), dimension(2, 1)], 0).is_none());
        let whole = new(&[dimension(1 << 31, i32::MIN)], 1 << 31);
        assert!(whole.is_some_and(|all| all.get(&[-1]).is_some() && all.get(&[0]).is_none()));
    }

    #[test]
    fn bytes_that_are_no_array_are_malformed() {
        let mut broken = vec![
            words(&[0, 0, 23, 0]),
            words(&[0, 2, 23]),
            words(&[-1, 0, 23]),
            // Lengths of a dimension, and counts that overflow or have no room.
            words(&[1, 0, 23, 0, 1]),
            words(&[1, 0, 23, -1, 1]),
            words(&[1, 0, 23, i32::MAX, 1, 4, 7]),
            words(&[1, 0, 23, 2, i32::MAX, 4, 7, 4, 7]),
            words(&[&[6, 0, 23][..], &[i32::MAX, 1].repeat(6), &[4, 7]].concat()),
            words(&[3, 0, 23, 1 << 30, 1, 1 << 30, 1, 16, 1, 4, 7]),
            // Lengths of an element.
            words(&[1, 0, 23, 1, 1, -2]),
            words(&[1, 0, 23, 1, 1, 3, 7]),
            words(&[1, 0, 23, 1, 1, 5, 7]),
            words(&[1, 0, 23, 1, 1, i32::MAX, 7]),
            words(&[1, 0, 23, 1, 1, 4, 7, 4]),
        ];
        let good = encode(&[Some(1), None, Some(2)]);
        broken.extend((0..good.len()).map(|len| good[..len].to_vec()));
        for value in broken {
            assert!(read::<Array<Option<i32>>>(&value).unwrap_err().is_malformed(), "{value:?}");
            assert!(read::<Vec<Option<i32>>>(&value).unwrap_err().is_malformed(), "{value:?}");
        }
    }

    #[test]
    fn elements_are_of_a_type_that_is_read() {
        let uuids = words(&[1, 0, 2950, 1, 1, 16, 0, 0, 0, 0]);
        assert!(read::<Vec<i32>>(&uuids).unwrap_err().is_type_mismatch());
        assert!(!<Vec<Uuid>>::accepts(&column(INT4_ARRAY)) && <Vec<Uuid>>::accepts(&column(Oid(2951))));
        assert!(!<Vec<i16>>::accepts(&column(INT4_ARRAY)) && <Vec<i64>>::accepts(&column(INT4_ARRAY)));
        assert!(!<Vec<Vec<i32>>>::accepts(&column(INT4_ARRAY)));
        assert!(!<Vec<i32>>::accepts(&Column::new("c", INT4_ARRAY, -1, Format::Text)));
        assert!(read::<Vec<i32>>(&words(&[1, 1, 23, 1, 1, -1])).unwrap_err().is_null());
    }

    #[test]
    fn elements_without_a_known_array_are_refused() {
        let cases: [&dyn ToSql; 3] =
            [&vec![vec![1_i32]], &[&1_i32 as &dyn ToSql], &Array::from(vec![Own, Own])];
        for case in cases {
            let error = case.to_sql(&mut Output::default()).unwrap_err();
            assert!(error.to_string().contains("what type its arrays have"), "{error}");
        }
        assert_eq!(encode(&[Named]), [&words(&[1, 0, 70_000, 1, 1, 3])[..], b"sad"].concat());
        assert_eq!(vec![Named].oid(), Oid(70_001));
    }

    /// A type of a database that names only itself.
    struct Own;

    impl ToSql for Own {
        fn oid(&self) -> Oid {
            Oid(70_000)
        }

        fn type_oid() -> Oid {
            Oid(70_000)
        }

        fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
            "sad".to_sql(out)
        }
    }

    /// One that goes as text by itself, and names its arrays.
    struct Named;

    impl ToSql for Named {
        fn oid(&self) -> Oid {
            Oid::UNSPECIFIED
        }

        fn element_oid() -> Oid {
            Oid(70_000)
        }

        fn array_oid() -> Oid {
            Oid(70_001)
        }

        fn format(&self) -> Format {
            Format::Text
        }

        fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
            "sad".to_sql(out)
        }
    }

    #[test]
    fn text_in_arrays_counts_for_the_encoding() {
        let is_ascii = |value: &dyn ToSql| {
            let mut params = Params::default();
            params.push(&None::<i32>).unwrap();
            params.push(value).unwrap();
            params.is_ascii()
        };
        // A length of 200 is no letter.
        assert!(is_ascii(&["a".repeat(200).as_str(), ""]) && is_ascii(&[Some("a"), None]));
        assert!(!is_ascii(&["a", "ä"]) && !is_ascii(&[Json("\"ä\"")]) && !is_ascii(&"ä"));
        assert!(is_ascii(&[-1_i32]) && is_ascii(&Vec::<&str>::new()));
    }

    fn any_array() -> impl Strategy<Value = Array<Option<i32>>> {
        let dimensions = prop::collection::vec((1_usize..4, -5_i32..5), 0..=6);
        dimensions.prop_flat_map(|dimensions| {
            let dimensions: Vec<_> = dimensions.iter().map(|(len, lower)| dimension(*len, *lower)).collect();
            let count = count(dimensions.iter().copied()).unwrap();
            prop::collection::vec(any::<Option<i32>>(), count)
                .prop_map(move |elements| Array::new(dimensions.clone(), elements).unwrap())
        })
    }

    proptest! {
        #[test]
        fn arrays_survive_the_way_there_and_back(array in any_array(), cut: prop::sample::Index) {
            let value = encode(&array);
            prop_assert_eq!(&read::<Array<Option<i32>>>(&value).unwrap(), &array);
            let cut = &value[..cut.index(value.len())];
            prop_assert!(read::<Array<Option<i32>>>(cut).unwrap_err().is_malformed());
        }

        #[test]
        fn lists_survive_the_way_there_and_back(dates: Vec<Option<i32>>, texts: Vec<String>, bytes: Vec<Vec<u8>>) {
            let dates: Vec<_> = dates.into_iter().map(|days| days.map(Date::from_days)).collect();
            let texts: Vec<_> = texts.into_iter().map(|text| text.replace('\0', "")).collect();
            prop_assert_eq!(<Vec<Option<Date>>>::from_sql(&column(Oid(1182)), &encode(&dates)).unwrap(), dates);
            let encoded = encode(&texts);
            prop_assert_eq!(<Vec<&str>>::from_sql(&column(Oid(1009)), &encoded).unwrap(), texts.clone());
            prop_assert_eq!(<Vec<String>>::from_sql(&column(Oid(1009)), &encoded).unwrap(), texts);
            prop_assert_eq!(<Vec<Vec<u8>>>::from_sql(&column(Oid(1001)), &encode(&bytes)).unwrap(), bytes);
        }

        #[test]
        fn no_bytes_make_a_read_panic(
            mut value in prop::collection::vec(any::<u8>(), 0..80),
            head in prop::option::of((0_i32..8, 0_i32..2, prop::sample::select(vec![23, 25, 1007]), 0_i32..3)),
        ) {
            if let Some((dimensions, flags, element, len)) = head {
                value.splice(..0, words(&[dimensions, flags, element, len]));
            }
            let _ = (read::<Vec<i32>>(&value), read::<Array<Option<i64>>>(&value));
            let texts = column(Oid(1009));
            let _ = (<Vec<&str>>::from_sql(&texts, &value), <Array<String>>::from_sql(&texts, &value));
            let _ = (is_ascii(Oid(1009), &value), is_ascii(INT4_ARRAY, &value));
        }
    }
}
