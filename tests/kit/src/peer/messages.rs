//! Messages of a backend, as bytes.
//!
//! Each function returns one whole message, tag and length included. They are built as the documentation of the
//! protocol has them; to send a wrong one, alter the bytes.
//!
//! # Panics
//!
//! The functions panic when a count or a length does not fit its field: a script cannot mean that.

// PG docs: protocol-message-formats

/// Returns a message with this tag and body.
pub fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("the body of a message fits 32 bits");
    [&[tag][..], &length.to_be_bytes(), body].concat()
}

/// Returns AuthenticationOk.
pub fn auth_ok() -> Vec<u8> {
    auth(0, b"")
}

/// Returns an authentication request of that kind: 3 is a clear password, 5 MD5 with 4 bytes of salt, 10 to 12 SASL.
pub fn auth(kind: u32, data: &[u8]) -> Vec<u8> {
    message(b'R', &[&kind.to_be_bytes()[..], data].concat())
}

/// Returns ParameterStatus.
pub fn parameter_status(name: &str, value: &str) -> Vec<u8> {
    message(b'S', &[text(name), text(value)].concat())
}

/// Returns BackendKeyData. The key has four bytes in protocol 3.0.
pub fn backend_key(process: u32, key: &[u8]) -> Vec<u8> {
    message(b'K', &[&process.to_be_bytes()[..], key].concat())
}

/// Returns ReadyForQuery; the state is `I` (idle), `T` (in a transaction) or `E` (in a failed one).
pub fn ready(state: u8) -> Vec<u8> {
    message(b'Z', &[state])
}

/// Returns ErrorResponse with a severity (`ERROR`, `FATAL`), an SQLSTATE and a message.
pub fn error(severity: &str, code: &str, what: &str) -> Vec<u8> {
    report(b'E', severity, code, what)
}

/// Returns NoticeResponse, with the fields of [`error`].
pub fn notice(severity: &str, code: &str, what: &str) -> Vec<u8> {
    report(b'N', severity, code, what)
}

/// Returns RowDescription for columns of these names, type OIDs and formats (0 is text, 1 binary).
pub fn row_description(columns: &[(&str, u32, u16)]) -> Vec<u8> {
    let mut body = count(columns.len());
    for (name, oid, format) in columns {
        body.extend(text(name));
        // No table, no column of one.
        body.extend([0; 6]);
        body.extend(oid.to_be_bytes());
        // A variable size and no type modifier.
        body.extend((-1_i16).to_be_bytes());
        body.extend((-1_i32).to_be_bytes());
        body.extend(format.to_be_bytes());
    }
    message(b'T', &body)
}

/// Returns DataRow; `None` is NULL.
pub fn data_row(fields: &[Option<&[u8]>]) -> Vec<u8> {
    let mut body = count(fields.len());
    for field in fields {
        match field {
            Some(bytes) => {
                let length = i32::try_from(bytes.len()).expect("a field fits 31 bits");
                body.extend(length.to_be_bytes());
                body.extend_from_slice(bytes);
            }
            None => body.extend((-1_i32).to_be_bytes()),
        }
    }
    message(b'D', &body)
}

/// Returns CommandComplete with a tag such as `SELECT 1`.
pub fn command_complete(tag: &str) -> Vec<u8> {
    message(b'C', &text(tag))
}

/// Returns ParameterDescription for parameters of these type OIDs.
pub fn parameter_description(oids: &[u32]) -> Vec<u8> {
    let mut body = count(oids.len());
    for oid in oids {
        body.extend(oid.to_be_bytes());
    }
    message(b't', &body)
}

/// Returns ParseComplete.
pub fn parse_complete() -> Vec<u8> {
    message(b'1', b"")
}

/// Returns BindComplete.
pub fn bind_complete() -> Vec<u8> {
    message(b'2', b"")
}

/// Returns CloseComplete.
pub fn close_complete() -> Vec<u8> {
    message(b'3', b"")
}

/// Returns NoData.
pub fn no_data() -> Vec<u8> {
    message(b'n', b"")
}

/// Returns EmptyQueryResponse.
pub fn empty_query() -> Vec<u8> {
    message(b'I', b"")
}

/// Returns PortalSuspended.
pub fn portal_suspended() -> Vec<u8> {
    message(b's', b"")
}

/// Returns NegotiateProtocolVersion: the newest version the server speaks, and the options it does not know.
pub fn negotiate_version(version: u32, unknown: &[&str]) -> Vec<u8> {
    let options = u32::try_from(unknown.len()).expect("the number of options fits 32 bits");
    let mut body = [version.to_be_bytes(), options.to_be_bytes()].concat();
    for option in unknown {
        body.extend(text(option));
    }
    message(b'v', &body)
}

/// Returns NotificationResponse.
pub fn notification(process: u32, channel: &str, payload: &str) -> Vec<u8> {
    message(b'A', &[process.to_be_bytes().to_vec(), text(channel), text(payload)].concat())
}

fn report(tag: u8, severity: &str, code: &str, what: &str) -> Vec<u8> {
    let mut body = Vec::new();
    for (field, value) in [(b'S', severity), (b'V', severity), (b'C', code), (b'M', what)] {
        body.push(field);
        body.extend(text(value));
    }
    body.push(0);
    message(tag, &body)
}

fn count(number: usize) -> Vec<u8> {
    u16::try_from(number).expect("a count fits 16 bits").to_be_bytes().to_vec()
}

fn text(text: &str) -> Vec<u8> {
    [text.as_bytes(), b"\0"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_the_bytes_of_the_documentation() {
        assert_eq!(auth_ok(), b"R\0\0\0\x08\0\0\0\0");
        assert_eq!(ready(b'T'), b"Z\0\0\0\x05T");
        assert_eq!(command_complete("SELECT 1"), b"C\0\0\0\x0dSELECT 1\0");
        assert_eq!(data_row(&[Some(b"x"), None]), b"D\0\0\0\x0f\0\x02\0\0\0\x01x\xff\xff\xff\xff");
        assert_eq!(error("ERROR", "22012", "no"), b"E\0\0\0\x1eSERROR\0VERROR\0C22012\0Mno\0\0");
        assert_eq!(backend_key(1, &[9; 4]), b"K\0\0\0\x0c\0\0\0\x01\x09\x09\x09\x09");
        assert_eq!(
            row_description(&[("a", 23, 1)]),
            b"T\0\0\0\x1a\0\x01a\0\0\0\0\0\0\0\0\0\0\x17\xff\xff\xff\xff\xff\xff\0\x01"
        );
        assert_eq!(negotiate_version(0x0003_0000, &["_pq_.x"]), b"v\0\0\0\x13\0\x03\0\0\0\0\0\x01_pq_.x\0");
    }
}
