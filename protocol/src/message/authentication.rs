use crate::Malformed;
use crate::wire::Reader;

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
    /// A method of this number, which this crate does not speak.
    Other(i32),
}

impl<'b> Authentication<'b> {
    /// Reads the body of an Authentication message.
    ///
    /// # Errors
    ///
    /// A body that is not as long as its method says.
    pub fn parse(body: &'b [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let method = reader.i32()?;
        let request = match method {
            0 => Self::Ok,
            3 => Self::CleartextPassword,
            5 => Self::Md5Password([reader.u8()?, reader.u8()?, reader.u8()?, reader.u8()?]),
            10 => Self::Sasl(SaslMechanisms::parse(reader.rest())?),
            11 => Self::SaslContinue(reader.rest()),
            12 => Self::SaslFinal(reader.rest()),
            other => {
                reader.rest();
                Self::Other(other)
            }
        };
        reader.finish()?;
        Ok(request)
    }
}

/// The names of SASL mechanisms, in the server's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SaslMechanisms<'b> {
    names: &'b [u8],
}

impl<'b> SaslMechanisms<'b> {
    /// Walks the names.
    pub fn iter(&self) -> impl Iterator<Item = &'b [u8]> + use<'b> {
        self.names.split(|byte| *byte == 0).filter(|name| !name.is_empty())
    }

    /// Tells whether the server offers this mechanism.
    pub fn offers(&self, mechanism: &str) -> bool {
        self.iter().any(|name| name == mechanism.as_bytes())
    }

    /// A list of strings, and an empty one that ends it.
    fn parse(list: &'b [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(list);
        while !reader.cstr()?.is_empty() {}
        reader.finish()?;
        Ok(Self { names: list })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_is_read() {
        assert_eq!(Authentication::parse(b"\0\0\0\0"), Ok(Authentication::Ok));
        assert_eq!(Authentication::parse(b"\0\0\0\x05abcd"), Ok(Authentication::Md5Password(*b"abcd")));
        assert_eq!(Authentication::parse(b"\0\0\0\x0bx"), Ok(Authentication::SaslContinue(b"x")));
        assert_eq!(Authentication::parse(b"\0\0\0\x09junk"), Ok(Authentication::Other(9)));
    }

    #[test]
    fn mechanisms_are_listed_in_order() {
        let Ok(Authentication::Sasl(list)) =
            Authentication::parse(b"\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0")
        else {
            panic!()
        };
        assert_eq!(list.iter().collect::<Vec<_>>(), [&b"SCRAM-SHA-256-PLUS"[..], b"SCRAM-SHA-256"]);
        assert!(list.offers("SCRAM-SHA-256") && !list.offers("SCRAM"));
    }

    #[test]
    fn wrong_sizes_are_refused() {
        assert_eq!(Authentication::parse(b"\0\0\0"), Err(Malformed::Truncated));
        assert_eq!(Authentication::parse(b"\0\0\0\0x"), Err(Malformed::TrailingBytes));
        assert_eq!(Authentication::parse(b"\0\0\0\x05abc"), Err(Malformed::Truncated));
        assert_eq!(Authentication::parse(b"\0\0\0\x0aSCRAM-SHA-256\0"), Err(Malformed::Unterminated));
        assert_eq!(Authentication::parse(b"\0\0\0\x0aSCRAM-SHA-256\0\0x"), Err(Malformed::TrailingBytes));
    }
}
