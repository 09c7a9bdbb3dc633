use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};

use super::column::ColumnBuilder;
use super::form::{Asked, Form};
use super::{ArrowOptions, Unfit};
use crate::{Columns, types};

/// How the rows of one result become Arrow. Compiled once for a result; cheap to clone.
#[derive(Debug, Clone)]
pub struct ArrowPlan {
    columns: Columns,
    forms: Arc<[Form]>,
    schema: SchemaRef,
    options: ArrowOptions,
}

impl ArrowPlan {
    /// Compiles the plan for the columns of a result. There is one for every type.
    pub fn compile(columns: &Columns, options: &ArrowOptions) -> Self {
        let (forms, fields): (Vec<_>, Vec<_>) = columns
            .iter()
            .map(|column| {
                let asked = Asked { oid: column.oid(), typmod: column.typmod(), options: *options };
                let form = types::form(column.format(), &asked);
                let field = form.field(column.name(), &asked);
                (form, field)
            })
            .unzip();
        let schema = Arc::new(Schema::new(fields));
        Self { columns: columns.clone(), forms: forms.into(), schema, options: *options }
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
        self.forms.iter().map(Form::builder).collect()
    }
}
