use std::fmt::{self, Write};
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::types::{Float32Type, Float64Type};
use arrow_buffer::{Buffer, NullBuffer};
use arrow_schema::DataType;

use crate::arrow::{Decode, Fault, Form, primitive};
use crate::types::geometry::Shortest;
use crate::types::{Type, Utf8, fixed, parse};
use crate::{Column, EncodeError, Format, FromSql, IsNull, Oid, Output, ToSql, ValueError};

impl FromSql<'_> for f32 {
    fn accepts(column: &Column) -> bool {
        column.oid() == Oid::FLOAT4
    }

    #[inline]
    fn from_sql(column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        match column.format() {
            Format::Binary => Ok(Self::from_be_bytes(fixed(value)?)),
            Format::Text => parse(value),
        }
    }
}

impl FromSql<'_> for f64 {
    fn accepts(column: &Column) -> bool {
        matches!(column.oid(), Oid::FLOAT4 | Oid::FLOAT8)
    }

    #[inline]
    fn from_sql(column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        match (column.format(), column.oid()) {
            (Format::Binary, Oid::FLOAT8) => Ok(Self::from_be_bytes(fixed(value)?)),
            (Format::Text, Oid::FLOAT8) => parse(value),
            (Format::Binary | Format::Text, _) => f32::from_sql(column, value).map(Self::from),
        }
    }
}

impl ToSql for f32 {
    #[inline]
    fn oid(&self) -> Oid {
        Oid::FLOAT4
    }

    fn type_oid() -> Oid {
        Oid::FLOAT4
    }

    #[inline]
    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        out.extend_from_slice(&self.to_be_bytes());
        Ok(IsNull::No)
    }
}

impl ToSql for f64 {
    #[inline]
    fn oid(&self) -> Oid {
        Oid::FLOAT8
    }

    fn type_oid() -> Oid {
        Oid::FLOAT8
    }

    #[inline]
    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        out.extend_from_slice(&self.to_be_bytes());
        Ok(IsNull::No)
    }
}

/// `float4` in Arrow.
#[derive(Debug)]
pub(crate) struct Float4;

impl Decode<4> for Float4 {
    type Element = f32;

    fn decode(value: [u8; 4]) -> Result<f32, Fault> {
        Ok(f32::from_be_bytes(value))
    }

    fn array(elements: Buffer, len: usize, nulls: Option<NullBuffer>, data_type: &DataType) -> ArrayRef {
        primitive::<Float32Type>(elements, len, nulls, data_type)
    }
}

/// `float8` in Arrow.
#[derive(Debug)]
pub(crate) struct Float8;

impl Decode<8> for Float8 {
    type Element = f64;

    fn decode(value: [u8; 8]) -> Result<f64, Fault> {
        Ok(f64::from_be_bytes(value))
    }

    fn array(elements: Buffer, len: usize, nulls: Option<NullBuffer>, data_type: &DataType) -> ArrayRef {
        primitive::<Float64Type>(elements, len, nulls, data_type)
    }
}

fn write<const N: usize, T: fmt::Display>(
    value: &[u8],
    out: &mut Vec<u8>,
    shown: impl Fn([u8; N]) -> T,
) -> Result<(), Fault> {
    let value = value.try_into().map_err(|_| Fault::Malformed("its length is not that of the type"))?;
    write!(Utf8(out), "{}", shown(value)).map_err(|fmt::Error| Fault::TooLong)
}

/// `float4` in Arrow.
pub(crate) const FLOAT4: Type = Type {
    oid: Oid::FLOAT4,
    array: Some(Oid(1021)),
    binary: |_| {
        let form = Form::fixed::<Float4, 4>(DataType::Float32);
        form.written(Arc::new(|value, out| write(value, out, |bytes| Shortest(f32::from_be_bytes(bytes)))))
    },
    text: None,
};

/// `float8` in Arrow.
pub(crate) const FLOAT8: Type = Type {
    oid: Oid::FLOAT8,
    array: Some(Oid(1022)),
    binary: |_| {
        let form = Form::fixed::<Float8, 8>(DataType::Float64);
        form.written(Arc::new(|value, out| write(value, out, |bytes| Shortest(f64::from_be_bytes(bytes)))))
    },
    text: None,
};
