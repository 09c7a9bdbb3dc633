use super::message::no_flags;
use crate::replication::{Lsn, PgTimestamp};
use crate::wire::{Body, Reader};
use crate::{EncodeError, Malformed};

/// A transaction that PREPARE TRANSACTION has prepared, or COMMIT PREPARED has committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreparedTransaction<'b> {
    /// Where that is in the log.
    pub position: Lsn,
    /// Where it ends: who has confirmed this gets it no more.
    pub end_lsn: Lsn,
    /// When it happened.
    pub time: PgTimestamp,
    /// The number of the transaction.
    pub xid: u32,
    /// The name that the user gave it.
    pub gid: &'b str,
}

/// A prepared transaction was rolled back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RollbackPrepared<'b> {
    /// Where its preparation ends.
    pub prepare_end_lsn: Lsn,
    /// Where its end ends: who has confirmed this gets it no more.
    pub rollback_end_lsn: Lsn,
    /// When it was prepared.
    pub prepare_time: PgTimestamp,
    /// When it was rolled back.
    pub rollback_time: PgTimestamp,
    /// The number of the transaction.
    pub xid: u32,
    /// The name that the user gave it.
    pub gid: &'b str,
}

impl<'b> PreparedTransaction<'b> {
    pub(super) fn read(reader: &mut Reader<'b>) -> Result<Self, Malformed> {
        Ok(Self {
            position: Lsn(reader.u64()?),
            end_lsn: Lsn(reader.u64()?),
            time: PgTimestamp::from_micros(reader.i64()?),
            xid: reader.u32()?,
            gid: reader.text()?,
        })
    }

    /// Every message but BeginPrepare has a byte of flags in front.
    pub(super) fn read_flagged(reader: &mut Reader<'b>) -> Result<Self, Malformed> {
        no_flags(reader)?;
        Self::read(reader)
    }

    pub(super) fn write(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
        body.u64(self.position.0);
        body.u64(self.end_lsn.0);
        body.i64(self.time.micros());
        body.u32(self.xid);
        body.cstr(self.gid.as_bytes(), "name of a prepared transaction")
    }

    pub(super) fn write_flagged(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
        body.u8(0);
        self.write(body)
    }
}

impl<'b> RollbackPrepared<'b> {
    pub(super) fn read(reader: &mut Reader<'b>) -> Result<Self, Malformed> {
        no_flags(reader)?;
        Ok(Self {
            prepare_end_lsn: Lsn(reader.u64()?),
            rollback_end_lsn: Lsn(reader.u64()?),
            prepare_time: PgTimestamp::from_micros(reader.i64()?),
            rollback_time: PgTimestamp::from_micros(reader.i64()?),
            xid: reader.u32()?,
            gid: reader.text()?,
        })
    }

    pub(super) fn write(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
        body.u8(0);
        body.u64(self.prepare_end_lsn.0);
        body.u64(self.rollback_end_lsn.0);
        body.i64(self.prepare_time.micros());
        body.i64(self.rollback_time.micros());
        body.u32(self.xid);
        body.cstr(self.gid.as_bytes(), "name of a prepared transaction")
    }
}
