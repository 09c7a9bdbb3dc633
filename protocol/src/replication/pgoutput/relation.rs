use std::fmt;

use super::message::write_xid;
use crate::wire::{Body, Reader, payload};
use crate::{EncodeError, Malformed};

/// What a table looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relation<'b> {
    /// The transaction it was sent for, inside of a stream.
    pub xid: Option<u32>,
    /// The OID of the table, by which its changes name it.
    pub oid: u32,
    /// Its schema; empty for `pg_catalog`.
    pub namespace: &'b str,
    /// Its name.
    pub name: &'b str,
    /// What of an old row is sent.
    pub replica_identity: ReplicaIdentity,
    /// Its published columns.
    pub columns: RelationColumns<'b>,
}

/// What of an old row is sent when it is updated or deleted.
// PG docs: catalog-pg-class, relreplident
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplicaIdentity {
    /// `d`: its primary key.
    Default,
    /// `n`: nothing.
    Nothing,
    /// `f`: all of it.
    Full,
    /// `i`: the columns of one index.
    Index,
}

/// The published columns of a table, lent from a Relation.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct RelationColumns<'b> {
    count: usize,
    /// As many whole columns as `count`.
    bytes: &'b [u8],
}

/// A published column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelationColumn<'b> {
    /// 1 for a column of the replica identity; other bits have no meaning.
    pub flags: u8,
    /// Its name.
    pub name: &'b str,
    /// The OID of its type.
    pub type_oid: u32,
    /// What the type was declared with, -1 if nothing.
    pub type_modifier: i32,
}

impl<'b> Relation<'b> {
    pub(super) fn read(xid: Option<u32>, reader: &mut Reader<'b>) -> Result<Self, Malformed> {
        Ok(Self {
            xid,
            oid: reader.u32()?,
            namespace: reader.text()?,
            name: reader.text()?,
            replica_identity: ReplicaIdentity::from_code(reader.u8()?)?,
            columns: RelationColumns::read(reader)?,
        })
    }

    pub(super) fn write(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
        write_xid(self.xid, body);
        body.u32(self.oid);
        body.cstr(self.namespace.as_bytes(), "name of a schema")?;
        body.cstr(self.name.as_bytes(), "name of a table")?;
        body.u8(self.replica_identity.code());
        body.count(self.columns.count, "columns")?;
        body.bytes(self.columns.bytes);
        Ok(())
    }
}

impl ReplicaIdentity {
    /// Returns the byte that stands for it.
    pub const fn code(self) -> u8 {
        match self {
            Self::Default => b'd',
            Self::Nothing => b'n',
            Self::Full => b'f',
            Self::Index => b'i',
        }
    }

    const fn from_code(code: u8) -> Result<Self, Malformed> {
        Ok(match code {
            b'd' => Self::Default,
            b'n' => Self::Nothing,
            b'f' => Self::Full,
            b'i' => Self::Index,
            _ => return Err(Malformed::Code),
        })
    }
}

impl<'b> RelationColumns<'b> {
    /// Takes columns as [`RelationColumn::write`] wrote them.
    ///
    /// # Errors
    ///
    /// A column that is cut, or whose name is not UTF-8.
    pub fn new(bytes: &'b [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let mut count: usize = 0;
        while !reader.is_empty() {
            RelationColumn::read(&mut reader)?;
            count = count.saturating_add(1);
        }
        Ok(Self { count, bytes })
    }

    /// Returns how many columns there are.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Tells whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Walks the columns.
    pub fn iter(&self) -> impl Iterator<Item = RelationColumn<'b>> + use<'b> {
        let mut reader = Reader::new(self.bytes);
        std::iter::from_fn(move || RelationColumn::read(&mut reader).ok())
    }

    fn read(reader: &mut Reader<'b>) -> Result<Self, Malformed> {
        let count = reader.count(SMALLEST_COLUMN)?;
        let start = *reader;
        for _ in 0..count {
            RelationColumn::read(reader)?;
        }
        Ok(Self { count, bytes: reader.since(&start) })
    }
}

impl fmt::Debug for RelationColumns<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'b> RelationColumn<'b> {
    /// Tells whether it is part of the replica identity.
    pub const fn is_key(&self) -> bool {
        self.flags & 1 == 1
    }

    /// Appends the column, for [`RelationColumns::new`].
    ///
    /// # Errors
    ///
    /// A NUL in the name. The output is then as it was before.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        payload(out, |body| {
            body.u8(self.flags);
            body.cstr(self.name.as_bytes(), "name of a column")?;
            body.u32(self.type_oid);
            body.i32(self.type_modifier);
            Ok(())
        })
    }

    fn read(reader: &mut Reader<'b>) -> Result<Self, Malformed> {
        Ok(Self {
            flags: reader.u8()?,
            name: reader.text()?,
            type_oid: reader.u32()?,
            type_modifier: reader.i32()?,
        })
    }
}

/// Flags, an empty name, a type and its modifier.
const SMALLEST_COLUMN: usize = 10;
