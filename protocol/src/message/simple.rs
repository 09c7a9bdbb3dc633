use crate::wire::{Reader, message};
use crate::{EncodeError, Malformed};

/// Appends a Query: one or more statements as text, run in one go.
///
/// # Errors
///
/// A NUL in the text, or a message above 2 GiB.
pub fn query(sql: &str, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    query_bytes(sql.as_bytes(), out)
}

/// Reads the body of a Query: the SQL text, in the client's encoding.
///
/// # Errors
///
/// A body that is not one string.
pub fn parse_query(body: &[u8]) -> Result<&[u8], Malformed> {
    let mut reader = Reader::new(body);
    let sql = reader.cstr()?;
    reader.finish()?;
    Ok(sql)
}

/// Appends a Terminate: the server ends the session.
pub fn terminate(out: &mut Vec<u8>) {
    out.extend_from_slice(b"X\0\0\0\x04");
}

pub(super) fn query_bytes(sql: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    message(out, b'Q', |body| body.cstr(sql, "SQL text"))
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

    #[test]
    fn a_query_is_one_terminated_string() {
        assert_eq!(parse_query(b"select '\xe4'\0"), Ok(&b"select '\xe4'"[..]));
        assert_eq!(parse_query(b"select 1"), Err(Malformed::Unterminated));
        assert_eq!(parse_query(b"a\0b\0"), Err(Malformed::TrailingBytes));
    }
}
