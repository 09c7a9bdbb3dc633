use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::extension::{ExtensionType, Json, Opaque, Uuid as UuidExtension};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};

use super::column::ColumnBuilder;
use super::fixed::Fixed;
use super::variable::{Content, Variable, verbatim};
use super::{ArrowOptions, ExtensionTypes, TextLayout, Unfit};
use crate::types::arrow::{
    Bool, DateDays, DecimalShape, Float4, Float8, Int2, Int4, Int8, OidNumber, TimeMicros, TimestampMicros,
    UuidBytes, append_jsonb, append_numeric, decimal_column, decimal_shape, is_json,
};
use crate::types::is_text;
use crate::{Column, Columns, Format, Oid};

/// How the rows of one result become Arrow. Compiled once for a result; cheap to clone.
#[derive(Debug, Clone)]
pub struct ArrowPlan {
    columns: Columns,
    kinds: Arc<[Kind]>,
    schema: SchemaRef,
    options: ArrowOptions,
}

impl ArrowPlan {
    /// Compiles the plan for the columns of a result. There is one for every type.
    pub fn compile(columns: &Columns, options: &ArrowOptions) -> Self {
        let kinds: Arc<[Kind]> = columns.iter().map(Kind::of).collect();
        let fields = columns.iter().zip(kinds.iter()).map(|(column, kind)| kind.field(column, options));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        Self { columns: columns.clone(), kinds, schema, options: *options }
    }

    /// Returns the schema that all batches of the result have, empty ones too. All fields are nullable.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// Returns the columns that the plan was compiled for.
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    pub(super) fn unfit(&self) -> Unfit {
        self.options.unfit
    }

    pub(super) fn builders(&self) -> Vec<Box<dyn ColumnBuilder>> {
        let fields = self.schema.fields().iter();
        self.kinds
            .iter()
            .zip(fields)
            .map(|(kind, field)| kind.builder(field.data_type(), &self.options))
            .collect()
    }
}

/// What a column is for Arrow.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Bool,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    Date,
    Time,
    Timestamp,
    TimestampTz,
    Uuid,
    Decimal(DecimalShape),
    NumericText,
    Text,
    Json,
    Jsonb,
    Bytea,
    /// The bytes of a type that has no counterpart here.
    OpaqueBytes,
    /// The text of a type that is no text.
    OpaqueText,
}

impl Kind {
    fn of(column: &Column) -> Self {
        match (column.format(), column.oid()) {
            (_, oid) if is_text(oid) => Self::Text,
            (Format::Text, oid) if is_json(oid) => Self::Json,
            (Format::Text, _) => Self::OpaqueText,
            (Format::Binary, Oid::BOOL) => Self::Bool,
            (Format::Binary, Oid::INT2) => Self::Int2,
            (Format::Binary, Oid::INT4) => Self::Int4,
            (Format::Binary, Oid::INT8) => Self::Int8,
            (Format::Binary, Oid::OID) => Self::Oid,
            (Format::Binary, Oid::FLOAT4) => Self::Float4,
            (Format::Binary, Oid::FLOAT8) => Self::Float8,
            (Format::Binary, Oid::DATE) => Self::Date,
            (Format::Binary, Oid::TIME) => Self::Time,
            (Format::Binary, Oid::TIMESTAMP) => Self::Timestamp,
            (Format::Binary, Oid::TIMESTAMPTZ) => Self::TimestampTz,
            (Format::Binary, Oid::UUID) => Self::Uuid,
            (Format::Binary, Oid::JSON) => Self::Json,
            (Format::Binary, Oid::JSONB) => Self::Jsonb,
            (Format::Binary, Oid::BYTEA) => Self::Bytea,
            (Format::Binary, Oid::NUMERIC) => {
                decimal_shape(column.typmod()).map_or(Self::NumericText, Self::Decimal)
            }
            (Format::Binary, _) => Self::OpaqueBytes,
        }
    }

