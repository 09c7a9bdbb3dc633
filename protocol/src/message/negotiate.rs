use crate::wire::{Reader, Tag, message};
use crate::{EncodeError, Malformed};

/// The server speaks an older protocol than asked for, or does not know some `_pq_.` options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NegotiateProtocolVersion {
    /// The newest version that the server speaks: major in the upper 16 bits, minor in the lower.
    pub version: u32,
    /// The options that it did not recognise.
    pub unknown_options: Vec<String>,
}

impl NegotiateProtocolVersion {
    /// Reads the body of the message.
    ///
    /// # Errors
    ///
    /// A count that the body has no room for; a name that is not UTF-8 or not terminated.
    // PG docs: protocol-message-formats, "NegotiateProtocolVersion"; the list has no terminator of its own.
    pub fn parse(body: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let version = reader.u32()?;
        let count = reader.count32(1)?;
        let mut unknown_options = Vec::with_capacity(count);
        for _ in 0..count {
            unknown_options.push(reader.text()?.to_owned());
        }
        reader.finish()?;
        Ok(Self { version, unknown_options })
    }

    /// Appends the message.
    ///
    /// # Errors
    ///
    /// A NUL in the name of an option.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        message(out, Tag::NegotiateProtocolVersion.byte(), |body| {
            body.u32(self.version);
            body.i32(i32::try_from(self.unknown_options.len()).map_err(|_| EncodeError::TooLong)?);
            self.unknown_options.iter().try_for_each(|name| body.cstr(name.as_bytes(), "name of an option"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_and_options_are_read() {
        let read = NegotiateProtocolVersion::parse(b"\0\x03\0\0\0\0\0\x01_pq_.foo\0").unwrap();
        assert_eq!((read.version, read.unknown_options), (0x0003_0000, vec!["_pq_.foo".to_owned()]));
    }

    #[test]
    fn as_many_options_are_reserved_as_there_are() {
        let body = [&b"\0\x03\0\0\0\0\0\xc8"[..], &b"a\0".repeat(200)].concat();
        let options = NegotiateProtocolVersion::parse(&body).unwrap().unknown_options;
        assert_eq!((options.len(), options.capacity()), (200, 200));
    }

    #[test]
    fn impossible_counts_are_refused_before_anything_is_reserved() {
        assert_eq!(NegotiateProtocolVersion::parse(b"\0\x03\0\0\xff\xff\xff\xff"), Err(Malformed::Count));
        assert_eq!(NegotiateProtocolVersion::parse(b"\0\x03\0\0\x7f\xff\xff\xff"), Err(Malformed::Count));
        assert_eq!(NegotiateProtocolVersion::parse(b"\0\x03\0\0\0\0\0\x01"), Err(Malformed::Count));
        let cut = NegotiateProtocolVersion::parse(b"\0\x03\0\0\0\0\0\x01_pq_");
        assert_eq!(cut, Err(Malformed::Unterminated));
    }
}
