use super::{OtherMethod, SaslMechanisms};
use crate::wire::{Reader, Tag, message};
use crate::{EncodeError, Malformed};

/// What the server asks for, or says, about authentication.
// PG docs: protocol-message-formats, "AuthenticationOk" and the others of type R
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Authentication<'b> {
    /// It is satisfied.
    Ok,
    /// It wants the password as it is.
    CleartextPassword,
    /// It wants an MD5 digest with this salt.
    Md5Password([u8; 4]),
    /// It offers these SASL mechanisms, the one it prefers first.
    Sasl(SaslMechanisms<'b>),
    /// The next message of the SASL exchange.
    SaslContinue(&'b [u8]),
    /// The last message of the SASL exchange.
    SaslFinal(&'b [u8]),
    /// A method that this crate reads and writes, and has no answer to.
    Other(OtherMethod<'b>),
}

impl<'b> Authentication<'b> {
    /// Reads the body of an Authentication message.
    ///
    /// # Errors
    ///
    /// A body that is not as long as its method says.
    pub fn parse(body: &'b [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let request = match reader.i32()? {
            0 => Self::Ok,
            3 => Self::CleartextPassword,
            5 => Self::Md5Password([reader.u8()?, reader.u8()?, reader.u8()?, reader.u8()?]),
            10 => Self::Sasl(SaslMechanisms::parse(reader.rest())?),
            11 => Self::SaslContinue(reader.rest()),
            12 => Self::SaslFinal(reader.rest()),
            code => Self::Other(OtherMethod::read(code, &mut reader)),
        };
        reader.finish()?;
        Ok(request)
    }

    /// Appends the message.
    ///
    /// # Errors
    ///
    /// A message above 2 GiB.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        message(out, Tag::Authentication.byte(), |body| {
            body.i32(self.code());
            match self {
                Self::Ok | Self::CleartextPassword => {}
                Self::Md5Password(salt) => body.bytes(salt),
                Self::Sasl(mechanisms) => body.bytes(mechanisms.as_bytes()),
                Self::SaslContinue(data) | Self::SaslFinal(data) => body.bytes(data),
                Self::Other(other) => body.bytes(other.data()),
            }
            Ok(())
        })
    }

    /// Returns the number that stands for it in the message.
    pub const fn code(&self) -> i32 {
        match self {
            Self::Ok => 0,
            Self::CleartextPassword => 3,
            Self::Md5Password(_) => 5,
            Self::Sasl(_) => 10,
            Self::SaslContinue(_) => 11,
            Self::SaslFinal(_) => 12,
            Self::Other(other) => other.code(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_is_read() {
        assert_eq!(Authentication::parse(b"\0\0\0\0"), Ok(Authentication::Ok));
        assert_eq!(Authentication::parse(b"\0\0\0\x03"), Ok(Authentication::CleartextPassword));
        assert_eq!(Authentication::parse(b"\0\0\0\x05abcd"), Ok(Authentication::Md5Password(*b"abcd")));
        assert_eq!(Authentication::parse(b"\0\0\0\x0bx"), Ok(Authentication::SaslContinue(b"x")));
        for code in [2, 6, 7, 9] {
            let body = [0, 0, 0, code];
            let read = Authentication::parse(&body).map(|read| read.code());
            assert_eq!(read, Ok(i32::from(code)));
        }
        let gss = Authentication::Other(OtherMethod::GssContinue(b"x"));
        assert_eq!(Authentication::parse(b"\0\0\0\x08x"), Ok(gss));
    }

    #[test]
    fn mechanisms_are_listed_in_order() {
        let Ok(Authentication::Sasl(list)) =
            Authentication::parse(b"\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0")
        else {
            panic!()
        };
        assert_eq!(list.iter().collect::<Vec<_>>(), [&b"SCRAM-SHA-256-PLUS"[..], b"SCRAM-SHA-256"]);
    }

    #[test]
    fn wrong_sizes_are_refused() {
        assert_eq!(Authentication::parse(b"\0\0\0"), Err(Malformed::Truncated));
        assert_eq!(Authentication::parse(b"\0\0\0\x05abc"), Err(Malformed::Truncated));
        assert_eq!(Authentication::parse(b"\0\0\0\x0aSCRAM-SHA-256\0"), Err(Malformed::Unterminated));
        assert_eq!(Authentication::parse(b"\0\0\0\x0aSCRAM-SHA-256\0\0x"), Err(Malformed::TrailingBytes));
        for code in [0, 2, 3, 6, 7, 9] {
            let trailing = [0, 0, 0, code, b'x'];
            assert_eq!(Authentication::parse(&trailing), Err(Malformed::TrailingBytes), "{code}");
        }
    }
}
