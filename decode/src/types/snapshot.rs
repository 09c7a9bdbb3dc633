use std::fmt;
use std::io::Write;

use crate::arrow::{Asked, Copied, Extension, Fault, Form};
use crate::types::cursor::{Cursor, to_end};
use crate::types::{Type, Xid8};
use crate::{Column, EncodeError, FromSql, IsNull, Oid, Output, ToSql, ValueError};

/// A `pg_snapshot`, or a `txid_snapshot`: which transactions were seen to have ended. Prints as the server does.
///
/// As a parameter it is a `pg_snapshot`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Snapshot {
    /// All transactions before this one had ended.
    pub xmin: Xid8,
    /// No transaction from this one on had ended.
    pub xmax: Xid8,
    /// The transactions between them that had not ended, ascending.
    pub running: Vec<Xid8>,
}

/// What is read of the bytes: both ends, and the bytes of what is between.
// PG source: xid8funcs.c, pg_snapshot_send.
fn split(value: &[u8]) -> Option<(u64, u64, &[[u8; 8]])> {
    to_end(value, |cursor: &mut Cursor<'_>| {
        let count = usize::try_from(cursor.i32()?).ok()?;
        let (xmin, xmax) = (cursor.array().map(u64::from_be_bytes)?, cursor.array().map(u64::from_be_bytes)?);
        let (running, _) = cursor.bytes(count.checked_mul(8)?)?.as_chunks();
        Some((xmin, xmax, running))
    })
}

const MALFORMED: &str = "it is no snapshot";

fn write(
    xmin: u64,
    xmax: u64,
    running: impl Iterator<Item = u64>,
    f: &mut impl Write,
) -> std::io::Result<()> {
    write!(f, "{xmin}:{xmax}:")?;
    for (position, xid) in running.enumerate() {
        let comma = if position == 0 { "" } else { "," };
        write!(f, "{comma}{xid}")?;
    }
    Ok(())
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:", self.xmin, self.xmax)?;
        for (position, xid) in self.running.iter().enumerate() {
            let comma = if position == 0 { "" } else { "," };
            write!(f, "{comma}{xid}")?;
        }
        Ok(())
    }
}

impl FromSql<'_> for Snapshot {
    fn accepts(column: &Column) -> bool {
        column.is_binary(Oid::PG_SNAPSHOT) || column.is_binary(Oid::TXID_SNAPSHOT)
    }

    fn from_sql(_column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        let (xmin, xmax, running) = split(value).ok_or_else(|| ValueError::malformed(MALFORMED))?;
        let running = running.iter().map(|xid| Xid8(u64::from_be_bytes(*xid))).collect();
        Ok(Self { xmin: Xid8(xmin), xmax: Xid8(xmax), running })
    }
}

impl ToSql for Snapshot {
    fn oid(&self) -> Oid {
        Oid::PG_SNAPSHOT
    }

    fn type_oid() -> Oid {
        Oid::PG_SNAPSHOT
    }

    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        let count = i32::try_from(self.running.len()).map_err(|_| EncodeError::TooLong)?;
        out.extend_from_slice(&count.to_be_bytes());
        let all = [&self.xmin, &self.xmax].into_iter().chain(&self.running);
        all.for_each(|xid| out.extend_from_slice(&xid.0.to_be_bytes()));
        Ok(IsNull::No)
    }
}

/// `pg_snapshot` in Arrow: its text.
pub(crate) const PG_SNAPSHOT: Type =
    Type { oid: Oid::PG_SNAPSHOT, array: Some(Oid(5039)), binary: form, text: None };
/// `txid_snapshot` in Arrow: its text.
pub(crate) const TXID_SNAPSHOT: Type =
    Type { oid: Oid::TXID_SNAPSHOT, array: Some(Oid(2949)), binary: form, text: None };

fn form(asked: &Asked) -> Form {
    Form::text(asked, Copied::Rewritten(append)).with(Extension::Opaque)
}

fn append(value: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    let (xmin, xmax, running) = split(value).ok_or(Fault::Malformed(MALFORMED))?;
    let running = running.iter().map(|xid| u64::from_be_bytes(*xid));
    write(xmin, xmax, running, out).map_err(|_| Fault::Malformed(MALFORMED))
}
