use std::fmt;
use std::sync::Arc;

use arrow_array::{ArrayRef, StructArray};
use arrow_buffer::NullBuffer;
use arrow_schema::Fields;

use super::Fault;
use super::column::{ColumnBuilder, Growth, Refused, field};
use super::nulls::Nulls;

/// A column of values that become several elements, one for each part of a struct.
pub(super) struct Struct<S: Split> {
    /// All with `len` elements.
    parts: Vec<Box<dyn ColumnBuilder>>,
    fields: Fields,
    nulls: Nulls,
    len: usize,
    split: S,
    scratch: Scratch,
    /// How many rows of a block are taken one by one before some are tried together.
    reach: usize,
}

/// What is kept of rows that are taken together.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// Where the next part of each begins.
    pub(super) places: Vec<usize>,
    /// What else a value says of its parts.
    pub(super) flags: Vec<u8>,
    pub(super) bits: Vec<usize>,
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

    /// Takes the next field of each of many rows part by part, until one is NULL or unusual, and returns how many it
    /// took. There may be more of some parts afterwards.
    fn take_block(
        &self,
        _input: &[u8],
        _rows: &mut [usize],
        _parts: &mut [Box<dyn ColumnBuilder>],
        _scratch: &mut Scratch,
    ) -> usize {
        0
    }

    /// Takes values of a width that have no lengths, in the same way.
    fn take_bare(
        &self,
        _input: &[u8],
        _places: &[usize],
        _width: usize,
        _parts: &mut [Box<dyn ColumnBuilder>],
        _scratch: &mut Scratch,
    ) -> usize {
        0
    }

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
        let (nulls, scratch) = (Nulls::new(), Scratch::default());
        Box::new(Self { parts, fields, nulls, len: 0, split, scratch, reach: 0 })
    }

    /// Goes on behind so many more elements, without what there may be of some parts behind these.
    fn grow(&mut self, count: usize) {
        self.len = self.len.saturating_add(count);
        let len = self.len;
        self.parts.iter_mut().for_each(|part| part.truncate(len));
    }
}

impl<S: Split> ColumnBuilder for Struct<S> {
    fn begin(&mut self) {
        self.parts.iter_mut().for_each(|part| part.begin());
    }

    #[inline]
    fn take<'r>(&mut self, row: &'r [u8], bytes: &mut usize) -> Option<&'r [u8]> {
        let (value, rest) = field(row)?;
        match value {
            Some(value) => self.push(value, bytes).ok()?,
            None => self.push_null(),
        }
        Some(rest)
    }

    fn take_block(&mut self, input: &[u8], rows: &mut [usize]) -> usize {
        let mut taken = 0;
        while let Some(rest) = rows.get_mut(taken..).filter(|rest| !rest.is_empty()) {
            if self.reach == 0 {
                let count = self.split.take_block(input, rest, &mut self.parts, &mut self.scratch);
                self.grow(count);
                taken = taken.saturating_add(count);
                // What stopped it is likely to come again soon if it came soon.
                self.reach = if count < SHORTEST { ONE_BY_ONE } else { 1 };
            }
            let one_by_one = rows.get_mut(taken..).unwrap_or_default().iter_mut().take(self.reach);
            for row in one_by_one {
                let Some(rest) = input.get(*row..).and_then(|rest| self.take(rest, &mut 0)) else {
                    return taken;
                };
                *row = input.len().saturating_sub(rest.len());
                taken += 1;
                self.reach = self.reach.saturating_sub(1);
            }
        }
        taken
    }

    fn take_bare(&mut self, input: &[u8], places: &[usize], width: usize) -> usize {
        let mut taken = self.split.take_bare(input, places, width, &mut self.parts, &mut self.scratch);
        self.grow(taken);
        for at in places.get(taken..).unwrap_or_default() {
            let value = at.checked_add(width).and_then(|end| input.get(*at..end));
            if value.and_then(|value| self.push(value, &mut 0).ok()).is_none() {
                break;
            }
            taken = taken.saturating_add(1);
        }
        taken
    }

    #[inline]
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

    #[inline]
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

    fn finish(&mut self) -> Result<ArrayRef, Refused> {
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

/// Fewer rows than this are not worth to be taken part by part.
const SHORTEST: usize = 8;
/// How many rows are taken one by one after fewer.
const ONE_BY_ONE: usize = 256;

impl<S: Split> fmt::Debug for Struct<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Struct({:?}, {} elements)", self.parts, self.len)
    }
}
