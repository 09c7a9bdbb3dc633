use crate::wire::{FrontendTag, Reader, message};
use crate::{EncodeError, Malformed};

/// Appends an Execute of `portal` for at most `max_rows` rows; 0 is for all of them.
///
/// # Errors
///
/// A NUL in the name.
pub fn execute(portal: &str, max_rows: i32, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    message(out, FrontendTag::Execute.byte(), |body| {
        body.cstr(portal.as_bytes(), "portal name")?;
        body.i32(max_rows);
        Ok(())
    })
}

/// An Execute, as a server reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Execute<'b> {
    /// The portal to run; the empty name is the unnamed one.
    pub portal: &'b str,
    /// How many rows to return at most; 0 and below is for all of them.
    pub max_rows: i32,
}

impl<'b> Execute<'b> {
    /// Reads the body of the message.
    ///
    /// # Errors
    ///
    /// A body of another shape, or a name that is not UTF-8.
    // PG docs: protocol-message-formats, "Execute"
    pub fn parse(body: &'b [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let message = Self { portal: reader.text()?, max_rows: reader.i32()? };
        reader.finish()?;
        Ok(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_execute_is_written_and_read() {
        let mut out = Vec::new();
        execute("", 7, &mut out).unwrap();
        assert_eq!(out, b"E\0\0\0\x09\0\0\0\0\x07");
        assert_eq!(Execute::parse(&out[5..]), Ok(Execute { portal: "", max_rows: 7 }));
        assert_eq!(Execute::parse(b"\0\0\0\0\x07x"), Err(Malformed::TrailingBytes));
        assert!(execute("\0", 0, &mut out).is_err());
    }
}
