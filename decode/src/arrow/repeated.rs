use std::fmt;
use std::sync::Arc;

use arrow_array::{ArrayRef, ListArray};
use arrow_buffer::OffsetBuffer;
use arrow_schema::FieldRef;

use super::Fault;
use super::column::{ColumnBuilder, Growth, NotUtf8, field};
use super::elements::Elements;
use super::nulls::Nulls;

/// A value that is a count and so many elements of one width, as a type that is no array has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run<'r> {
    pub(crate) count: usize,
    /// The bytes in front of each element.
    pub(crate) skipped: usize,
    /// The bytes of each element.
    pub(crate) width: usize,
    pub(crate) elements: &'r [u8],
}

/// Finds the elements of a value.
pub(crate) type FindRun = fn(&[u8]) -> Result<Run<'_>, Fault>;

/// A column of values that are elements of one width each.
pub(super) struct Repeated {
    /// Where each value ends among the elements; before the first stands 0. Ascending.
    offsets: Elements<i32>,
    nulls: Nulls,
    elements: Box<dyn ColumnBuilder>,
    field: FieldRef,
    find: FindRun,
}

impl Repeated {
    pub(super) fn boxed(
        elements: Box<dyn ColumnBuilder>,
        field: FieldRef,
        find: FindRun,
    ) -> Box<dyn ColumnBuilder> {
        let mut offsets = Elements::new();
        offsets.push(0);
        Box::new(Self { offsets, nulls: Nulls::new(), elements, field, find })
    }

    fn push_elements(&mut self, value: &[u8]) -> Result<(), Fault> {
        let Run { count, skipped, width, elements } = (self.find)(value)?;
        let each = elements.chunks_exact(skipped.saturating_add(width).max(1));
        if each.len() != count || !each.remainder().is_empty() {
            return Err(Fault::Malformed("its length is not that of its elements"));
        }
        for element in each {
            self.elements.push(element.get(skipped..).unwrap_or_default(), &mut 0)?;
        }
        let end = i32::try_from(self.elements.len()).map_err(|_| Fault::TooLong)?;
        self.offsets.push(end);
        Ok(())
    }

    fn start_of(&self, value: usize) -> usize {
        self.offsets.get(value).and_then(|start| usize::try_from(start).ok()).unwrap_or(0)
    }
}

impl ColumnBuilder for Repeated {
    fn begin(&mut self) {
        self.offsets.begin();
        self.offsets.truncate(0);
        self.offsets.push(0);
        self.elements.begin();
    }

    fn take<'r>(&mut self, row: &'r [u8], bytes: &mut usize) -> Option<&'r [u8]> {
        let (value, rest) = field(row)?;
        match value {
            Some(value) => self.push(value, bytes).ok()?,
            None => self.push_null(),
        }
        Some(rest)
    }

    fn push(&mut self, value: &[u8], bytes: &mut usize) -> Result<(), Fault> {
        let before = self.variable_bytes();
        let pushed = self.push_elements(value);
        match pushed {
            Ok(()) => *bytes = bytes.saturating_add(self.variable_bytes().saturating_sub(before)),
            Err(_) => self.elements.truncate(self.start_of(self.len())),
        }
        pushed
    }

    fn push_null(&mut self) {
        self.nulls.mark(self.len());
        self.offsets.push(self.offsets.last().unwrap_or(0));
    }

    fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    fn truncate(&mut self, len: usize) {
        self.offsets.truncate(len.saturating_add(1));
        self.elements.truncate(self.start_of(self.len()));
        self.nulls.truncate(len);
    }

    fn finish(&mut self) -> Result<ArrayRef, NotUtf8> {
        let nulls = self.nulls.finish(self.len());
        let offsets = OffsetBuffer::new(self.offsets.finish_scalars());
        let elements = self.elements.finish()?;
        Ok(Arc::new(ListArray::new(Arc::clone(&self.field), offsets, elements, nulls)))
    }

    fn width(&self) -> usize {
        size_of::<i32>()
    }

    fn variable_bytes(&self) -> usize {
        self.elements.len().saturating_mul(self.elements.width())
    }

    /// An element takes as much here as on the wire.
    fn growth(&self) -> Growth {
        Growth::default()
    }
}

impl fmt::Debug for Repeated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Repeated({:?}, {} values)", self.elements, self.len())
    }
}
