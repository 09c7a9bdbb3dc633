use super::message::write_xid;
use crate::wire::{Body, Reader};
use crate::{EncodeError, Malformed};

/// The name of a type that is not built in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeName<'b> {
    /// The transaction it was sent for, inside of a stream.
    pub xid: Option<u32>,
    /// The OID of the type.
    pub oid: u32,
    /// Its schema; empty for `pg_catalog`.
    pub namespace: &'b str,
    /// Its name.
    pub name: &'b str,
}

impl<'b> TypeName<'b> {
    pub(super) fn read(xid: Option<u32>, reader: &mut Reader<'b>) -> Result<Self, Malformed> {
        Ok(Self { xid, oid: reader.u32()?, namespace: reader.text()?, name: reader.text()? })
    }

    pub(super) fn write(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
        write_xid(self.xid, body);
        body.u32(self.oid);
        body.cstr(self.namespace.as_bytes(), "name of a schema")?;
        body.cstr(self.name.as_bytes(), "name of a type")
    }
}
