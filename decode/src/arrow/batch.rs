use std::fmt;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};

use super::column::{ColumnBuilder, NotUtf8, field};
use super::{ArrowPlan, BatchError, BatchLimits, Fault, Unfit};
use crate::{RowError, ValueError, row};

/// Whether a batch takes further rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Filled {
    /// It does.
    More,
    /// It is full: [`BatchBuilder::finish`] is due.
    Full,
}

/// Builds record batches from rows, within limits.
///
/// [`push`](Self::push) rows until it says [`Filled::Full`] or the result ends, [`finish`](Self::finish) the batch, and
/// go on with the next. A row that is an error leaves nothing behind; the batch can go on without it.
///
/// The [module](crate::arrow) has an example.
pub struct BatchBuilder {
    plan: ArrowPlan,
    limits: BatchLimits,
    /// All with `rows` elements.
    columns: Vec<Box<dyn ColumnBuilder>>,
    rows: usize,
    /// What the elements take beyond the width of their columns.
    variable_bytes: usize,
    /// What a row takes at least.
    row_width: usize,
    /// The rows in the batches before this one.
    rows_before: u64,
}

impl BatchBuilder {
    /// Makes a builder for the rows of the result that the plan was compiled for.
    pub fn new(plan: &ArrowPlan, limits: BatchLimits) -> Self {
        let columns = plan.builders();
        Self {
            plan: plan.clone(),
            limits,
            row_width: columns.iter().map(|column| column.width()).sum(),
            columns,
            rows: 0,
            variable_bytes: 0,
            rows_before: 0,
        }
    }

    /// Adds a row: its count of fields and the fields, as DataRow and a binary COPY tuple have them.
    ///
    /// A full batch takes further rows all the same, as far as Arrow can hold them.
    ///
    /// # Errors
    ///
    /// The row does not fit the plan, or a value is malformed, or its Arrow type cannot hold it and
    /// [`Unfit::Error`] is the policy. The row is not added then. That text is UTF-8 is checked at the end of the
    /// batch.
    pub fn push(&mut self, body: &[u8]) -> Result<Filled, BatchError> {
        let mut rest = row::fields(body, self.columns.len()).map_err(|error| self.row_error(error))?;
        let mut bytes = self.variable_bytes;
        for position in 0..self.columns.len() {
            let Some(column) = self.columns.get_mut(position) else { break };
            rest = match column.take(rest, &mut bytes) {
                Some(rest) => rest,
                None => self.take_unusual(position, rest, &mut bytes)?,
            };
        }
        if !rest.is_empty() {
            return Err(self.undo_row(RowError::TrailingBytes));
        }
        self.rows += 1;
        self.variable_bytes = bytes;
        Ok(self.filled())
    }

    /// Hands over the batch and starts the next one; `None` if there are no rows.
    ///
    /// # Errors
    ///
    /// A text is not UTF-8. The batch is lost then, and the builder starts the next one.
    pub fn finish(&mut self) -> Result<Option<RecordBatch>, BatchError> {
        let rows = std::mem::take(&mut self.rows);
        self.variable_bytes = 0;
        if rows == 0 {
            return Ok(None);
        }
        let finished: Vec<_> = self.columns.iter_mut().map(|column| column.finish()).collect();
        let arrays = self.arrays(finished);
        self.rows_before = self.rows_before.saturating_add(u64::try_from(rows).unwrap_or(u64::MAX));
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(self.plan.schema(), arrays?, &options);
        batch.map(Some).map_err(BatchError::Arrow)
    }

    /// Returns the number of rows that wait for [`finish`](Self::finish).
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Returns the bytes of their values and offsets, without validity bitmaps.
    pub fn bytes(&self) -> usize {
        self.rows.saturating_mul(self.row_width).saturating_add(self.variable_bytes)
    }

    /// Returns the plan.
    pub fn plan(&self) -> &ArrowPlan {
        &self.plan
    }

    fn filled(&self) -> Filled {
        let full = self.rows >= self.limits.rows.get() || self.bytes() >= self.limits.bytes.get();
        if full { Filled::Full } else { Filled::More }
    }

    #[cold]
    fn take_unusual<'r>(
        &mut self,
        position: usize,
        row: &'r [u8],
        bytes: &mut usize,
    ) -> Result<&'r [u8], BatchError> {
        let Some((value, rest)) = field(row) else {
            return Err(self.undo_row(RowError::FieldLength { field: position }));
        };
        let unfit = self.plan.unfit();
        let Some(column) = self.columns.get_mut(position) else { return Ok(rest) };
        let pushed = value.map_or(Err(None), |value| column.push(value, bytes).map_err(Some));
        match (pushed, unfit) {
            (Ok(()), _) => {}
            (Err(None), _) | (Err(Some(Fault::Unfit(_))), Unfit::Null) => column.push_null(),
            (Err(Some(fault)), _) => {
                self.undo();
                return Err(self.value_error(self.rows, position, fault.into()));
            }
        }
        Ok(rest)
    }

    #[cold]
    fn undo_row(&mut self, error: RowError) -> BatchError {
        self.undo();
        self.row_error(error)
    }

    fn undo(&mut self) {
        self.columns.iter_mut().for_each(|column| column.truncate(self.rows));
    }

    fn arrays(&self, finished: Vec<Result<ArrayRef, NotUtf8>>) -> Result<Vec<ArrayRef>, BatchError> {
        let checked = finished.into_iter().enumerate().map(|(position, array)| {
            array.map_err(|NotUtf8 { element }| {
                self.value_error(element, position, ValueError::malformed("its text is not valid UTF-8"))
            })
        });
        checked.collect()
    }

    fn row_error(&self, error: RowError) -> BatchError {
        BatchError::Row { row: self.row_number(self.rows), error }
    }

    fn value_error(&self, element: usize, position: usize, error: ValueError) -> BatchError {
        let row = self.row_number(element);
        let error = match (self.plan.columns().get(position), self.plan.schema().fields().get(position)) {
            (Some(column), Some(field)) => {
                error.wanted(format!("Arrow {}", field.data_type()), position, column)
            }
            _ => error,
        };
        BatchError::Value { row, error }
    }

    fn row_number(&self, element: usize) -> u64 {
        self.rows_before.saturating_add(u64::try_from(element).unwrap_or(u64::MAX))
    }
}

impl fmt::Debug for BatchBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchBuilder")
            .field("columns", &self.columns)
            .field("rows", &self.rows)
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}
