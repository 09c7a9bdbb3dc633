use std::fmt;
use std::ops::Range;
use std::slice::ChunksExact;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};

use super::column::{ColumnBuilder, Growth, Refused, field, window};
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

/// What became of rows that were pushed together.
#[derive(Debug)]
#[must_use]
pub struct Pushed {
    /// How many of them are in the batch now, from the first on.
    pub rows: usize,
    /// Whether the batch is full, in front of the rows that are left; or what is wrong with the first of these.
    pub filled: Result<Filled, BatchError>,
}

/// Builds record batches from rows, within limits.
///
/// [`push`](Self::push) rows until it says [`Filled::Full`] or the result ends, [`finish`](Self::finish) the batch, and
/// go on with the next. A row that is an error leaves nothing behind; the batch can go on without it.
/// [`push_rows`](Self::push_rows) does the same with many rows at once, several times as fast.
///
/// The memory of a batch that was dropped before the next one begins is used again for that one. Until then the builder
/// holds on to it too, so what Arrow does in place where it owns a buffer alone, such as `into_builder`, is refused.
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
    /// What the rows of a block may take, as against the wire.
    growth: Growth,
    /// What a row has on the wire, if all of its fields have a width of their own and none is NULL.
    row_form: Option<usize>,
    /// How many rows are tried together.
    reach: usize,
    /// Where the next fields of the rows of a block begin.
    starts: Vec<usize>,
    /// The rows in the batches before this one.
    rows_before: u64,
}

