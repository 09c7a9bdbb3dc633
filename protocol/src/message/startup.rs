use super::CancelKey;
use crate::wire::{Tag, untagged};
use crate::{EncodeError, ProtocolError};

/// The first message of a session.
#[derive(Debug, Clone, Copy)]
pub struct StartupMessage<'a> {
    /// The version that is asked for: major in the upper 16 bits, minor in the lower.
    pub version: u32,
    /// Names and values of settings; `user` has to be among them.
    pub parameters: &'a [(&'a str, &'a str)],
}

/// Appends a StartupMessage.
///
/// # Errors
///
/// A NUL in a name or a value, or an empty name: its NUL would end the list.
// PG docs: protocol-message-formats, "StartupMessage"
pub fn startup_message(startup: &StartupMessage<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    untagged(out, |body| {
        body.u32(startup.version);
        for (name, value) in startup.parameters {
            if name.is_empty() {
                return Err(EncodeError::Nul { field: "empty name of a start-up parameter" });
            }
            body.cstr(name.as_bytes(), "name of a start-up parameter")?;
            body.cstr(value.as_bytes(), "value of a start-up parameter")?;
        }
        body.u8(0);
        Ok(())
    })
}

/// Appends an SSLRequest. The answer is one byte: [`ssl_answer`].
pub fn ssl_request(out: &mut Vec<u8>) {
    out.extend_from_slice(b"\0\0\0\x08\x04\xd2\x16\x2f");
}

/// Appends a GSSENCRequest. The answer is one byte, `G` or `N`.
pub fn gss_enc_request(out: &mut Vec<u8>) {
    out.extend_from_slice(b"\0\0\0\x08\x04\xd2\x16\x30");
}

/// What the server says to an SSLRequest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslAnswer {
    /// `S`: the TLS handshake may begin.
    Willing,
    /// `N`: it does not speak TLS here.
    Unwilling,
}

/// Reads the byte that answers an SSLRequest.
///
/// Whoever reads it reads this byte alone: what came before the handshake must not be taken for what came in it
/// (CVE-2021-23222).
///
/// # Errors
///
/// Another byte. An `E` begins an ErrorResponse, which nobody has authenticated: its text is not for showing
/// (CVE-2024-10977).
// PG docs: protocol-flow, "SSL Session Encryption"
pub fn ssl_answer(byte: u8) -> Result<SslAnswer, ProtocolError> {
    match byte {
        b'S' => Ok(SslAnswer::Willing),
        b'N' => Ok(SslAnswer::Unwilling),
        b'E' => {
            Err(ProtocolError::Unexpected { tag: Tag::ErrorResponse, state: "asked whether it speaks TLS" })
        }
        tag => Err(ProtocolError::UnknownMessage { tag }),
    }
}

/// Appends a CancelRequest. It has no answer: the server closes.
///
/// # Errors
///
/// None that a [`CancelKey`] from a server can cause.
pub fn cancel_request(key: &CancelKey, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    untagged(out, |body| {
        body.bytes(b"\x04\xd2\x16\x2e");
        body.i32(key.process());
        body.bytes(key.secret());
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_have_their_documented_layout() {
        let out = &mut Vec::new();
        let parameters = [("user", "app"), ("client_encoding", "UTF8")];
        startup_message(&StartupMessage { version: 196_608, parameters: &parameters }, out).unwrap();
        assert_eq!(*out, b"\0\0\0\x27\0\x03\0\0user\0app\0client_encoding\0UTF8\0\0");
        out.clear();
        ssl_request(out);
        assert_eq!(*out, [&8_i32.to_be_bytes()[..], &80_877_103_i32.to_be_bytes()].concat());
        out.clear();
        gss_enc_request(out);
        assert_eq!(*out, [&8_i32.to_be_bytes()[..], &80_877_104_i32.to_be_bytes()].concat());
        out.clear();
        cancel_request(&CancelKey::parse(b"\0\0\0\x01abcd").unwrap(), out).unwrap();
        assert_eq!(
            *out,
            [&16_i32.to_be_bytes()[..], &80_877_102_i32.to_be_bytes(), b"\0\0\0\x01abcd"].concat()
        );
    }

    #[test]
    fn no_parameter_smuggles_another_one_in() {
        let parameters = [("user", "app\0role\0admin")];
        let refused =
            startup_message(&StartupMessage { version: 196_608, parameters: &parameters }, &mut Vec::new());
        assert_eq!(refused, Err(EncodeError::Nul { field: "value of a start-up parameter" }));
    }

    #[test]
    fn an_empty_name_does_not_end_the_list() {
        let parameters = [("", ""), ("user", "app")];
        let startup = StartupMessage { version: 196_608, parameters: &parameters };
        assert!(startup_message(&startup, &mut Vec::new()).is_err());
    }

    #[test]
    fn only_two_bytes_answer_an_ssl_request() {
        assert_eq!(ssl_answer(b'S'), Ok(SslAnswer::Willing));
        assert_eq!(ssl_answer(b'N'), Ok(SslAnswer::Unwilling));
        assert!(ssl_answer(b'E').is_err() && ssl_answer(0x16).is_err());
    }
}
