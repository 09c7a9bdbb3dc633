use super::message::write_xid;
use crate::message::Oids;
use crate::wire::{Body, Reader};
use crate::{EncodeError, Malformed};

/// Tables were truncated, all by one command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Truncate<'b> {
    /// The transaction that did it, inside of a stream.
    pub xid: Option<u32>,
    /// How.
    pub options: TruncateOptions,
    /// The OIDs of the tables.
    pub relations: Oids<'b>,
}

/// How tables were truncated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TruncateOptions(pub u8);

impl TruncateOptions {
    /// Tells whether CASCADE was given.
    pub const fn cascades(self) -> bool {
        self.0 & 1 != 0
    }

    /// Tells whether RESTART IDENTITY was given.
    pub const fn restarts_identity(self) -> bool {
        self.0 & 2 != 0
    }
}

impl<'b> Truncate<'b> {
    pub(super) fn read(xid: Option<u32>, reader: &mut Reader<'b>) -> Result<Self, Malformed> {
        let count = reader.count32(4)?;
        let options = TruncateOptions(reader.u8()?);
        let start = *reader;
        for _ in 0..count {
            reader.u32()?;
        }
        Ok(Self { xid, options, relations: Oids::new(reader.since(&start))? })
    }

    pub(super) fn write(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
        write_xid(self.xid, body);
        body.i32(i32::try_from(self.relations.len()).map_err(|_| EncodeError::TooLong)?);
        body.u8(self.options.0);
        body.bytes(self.relations.as_bytes());
        Ok(())
    }
}