    fn data_type(self, text: TextLayout) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::Int2 => DataType::Int16,
            Self::Int4 => DataType::Int32,
            Self::Int8 => DataType::Int64,
            Self::Oid => DataType::UInt32,
            Self::Float4 => DataType::Float32,
            Self::Float8 => DataType::Float64,
            Self::Date => DataType::Date32,
            Self::Time => DataType::Time64(TimeUnit::Microsecond),
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Uuid => DataType::FixedSizeBinary(16),
            Self::Decimal(shape) => shape.data_type(),
            Self::Bytea | Self::OpaqueBytes => DataType::Binary,
            Self::Text | Self::Json | Self::Jsonb | Self::NumericText | Self::OpaqueText => match text {
                TextLayout::Utf8 => DataType::Utf8,
                TextLayout::Utf8View => DataType::Utf8View,
            },
        }
    }

    fn builder(self, data_type: &DataType, options: &ArrowOptions) -> Box<dyn ColumnBuilder> {
        let text = Content::Text(options.text);
        match self {
            Self::Bool => Fixed::<Bool, 1>::boxed(data_type),
            Self::Int2 => Fixed::<Int2, 2>::boxed(data_type),
            Self::Int4 => Fixed::<Int4, 4>::boxed(data_type),
            Self::Int8 => Fixed::<Int8, 8>::boxed(data_type),
            Self::Oid => Fixed::<OidNumber, 4>::boxed(data_type),
            Self::Float4 => Fixed::<Float4, 4>::boxed(data_type),
            Self::Float8 => Fixed::<Float8, 8>::boxed(data_type),
            Self::Date => Fixed::<DateDays, 4>::boxed(data_type),
            Self::Time => Fixed::<TimeMicros, 8>::boxed(data_type),
            Self::Timestamp | Self::TimestampTz => Fixed::<TimestampMicros, 8>::boxed(data_type),
            Self::Uuid => Fixed::<UuidBytes, 16>::boxed(data_type),
            Self::Decimal(shape) => decimal_column(shape),
            Self::Text | Self::Json | Self::OpaqueText => Variable::boxed(text, verbatim),
            Self::Jsonb => Variable::boxed(text, append_jsonb),
            Self::NumericText => Variable::boxed(text, append_numeric),
            Self::Bytea | Self::OpaqueBytes => Variable::boxed(Content::Bytes, verbatim),
        }
    }

    fn field(self, column: &Column, options: &ArrowOptions) -> Field {
        let mut metadata = HashMap::from([("POSTGRESQL:type".to_owned(), column.oid().to_string())]);
        if column.typmod() != -1 {
            metadata.insert("POSTGRESQL:typmod".to_owned(), column.typmod().to_string());
        }
        let field = Field::new(column.name(), self.data_type(options.text), true).with_metadata(metadata);
        match options.extension_types {
            ExtensionTypes::Attach => self.extended(field, column),
            ExtensionTypes::Omit => field,
        }
    }

    fn extended(self, field: Field, column: &Column) -> Field {
        match self {
            Self::Uuid => attach(field, UuidExtension),
            Self::Json | Self::Jsonb => attach(field, Json::default()),
            Self::NumericText | Self::OpaqueBytes | Self::OpaqueText => {
                attach(field, Opaque::new(column.oid().to_string(), "PostgreSQL"))
            }
            Self::Bool
            | Self::Int2
            | Self::Int4
            | Self::Int8
            | Self::Oid
            | Self::Float4
            | Self::Float8
            | Self::Date
            | Self::Time
            | Self::Timestamp
            | Self::TimestampTz
            | Self::Decimal(_)
            | Self::Text
            | Self::Bytea => field,
        }
    }
}

/// A field whose type the extension does not support stays as it is.
fn attach(mut field: Field, extension: impl ExtensionType) -> Field {
    let plain = field.clone();
    match field.try_with_extension_type(extension) {
        Ok(()) => field,
        Err(_) => plain,
    }
}
