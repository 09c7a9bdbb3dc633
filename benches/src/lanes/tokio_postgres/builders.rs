use std::error::Error;
use std::sync::Arc;

use molt_db::arrow::array::builder::{
    BooleanBuilder, Date32Builder, Decimal128Builder, FixedSizeBinaryBuilder, Float32Builder, Float64Builder,
    Int16Builder, Int32Builder, Int64Builder, ListBuilder, StringBuilder, TimestampMicrosecondBuilder,
};
use molt_db::arrow::array::{ArrayRef, RecordBatch};
use rust_decimal::Decimal;
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Column, Row};

use super::rows::{Days, Micros};
use crate::failure::Failure;

/// The builders of arrow-rs for the columns of a result.
pub(super) struct Builders {
    names: Vec<String>,
    columns: Vec<Builder>,
    rows: usize,
}

impl Builders {
    pub(super) fn new(columns: &[Column]) -> Result<Self, Failure> {
        Ok(Self {
            names: columns.iter().map(|column| column.name().to_owned()).collect(),
            columns: columns.iter().map(Builder::new).collect::<Result<_, _>>()?,
            rows: 0,
        })
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn append(&mut self, row: &Row) -> Result<(), Failure> {
        for (index, column) in self.columns.iter_mut().enumerate() {
            column.append(row, index)?;
        }
        self.rows += 1;
        Ok(())
    }

    /// Makes a batch of the rows so far.
    pub(super) fn finish(&mut self) -> Result<RecordBatch, Failure> {
        self.rows = 0;
        let arrays = self.columns.iter_mut().map(Builder::finish).collect::<Result<Vec<_>, _>>()?;
        let columns = self.names.iter().zip(arrays).map(|(name, array)| (name, array, true));
        Ok(RecordBatch::try_from_iter_with_nullable(columns)?)
    }
}

enum Builder {
    Bool(BooleanBuilder),
    Int2(Int16Builder),
    Int4(Int32Builder),
    Int8(Int64Builder),
    Float4(Float32Builder),
    Float8(Float64Builder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
    Numeric(Decimal128Builder, Scale),
    /// Of a numeric whose scale is each value's own.
    NumericText(StringBuilder),
    Uuid(FixedSizeBinaryBuilder),
    Text(StringBuilder),
    Json(StringBuilder),
    Int4s(ListBuilder<Int32Builder>),
    Int8s(ListBuilder<Int64Builder>),
    Float8s(ListBuilder<Float64Builder>),
    Texts(ListBuilder<StringBuilder>),
}

/// How many digits stand behind the point.
type Scale = u8;

impl Builder {
    fn new(column: &Column) -> Result<Self, Failure> {
        Ok(match *column.type_() {
            Type::BOOL => Self::Bool(BooleanBuilder::new()),
            Type::INT2 => Self::Int2(Int16Builder::new()),
            Type::INT4 => Self::Int4(Int32Builder::new()),
            Type::INT8 => Self::Int8(Int64Builder::new()),
            Type::FLOAT4 => Self::Float4(Float32Builder::new()),
            Type::FLOAT8 => Self::Float8(Float64Builder::new()),
            Type::DATE => Self::Date(Date32Builder::new()),
            Type::TIMESTAMPTZ => {
                Self::Timestamp(TimestampMicrosecondBuilder::new().with_timezone_opt(Some("UTC")))
            }
            Type::NUMERIC => Self::numeric(column.type_modifier())?,
            Type::UUID => Self::Uuid(FixedSizeBinaryBuilder::new(16)),
            Type::TEXT | Type::VARCHAR | Type::BPCHAR => Self::Text(StringBuilder::new()),
            Type::JSON | Type::JSONB => Self::Json(StringBuilder::new()),
            Type::INT4_ARRAY => Self::Int4s(ListBuilder::new(Int32Builder::new())),
            Type::INT8_ARRAY => Self::Int8s(ListBuilder::new(Int64Builder::new())),
            Type::FLOAT8_ARRAY => Self::Float8s(ListBuilder::new(Float64Builder::new())),
            Type::TEXT_ARRAY => Self::Texts(ListBuilder::new(StringBuilder::new())),
            ref other => return Err(format!("this lane has no builder for {other}").into()),
        })
    }

    // PostgreSQL, numeric.c: precision and scale are the halves of the type modifier less the length of a header.
    fn numeric(typmod: i32) -> Result<Self, Failure> {
        let Some(shape) = typmod.checked_sub(4).filter(|shape| *shape >= 0) else {
            return Ok(Self::NumericText(StringBuilder::new()));
        };
        let (precision, scale) = (u8::try_from(shape >> 16)?, u8::try_from(shape & 0x7ff)?);
        let builder = Decimal128Builder::new().with_precision_and_scale(precision, i8::try_from(scale)?)?;
        Ok(Self::Numeric(builder, scale))
    }

