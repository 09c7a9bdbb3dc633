use super::Tuple;
use super::message::write_xid;
use crate::wire::{Body, Reader};
use crate::{EncodeError, Malformed};

/// A row was inserted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Insert<'b> {
    /// The (sub)transaction that did it, inside of a stream.
    pub xid: Option<u32>,
    /// The OID of the table.
    pub relation: u32,
    /// The row.
    pub new: Tuple<'b>,
}

/// A row was updated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Update<'b> {
    /// The (sub)transaction that did it, inside of a stream.
    pub xid: Option<u32>,
    /// The OID of the table.
    pub relation: u32,
    /// What is told of the row as it was: often nothing, when its key has not changed.
    pub old: Option<OldTuple<'b>>,
    /// The row as it is.
    pub new: Tuple<'b>,
}

/// A row was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delete<'b> {
    /// The (sub)transaction that did it, inside of a stream.
    pub xid: Option<u32>,
    /// The OID of the table.
    pub relation: u32,
    /// What is told of the row.
    pub old: OldTuple<'b>,
}

/// What is told of a row as it was. Both forms have as many columns as the table has published ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldTuple<'b> {
    /// `K`: the columns of its key; the others are null.
    Key(Tuple<'b>),
    /// `O`: all columns, where the replica identity is full.
    Full(Tuple<'b>),
}

impl<'b> Insert<'b> {
    pub(super) fn read(xid: Option<u32>, reader: &mut Reader<'b>) -> Result<Self, Malformed> {
        let relation = reader.u32()?;
        let marker = reader.u8()?;
        Ok(Self { xid, relation, new: new_tuple(marker, reader)? })
    }

    pub(super) fn write(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
        write_xid(self.xid, body);
        body.u32(self.relation);
        body.u8(b'N');
        self.new.write(body)
    }
}

impl<'b> Update<'b> {
    pub(super) fn read(xid: Option<u32>, reader: &mut Reader<'b>) -> Result<Self, Malformed> {
        let relation = reader.u32()?;
        let (old, marker) = match reader.u8()? {
            marker @ (b'K' | b'O') => (Some(OldTuple::read(marker, reader)?), reader.u8()?),
            marker => (None, marker),
        };
        Ok(Self { xid, relation, old, new: new_tuple(marker, reader)? })
    }

    pub(super) fn write(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
        write_xid(self.xid, body);
        body.u32(self.relation);
        if let Some(old) = &self.old {
            old.write(body)?;
        }
        body.u8(b'N');
        self.new.write(body)
    }
}

impl<'b> Delete<'b> {
    pub(super) fn read(xid: Option<u32>, reader: &mut Reader<'b>) -> Result<Self, Malformed> {
        let relation = reader.u32()?;
        let marker = reader.u8()?;
        Ok(Self { xid, relation, old: OldTuple::read(marker, reader)? })
    }

    pub(super) fn write(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
        write_xid(self.xid, body);
        body.u32(self.relation);
        self.old.write(body)
    }
}

impl<'b> OldTuple<'b> {
    /// Returns the columns.
    pub const fn tuple(&self) -> Tuple<'b> {
        match self {
            Self::Key(tuple) | Self::Full(tuple) => *tuple,
        }
    }

    fn read(marker: u8, reader: &mut Reader<'b>) -> Result<Self, Malformed> {
        match marker {
            b'K' => Ok(Self::Key(Tuple::read(reader)?)),
            b'O' => Ok(Self::Full(Tuple::read(reader)?)),
            _ => Err(Malformed::Code),
        }
    }

    fn write(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
        body.u8(match self {
            Self::Key(_) => b'K',
            Self::Full(_) => b'O',
        });
        self.tuple().write(body)
    }
}

fn new_tuple<'b>(marker: u8, reader: &mut Reader<'b>) -> Result<Tuple<'b>, Malformed> {
    if marker == b'N' { Tuple::read(reader) } else { Err(Malformed::Code) }
}
