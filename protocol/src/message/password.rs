use crate::EncodeError;
use crate::wire::message;

/// Appends a PasswordMessage: the password itself, or the digest that stands for it.
///
/// # Errors
///
/// A NUL in the password.
pub fn password(password: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    message(out, b'p', |body| body.cstr(password, "password"))
}

/// Appends a SASLInitialResponse.
///
/// # Errors
///
/// A NUL in the mechanism's name.
pub fn sasl_initial_response(mechanism: &str, response: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    sasl_initial(mechanism, Some(response), out)
}

/// Appends a SASLResponse.
///
/// # Errors
///
/// A response above 2 GiB.
pub fn sasl_response(response: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    message(out, b'p', |body| {
        body.bytes(response);
        Ok(())
    })
}

/// Appends a GSSResponse: a token of GSSAPI or SSPI.
///
/// # Errors
///
/// A token above 2 GiB.
pub fn gss_response(token: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    sasl_response(token, out)
}

pub(super) fn sasl_initial(
    mechanism: &str,
    response: Option<&[u8]>,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    message(out, b'p', |body| {
        body.cstr(mechanism.as_bytes(), "SASL mechanism")?;
        body.value(response)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_have_their_documented_layout() {
        let out = &mut Vec::new();
        password(b"secret", out).unwrap();
        sasl_initial_response("SCRAM-SHA-256", b"n,,", out).unwrap();
        sasl_response(b"c=biws", out).unwrap();
        gss_response(b"token", out).unwrap();
        let expected = [
            &b"p\0\0\0\x0bsecret\0"[..],
            b"p\0\0\0\x19SCRAM-SHA-256\0\0\0\0\x03n,,",
            b"p\0\0\0\x0ac=biws",
            b"p\0\0\0\x09token",
        ];
        assert_eq!(*out, expected.concat());
        assert!(password(b"a\0b", out).is_err());
    }
}
