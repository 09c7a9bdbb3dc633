use std::fmt;

use arrow_array::ArrayRef;
use arrow_array::types::UInt16Type;
use arrow_buffer::{Buffer, NullBuffer};
use arrow_schema::DataType;

use crate::arrow::{Asked, Decode, Extension, Fault, Form, primitive};
use crate::types::Type;
use crate::types::cursor::whole;
use crate::types::oid::OidNumber;
use crate::{Column, EncodeError, FromSql, IsNull, Oid, Output, ToSql, ValueError};

/// A `tid`: where a version of a row lies in its table. Prints as the server does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tid {
    /// The page, from 0.
    pub block: u32,
    /// The place in the page, from 1.
    pub offset: u16,
}

impl fmt::Display for Tid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({},{})", self.block, self.offset)
    }
}

impl FromSql<'_> for Tid {
    fn accepts(column: &Column) -> bool {
        column.is_binary(Oid::TID)
    }

    fn from_sql(_column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        whole(value, "its length is not that of the type", |cursor| {
            Some(Self { block: cursor.u32()?, offset: cursor.u16()? })
        })
    }
}

impl ToSql for Tid {
    fn oid(&self) -> Oid {
        Oid::TID
    }

    fn type_oid() -> Oid {
        Oid::TID
    }

    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        out.extend_from_slice(&self.block.to_be_bytes());
        out.extend_from_slice(&self.offset.to_be_bytes());
        Ok(IsNull::No)
    }
}

/// A number of 16 bits without a sign, in Arrow.
#[derive(Debug)]
struct Offset;

impl Decode<2> for Offset {
    type Element = u16;

    fn decode(value: [u8; 2]) -> Result<u16, Fault> {
        Ok(u16::from_be_bytes(value))
    }

    fn array(elements: Buffer, len: usize, nulls: Option<NullBuffer>, data_type: &DataType) -> ArrayRef {
        primitive::<UInt16Type>(elements, len, nulls, data_type)
    }
}

/// `tid` in Arrow: a struct of the page and the place there.
pub(crate) const TID: Type = Type { oid: Oid::TID, array: Some(Oid(1010)), binary: form, text: None };

fn form(asked: &Asked) -> Form {
    let block = Form::fixed::<OidNumber, 4>(DataType::UInt32);
    let offset = Form::fixed::<Offset, 2>(DataType::UInt16);
    let parts = [(Some(4), "block", Oid::INT8, block), (Some(2), "offset", Oid::INT4, offset)];
    Form::parts(asked, parts).with(Extension::Opaque).shown_as::<Tid>(asked.oid)
}