impl BatchBuilder {
    /// Makes a builder for the rows of the result that the plan was compiled for.
    pub fn new(plan: &ArrowPlan, limits: BatchLimits) -> Self {
        let columns = plan.builders();
        let growths = columns.iter().map(|column| column.growth());
        let growth = growths.fold(Growth::default(), |most, growth| Growth {
            factor: most.factor.max(growth.factor),
            constant: most.constant.saturating_add(growth.constant),
        });
        Self {
            plan: plan.clone(),
            limits,
            row_width: columns.iter().map(|column| column.width()).sum(),
            row_form: columns
                .iter()
                .try_fold(2_usize, |form, column| form.checked_add(column.field_width()?)),
            columns,
            rows: 0,
            variable_bytes: 0,
            growth,
            reach: BLOCK,
            starts: Vec::new(),
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
    /// [`Unfit::Error`] is the policy: [`ValueError::value`] says what it is then. The row is not added. That text is
    /// UTF-8 is checked at the end of the batch.
    pub fn push(&mut self, body: &[u8]) -> Result<Filled, BatchError> {
        self.begin();
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

    /// Adds rows, each of which [`push`](Self::push) would add, until the batch is full or one is an error.
    ///
    /// A row is where it lies in `input`. Rows that lie close together, as in a read buffer, are taken column by column.
    /// Bytes of the input behind the last row are not looked at, but it is faster if there are some.
    pub fn push_rows(&mut self, input: &[u8], rows: &[Range<usize>]) -> Pushed {
        let mut taken: usize = 0;
        while let Some(left) = rows.get(taken..).filter(|left| !left.is_empty()) {
            let count = self.push_block(input, left);
            taken = taken.saturating_add(count);
            let filled = match (count, left.first()) {
                (0, Some(row)) => match self.push(input.get(row.clone()).unwrap_or_default()) {
                    Ok(filled) => {
                        taken = taken.saturating_add(1);
                        filled
                    }
                    Err(error) => return Pushed { rows: taken, filled: Err(error) },
                },
                _ => self.filled(),
            };
            if filled == Filled::Full {
                return Pushed { rows: taken, filled: Ok(Filled::Full) };
            }
        }
        Pushed { rows: taken, filled: Ok(Filled::More) }
    }

    /// Hands over the batch and starts the next one; `None` if there are no rows.
    ///
    /// # Errors
    ///
    /// A text is not UTF-8, and [`BrokenText::Error`](super::BrokenText::Error) is the policy. The batch is lost then,
    /// and the builder starts the next one.
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

    fn begin(&mut self) {
        if self.rows == 0 {
            self.columns.iter_mut().for_each(|column| column.begin());
        }
    }

    fn filled(&self) -> Filled {
        let full = self.rows >= self.limits.rows.get() || self.bytes() >= self.limits.bytes.get();
        if full { Filled::Full } else { Filled::More }
    }

    /// Adds some of the rows, from the first on, that have nothing unusual about them. Returns how many.
    fn push_block(&mut self, input: &[u8], rows: &[Range<usize>]) -> usize {
        let most = self.block_len(rows);
        let Some(rows) = rows.get(..most).filter(|_| most >= SHORTEST) else {
            // What is unusual may be in the rows behind, too: a block is tried again when some have passed one by one.
            self.reach = self.reach.saturating_add(1).min(BLOCK);
            return 0;
        };
        self.begin();
        let taken = match self.aligned(input, rows) {
            Some(rows) => self.take_aligned(rows),
            None => self.take_block(input, rows),
        };
        self.rows = self.rows.saturating_add(taken);
        let rows = self.rows;
        self.columns.iter_mut().filter(|column| column.len() > rows).for_each(|column| column.truncate(rows));
        self.variable_bytes = self.columns.iter().map(|column| column.variable_bytes()).sum();
        self.reach = if taken == most { self.reach.saturating_mul(2).min(BLOCK) } else { self.reach / 2 };
        taken
    }

    /// Takes the rows column by column. Each column begins in each row where the one before it has ended.
    fn take_block(&mut self, input: &[u8], rows: &[Range<usize>]) -> usize {
        let mut taken = heads(input, rows, self.columns.len(), &mut self.starts);
        for column in &mut self.columns {
            let Some(starts) = self.starts.get_mut(..taken) else { break };
            taken = column.take_block(input, starts);
        }
        let ends = rows.iter().zip(&self.starts).take(taken);
        ends.take_while(|(row, end)| row.end == **end).count()
    }

    /// Returns rows that lie at equal distances, each with what is between it and the next one, if all of their fields
    /// can have the same places in all of them.
    fn aligned<'i>(&self, input: &'i [u8], rows: &[Range<usize>]) -> Option<ChunksExact<'i, u8>> {
        let [first, second, ..] = rows else { return None };
        let (distance, len) = (second.start.checked_sub(first.start)?, self.row_form?);
        let mut start = first.start;
        let is_aligned = |row: &&Range<usize>| {
            let is_next = row.start == start && row.end == start.saturating_add(len);
            start = start.saturating_add(distance);
            is_next
        };
        let count = rows.iter().take_while(is_aligned).count();
        let is_worth_it = distance >= len && (count == rows.len() || count >= BLOCK / 8);
        let end = first.start.saturating_add(count.saturating_mul(distance)).min(input.len());
        let input = input.get(first.start..end).filter(|_| is_worth_it)?;
        Some(input.chunks_exact(distance))
    }

    fn take_aligned(&mut self, rows: ChunksExact<'_, u8>) -> usize {
        let columns = i16::try_from(self.columns.len()).unwrap_or(-1);
        let has_all = |row: &&[u8]| row.first_chunk().copied().map(i16::from_be_bytes) == Some(columns);
        let mut taken = rows.clone().take_while(has_all).count();
        let mut offset: usize = 2;
        for column in &mut self.columns {
            taken = taken.min(column.take_aligned(rows.clone(), offset));
            offset = offset.saturating_add(column.field_width().unwrap_or(0));
        }
        taken
    }

    /// Returns how many of the rows, together, cannot take the batch further beyond its limits than one alone may.
    fn block_len(&self, rows: &[Range<usize>]) -> usize {
        let most = self.limits.rows.get().saturating_sub(self.rows).min(self.reach);
        let mut left = self.limits.bytes.get().saturating_sub(self.bytes());
        let fixed = self.row_width.saturating_add(self.growth.constant);
        let fits = |row: &&Range<usize>| {
            let wire = row.end.saturating_sub(row.start);
            let bound = wire.saturating_mul(self.growth.factor).saturating_add(fixed);
            left.checked_sub(bound).inspect(|rest| left = *rest).is_some()
        };
        rows.iter().take(most).take_while(fits).count()
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
        let Some(column) = self.columns.get_mut(position) else { return Ok(rest) };
        let Some(value) = value else {
            column.push_null();
            return Ok(rest);
        };
        let fault = match column.push(value, bytes) {
            Ok(()) => return Ok(rest),
            Err(Fault::Unfit(kind, _)) if self.plan.policies().of(kind) == Unfit::Null => {
                column.push_null();
                return Ok(rest);
            }
            Err(fault) => fault,
        };
        self.undo();
        let error = match fault {
            Fault::Unfit(..) => ValueError::from(fault).about(self.plan.text_of(position, value)),
            Fault::Malformed(_) | Fault::TooLong => fault.into(),
        };
        Err(self.value_error(self.rows, position, error))
    }

    #[cold]
    fn undo_row(&mut self, error: RowError) -> BatchError {
        self.undo();
        self.row_error(error)
    }

    fn undo(&mut self) {
        self.columns.iter_mut().for_each(|column| column.truncate(self.rows));
    }

    fn arrays(&self, finished: Vec<Result<ArrayRef, Refused>>) -> Result<Vec<ArrayRef>, BatchError> {
        let checked = finished.into_iter().enumerate().map(|(position, array)| {
            array.map_err(|Refused { element, error }| self.value_error(element, position, error))
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

/// Finds where the first field of each row begins, up to a row whose count of fields is another. Returns how many there
/// are.
fn heads(input: &[u8], rows: &[Range<usize>], columns: usize, starts: &mut Vec<usize>) -> usize {
    starts.clear();
    let Ok(columns) = i16::try_from(columns) else { return 0 };
    let has_all =
        |row: &&Range<usize>| window(input, row.start).copied().map(i16::from_be_bytes) == Some(columns);
    starts.extend(rows.iter().take_while(has_all).map(|row| row.start.saturating_add(2)));
    starts.len()
}

/// The most rows that are taken together: their places fit into the first cache.
const BLOCK: usize = 512;
/// Fewer rows than this are taken one by one.
const SHORTEST: usize = 4;

impl fmt::Debug for BatchBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchBuilder")
            .field("columns", &self.columns)
            .field("rows", &self.rows)
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}
