use super::Oids;
use crate::wire::{FrontendTag, Reader, message};
use crate::{EncodeError, Malformed};

/// Appends a Parse: make the prepared statement `name` out of `sql`.
///
/// # Errors
///
/// A NUL in the name or the SQL; more than 65,535 types; a message above 2 GiB.
pub fn parse(name: &str, sql: &str, types: &[u32], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    message(out, b'P', |body| {
        body.cstr(name.as_bytes(), "statement name")?;
        body.cstr(sql.as_bytes(), "SQL text")?;
        body.count(types.len(), "parameters")?;
        types.iter().for_each(|oid| body.u32(*oid));
        Ok(())
    })
}

/// A Parse, as a server reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseMessage<'b> {
    /// The statement to make; the empty name is the unnamed one.
    pub name: &'b str,
    /// The SQL text, in the client's encoding.
    pub sql: &'b [u8],
    /// The types of the first parameters; 0 leaves one to the server.
    pub types: Oids<'b>,
}

impl<'b> ParseMessage<'b> {
    /// Reads the body of the message.
    ///
    /// # Errors
    ///
    /// A body of another shape, or a name that is not UTF-8.
    // PG docs: protocol-message-formats, "Parse"
    pub fn parse(body: &'b [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let message = Self { name: reader.text()?, sql: reader.cstr()?, types: Oids::read(&mut reader)? };
        reader.finish()?;
        Ok(message)
    }

    /// Appends the message.
    ///
    /// # Errors
    ///
    /// As [`parse`].
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        message(out, FrontendTag::Parse.byte(), |body| {
            body.cstr(self.name.as_bytes(), "statement name")?;
            body.cstr(self.sql, "SQL text")?;
            self.types.write(body, "parameters")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"s\0select $1\0\0\x01\0\0\0\x17";

    #[test]
    fn a_parse_is_written_and_read() {
        let mut out = Vec::new();
        parse("s", "select $1", &[23], &mut out).unwrap();
        assert_eq!(out, [&b"P\0\0\0\x16"[..], BODY].concat());
        let read = ParseMessage::parse(BODY).unwrap();
        assert_eq!((read.name, read.sql), ("s", &b"select $1"[..]));
        assert_eq!(read.types.iter().collect::<Vec<_>>(), [23]);
    }

    #[test]
    fn sql_of_another_encoding_is_read_and_a_name_is_not() {
        assert_eq!(ParseMessage::parse(b"\0\xe4\0\0\0").unwrap().sql, b"\xe4");
        assert_eq!(ParseMessage::parse(b"\xe4\0\0\0\0"), Err(Malformed::Utf8));
    }

    #[test]
    fn parameters_are_counted_up_to_65535() {
        let types = vec![0; 65_536];
        assert!(parse("", "", &types[1..], &mut Vec::new()).is_ok());
        assert!(parse("", "", &types, &mut Vec::new()).is_err());
        let bytes = vec![0; 4 * 65_536];
        let encode = |bytes| {
            ParseMessage { name: "", sql: b"", types: Oids::new(bytes).unwrap() }.encode(&mut Vec::new())
        };
        assert!(encode(&bytes[4..]).is_ok());
        assert_eq!(encode(&bytes), Err(EncodeError::TooMany { what: "parameters" }));
    }

    #[test]
    fn no_name_or_text_smuggles_a_nul() {
        let out = &mut Vec::new();
        assert!(parse("a\0", "", &[], out).is_err());
        assert!(parse("", "select 1\0; drop table t", &[], out).is_err());
        assert!(ParseMessage { name: "", sql: b"a\0", types: Oids::default() }.encode(out).is_err());
        assert!(out.is_empty());
    }
}
