use std::fmt;

use super::password::{password, sasl_initial, sasl_response};
use crate::wire::Reader;
use crate::{EncodeError, Malformed};

/// Which answer a server waits for: the type byte `p` is the same for all, and so only its own request tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordContext {
    /// It asked for nothing, or the client is authenticated: a `p` is refused.
    Unasked,
    /// It sent AuthenticationCleartextPassword or AuthenticationMD5Password.
    Password,
    /// It sent AuthenticationSASL.
    SaslInitial,
    /// It sent AuthenticationSASLContinue.
    SaslResponse,
    /// It sent AuthenticationGSS, AuthenticationSSPI or AuthenticationGSSContinue.
    Gss,
}

/// A client's answer to an authentication request, as a server reads it. `Debug` shows its kind and nothing of its
/// data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PasswordMessage<'b> {
    /// The password, or the MD5 digest that stands for it.
    Password(&'b [u8]),
    /// The client chose a mechanism.
    SaslInitial {
        /// The name of the mechanism.
        mechanism: &'b str,
        /// Its first message; `None` is "none", which differs from an empty one.
        response: Option<&'b [u8]>,
    },
    /// The next message of the SASL exchange.
    SaslResponse(&'b [u8]),
    /// A token of GSSAPI or SSPI.
    Gss(&'b [u8]),
}

impl<'b> PasswordMessage<'b> {
    /// Reads the body of a `p` message, as an answer to what `context` says was asked.
    ///
    /// A SASLInitialResponse that ends behind the mechanism has no response, like one of length -1: libpq leaves the
    /// length out where it has none to send.
    ///
    /// # Errors
    ///
    /// A body of another shape, a mechanism that is not UTF-8; any body where nothing was asked for.
    // PG docs: protocol-message-formats, "PasswordMessage", "SASLInitialResponse", "SASLResponse", "GSSResponse"
    pub fn parse(body: &'b [u8], context: PasswordContext) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let answer = match context {
            PasswordContext::Unasked => return Err(Malformed::Code),
            PasswordContext::Password => Self::Password(reader.cstr()?),
            PasswordContext::SaslInitial => {
                let mechanism = reader.text()?;
                let response = if reader.is_empty() { None } else { reader.value()? };
                Self::SaslInitial { mechanism, response }
            }
            PasswordContext::SaslResponse => Self::SaslResponse(reader.rest()),
            PasswordContext::Gss => Self::Gss(reader.rest()),
        };
        reader.finish()?;
        Ok(answer)
    }

    /// Appends the message. An absent initial response gets the length -1, as documented.
    ///
    /// # Errors
    ///
    /// A NUL in the password or the mechanism; a message above 2 GiB.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match self {
            Self::Password(text) => password(text, out),
            Self::SaslInitial { mechanism, response } => sasl_initial(mechanism, *response, out),
            Self::SaslResponse(data) | Self::Gss(data) => sasl_response(data, out),
        }
    }
}

impl fmt::Debug for PasswordMessage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Password(_) => f.write_str("Password([redacted])"),
            Self::SaslInitial { mechanism, .. } => write!(f, "SaslInitial({mechanism:?}, [redacted])"),
            Self::SaslResponse(_) => f.write_str("SaslResponse([redacted])"),
            Self::Gss(_) => f.write_str("Gss([redacted])"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn initial(body: &[u8]) -> Result<PasswordMessage<'_>, Malformed> {
        PasswordMessage::parse(body, PasswordContext::SaslInitial)
    }

    #[test]
    fn the_same_bytes_are_read_by_what_was_asked() {
        let read = |context| PasswordMessage::parse(b"secret\0", context);
        assert_eq!(read(PasswordContext::Password), Ok(PasswordMessage::Password(b"secret")));
        assert_eq!(read(PasswordContext::SaslResponse), Ok(PasswordMessage::SaslResponse(b"secret\0")));
        assert_eq!(read(PasswordContext::Gss), Ok(PasswordMessage::Gss(b"secret\0")));
        assert_eq!(
            read(PasswordContext::SaslInitial),
            Ok(PasswordMessage::SaslInitial { mechanism: "secret", response: None })
        );
        assert_eq!(read(PasswordContext::Unasked), Err(Malformed::Code));
    }

    #[test]
    fn an_absent_response_is_not_an_empty_one() {
        let mechanism = "M";
        assert_eq!(initial(b"M\0"), Ok(PasswordMessage::SaslInitial { mechanism, response: None }));
        let none = initial(b"M\0\xff\xff\xff\xff");
        assert_eq!(none, Ok(PasswordMessage::SaslInitial { mechanism, response: None }));
        let empty = initial(b"M\0\0\0\0\0");
        assert_eq!(empty, Ok(PasswordMessage::SaslInitial { mechanism, response: Some(b"") }));
    }

    #[test]
    fn impossible_lengths_are_refused() {
        assert_eq!(initial(b"M\0\xff\xff\xff\xfe"), Err(Malformed::FieldLength));
        assert_eq!(initial(b"M\0\0\0\0\x04abc"), Err(Malformed::FieldLength));
        assert_eq!(initial(b"M\0\0\0\0\x02abc"), Err(Malformed::TrailingBytes));
        assert_eq!(initial(b"M\0\xff\xff\xff\xffabc"), Err(Malformed::TrailingBytes));
        assert_eq!(initial(b"M\0\0\0"), Err(Malformed::Truncated));
    }

    #[test]
    fn secrets_are_not_shown() {
        for context in [PasswordContext::Password, PasswordContext::SaslResponse, PasswordContext::Gss] {
            let shown = format!("{:?}", PasswordMessage::parse(b"s\0", context).unwrap());
            assert!(shown.ends_with("([redacted])"), "{shown}");
        }
        let initial = initial(b"M\0\0\0\0\x01s").unwrap();
        assert_eq!(format!("{initial:?}"), "SaslInitial(\"M\", [redacted])");
    }
}
