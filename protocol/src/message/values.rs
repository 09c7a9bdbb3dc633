use std::fmt;

use crate::wire::{Body, Reader};
use crate::{EncodeError, Malformed};

/// A list of values, lent from a message: the columns of a DataRow, the parameters of a Bind or a FunctionCall.
///
/// `Debug` shows how many there are and not what they say.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Values<'b> {
    count: usize,
    /// As many lengths as `count`, each followed by as many bytes as it says.
    bytes: &'b [u8],
}

impl<'b> Values<'b> {
    /// Takes values as they stand in messages: for each an `i32` length (-1 for NULL) and its bytes.
    ///
    /// # Errors
    ///
    /// A length below -1, or one that the bytes left do not satisfy.
    pub fn new(bytes: &'b [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let mut count: usize = 0;
        while !reader.is_empty() {
            reader.value()?;
            count = count.saturating_add(1);
        }
        Ok(Self { count, bytes })
    }

    /// Reads the body of a DataRow.
    ///
    /// # Errors
    ///
    /// A count that the body has no room for, an impossible length, bytes behind the last value.
    // PG docs: protocol-message-formats, "DataRow"
    pub fn parse(body: &'b [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let values = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(values)
    }

    /// Returns how many values there are, NULLs included.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Tells whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Walks the values; `None` is NULL.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = Option<&'b [u8]>> + use<'b> {
        let mut reader = Reader::new(self.bytes);
        std::iter::from_fn(move || reader.value().ok())
    }

    /// Returns the bytes that it lends: what [`Values::new`] takes.
    pub const fn as_bytes(&self) -> &'b [u8] {
        self.bytes
    }

    pub(super) fn read(reader: &mut Reader<'b>) -> Result<Self, Malformed> {
        let count = reader.count(4)?;
        let start = *reader;
        for _ in 0..count {
            reader.value()?;
        }
        Ok(Self { count, bytes: reader.since(&start) })
    }

    pub(super) fn write(&self, body: &mut Body<'_>, what: &'static str) -> Result<(), EncodeError> {
        body.count(self.count, what)?;
        body.bytes(self.bytes);
        Ok(())
    }
}

impl fmt::Debug for Values<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Values({})", self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_lent_in_order() {
        let values = Values::parse(b"\0\x03\0\0\0\x01a\xff\xff\xff\xff\0\0\0\0").unwrap();
        assert_eq!(values.iter().collect::<Vec<_>>(), [Some(&b"a"[..]), None, Some(b"")]);
        assert_eq!(format!("{values:?}"), "Values(3)");
        assert_eq!(Values::new(values.as_bytes()), Ok(values));
        assert!(Values::parse(b"\0\0").unwrap().is_empty());
    }

    #[test]
    fn counts_and_lengths_are_held_to_the_body() {
        assert_eq!(Values::parse(b"\xff\xff\0\0\0\x01a"), Err(Malformed::Count));
        assert_eq!(Values::parse(b"\0\x01\xff\xff\xff\xfe"), Err(Malformed::FieldLength));
        assert_eq!(Values::parse(b"\0\x01\0\0\0\x02a"), Err(Malformed::FieldLength));
        assert_eq!(Values::parse(b"\0\x01\0\0\0\0a"), Err(Malformed::TrailingBytes));
        assert_eq!(Values::new(b"\0\0\0"), Err(Malformed::Truncated));
    }
}