    fn append(&mut self, row: &Row, index: usize) -> Result<(), Failure> {
        match self {
            Self::Bool(builder) => builder.append_option(row.try_get(index)?),
            Self::Int2(builder) => builder.append_option(row.try_get(index)?),
            Self::Int4(builder) => builder.append_option(row.try_get(index)?),
            Self::Int8(builder) => builder.append_option(row.try_get(index)?),
            Self::Float4(builder) => builder.append_option(row.try_get(index)?),
            Self::Float8(builder) => builder.append_option(row.try_get(index)?),
            Self::Date(builder) => {
                let days: Option<Days> = row.try_get(index)?;
                builder.append_option(days.map(|Days(days)| days + EPOCH_DAYS));
            }
            Self::Timestamp(builder) => {
                let micros: Option<Micros> = row.try_get(index)?;
                builder.append_option(micros.map(|Micros(micros)| micros + EPOCH_MICROS));
            }
            Self::Numeric(builder, scale) => {
                let number: Option<Decimal> = row.try_get(index)?;
                builder.append_option(number.map(|number| mantissa(number, *scale)));
            }
            Self::NumericText(builder) => {
                let number: Option<Decimal> = row.try_get(index)?;
                builder.append_option(number.map(|number| number.to_string()));
            }
            Self::Uuid(builder) => match row.try_get::<_, Option<UuidBytes>>(index)? {
                Some(UuidBytes(bytes)) => builder.append_value(bytes)?,
                None => builder.append_null(),
            },
            Self::Text(builder) => builder.append_option(row.try_get::<_, Option<&str>>(index)?),
            Self::Json(builder) => {
                let text: Option<JsonText<'_>> = row.try_get(index)?;
                builder.append_option(text.map(|JsonText(text)| text));
            }
            Self::Int4s(builder) => builder.append_option(row.try_get::<_, Option<Vec<Option<i32>>>>(index)?),
            Self::Int8s(builder) => builder.append_option(row.try_get::<_, Option<Vec<Option<i64>>>>(index)?),
            Self::Float8s(builder) => {
                builder.append_option(row.try_get::<_, Option<Vec<Option<f64>>>>(index)?);
            }
            Self::Texts(builder) => {
                builder.append_option(row.try_get::<_, Option<Vec<Option<&str>>>>(index)?);
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<ArrayRef, Failure> {
        Ok(match self {
            Self::Bool(builder) => Arc::new(builder.finish()),
            Self::Int2(builder) => Arc::new(builder.finish()),
            Self::Int4(builder) => Arc::new(builder.finish()),
            Self::Int8(builder) => Arc::new(builder.finish()),
            Self::Float4(builder) => Arc::new(builder.finish()),
            Self::Float8(builder) => Arc::new(builder.finish()),
            Self::Date(builder) => Arc::new(builder.finish()),
            Self::Timestamp(builder) => Arc::new(builder.finish()),
            Self::Numeric(builder, _) => Arc::new(builder.finish()),
            Self::Uuid(builder) => Arc::new(builder.finish()),
            Self::Text(builder) | Self::Json(builder) | Self::NumericText(builder) => {
                Arc::new(builder.finish())
            }
            Self::Int4s(builder) => Arc::new(builder.finish()),
            Self::Int8s(builder) => Arc::new(builder.finish()),
            Self::Float8s(builder) => Arc::new(builder.finish()),
            Self::Texts(builder) => Arc::new(builder.finish()),
        })
    }
}

fn mantissa(mut number: Decimal, scale: Scale) -> i128 {
    number.rescale(scale.into());
    number.mantissa()
}

/// A `uuid` as it travels.
struct UuidBytes([u8; 16]);

impl<'r> FromSql<'r> for UuidBytes {
    fn from_sql(_: &Type, raw: &'r [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(raw.try_into()?))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::UUID
    }
}

/// A `json` or `jsonb` as its text.
struct JsonText<'r>(&'r str);

impl<'r> FromSql<'r> for JsonText<'r> {
    fn from_sql(ty: &Type, raw: &'r [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let text = if *ty == Type::JSONB {
            raw.strip_prefix(b"\x01").ok_or("a jsonb of no known version")?
        } else {
            raw
        };
        Ok(Self(str::from_utf8(text)?))
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::JSON | Type::JSONB)
    }
}

/// From 1970-01-01 to 2000-01-01, PostgreSQL's epoch.
const EPOCH_DAYS: i32 = 10_957;
const EPOCH_MICROS: i64 = 946_684_800_000_000;
