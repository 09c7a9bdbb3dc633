use crate::wire::{FrontendTag, Reader, message};
use crate::{EncodeError, Malformed};

/// What Describe and Close are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    /// A prepared statement; the empty name is the unnamed one.
    Statement(&'a str),
    /// A portal; the empty name is the unnamed one.
    Portal(&'a str),
}

/// Appends a Describe.
///
/// # Errors
///
/// A NUL in the name.
pub fn describe(target: Target<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    about(FrontendTag::Describe, target, out)
}

/// Appends a Close. Closing what does not exist is no error.
///
/// # Errors
///
/// A NUL in the name.
pub fn close(target: Target<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    about(FrontendTag::Close, target, out)
}

impl<'a> Target<'a> {
    /// Reads the body of a Describe or a Close.
    ///
    /// # Errors
    ///
    /// A kind other than `S` and `P`; a name that is not terminated or not UTF-8; bytes behind it.
    // PG docs: protocol-message-formats, "Describe" and "Close"
    pub fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let make = match reader.u8()? {
            b'S' => Self::Statement,
            b'P' => Self::Portal,
            _ => return Err(Malformed::Code),
        };
        let target = make(reader.text()?);
        reader.finish()?;
        Ok(target)
    }
}

fn about(tag: FrontendTag, target: Target<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    message(out, tag.byte(), |body| {
        let (kind, name, field) = match target {
            Target::Statement(name) => (b'S', name, "statement name"),
            Target::Portal(name) => (b'P', name, "portal name"),
        };
        body.u8(kind);
        body.cstr(name.as_bytes(), field)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_their_documented_layout() {
        let mut out = Vec::new();
        describe(Target::Statement("s"), &mut out).unwrap();
        close(Target::Portal("p"), &mut out).unwrap();
        assert_eq!(out, b"D\0\0\0\x07Ss\0C\0\0\0\x07Pp\0");
        assert!(describe(Target::Portal("\0"), &mut out).is_err());
    }

    #[test]
    fn statements_and_portals_are_told_apart() {
        assert_eq!(Target::parse(b"Ss\0"), Ok(Target::Statement("s")));
        assert_eq!(Target::parse(b"P\0"), Ok(Target::Portal("")));
        assert_eq!(Target::parse(b"X\0"), Err(Malformed::Code));
        assert_eq!(Target::parse(b"S\0x"), Err(Malformed::TrailingBytes));
    }
}
