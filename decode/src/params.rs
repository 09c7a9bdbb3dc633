use std::fmt;

use crate::fit::{Given, Written};
use crate::types::array_is_ascii;
use crate::types::cursor::Cursor;
use crate::{Catalog, Column, EncodeError, Format, IsNull, Oid, Output, ToSql, TypeName};

/// The parameters of one execution, encoded as Bind carries them.
///
/// One can be reused: [`clear`](Self::clear) keeps the memory. Prints the types, never the values.
///
/// ```
/// use molt_db_decode::{Oid, Params};
///
/// let mut params = Params::default();
/// params.push(&7_i32)?;
/// params.push(&None::<i64>)?;
/// params.push("seven")?;
/// assert_eq!(params.oids(), [Oid::INT4, Oid::INT8, Oid::UNSPECIFIED]);
/// assert_eq!(params.values(), b"\0\0\0\x04\0\0\0\x07\xff\xff\xff\xff\0\0\0\x05seven");
/// # Ok::<(), molt_db_decode::EncodeError>(())
/// ```
#[derive(Default, Clone)]
pub struct Params {
    oids: Vec<Oid>,
    /// As many as `oids`.
    formats: Vec<Format>,
    values: Output,
    /// Of the parameters that declare a type of the database, by position.
    names: Vec<(usize, TypeName)>,
    /// The types and values with the numbers of those types.
    resolved: Option<(Vec<Oid>, Vec<u8>)>,
}

impl Params {
    /// The largest number of parameters that Bind can carry.
    pub const LIMIT: usize = 65_535;

    /// Encodes a further parameter.
    ///
    /// # Errors
    ///
    /// There are [`LIMIT`](Self::LIMIT) already, the value is longer than 2,147,483,647 bytes, or it cannot be
    /// encoded. Nothing is added then.
    #[inline]
    pub fn push(&mut self, value: &(impl ToSql + ?Sized)) -> Result<(), EncodeError> {
        if self.len() >= Self::LIMIT {
            return Err(EncodeError::TooManyParameters);
        }
        self.resolved = None;
        let start = self.values.len();
        if let Err(error) = self.append(value, start) {
            self.values.truncate(start);
            return Err(error);
        }
        if let Some(name) = value.declared_name() {
            self.names.push((self.oids.len(), name));
        }
        self.oids.push(value.oid());
        self.formats.push(value.format());
        Ok(())
    }

    /// Forgets all parameters and keeps the memory.
    pub fn clear(&mut self) {
        self.oids.clear();
        self.formats.clear();
        self.names.clear();
        self.resolved = None;
        self.values.truncate(0);
    }

    /// Returns the number of parameters.
    pub fn len(&self) -> usize {
        self.oids.len()
    }

    /// Says whether there are no parameters.
    pub fn is_empty(&self) -> bool {
        self.oids.is_empty()
    }

    /// Returns the types that the parameters declare, one for each; [`Oid::UNSPECIFIED`] where the server infers it.
    pub fn oids(&self) -> &[Oid] {
        self.resolved.as_ref().map_or(&self.oids, |(oids, _)| oids)
    }

    /// Returns the formats of the parameters, one for each.
    pub fn formats(&self) -> &[Format] {
        &self.formats
    }

    /// Returns the values as Bind has them: each a length of four bytes (-1 for NULL) and its bytes.
    pub fn values(&self) -> &[u8] {
        self.resolved.as_ref().map_or_else(|| self.values.as_bytes(), |(_, values)| values)
    }

