use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};

use super::column::ColumnBuilder;
use super::form::Form;
use super::{ArrowOptions, Policies};
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
    /// Compiles the plan for the columns of a result. There is one for every type: one of the database that a
    /// [`Catalog`](crate::Catalog) has not described is bytes.
    pub fn compile(columns: &Columns, options: &ArrowOptions) -> Self {
        let (forms, fields): (Vec<_>, Vec<_>) = columns
            .iter()
            .map(|column| {
                let (form, asked) = types::form_of(column, options);
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

    pub(super) fn policies(&self) -> &Policies {
        &self.options.unfit
    }

    /// Returns the beginning of a column's value as the server would write it, if it is not too long for that.
    #[cold]
    pub(super) fn text_of(&self, position: usize, value: &[u8]) -> Option<String> {
        let writer = self.forms.get(position)?.writer().filter(|_| value.len() <= LONGEST_WRITTEN)?;
        let mut text = Vec::new();
        writer(value, &mut text).ok()?;
        let is_cut = text.len() > SHOWN;
        text.truncate(SHOWN);
        let mut text = String::from_utf8_lossy(&text).into_owned();
        if is_cut {
            text.push('…');
        }
        Some(text)
    }

    pub(super) fn builders(&self) -> Vec<Box<dyn ColumnBuilder>> {
        self.forms.iter().map(Form::builder).collect()
    }
}

/// The most bytes of a value that are shown.
const SHOWN: usize = 256;
/// A value that is longer on the wire is not written for so few of them.
const LONGEST_WRITTEN: usize = 64 * 1024;
