use std::fmt;
use std::sync::Arc;

use arrow_array::{ArrayRef, ListArray};
use arrow_buffer::OffsetBuffer;
use arrow_schema::FieldRef;

use super::Fault;
use super::column::{ColumnBuilder, Growth, Refused, field};
use super::elements::Elements;
use super::nulls::Nulls;

/// A column of values that are elements of one type behind each other.
pub(super) struct List<F: Fill> {
    offsets: Offsets,
    nulls: Nulls,
    elements: Box<dyn ColumnBuilder>,
    field: FieldRef,
    fill: F,
}

/// How a value becomes elements.
pub(super) trait Fill: fmt::Debug + Send + 'static {
    /// Appends the elements of a value that has nothing unusual about it to as many as there are, and returns how many
    /// there are then. Otherwise returns `None`, with some appended perhaps.
    fn take(&self, value: &[u8], elements: &mut dyn ColumnBuilder, there: usize) -> Option<usize>;

    /// Appends the elements of a value, and adds to `bytes` what they take; or says what is wrong with it, with some
    /// appended perhaps.
    fn push(&self, value: &[u8], elements: &mut dyn ColumnBuilder, bytes: &mut usize) -> Result<(), Fault>;

    /// Returns how much more a value may take than on the wire, if its elements may take so much more.
    fn growth(&self, elements: Growth) -> Growth;
}

impl<F: Fill> List<F> {
    pub(super) fn boxed(
        elements: Box<dyn ColumnBuilder>,
        field: FieldRef,
        fill: F,
    ) -> Box<dyn ColumnBuilder> {
        Box::new(Self { offsets: Offsets::new(), nulls: Nulls::new(), elements, field, fill })
    }

    /// Takes the first field off a row, as [`ColumnBuilder::take`] does.
    #[inline]
    fn take_list<'r>(&mut self, row: &'r [u8]) -> Option<&'r [u8]> {
        let (value, rest) = field(row)?;
        let Some(value) = value else {
            self.push_null();
            return Some(rest);
        };
        let there = self.offsets.last();
        let end = self.fill.take(value, &mut *self.elements, there).and_then(|end| i32::try_from(end).ok());
        let Some(end) = end else {
            self.elements.truncate(there);
            return None;
        };
        self.offsets.push(end);
        Some(rest)
    }
}

impl<F: Fill> ColumnBuilder for List<F> {
    fn begin(&mut self) {
        self.offsets.begin();
        self.elements.begin();
    }

    fn take<'r>(&mut self, row: &'r [u8], bytes: &mut usize) -> Option<&'r [u8]> {
        let before = self.variable_bytes();
        let rest = self.take_list(row)?;
        *bytes = bytes.saturating_add(self.variable_bytes().saturating_sub(before));
        Some(rest)
    }

    fn take_block(&mut self, input: &[u8], rows: &mut [usize]) -> usize {
        let mut taken = 0;
        for row in rows {
            let Some(rest) = input.get(*row..).and_then(|rest| self.take_list(rest)) else { break };
            *row = input.len().saturating_sub(rest.len());
            taken += 1;
        }
        taken
    }

    fn push(&mut self, value: &[u8], bytes: &mut usize) -> Result<(), Fault> {
        let mut taken = 0;
        let pushed = self.fill.push(value, &mut *self.elements, &mut taken);
        let pushed = pushed.and_then(|()| self.offsets.end_at(self.elements.len()));
        match pushed {
            Ok(()) => *bytes = bytes.saturating_add(taken),
            Err(_) => self.elements.truncate(self.offsets.last()),
        }
        pushed
    }

    fn push_null(&mut self) {
        self.nulls.mark(self.len());
        self.offsets.repeat();
    }

    fn len(&self) -> usize {
        self.offsets.len()
    }

    fn truncate(&mut self, len: usize) {
        self.elements.truncate(self.offsets.truncate(len));
        self.nulls.truncate(len);
    }

    fn finish(&mut self) -> Result<ArrayRef, Refused> {
        let nulls = self.nulls.finish(self.len());
        let offsets = self.offsets.finish();
        let elements = self.elements.finish().map_err(|broken| broken.within(&offsets))?;
        Ok(Arc::new(ListArray::new(Arc::clone(&self.field), offsets, elements, nulls)))
    }

    fn width(&self) -> usize {
        size_of::<i32>()
    }

    fn variable_bytes(&self) -> usize {
        let fixed = self.elements.len().saturating_mul(self.elements.width());
        self.elements.variable_bytes().saturating_add(fixed)
    }

    fn growth(&self) -> Growth {
        self.fill.growth(self.elements.growth())
    }
}

impl<F: Fill> fmt::Debug for List<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "List({:?} of {:?}, {} lists)", self.fill, self.elements, self.len())
    }
}

/// Where each list ends among its elements; before the first stands 0. Ascending.
pub(super) struct Offsets(Elements<i32>);

impl Offsets {
    pub(super) fn new() -> Self {
        let mut offsets = Elements::new();
        offsets.push(0);
        Self(offsets)
    }

    pub(super) fn begin(&mut self) {
        self.0.begin();
        self.0.truncate(0);
        self.0.push(0);
    }

    /// Returns the number of lists.
    pub(super) fn len(&self) -> usize {
        self.0.len().saturating_sub(1)
    }

    #[inline]
    fn push(&mut self, end: i32) {
        self.0.push(end);
    }

    /// Ends a list.
    pub(super) fn end_at(&mut self, end: usize) -> Result<(), Fault> {
        self.0.push(i32::try_from(end).map_err(|_| Fault::TooLong)?);
        Ok(())
    }

    /// Ends a list without elements.
    pub(super) fn repeat(&mut self) {
        self.0.push(self.0.last().unwrap_or(0));
    }

    /// Returns how many elements the lists have.
    #[inline]
    pub(super) fn last(&self) -> usize {
        self.0.last().and_then(|end| usize::try_from(end).ok()).unwrap_or(0)
    }

    /// Forgets the lists from `len` on, and returns how many elements the others have.
    pub(super) fn truncate(&mut self, len: usize) -> usize {
        self.0.truncate(len.saturating_add(1));
        self.last()
    }

    pub(super) fn finish(&mut self) -> OffsetBuffer<i32> {
        OffsetBuffer::new(self.0.finish_scalars())
    }
}