    /// Tells whether every parameter in text format, and all text in arrays, is ASCII, and so the same text in any encoding
    /// of the client.
    pub fn is_ascii(&self) -> bool {
        // What names its type is made of values of many types.
        if !self.names.is_empty() {
            return self.values.as_bytes().is_ascii();
        }
        let mut rest = self.values.as_bytes();
        self.oids.iter().zip(&self.formats).all(|(oid, format)| {
            let Some((length, tail)) = rest.split_first_chunk() else { return true };
            let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
                rest = tail;
                return true;
            };
            let Some((value, tail)) = tail.split_at_checked(length) else { return true };
            rest = tail;
            match format {
                Format::Binary => array_is_ascii(*oid, value),
                Format::Text => value.is_ascii(),
            }
        })
    }

    /// Returns the types of the database that the parameters declare by name, each as often as one does.
    pub fn type_names(&self) -> impl Iterator<Item = TypeName> + '_ {
        self.names.iter().map(|(_, name)| *name)
    }

    /// Makes the values that name types of the database fit what `catalog` knows of those. It can be done again, with
    /// another catalog.
    ///
    /// # Errors
    ///
    /// A name is not known, or a value is not what its type wants.
    pub fn resolve(&mut self, catalog: &Catalog) -> Result<(), EncodeError> {
        self.resolved = None;
        if self.names.is_empty() {
            return Ok(());
        }
        let written = Written { bytes: self.values.as_bytes(), holes: &self.values.holes };
        let (mut oids, mut values) = (self.oids.clone(), Vec::with_capacity(written.bytes.len()));
        let mut names = self.names.iter().peekable();
        let mut rest = Cursor(written.bytes);
        for (position, oid) in oids.iter_mut().enumerate() {
            let (start, length) = (rest.taken(written.bytes), rest.i32().unwrap_or(NULL));
            let content = rest.taken(written.bytes);
            let _ = rest.bytes(usize::try_from(length).unwrap_or(0));
            let end = rest.taken(written.bytes);
            let Some((_, name)) = names.next_if(|(named, _)| *named == position) else {
                values.extend_from_slice(written.bytes.get(start..end).unwrap_or_default());
                continue;
            };
            *oid = catalog.named(*name).ok_or_else(|| unknown(*name))?;
            let place = values.len();
            values.extend_from_slice(&length.to_be_bytes());
            if length != NULL && self.formats.get(position) == Some(&Format::Text) {
                values.extend_from_slice(written.bytes.get(content..end).unwrap_or_default());
            } else if length != NULL {
                let column = catalog.column("", *oid, -1, Format::Binary);
                written.fit(&column, Given::Name(*name), (content, end), &mut values)?;
                set_length(&mut values, place)?;
            }
        }
        self.resolved = Some((oids, values));
        Ok(())
    }

    /// Begins a row of a binary COPY behind the values that are there, and forgets the types of those.
    #[inline]
    pub(crate) fn begin_row(&mut self, count: i16) {
        self.oids.clear();
        self.formats.clear();
        self.names.clear();
        self.values.extend_from_slice(&count.to_be_bytes());
    }

    pub(crate) fn append_raw(&mut self, bytes: &[u8]) {
        self.values.extend_from_slice(bytes);
    }

    /// Takes back the values from this place on.
    #[inline]
    pub(crate) fn truncate(&mut self, place: usize) {
        self.values.truncate(place);
    }

    /// Returns what a parameter declares to be.
    pub(crate) fn kind(&self, position: usize) -> (Oid, Format) {
        let oid = self.oids.get(position).copied().unwrap_or(Oid::UNSPECIFIED);
        (oid, self.formats.get(position).copied().unwrap_or(Format::Text))
    }

    /// Returns the length of the value at this place, [`NULL`] for none.
    pub(crate) fn length_at(&self, place: usize) -> Option<i32> {
        self.values.as_bytes().get(place..)?.first_chunk().map(|length| i32::from_be_bytes(*length))
    }

    /// Makes a value that names its type what a column has.
    pub(crate) fn fit_value(
        &mut self,
        position: usize,
        place: usize,
        column: &Column,
    ) -> Result<(), EncodeError> {
        let Some(name) = self.name(position) else { return Ok(()) };
        let start = place.saturating_add(size_of::<i32>());
        let length = self.length_at(place).and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
        let end = start.saturating_add(length);
        let written = Written { bytes: self.values.as_bytes(), holes: &self.values.holes };
        let mut fitted = Vec::with_capacity(length);
        written.fit(column, Given::Name(name), (start, end), &mut fitted)?;
        let length = length_word(fitted.len())?;
        self.values.replace((start, end), fitted);
        self.values.set(place, length);
        Ok(())
    }

    /// Returns the type that a parameter names.
    pub(crate) fn name(&self, position: usize) -> Option<TypeName> {
        self.names.iter().find(|(named, _)| *named == position).map(|(_, name)| *name)
    }

    /// Puts a byte in front of the value at this place.
    pub(crate) fn prefix_value(&mut self, place: usize, byte: u8) -> Result<(), EncodeError> {
        let length =
            self.length_at(place).and_then(|length| length.checked_add(1)).ok_or(EncodeError::TooLong)?;
        let content = place.saturating_add(4);
        self.values.set(place, length);
        self.values.insert(content, byte);
        Ok(())
    }

    #[inline]
    fn append(&mut self, value: &(impl ToSql + ?Sized), start: usize) -> Result<(), EncodeError> {
        self.values.extend_from_slice(&NULL.to_be_bytes());
        let content = self.values.len();
        match value.to_sql(&mut self.values)? {
            IsNull::Yes => self.values.truncate(content),
            IsNull::No => {
                let is_declared = value.oid() != Oid::UNSPECIFIED || value.declared_name().is_some();
                if value.format() == Format::Binary && !is_declared {
                    return Err(EncodeError::Other(
                        "no built-in type has such values, and its Rust type names no other".into(),
                    ));
                }
                let written = self.values.as_bytes().get(content..).unwrap_or_default();
                if value.format() == Format::Text && written.contains(&0) {
                    return Err(EncodeError::Nul);
                }
                let length = length_word(written.len())?;
                self.values.set(start, length);
            }
        }
        Ok(())
    }
}

