//! A client of a few lines, for the kit's own statements.
//!
//! It owes nothing to molt-db, so that a test can ask a second opinion. It speaks the simple query protocol over the
//! server's socket, blocking, and logs in without a password.

use std::io::{BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use crate::error::KitError;

/// One row, as text; `None` is NULL.
pub type Row = Vec<Option<String>>;

/// Opens a connection, runs one simple query of one or more statements, and returns the rows of all of them.
pub(crate) fn run(socket: &Path, user: &str, database: &str, sql: &str) -> Result<Vec<Row>, KitError> {
    let mut client = Client::open(socket)?;
    client.start(user, database)?;
    client.send(b'Q', &[sql.as_bytes(), b"\0"].concat())?;
    let rows = client.rows()?;
    client.send(b'X', b"")?;
    Ok(rows)
}

struct Client {
    reader: BufReader<UnixStream>,
}

impl Client {
    fn open(socket: &Path) -> Result<Self, KitError> {
        let stream = UnixStream::connect(socket).map_err(KitError::path("connect to", socket))?;
        stream.set_read_timeout(Some(LONGEST_WAIT)).map_err(KitError::io("set a timeout"))?;
        stream.set_write_timeout(Some(LONGEST_WAIT)).map_err(KitError::io("set a timeout"))?;
        Ok(Self { reader: BufReader::new(stream) })
    }

    // PG docs: protocol-flow "Start-up"
    fn start(&mut self, user: &str, database: &str) -> Result<(), KitError> {
        let mut body = VERSION_3_0.to_be_bytes().to_vec();
        for word in ["user", user, "database", database, "client_encoding", "UTF8", ""] {
            body.extend_from_slice(word.as_bytes());
            body.push(0);
        }
        self.write(&[&length(body.len())?, body.as_slice()].concat())?;
        self.rows().map(drop)
    }

    fn send(&mut self, tag: u8, body: &[u8]) -> Result<(), KitError> {
        self.write(&[&[tag], length(body.len())?.as_slice(), body].concat())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), KitError> {
        self.reader.get_mut().write_all(bytes).map_err(KitError::io("send to the server"))
    }

    /// Reads up to ReadyForQuery. An error stays the answer even when rows came before it.
    fn rows(&mut self) -> Result<Vec<Row>, KitError> {
        let mut rows = Vec::new();
        let mut refused = None;
        loop {
            let (tag, body) = self.message()?;
            match tag {
                b'D' => rows.push(row(&body)?),
                b'E' => {
                    let error = refusal(&body);
                    if fatal(&body) {
                        return Err(error);
                    }
                    refused = Some(error);
                }
                b'R' if body != [0, 0, 0, 0] => {
                    return Err(KitError::Protocol("it asks the kit for a password".to_owned()));
                }
                b'Z' => return refused.map_or(Ok(rows), Err),
                b'R' | b'S' | b'K' | b'T' | b'C' | b'I' | b'N' | b'A' => {}
                other => return Err(KitError::Protocol(format!("message {:?}", char::from(other)))),
            }
        }
    }

    fn message(&mut self) -> Result<(u8, Vec<u8>), KitError> {
        let mut head = [0; 5];
        self.reader.read_exact(&mut head).map_err(KitError::io("read from the server"))?;
        let [tag, length @ ..] = head;
        let length = u32::from_be_bytes(length);
        let body = length.checked_sub(4).and_then(|rest| usize::try_from(rest).ok());
        let size = body.filter(|size| *size <= LARGEST_MESSAGE);
        let mut body = vec![0; size.ok_or_else(|| KitError::Protocol(format!("a length of {length}")))?];
        self.reader.read_exact(&mut body).map_err(KitError::io("read from the server"))?;
        Ok((tag, body))
    }
}

fn length(body: usize) -> Result<[u8; 4], KitError> {
    let length =
        u32::try_from(body + 4).map_err(|_| KitError::Setting("the statement is too long".to_owned()))?;
    Ok(length.to_be_bytes())
}

// PG docs: protocol-message-formats, DataRow
fn row(body: &[u8]) -> Result<Row, KitError> {
    read_row(body).ok_or_else(|| KitError::Protocol("a malformed row, or one that is not UTF-8".to_owned()))
}

fn read_row(body: &[u8]) -> Option<Row> {
    let (count, mut rest) = body.split_first_chunk::<2>()?;
    let mut row = Vec::new();
    for _ in 0..u16::from_be_bytes(*count) {
        let (length, fields) = rest.split_first_chunk::<4>()?;
        let length = i32::from_be_bytes(*length);
        if length == -1 {
            row.push(None);
            rest = fields;
            continue;
        }
        let (field, fields) = fields.split_at_checked(usize::try_from(length).ok()?)?;
        row.push(Some(String::from_utf8(field.to_vec()).ok()?));
        rest = fields;
    }
    rest.is_empty().then_some(row)
}

fn refusal(body: &[u8]) -> KitError {
    KitError::Sql { code: field(body, b'C'), message: field(body, b'M') }
}

fn fatal(body: &[u8]) -> bool {
    matches!(field(body, b'V').as_str(), "FATAL" | "PANIC")
}

fn field(body: &[u8], wanted: u8) -> String {
    let field = body.split(|byte| *byte == 0).find_map(|field| field.strip_prefix(&[wanted]));
    String::from_utf8_lossy(field.unwrap_or_default()).into_owned()
}

const VERSION_3_0: u32 = 0x0003_0000;
const LONGEST_WAIT: Duration = Duration::from_secs(60);
const LARGEST_MESSAGE: usize = 256 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_keeps_null_apart_from_the_empty_string() {
        let body = [0, 3, 0, 0, 0, 1, b'x', 255, 255, 255, 255, 0, 0, 0, 0];
        assert_eq!(row(&body).unwrap(), [Some("x".to_owned()), None, Some(String::new())]);
    }

    #[test]
    fn every_cut_of_a_row_and_anything_behind_it_is_an_error() {
        let body = [0, 2, 0, 0, 0, 1, b'x', 0, 0, 0, 2, b'y', b'z'];
        assert!(row(&body).is_ok());
        for end in 0..body.len() {
            assert!(row(&body[..end]).is_err(), "{end}");
        }
        assert!(row(&[&body[..], b"!"].concat()).is_err());
    }

    #[test]
    fn an_error_is_read_by_its_fields() {
        let body = b"SFEHLER\0VFATAL\0C28P01\0Mno\0\0";
        assert_eq!(refusal(body).to_string(), "the server refused: no (28P01)");
        assert!(fatal(body));
    }
}
