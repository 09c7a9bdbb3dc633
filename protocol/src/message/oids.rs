use std::fmt;

use crate::wire::{Body, Reader};
use crate::{EncodeError, Malformed};

/// A list of OIDs, lent from a message.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Oids<'b> {
    /// Four bytes each.
    bytes: &'b [u8],
}

impl<'b> Oids<'b> {
    /// Takes OIDs as they stand in messages, four bytes each.
    ///
    /// # Errors
    ///
    /// A number of bytes that four does not divide.
    pub const fn new(bytes: &'b [u8]) -> Result<Self, Malformed> {
        if bytes.len().is_multiple_of(4) { Ok(Self { bytes }) } else { Err(Malformed::Truncated) }
    }

    /// Returns how many OIDs there are.
    pub const fn len(&self) -> usize {
        self.bytes.len() / 4
    }

    /// Tells whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Walks the OIDs.
    pub fn iter(&self) -> impl Iterator<Item = u32> + use<'b> {
        let mut reader = Reader::new(self.bytes);
        std::iter::from_fn(move || reader.u32().ok())
    }

    pub(super) fn read(reader: &mut Reader<'b>) -> Result<Self, Malformed> {
        let count = reader.count(4)?;
        let start = *reader;
        for _ in 0..count {
            reader.u32()?;
        }
        Ok(Self { bytes: reader.since(&start) })
    }

    pub(super) fn write(&self, body: &mut Body<'_>, what: &'static str) -> Result<(), EncodeError> {
        body.count(self.len(), what)?;
        body.bytes(self.bytes);
        Ok(())
    }

    /// Returns the bytes that it lends.
    pub const fn as_bytes(&self) -> &'b [u8] {
        self.bytes
    }
}

impl fmt::Debug for Oids<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oids_take_four_bytes_each() {
        let oids = Oids::new(b"\0\0\0\x17\xff\xff\xff\xff").unwrap();
        assert_eq!((oids.len(), oids.iter().collect::<Vec<_>>()), (2, vec![23, u32::MAX]));
        assert_eq!(Oids::new(b"\0\0\0"), Err(Malformed::Truncated));
    }
}
