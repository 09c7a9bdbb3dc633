use std::fmt;

use crate::{Oid, TypeName};

/// Where the bytes of a value go: what [`ToSql::to_sql`](crate::ToSql::to_sql) appends to.
///
/// ```
/// use molt_db_decode::{EncodeError, IsNull, Oid, Output, ToSql};
///
/// struct Celsius(f64);
///
/// impl ToSql for Celsius {
///     fn oid(&self) -> Oid {
///         Oid::FLOAT8
///     }
///
///     fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
///         out.extend_from_slice(&self.0.to_be_bytes());
///         Ok(IsNull::No)
///     }
/// }
/// ```
#[derive(Default, Clone)]
pub struct Output {
    pub(crate) bytes: Vec<u8>,
    /// Places of four bytes, in order, where the numbers of these types belong.
    pub(crate) holes: Vec<(usize, TypeName)>,
}

impl Output {
    /// Appends bytes.
    #[inline]
    pub fn extend_from_slice(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Appends a byte.
    #[inline]
    pub fn push(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    /// Appends the number of a type of the database, which is filled in before the value is sent.
    pub fn push_type(&mut self, name: TypeName) {
        self.holes.push((self.bytes.len(), name));
        self.bytes.extend_from_slice(&Oid::UNSPECIFIED.0.to_be_bytes());
    }

    /// Returns the bytes that are there.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    #[inline]
    pub(crate) fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
        while self.holes.last().is_some_and(|(place, _)| *place >= len) {
            self.holes.pop();
        }
    }

    /// Puts other bytes, without places for numbers, where some are.
    pub(crate) fn replace(&mut self, (start, end): (usize, usize), bytes: Vec<u8>) {
        let (removed, added) = (end.saturating_sub(start), bytes.len());
        if start > end || end > self.len() {
            return;
        }
        self.bytes.splice(start..end, bytes);
        self.holes.retain(|(hole, _)| !(start..end).contains(hole));
        for (hole, _) in self.holes.iter_mut().filter(|(hole, _)| *hole >= end) {
            *hole = hole.saturating_sub(removed).saturating_add(added);
        }
    }

    /// Puts a byte in front of what is there from this place on.
    pub(crate) fn insert(&mut self, place: usize, byte: u8) {
        if place > self.len() {
            return;
        }
        self.bytes.insert(place, byte);
        for (hole, _) in self.holes.iter_mut().filter(|(hole, _)| *hole >= place) {
            *hole = hole.saturating_add(1);
        }
    }

    /// Puts a length or a flag where room was left for it.
    #[inline]
    pub(crate) fn set(&mut self, place: usize, word: i32) {
        if let Some(room) = self.bytes.get_mut(place..).and_then(<[u8]>::first_chunk_mut) {
            *room = word.to_be_bytes();
        }
    }
}

impl fmt::Write for Output {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// Prints no value.
impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}
