use arrow_array::ArrayRef;
use arrow_array::types::{Int16Type, Int32Type, Int64Type};
use arrow_buffer::{Buffer, NullBuffer};
use arrow_schema::DataType;

use crate::arrow::{Decode, Fault, Form, primitive};
use crate::types::{Type, fixed, parse};
use crate::{Column, EncodeError, Format, FromSql, IsNull, Oid, Output, ToSql, ValueError};

impl FromSql<'_> for i16 {
    fn accepts(column: &Column) -> bool {
        column.oid() == Oid::INT2
    }

    #[inline]
    fn from_sql(column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        match column.format() {
            Format::Binary => Ok(Self::from_be_bytes(fixed(value)?)),
            Format::Text => parse(value),
        }
    }
}

impl FromSql<'_> for i32 {
    fn accepts(column: &Column) -> bool {
        matches!(column.oid(), Oid::INT2 | Oid::INT4)
    }

    #[inline]
    fn from_sql(column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        match (column.format(), column.oid()) {
            (Format::Binary, Oid::INT4) => Ok(Self::from_be_bytes(fixed(value)?)),
            (Format::Text, Oid::INT4) => parse(value),
            (Format::Binary | Format::Text, _) => i16::from_sql(column, value).map(Self::from),
        }
    }
}

impl FromSql<'_> for i64 {
    fn accepts(column: &Column) -> bool {
        matches!(column.oid(), Oid::INT2 | Oid::INT4 | Oid::INT8)
    }

    #[inline]
    fn from_sql(column: &Column, value: &[u8]) -> Result<Self, ValueError> {
        match (column.format(), column.oid()) {
            (Format::Binary, Oid::INT8) => Ok(Self::from_be_bytes(fixed(value)?)),
            (Format::Text, Oid::INT8) => parse(value),
            (Format::Binary | Format::Text, _) => i32::from_sql(column, value).map(Self::from),
        }
    }
}

impl ToSql for i16 {
    #[inline]
    fn oid(&self) -> Oid {
        Oid::INT2
    }

    fn type_oid() -> Oid {
        Oid::INT2
    }

    #[inline]
    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        out.extend_from_slice(&self.to_be_bytes());
        Ok(IsNull::No)
    }
}

impl ToSql for i32 {
    #[inline]
    fn oid(&self) -> Oid {
        Oid::INT4
    }

    fn type_oid() -> Oid {
        Oid::INT4
    }

    #[inline]
    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        out.extend_from_slice(&self.to_be_bytes());
        Ok(IsNull::No)
    }
}

impl ToSql for i64 {
    #[inline]
    fn oid(&self) -> Oid {
        Oid::INT8
    }

    fn type_oid() -> Oid {
        Oid::INT8
    }

    #[inline]
    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        out.extend_from_slice(&self.to_be_bytes());
        Ok(IsNull::No)
    }
}

/// `int2` in Arrow.
#[derive(Debug)]
pub(crate) struct Int2;

impl Decode<2> for Int2 {
    type Element = i16;

    fn decode(value: [u8; 2]) -> Result<i16, Fault> {
        Ok(i16::from_be_bytes(value))
    }

    fn array(elements: Buffer, len: usize, nulls: Option<NullBuffer>, data_type: &DataType) -> ArrayRef {
        primitive::<Int16Type>(elements, len, nulls, data_type)
    }
}

/// `int4` in Arrow.
#[derive(Debug)]
pub(crate) struct Int4;

impl Decode<4> for Int4 {
    type Element = i32;

    fn decode(value: [u8; 4]) -> Result<i32, Fault> {
        Ok(i32::from_be_bytes(value))
    }

    fn array(elements: Buffer, len: usize, nulls: Option<NullBuffer>, data_type: &DataType) -> ArrayRef {
        primitive::<Int32Type>(elements, len, nulls, data_type)
    }
}

/// `int8` in Arrow.
#[derive(Debug)]
pub(crate) struct Int8;

impl Decode<8> for Int8 {
    type Element = i64;

    fn decode(value: [u8; 8]) -> Result<i64, Fault> {
        Ok(i64::from_be_bytes(value))
    }

    fn array(elements: Buffer, len: usize, nulls: Option<NullBuffer>, data_type: &DataType) -> ArrayRef {
        primitive::<Int64Type>(elements, len, nulls, data_type)
    }
}

/// `int2` in Arrow.
pub(crate) const INT2: Type = Type {
    oid: Oid::INT2,
    array: Some(Oid(1005)),
    binary: |asked| Form::fixed::<Int2, 2>(DataType::Int16).shown_as::<i16>(asked.oid),
    text: None,
};

/// `int4` in Arrow.
pub(crate) const INT4: Type = Type {
    oid: Oid::INT4,
    array: Some(Oid(1007)),
    binary: |asked| Form::fixed::<Int4, 4>(DataType::Int32).shown_as::<i32>(asked.oid),
    text: None,
};

/// `int8` in Arrow.
pub(crate) const INT8: Type = Type {
    oid: Oid::INT8,
    array: Some(Oid(1016)),
    binary: |asked| Form::fixed::<Int8, 8>(DataType::Int64).shown_as::<i64>(asked.oid),
    text: None,
};
