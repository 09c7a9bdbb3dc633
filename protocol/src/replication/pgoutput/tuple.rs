use std::fmt;

use crate::wire::{Body, Reader, payload};
use crate::{EncodeError, Malformed};

/// The published columns of a row, lent from a change.
///
/// `Debug` shows how many there are and not what they say.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Tuple<'b> {
    count: usize,
    /// As many whole values as `count`.
    bytes: &'b [u8],
}

/// A column of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TupleValue<'b> {
    /// `n`: NULL. Also a column of a key row that is not part of the key.
    Null,
    /// `u`: a large value that did not change and is not sent.
    Unchanged,
    /// `t`: a value as its text.
    Text(&'b [u8]),
    /// `b`: a value in its type's binary form; only where the option `binary` is on.
    Binary(&'b [u8]),
}

impl<'b> Tuple<'b> {
    /// Takes values as [`TupleValue::write`] wrote them.
    ///
    /// # Errors
    ///
    /// An unknown kind, or a length that the bytes left do not satisfy.
    pub fn new(bytes: &'b [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let mut count: usize = 0;
        while !reader.is_empty() {
            TupleValue::read(&mut reader)?;
            count = count.saturating_add(1);
        }
        Ok(Self { count, bytes })
    }

    /// Returns how many columns there are.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Tells whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Walks the values.
    pub fn iter(&self) -> impl Iterator<Item = TupleValue<'b>> + use<'b> {
        let mut reader = Reader::new(self.bytes);
        std::iter::from_fn(move || TupleValue::read(&mut reader).ok())
    }

    pub(super) fn read(reader: &mut Reader<'b>) -> Result<Self, Malformed> {
        let count = reader.count(1)?;
        let start = *reader;
        for _ in 0..count {
            TupleValue::read(reader)?;
        }
        Ok(Self { count, bytes: reader.since(&start) })
    }

    pub(super) fn write(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
        body.count(self.count, "columns")?;
        body.bytes(self.bytes);
        Ok(())
    }
}

impl fmt::Debug for Tuple<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tuple({})", self.count)
    }
}

impl<'b> TupleValue<'b> {
    /// Appends the value, for [`Tuple::new`].
    ///
    /// # Errors
    ///
    /// More than 2,147,483,647 bytes. The output is then as it was before.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        payload(out, |body| {
            let (kind, bytes) = match self {
                Self::Null => (b'n', None),
                Self::Unchanged => (b'u', None),
                Self::Text(bytes) => (b't', Some(bytes)),
                Self::Binary(bytes) => (b'b', Some(bytes)),
            };
            body.u8(kind);
            bytes.map_or(Ok(()), |bytes| body.sized(bytes))
        })
    }

    fn read(reader: &mut Reader<'b>) -> Result<Self, Malformed> {
        Ok(match reader.u8()? {
            b'n' => Self::Null,
            b'u' => Self::Unchanged,
            b't' => Self::Text(reader.sized()?),
            b'b' => Self::Binary(reader.sized()?),
            _ => return Err(Malformed::Code),
        })
    }
}
