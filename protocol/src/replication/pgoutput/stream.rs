use super::Version;
use super::message::no_flags;
use crate::Malformed;
use crate::replication::{Lsn, PgTimestamp};
use crate::wire::{Body, Reader};

/// A piece of a running transaction follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamStart {
    /// The number of the transaction.
    pub xid: u32,
    /// Which piece of it.
    pub segment: Segment,
}

/// Which piece of a running transaction it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Segment {
    /// The first.
    First,
    /// Another.
    Later,
}

/// A streamed transaction committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamCommit {
    /// The number of the transaction.
    pub xid: u32,
    /// Where its commit is.
    pub commit_lsn: Lsn,
    /// Where the commit ends: who has confirmed this gets the transaction no more.
    pub end_lsn: Lsn,
    /// When it committed.
    pub commit_time: PgTimestamp,
}

/// A streamed transaction, or a part of it, was rolled back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamAbort {
    /// The number of the transaction.
    pub xid: u32,
    /// The number of the subtransaction that was rolled back; of the transaction itself, if it was all of it.
    pub subxid: u32,
    /// Where and when: only with [`Version::V4Parallel`], and then always.
    pub position: Option<AbortPosition>,
}

/// Where and when a transaction was rolled back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbortPosition {
    /// Where in the log.
    pub lsn: Lsn,
    /// When.
    pub time: PgTimestamp,
}

impl StreamStart {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let xid = reader.u32()?;
        let segment = match reader.u8()? {
            0 => Segment::Later,
            1 => Segment::First,
            _ => return Err(Malformed::Code),
        };
        Ok(Self { xid, segment })
    }

    pub(super) fn write(&self, body: &mut Body<'_>) {
        body.u32(self.xid);
        body.u8(match self.segment {
            Segment::Later => 0,
            Segment::First => 1,
        });
    }
}

impl StreamCommit {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let xid = reader.u32()?;
        no_flags(reader)?;
        Ok(Self {
            xid,
            commit_lsn: Lsn(reader.u64()?),
            end_lsn: Lsn(reader.u64()?),
            commit_time: PgTimestamp::from_micros(reader.i64()?),
        })
    }

    pub(super) fn write(&self, body: &mut Body<'_>) {
        body.u32(self.xid);
        body.u8(0);
        body.u64(self.commit_lsn.0);
        body.u64(self.end_lsn.0);
        body.i64(self.commit_time.micros());
    }
}

impl StreamAbort {
    pub(super) fn read(version: Version, reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (xid, subxid) = (reader.u32()?, reader.u32()?);
        let position = match version {
            Version::V1 | Version::V2 | Version::V3 | Version::V4 => None,
            Version::V4Parallel => {
                Some(AbortPosition { lsn: Lsn(reader.u64()?), time: PgTimestamp::from_micros(reader.i64()?) })
            }
        };
        Ok(Self { xid, subxid, position })
    }

    pub(super) fn write(&self, body: &mut Body<'_>) {
        body.u32(self.xid);
        body.u32(self.subxid);
        if let Some(position) = self.position {
            body.u64(position.lsn.0);
            body.i64(position.time.micros());
        }
    }
}