fn unknown(name: TypeName) -> EncodeError {
    EncodeError::Other(format!("the database has no type {name}").into())
}

/// Says in front of the value that begins at `place`, and is the last one, how long it is.
pub(crate) fn set_length(values: &mut [u8], place: usize) -> Result<(), EncodeError> {
    let length = length_word(values.len().saturating_sub(place).saturating_sub(size_of::<i32>()))?;
    if let Some(room) = values.get_mut(place..).and_then(<[u8]>::first_chunk_mut) {
        *room = length.to_be_bytes();
    }
    Ok(())
}

/// In the place of a length.
pub(crate) const NULL: i32 = -1;

/// A length that does not fit its word is refused: one that is cut to 32 bits would turn the rest of the value into
/// messages.
pub(crate) fn length_word(length: usize) -> Result<i32, EncodeError> {
    i32::try_from(length).map_err(|_| EncodeError::TooLong)
}

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Params")
            .field("oids", &self.oids)
            .field("values", &format_args!("[redacted]"))
            .finish()
    }
}

/// Several parameters at once: `()`, tuples of up to 12 values, arrays, slices (of `&dyn ToSql`, say) and vectors.
pub trait Parameters {
    /// Adds the parameters, in order.
    ///
    /// # Errors
    ///
    /// As [`Params::push`]; those before the failing one are added.
    fn encode(&self, params: &mut Params) -> Result<(), EncodeError>;
}

impl<P: Parameters + ?Sized> Parameters for &P {
    fn encode(&self, params: &mut Params) -> Result<(), EncodeError> {
        (**self).encode(params)
    }
}

impl<T: ToSql> Parameters for [T] {
    fn encode(&self, params: &mut Params) -> Result<(), EncodeError> {
        self.iter().try_for_each(|value| params.push(value))
    }
}

impl<T: ToSql, const N: usize> Parameters for [T; N] {
    fn encode(&self, params: &mut Params) -> Result<(), EncodeError> {
        self.as_slice().encode(params)
    }
}

impl<T: ToSql> Parameters for Vec<T> {
    fn encode(&self, params: &mut Params) -> Result<(), EncodeError> {
        self.as_slice().encode(params)
    }
}

impl Parameters for () {
    fn encode(&self, _params: &mut Params) -> Result<(), EncodeError> {
        Ok(())
    }
}

/// Implements [`Parameters`] for one length of tuple: a language without variadic generics has no other way.
macro_rules! tuple {
    ($($value:ident),+) => {
        impl<$($value: ToSql),+> Parameters for ($($value,)+) {
            fn encode(&self, params: &mut Params) -> Result<(), EncodeError> {
                #[expect(non_snake_case, reason = "the variables carry the names of their types")]
                let ($($value,)+) = self;
                $(params.push($value)?;)+
                Ok(())
            }
        }
    };
}

