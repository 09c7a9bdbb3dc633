use std::fmt;

use super::WireFormat;
use crate::wire::{Body, Reader};
use crate::{EncodeError, Malformed};

/// A list of formats, lent from a message.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Formats<'b> {
    /// Two bytes each; every code in them has a meaning.
    codes: &'b [u8],
}

impl<'b> Formats<'b> {
    /// Takes format codes as they stand in messages, two bytes each.
    ///
    /// # Errors
    ///
    /// A code other than 0 and 1, or half a code.
    pub fn new(codes: &'b [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(codes);
        while !reader.is_empty() {
            WireFormat::from_code(reader.u16()?)?;
        }
        Ok(Self { codes })
    }

    /// Returns how many formats there are.
    pub const fn len(&self) -> usize {
        self.codes.len() / 2
    }

    /// Tells whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// Walks the formats.
    pub fn iter(&self) -> impl Iterator<Item = WireFormat> + use<'b> {
        let mut reader = Reader::new(self.codes);
        std::iter::from_fn(move || WireFormat::from_code(reader.u16().ok()?).ok())
    }

    /// Returns the format of the value at `index`: its own, or the only one for all, or text where there is none.
    // PG docs: protocol-message-formats, "Bind"
    pub fn of(&self, index: usize) -> WireFormat {
        let place = if self.len() == 1 { 0 } else { index };
        self.iter().nth(place).unwrap_or_default()
    }

    /// Returns the bytes that it lends: what [`Formats::new`] takes.
    pub const fn as_bytes(&self) -> &'b [u8] {
        self.codes
    }

    pub(super) fn read(reader: &mut Reader<'b>) -> Result<Self, Malformed> {
        let count = reader.count(2)?;
        let start = *reader;
        for _ in 0..count {
            WireFormat::from_code(reader.u16()?)?;
        }
        Ok(Self { codes: reader.since(&start) })
    }

    pub(super) fn write(&self, body: &mut Body<'_>, what: &'static str) -> Result<(), EncodeError> {
        body.count(self.len(), what)?;
        body.bytes(self.codes);
        Ok(())
    }
}

impl fmt::Debug for Formats<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_format_is_for_all_and_none_is_text() {
        let formats = Formats::new(b"\0\x01").unwrap();
        assert_eq!((formats.of(0), formats.of(7)), (WireFormat::Binary, WireFormat::Binary));
        assert_eq!(Formats::default().of(0), WireFormat::Text);
        let formats = Formats::new(b"\0\x01\0\0").unwrap();
        assert_eq!((formats.of(0), formats.of(1)), (WireFormat::Binary, WireFormat::Text));
        assert_eq!(format!("{formats:?}"), "[Binary, Text]");
        assert_eq!(Formats::new(formats.as_bytes()), Ok(formats));
    }

    #[test]
    fn unknown_and_half_codes_are_refused() {
        assert_eq!(Formats::new(b"\0\x02"), Err(Malformed::Code));
        assert_eq!(Formats::new(b"\0\x01\0"), Err(Malformed::Truncated));
    }
}
