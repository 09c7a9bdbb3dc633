use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::types::{BinaryType, ByteArrayType, Utf8Type};
use arrow_array::{ArrayRef, GenericByteArray, StringArray, StringViewArray};
use arrow_buffer::{Buffer, OffsetBuffer};

use super::column::{ColumnBuilder, NotUtf8, field};
use super::nulls::Nulls;
use super::{Fault, TextLayout};

/// Appends what stands in the column for a value of the wire.
pub(crate) type Append = fn(&[u8], &mut Vec<u8>) -> Result<(), Fault>;

/// Takes a value as it came.
pub(crate) fn verbatim(value: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    out.extend_from_slice(value);
    Ok(())
}

/// What the elements of a column of any length are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Content {
    Bytes,
    Text(TextLayout),
}

/// A column of values of any length.
pub(super) struct Variable {
    /// Where each element ends; before the first stands 0. Ascending.
    offsets: Vec<i32>,
    values: Vec<u8>,
    nulls: Nulls,
    append: Append,
    content: Content,
}

impl Variable {
    pub(super) fn boxed(content: Content, append: Append) -> Box<dyn ColumnBuilder> {
        Box::new(Self { offsets: vec![0], values: Vec::new(), nulls: Nulls::new(), append, content })
    }

    fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    fn array<T: ByteArrayType<Offset = i32>>(&mut self) -> Result<GenericByteArray<T>, NotUtf8> {
        let len = self.len();
        let mut next = Vec::with_capacity(self.offsets.len());
        next.push(0);
        let offsets = OffsetBuffer::new(std::mem::replace(&mut self.offsets, next).into());
        let next = Vec::with_capacity(self.values.len());
        let values = Buffer::from_vec(std::mem::replace(&mut self.values, next));
        let nulls = self.nulls.finish(len);
        GenericByteArray::try_new(offsets.clone(), values.clone(), nulls)
            .map_err(|_| NotUtf8 { element: first_not_utf8(&offsets, &values) })
    }
}

impl ColumnBuilder for Variable {
    fn take<'r>(&mut self, row: &'r [u8], bytes: &mut usize) -> Option<&'r [u8]> {
        let (value, rest) = field(row)?;
        match value {
            Some(value) => self.push(value, bytes).ok()?,
            None => self.push_null(),
        }
        Some(rest)
    }

    fn push(&mut self, value: &[u8], bytes: &mut usize) -> Result<(), Fault> {
        let start = self.values.len();
        let appended = (self.append)(value, &mut self.values);
        match appended.and_then(|()| i32::try_from(self.values.len()).map_err(|_| Fault::TooLong)) {
            Ok(end) => {
                self.offsets.push(end);
                *bytes = bytes.saturating_add(self.values.len().saturating_sub(start));
                Ok(())
            }
            Err(fault) => {
                self.values.truncate(start);
                Err(fault)
            }
        }
    }

    fn push_null(&mut self) {
        self.nulls.mark(self.len());
        self.offsets.push(self.offsets.last().copied().unwrap_or(0));
    }

    fn truncate(&mut self, len: usize) {
        self.offsets.truncate(len.saturating_add(1));
        let end = self.offsets.last().and_then(|end| usize::try_from(*end).ok());
        self.values.truncate(end.unwrap_or(0));
        self.nulls.truncate(len);
    }

    fn finish(&mut self) -> Result<ArrayRef, NotUtf8> {
        Ok(match self.content {
            Content::Bytes => Arc::new(self.array::<BinaryType>()?),
            Content::Text(TextLayout::Utf8) => Arc::new(self.array::<Utf8Type>()?),
            Content::Text(TextLayout::Utf8View) => {
                let array: StringArray = self.array::<Utf8Type>()?;
                Arc::new(StringViewArray::from(&array))
            }
        })
    }

    fn width(&self) -> usize {
        size_of::<i32>()
    }
}

impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Variable({:?}, {} elements)", self.content, self.len())
    }
}

#[cold]
fn first_not_utf8(offsets: &OffsetBuffer<i32>, values: &Buffer) -> usize {
    let slice = |range: Range<i32>| {
        values.as_slice().get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
    };
    let broken = |pair: &[i32]| match pair {
        [start, end] => slice(*start..*end).is_none_or(|value| str::from_utf8(value).is_err()),
        _ => false,
    };
    offsets.windows(2).position(broken).unwrap_or(0)
}
