use super::message::write_xid;
use crate::replication::Lsn;
use crate::wire::{Body, Reader};
use crate::{EncodeError, Malformed};

/// What `pg_logical_emit_message` wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogicalMessage<'b> {
    /// The transaction it belongs to, inside of a stream.
    pub xid: Option<u32>,
    /// When it is sent.
    pub delivery: Delivery,
    /// Where it is in the log.
    pub lsn: Lsn,
    /// Whom it is for.
    pub prefix: &'b str,
    /// What it says.
    pub content: &'b [u8],
}

/// When a logical message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// At once, whatever becomes of the transaction.
    Immediate,
    /// With its transaction.
    Transactional,
}

impl<'b> LogicalMessage<'b> {
    pub(super) fn read(xid: Option<u32>, reader: &mut Reader<'b>) -> Result<Self, Malformed> {
        let delivery = match reader.u8()? {
            0 => Delivery::Immediate,
            1 => Delivery::Transactional,
            _ => return Err(Malformed::Code),
        };
        let (lsn, prefix) = (Lsn(reader.u64()?), reader.text()?);
        Ok(Self { xid, delivery, lsn, prefix, content: reader.sized()? })
    }

    pub(super) fn write(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
        write_xid(self.xid, body);
        body.u8(match self.delivery {
            Delivery::Immediate => 0,
            Delivery::Transactional => 1,
        });
        body.u64(self.lsn.0);
        body.cstr(self.prefix.as_bytes(), "prefix of a logical message")?;
        body.sized(self.content)
    }
}
