use super::message::no_flags;
use crate::replication::{Lsn, PgTimestamp};
use crate::wire::{Body, Reader};
use crate::{EncodeError, Malformed};

/// The changes of one committed transaction follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Begin {
    /// Where its commit is.
    pub final_lsn: Lsn,
    /// When it committed.
    pub commit_time: PgTimestamp,
    /// Its number.
    pub xid: u32,
}

/// The changes of the transaction are complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commit {
    /// Where its commit is.
    pub commit_lsn: Lsn,
    /// Where the commit ends: who has confirmed this gets the transaction no more.
    pub end_lsn: Lsn,
    /// When it committed.
    pub commit_time: PgTimestamp,
}

/// The transaction came from another server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin<'b> {
    /// Where its commit is on that server.
    pub commit_lsn: Lsn,
    /// The name of the origin.
    pub name: &'b str,
}

impl Begin {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            final_lsn: Lsn(reader.u64()?),
            commit_time: PgTimestamp::from_micros(reader.i64()?),
            xid: reader.u32()?,
        })
    }

    pub(super) fn write(&self, body: &mut Body<'_>) {
        body.u64(self.final_lsn.0);
        body.i64(self.commit_time.micros());
        body.u32(self.xid);
    }
}

impl Commit {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        no_flags(reader)?;
        Ok(Self {
            commit_lsn: Lsn(reader.u64()?),
            end_lsn: Lsn(reader.u64()?),
            commit_time: PgTimestamp::from_micros(reader.i64()?),
        })
    }

    pub(super) fn write(&self, body: &mut Body<'_>) {
        body.u8(0);
        body.u64(self.commit_lsn.0);
        body.u64(self.end_lsn.0);
        body.i64(self.commit_time.micros());
    }
}

impl<'b> Origin<'b> {
    pub(super) fn read(reader: &mut Reader<'b>) -> Result<Self, Malformed> {
        Ok(Self { commit_lsn: Lsn(reader.u64()?), name: reader.text()? })
    }

    pub(super) fn write(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
        body.u64(self.commit_lsn.0);
        body.cstr(self.name.as_bytes(), "name of an origin")
    }
}
