use crate::EncodeError;
use crate::wire::message;

/// Appends a Query: one or more statements as text, run in one go.
///
/// # Errors
///
/// A NUL in the text, or a message above 2 GiB.
pub fn query(sql: &str, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    message(out, b'Q', |body| body.cstr(sql.as_bytes(), "SQL text"))
}

/// Appends a Terminate: the server ends the session.
pub fn terminate(out: &mut Vec<u8>) {
    out.extend_from_slice(b"X\0\0\0\x04");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_their_documented_layout() {
        let out = &mut Vec::new();
        query("select 1", out).unwrap();
        terminate(out);
        assert_eq!(*out, b"Q\0\0\0\x0dselect 1\0X\0\0\0\x04");
        assert!(query("select 1\0", out).is_err());
    }
}
