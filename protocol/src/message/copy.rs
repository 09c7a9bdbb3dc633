use crate::EncodeError;
use crate::wire::message;

/// Appends a CopyFail: the copy into the server ends as an error that carries `reason`.
///
/// # Errors
///
/// A NUL in the reason.
// PG docs: protocol-flow, "COPY Operations"
pub fn copy_fail(reason: &str, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    message(out, b'f', |body| body.cstr(reason.as_bytes(), "reason"))
}
