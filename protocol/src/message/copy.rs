use crate::wire::{Reader, message};
use crate::{EncodeError, Malformed};

/// Appends a CopyData, which has the same form in both directions.
///
/// # Errors
///
/// A message above 2 GiB.
pub fn copy_data(data: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    message(out, b'd', |body| {
        body.bytes(data);
        Ok(())
    })
}

/// Appends a CopyDone, which has the same form in both directions.
pub fn copy_done(out: &mut Vec<u8>) {
    out.extend_from_slice(b"c\0\0\0\x04");
}

/// Appends a CopyFail: the copy into the server ends as an error that carries `reason`.
///
/// # Errors
///
/// A NUL in the reason.
// PG docs: protocol-flow, "COPY Operations"
pub fn copy_fail(reason: &str, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    copy_fail_bytes(reason.as_bytes(), out)
}

/// Reads the body of a CopyFail: the reason, in the client's encoding.
///
/// # Errors
///
/// A body that is not one string.
pub fn parse_copy_fail(body: &[u8]) -> Result<&[u8], Malformed> {
    let mut reader = Reader::new(body);
    let reason = reader.cstr()?;
    reader.finish()?;
    Ok(reason)
}

pub(super) fn copy_fail_bytes(reason: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    message(out, b'f', |body| body.cstr(reason, "reason"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_their_documented_layout() {
        let out = &mut Vec::new();
        copy_data(b"1\n", out).unwrap();
        copy_done(out);
        copy_fail("no", out).unwrap();
        assert_eq!(*out, b"d\0\0\0\x061\nc\0\0\0\x04f\0\0\0\x07no\0");
        assert!(copy_fail("n\0", out).is_err());
    }

    #[test]
    fn a_reason_is_one_terminated_string() {
        assert_eq!(parse_copy_fail(b"no\0"), Ok(&b"no"[..]));
        assert_eq!(parse_copy_fail(b"no"), Err(Malformed::Unterminated));
        assert_eq!(parse_copy_fail(b"no\0x"), Err(Malformed::TrailingBytes));
    }
}
