use std::fmt;
use std::sync::Arc;

use arrow_array::{ArrayRef, StructArray};
use arrow_buffer::NullBuffer;
use arrow_schema::Fields;

use super::Fault;
use super::column::{ColumnBuilder, Growth, NotUtf8, field};
use super::nulls::Nulls;

/// A column of values that become several elements, one for each part of a struct.
pub(super) struct Struct<S: Split> {
    /// All with `len` elements.
    parts: Vec<Box<dyn ColumnBuilder>>,
    fields: Fields,
    nulls: Nulls,
    len: usize,
    split: S,
}

/// How a value becomes the parts of a struct.
pub(super) trait Split: Send + 'static {
    /// Appends an element to each part, or says what is wrong with the value: then to some of them perhaps.
    fn push(
        &self,
        value: &[u8],
        parts: &mut [Box<dyn ColumnBuilder>],
        bytes: &mut usize,
    ) -> Result<(), Fault>;

    /// Puts the parts together.
    fn array(&self, fields: &Fields, parts: Vec<ArrayRef>, nulls: Option<NullBuffer>) -> ArrayRef {
        Arc::new(StructArray::new(fields.clone(), parts, nulls))
    }
}

impl<S: Split> Struct<S> {
    pub(super) fn boxed(
        parts: Vec<Box<dyn ColumnBuilder>>,
        fields: Fields,
        split: S,
    ) -> Box<dyn ColumnBuilder> {
        Box::new(Self { parts, fields, nulls: Nulls::new(), len: 0, split })
    }
}

impl<S: Split> ColumnBuilder for Struct<S> {
    fn begin(&mut self) {
        self.parts.iter_mut().for_each(|part| part.begin());
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
        let mut taken = 0;
        let pushed = self.split.push(value, &mut self.parts, &mut taken);
        match pushed {
            Ok(()) => {
                self.len = self.len.saturating_add(1);
                *bytes = bytes.saturating_add(taken);
            }
            Err(_) => self.truncate(self.len),
        }
        pushed
    }

    fn push_null(&mut self) {
        self.nulls.mark(self.len);
        self.parts.iter_mut().for_each(|part| part.push_null());
        self.len = self.len.saturating_add(1);
    }

    fn len(&self) -> usize {
        self.len
    }

    fn truncate(&mut self, len: usize) {
        self.parts.iter_mut().for_each(|part| part.truncate(len));
        self.nulls.truncate(len);
        self.len = self.len.min(len);
    }

    fn finish(&mut self) -> Result<ArrayRef, NotUtf8> {
        let nulls = self.nulls.finish(self.len);
        self.len = 0;
        // All of them start again, whatever is wrong with one.
        let finished: Vec<_> = self.parts.iter_mut().map(|part| part.finish()).collect();
        Ok(self.split.array(&self.fields, finished.into_iter().collect::<Result<_, _>>()?, nulls))
    }

    fn width(&self) -> usize {
        self.parts.iter().map(|part| part.width()).sum()
    }

    fn variable_bytes(&self) -> usize {
        self.parts.iter().map(|part| part.variable_bytes()).sum()
    }

    fn growth(&self) -> Growth {
        let growths = self.parts.iter().map(|part| part.growth());
        growths.fold(Growth::default(), |most, growth| Growth {
            factor: most.factor.max(growth.factor),
            constant: most.constant.saturating_add(growth.constant),
        })
    }
}

impl<S: Split> fmt::Debug for Struct<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Struct({:?}, {} elements)", self.parts, self.len)
    }
}
