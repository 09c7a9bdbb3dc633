use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer};
use arrow_schema::DataType;

use crate::arrow::{Decode, Fault, Form};
use crate::types::{Type, fixed};
use crate::{Column, EncodeError, Format, FromSql, IsNull, Oid, Output, ToSql, ValueError};

const MALFORMED: &str = "it is neither true nor false";

impl FromSql<'_> for bool {
    fn accepts(column: &Column) -> bool {
        column.oid() == Oid::BOOL
    }

    #[inline]
    fn from_sql(column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        match (column.format(), fixed(value)?) {
            (Format::Binary, [0]) | (Format::Text, [b'f']) => Ok(false),
            (Format::Binary, [1]) | (Format::Text, [b't']) => Ok(true),
            (Format::Binary | Format::Text, [_]) => Err(ValueError::malformed(MALFORMED)),
        }
    }
}

impl ToSql for bool {
    #[inline]
    fn oid(&self) -> Oid {
        Oid::BOOL
    }

    fn type_oid() -> Oid {
        Oid::BOOL
    }

    #[inline]
    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        out.push(u8::from(*self));
        Ok(IsNull::No)
    }
}

/// `bool` in Arrow. The bits are packed at the end of a batch.
#[derive(Debug)]
pub(crate) struct Bool;

impl Decode<1> for Bool {
    type Element = u8;

    fn decode(value: [u8; 1]) -> Result<u8, Fault> {
        match value {
            [is @ (0 | 1)] => Ok(is),
            [_] => Err(Fault::Malformed(MALFORMED)),
        }
    }

    fn array(elements: Buffer, len: usize, nulls: Option<NullBuffer>, _data_type: &DataType) -> ArrayRef {
        let elements = elements.as_slice();
        let bits = BooleanBuffer::collect_bool(len, |element| elements.get(element) == Some(&1));
        Arc::new(BooleanArray::new(bits, nulls))
    }
}

fn write(value: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    out.push(match value {
        [0] => b'f',
        [1] => b't',
        _ => return Err(Fault::Malformed(MALFORMED)),
    });
    Ok(())
}

/// `bool` in Arrow.
pub(crate) const BOOL: Type = Type {
    oid: Oid::BOOL,
    array: Some(Oid(1000)),
    binary: |_| Form::fixed::<Bool, 1>(DataType::Boolean).written(Arc::new(write)),
    text: None,
};
