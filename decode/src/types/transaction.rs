//! The numbers of transactions and of their commands.

use std::fmt;

use arrow_array::ArrayRef;
use arrow_array::types::UInt64Type;
use arrow_buffer::{Buffer, NullBuffer};
use arrow_schema::DataType;

use crate::arrow::{Decode, Fault, Form, primitive};
use crate::types::oid::OidNumber;
use crate::types::{Type, fixed, parse};
use crate::{Column, EncodeError, Format, FromSql, IsNull, Oid, Output, ToSql, ValueError};

/// An `xid`: the number of a transaction, which comes again after four billion others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Xid(pub u32);

/// A `cid`: the number of a command in its transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cid(pub u32);

/// An `xid8`: the number of a transaction, which never comes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Xid8(pub u64);

impl fmt::Display for Xid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Cid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Xid8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromSql<'_> for Xid {
    fn accepts(column: &Column) -> bool {
        column.oid() == Oid::XID
    }

    fn from_sql(column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        match column.format() {
            Format::Binary => Ok(Self(u32::from_be_bytes(fixed(value)?))),
            Format::Text => parse(value).map(Self),
        }
    }
}

impl FromSql<'_> for Cid {
    fn accepts(column: &Column) -> bool {
        column.oid() == Oid::CID
    }

    fn from_sql(column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        match column.format() {
            Format::Binary => Ok(Self(u32::from_be_bytes(fixed(value)?))),
            Format::Text => parse(value).map(Self),
        }
    }
}

impl FromSql<'_> for Xid8 {
    fn accepts(column: &Column) -> bool {
        column.oid() == Oid::XID8
    }

    fn from_sql(column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        match column.format() {
            Format::Binary => Ok(Self(u64::from_be_bytes(fixed(value)?))),
            Format::Text => parse(value).map(Self),
        }
    }
}

impl ToSql for Xid {
    fn oid(&self) -> Oid {
        Oid::XID
    }

    fn type_oid() -> Oid {
        Oid::XID
    }

    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        out.extend_from_slice(&self.0.to_be_bytes());
        Ok(IsNull::No)
    }
}

impl ToSql for Cid {
    fn oid(&self) -> Oid {
        Oid::CID
    }

    fn type_oid() -> Oid {
        Oid::CID
    }

    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        out.extend_from_slice(&self.0.to_be_bytes());
        Ok(IsNull::No)
    }
}

impl ToSql for Xid8 {
    fn oid(&self) -> Oid {
        Oid::XID8
    }

    fn type_oid() -> Oid {
        Oid::XID8
    }

    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        out.extend_from_slice(&self.0.to_be_bytes());
        Ok(IsNull::No)
    }
}

/// A number of 64 bits without a sign, in Arrow.
#[derive(Debug)]
pub(crate) struct Unsigned;

impl Decode<8> for Unsigned {
    type Element = u64;

    fn decode(value: [u8; 8]) -> Result<u64, Fault> {
        Ok(u64::from_be_bytes(value))
    }

    fn array(elements: Buffer, len: usize, nulls: Option<NullBuffer>, data_type: &DataType) -> ArrayRef {
        primitive::<UInt64Type>(elements, len, nulls, data_type)
    }
}

/// `xid` in Arrow.
pub(crate) const XID: Type = Type {
    oid: Oid::XID,
    array: Some(Oid(1011)),
    binary: |asked| Form::fixed::<OidNumber, 4>(DataType::UInt32).shown_as::<Xid>(asked.oid),
    text: None,
};

/// `cid` in Arrow.
pub(crate) const CID: Type = Type {
    oid: Oid::CID,
    array: Some(Oid(1012)),
    binary: |asked| Form::fixed::<OidNumber, 4>(DataType::UInt32).shown_as::<Cid>(asked.oid),
    text: None,
};

/// `xid8` in Arrow.
pub(crate) const XID8: Type = Type {
    oid: Oid::XID8,
    array: Some(Oid(271)),
    binary: |asked| Form::fixed::<Unsigned, 8>(DataType::UInt64).shown_as::<Xid8>(asked.oid),
    text: None,
};
