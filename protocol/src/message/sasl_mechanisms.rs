use std::fmt;

use crate::wire::Reader;
use crate::{EncodeError, Malformed};

/// The names of SASL mechanisms, in the server's order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SaslMechanisms<'b> {
    /// Names, each with its NUL, and an empty one at the end.
    names: &'b [u8],
}

impl<'b> SaslMechanisms<'b> {
    /// Reads a list of strings, and an empty one that ends it.
    ///
    /// # Errors
    ///
    /// A name that is not terminated, a list that is not ended, bytes behind it.
    pub fn parse(list: &'b [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(list);
        while !reader.cstr()?.is_empty() {}
        reader.finish()?;
        Ok(Self { names: list })
    }

    /// Appends the list that [`SaslMechanisms::parse`] reads.
    ///
    /// # Errors
    ///
    /// A NUL in a name, or an empty name: its NUL would end the list. The output is then as it was before.
    pub fn write(names: &[&str], out: &mut Vec<u8>) -> Result<(), EncodeError> {
        crate::wire::payload(out, |body| {
            for name in names {
                if name.is_empty() {
                    return Err(EncodeError::Nul { field: "empty name of a SASL mechanism" });
                }
                body.cstr(name.as_bytes(), "name of a SASL mechanism")?;
            }
            body.u8(0);
            Ok(())
        })
    }

    /// Walks the names.
    pub fn iter(&self) -> impl Iterator<Item = &'b [u8]> + use<'b> {
        self.names.split(|byte| *byte == 0).filter(|name| !name.is_empty())
    }

    /// Tells whether the server offers this mechanism.
    pub fn offers(&self, mechanism: &str) -> bool {
        self.iter().any(|name| name == mechanism.as_bytes())
    }

    /// Returns the list as it stands in the message.
    pub const fn as_bytes(&self) -> &'b [u8] {
        self.names
    }
}

impl fmt::Debug for SaslMechanisms<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(String::from_utf8_lossy)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mechanisms_are_written_and_listed_in_order() {
        let list = &mut Vec::new();
        SaslMechanisms::write(&["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"], list).unwrap();
        assert_eq!(*list, b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0");
        let read = SaslMechanisms::parse(list).unwrap();
        assert_eq!(read.iter().collect::<Vec<_>>(), [&b"SCRAM-SHA-256-PLUS"[..], b"SCRAM-SHA-256"]);
        assert!(read.offers("SCRAM-SHA-256") && !read.offers("SCRAM"));
    }

    #[test]
    fn no_name_ends_the_list_early() {
        let list = &mut vec![9];
        assert!(SaslMechanisms::write(&["A", ""], list).is_err());
        assert!(SaslMechanisms::write(&["A\0B"], list).is_err());
        assert_eq!(*list, [9]);
    }
}