tuple!(A);
tuple!(A, B);
tuple!(A, B, C);
tuple!(A, B, C, D);
tuple!(A, B, C, D, E);
tuple!(A, B, C, D, E, F);
tuple!(A, B, C, D, E, F, G);
tuple!(A, B, C, D, E, F, G, H);
tuple!(A, B, C, D, E, F, G, H, I);
tuple!(A, B, C, D, E, F, G, H, I, J);
tuple!(A, B, C, D, E, F, G, H, I, J, K);
tuple!(A, B, C, D, E, F, G, H, I, J, K, L);

#[cfg(test)]
mod tests {
    use super::*;

    struct Refused;

    impl ToSql for Refused {
        fn oid(&self) -> Oid {
            Oid::TEXT
        }

        fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
            out.extend_from_slice(b"half of it");
            Err(EncodeError::OutOfRange("refused"))
        }
    }

    fn encoded(parameters: impl Parameters) -> Params {
        let mut params = Params::default();
        parameters.encode(&mut params).unwrap();
        params
    }

    #[test]
    fn lengths_end_where_their_word_does_and_are_never_cut() {
        assert_eq!(length_word(0x7fff_ffff).unwrap(), 0x7fff_ffff);
        for length in [0x8000_0000, 0x1_0000_0000, 0x1_0000_0010] {
            assert!(matches!(length_word(length), Err(EncodeError::TooLong)));
        }
    }

    #[test]
    fn a_refused_parameter_leaves_nothing_behind() {
        let mut params = encoded((1_i16, "a"));
        let before = params.values().to_vec();
        assert!(params.push(&Refused).is_err());
        assert_eq!((params.len(), params.formats().len(), params.values()), (2, 2, before.as_slice()));
    }

    #[test]
    fn as_many_parameters_go_as_bind_can_count_and_not_one_more() {
        let mut params = encoded(vec![None::<i32>; Params::LIMIT]);
        assert_eq!(params.len(), 65_535);
        assert!(matches!(params.push("one more"), Err(EncodeError::TooManyParameters)));
        params.clear();
        assert!(params.is_empty() && params.values().is_empty());
        assert!(params.push("one more").is_ok());
    }

    #[test]
    fn tuples_arrays_slices_and_trait_objects_are_parameters() {
        let (id, name) = (7_i32, "Ada".to_owned());
        let dynamic: &[&(dyn ToSql + Sync)] = &[&id, &name];
        let expected = encoded((id, &name));
        assert_eq!(encoded(dynamic).values(), expected.values());
        assert_eq!(encoded([&id as &dyn ToSql, &name]).oids(), [Oid::INT4, Oid::UNSPECIFIED]);
        assert_eq!(encoded([7_i32, 8]).len(), 2);
        assert!(encoded(()).is_empty());
    }

    #[test]
    fn null_declares_the_type_it_is_known_to_have() {
        let params = encoded((None::<i64>, Some(1_i64), None::<&str>, Some("a"), None::<Vec<u8>>));
        let oids = [Oid::INT8, Oid::INT8, Oid::UNSPECIFIED, Oid::UNSPECIFIED, Oid::BYTEA];
        assert_eq!(params.oids(), oids);
        assert!(params.values().starts_with(b"\xff\xff\xff\xff\0\0\0\x08"));
    }

    #[test]
    fn binary_parameters_declare_their_type() {
        let params =
            encoded((true, 1_i64, 1.0_f32, "text", b"bytes", crate::Json("{}"), crate::Date::INFINITY));
        for (oid, format) in params.oids().iter().zip(params.formats()) {
            assert_eq!(*oid == Oid::UNSPECIFIED, *format == Format::Text);
        }
    }

    #[test]
    fn values_are_not_printed() {
        let printed = format!("{:?}", encoded(("secret", 12_345_i32)));
        assert_eq!(printed, "Params { oids: [Oid(0), Oid(23)], values: [redacted] }");
    }
}
