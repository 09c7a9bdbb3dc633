use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::types::{BinaryType, ByteArrayType, Utf8Type};
use arrow_array::{ArrayRef, GenericByteArray, StringArray};
use arrow_buffer::{BooleanBufferBuilder, Buffer, NullBuffer, OffsetBuffer};

use super::column::{ColumnBuilder, Growth, Refused, field, window};
use super::elements::{Elements, reserve};
use super::nulls::{BITS, Nulls};
use super::views::views_of;
use super::{BrokenText, Fault, TextLayout};
use crate::ValueError;

/// What stands in a column for a value of the wire.
#[derive(Clone)]
pub(crate) enum Copied {
    /// The value.
    Whole,
    /// What is behind its first byte, which has to be this one.
    Behind(u8, &'static str),
    /// Something that is written in its place.
    Rewritten(Append),
    /// The text that the server would write.
    Written(Writer),
}

impl Copied {
    /// Says whether nobody has looked at the text that it is.
    pub(super) fn is_unchecked(&self) -> bool {
        matches!(self, Self::Whole | Self::Behind(..))
    }

    /// Returns what appends the text that stands in the column.
    pub(crate) fn writer(&self) -> Writer {
        let copied = self.clone();
        Arc::new(move |value, out| copied.append(value, out))
    }

    #[inline]
    fn append(&self, value: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
        match self {
            Self::Whole => {
                out.extend_from_slice(value);
                Ok(())
            }
            Self::Behind(before, problem) => match value.split_first() {
                Some((first, rest)) if first == before => {
                    out.extend_from_slice(rest);
                    Ok(())
                }
                _ => Err(Fault::Malformed(problem)),
            },
            Self::Rewritten(append) => append(value, out),
            Self::Written(write) => write(value, out),
        }
    }
}

/// Appends what stands in the column for a value.
pub(crate) type Append = fn(&[u8], &mut Vec<u8>) -> Result<(), Fault>;

/// The same, for what knows of other types too.
pub(crate) type Writer = Arc<dyn Fn(&[u8], &mut Vec<u8>) -> Result<(), Fault> + Send + Sync>;

/// What the elements of a column of any length are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Content {
    Bytes,
    Text(TextLayout, BrokenText),
}

/// A column of values of any length.
pub(super) struct Variable {
    /// Where each element ends; before the first stands 0. Ascending.
    offsets: Elements<i32>,
    values: Elements<u8>,
    nulls: Nulls,
    copied: Copied,
    content: Content,
}

impl Variable {
    pub(super) fn boxed(content: Content, copied: Copied) -> Box<dyn ColumnBuilder> {
        let mut offsets = Elements::new();
        offsets.push(0);
        Box::new(Self { offsets, values: Elements::new(), nulls: Nulls::new(), copied, content })
    }

    /// Takes fields that are copied but for the first `SKIPPED` bytes of each, which are to be `before`. Short ones are
    /// copied at one length, whatever theirs is: what is too much is overwritten by the next. Nothing branches on NULLs.
    /// Ends in front of one that is too near to the end of the input, or unusual.
    fn take_copies<const SKIPPED: usize>(
        &mut self,
        input: &[u8],
        rows: &mut [usize],
        before: [u8; SKIPPED],
    ) -> usize {
        let first = self.len();
        let (mut nulls, mut count) = (0_u64, 0);
        self.values.reserve(rows.len().saturating_mul(SHORT));
        let values = self.values.as_vec();
        let slots = self.offsets.room(rows.len());
        for (row, slot) in rows.iter_mut().zip(slots) {
            let at = *row;
            let Some(field) = window::<WINDOW>(input, at) else { break };
            let Some((length, value)) = field.split_first_chunk::<4>() else { break };
            let Some((lead, value)) = value.split_first_chunk::<SKIPPED>() else { break };
            let Some(value) = value.first_chunk::<SHORT>() else { break };
            let length = u32::from_be_bytes(*length);
            let is_null = length == u32::MAX;
            let length = if is_null { 0 } else { length };
            let Ok(length) = usize::try_from(length) else { break };
            let skipped = if is_null { 0 } else { SKIPPED };
            let (end, size) = (values.len().saturating_add(length).wrapping_sub(skipped), length);
            if !is_null && (*lead != before || size < SKIPPED) {
                break;
            }
            let Ok(offset) = i32::try_from(end) else { break };
            if size <= SHORT {
                values.extend_from_slice(value);
                values.truncate(end);
            } else {
                let value =
                    input.get(at.saturating_add(4 + SKIPPED)..at.saturating_add(4).saturating_add(size));
                let Some(value) = value else { break };
                reserve(values, value.len().saturating_add(BITS * SHORT));
                values.extend_from_slice(value);
            }
            *slot = offset;
            *row = at.wrapping_add(4).wrapping_add(size);
            nulls |= u64::from(is_null) << count;
            count += 1;
        }
        self.offsets.truncate(first.saturating_add(count).saturating_add(1));
        self.nulls.mark_all(first, nulls);
        count
    }

    /// Takes one field that is rewritten, or near the end of the input.
    fn take_one(&mut self, input: &[u8], row: &mut usize) -> bool {
        let start = self.values.len();
        let Some((value, rest)) = input.get(*row..).and_then(field) else { return false };
        let wire = value.map_or(0, <[u8]>::len);
        match value.map(|value| self.push(value, &mut 0)) {
            None => self.push_null(),
            Some(Ok(())) if self.values.len() <= start.saturating_add(wire).saturating_add(MOST_GROWTH) => {}
            Some(Ok(())) if self.is_within(start, wire) => {}
            Some(Ok(())) => {
                self.truncate(self.len().saturating_sub(1));
                return false;
            }
            Some(Err(_)) => return false,
        }
        *row = input.len().saturating_sub(rest.len());
        true
    }

    /// Says whether the last element, from `start` on, is no longer than a value of a block may be.
    fn is_within(&self, start: usize, wire: usize) -> bool {
        let Growth { factor, constant } = self.growth();
        self.values.len() <= start.saturating_add(wire.saturating_mul(factor)).saturating_add(constant)
    }

    /// Makes the array of the elements, without those that are no text if these are to be NULL.
    fn array<T: ByteArrayType<Offset = i32>>(
        &mut self,
        nulls: Option<NullBuffer>,
        broken: BrokenText,
    ) -> Result<GenericByteArray<T>, Refused> {
        let offsets = OffsetBuffer::new(self.offsets.finish_scalars());
        let values = self.values.finish();
        GenericByteArray::try_new(offsets.clone(), values.clone(), nulls.clone()).or_else(|_| match broken {
            BrokenText::Error => Err(first_not_utf8(&offsets, &values)),
            BrokenText::Null => Ok(without_broken(&offsets, &values, nulls.as_ref())),
        })
    }
}

/// What is copied of a short value.
const SHORT: usize = 32;
/// A short field, and a byte in front of its value.
const WINDOW: usize = 4 + 1 + SHORT;
/// By how much a value of a block may be longer here than on the wire.
const MOST_GROWTH: usize = 64;
/// How many times as long as on the wire the elements of a value may be as text.
const MOST_TIMES: usize = 8;

impl ColumnBuilder for Variable {
    fn begin(&mut self) {
        self.offsets.begin();
        self.offsets.truncate(0);
        self.offsets.push(0);
        self.values.begin();
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
            let len = rest.len().min(BITS);
            let Some(some) = rest.get_mut(..len) else { break };
            let count = match self.copied {
                Copied::Whole => self.take_copies(input, some, []),
                Copied::Behind(before, _) => self.take_copies(input, some, [before]),
                Copied::Rewritten(_) | Copied::Written(_) => 0,
            };
            taken = taken.saturating_add(count);
            if count == len {
                continue;
            }
            let Some(row) = rows.get_mut(taken) else { break };
            if !self.take_one(input, row) {
                break;
            }
            taken += 1;
        }
        taken
    }

    #[inline]
    fn push(&mut self, value: &[u8], bytes: &mut usize) -> Result<(), Fault> {
        let start = self.values.len();
        self.values.reserve(value.len());
        let values = self.values.as_vec();
        let appended = self.copied.append(value, values);
        match appended.and_then(|()| i32::try_from(values.len()).map_err(|_| Fault::TooLong)) {
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
        self.offsets.push(self.offsets.last().unwrap_or(0));
    }

    fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    fn truncate(&mut self, len: usize) {
        self.offsets.truncate(len.saturating_add(1));
        let end = self.offsets.last().and_then(|end| usize::try_from(end).ok());
        self.values.truncate(end.unwrap_or(0));
        self.nulls.truncate(len);
    }

    fn finish(&mut self) -> Result<ArrayRef, Refused> {
        let nulls = self.nulls.finish(self.len());
        Ok(match self.content {
            Content::Bytes => Arc::new(self.array::<BinaryType>(nulls, BrokenText::Error)?),
            Content::Text(TextLayout::Utf8, broken) => Arc::new(self.array::<Utf8Type>(nulls, broken)?),
            Content::Text(TextLayout::Utf8View, broken) => {
                let array: StringArray = self.array::<Utf8Type>(nulls, broken)?;
                Arc::new(views_of(&array))
            }
        })
    }

    fn width(&self) -> usize {
        size_of::<i32>()
    }

    fn variable_bytes(&self) -> usize {
        self.values.len()
    }

    fn growth(&self) -> Growth {
        match self.copied {
            Copied::Whole | Copied::Behind(..) => Growth::default(),
            Copied::Rewritten(_) => Growth { constant: MOST_GROWTH, ..Growth::default() },
            Copied::Written(_) => Growth { constant: MOST_GROWTH, factor: MOST_TIMES },
        }
    }
}

impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Variable({:?}, {} elements)", self.content, self.len())
    }
}

/// Walks through the elements.
fn each<'v>(offsets: &'v OffsetBuffer<i32>, values: &'v Buffer) -> impl Iterator<Item = &'v [u8]> {
    let slice = |range: Range<i32>| {
        values.as_slice().get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
    };
    offsets.windows(2).map(move |pair| match pair {
        [start, end] => slice(*start..*end).unwrap_or_default(),
        _ => &[],
    })
}

#[cold]
fn first_not_utf8(offsets: &OffsetBuffer<i32>, values: &Buffer) -> Refused {
    let mut elements = each(offsets, values).enumerate();
    let broken = elements.find(|(_, value)| str::from_utf8(value).is_err());
    let (element, value) = broken.unwrap_or_default();
    let shown = value.get(..value.len().min(SHOWN)).unwrap_or_default().escape_ascii().to_string();
    Refused { element, error: ValueError::malformed("its text is not valid UTF-8").about(Some(shown)) }
}

/// The most bytes that are told of a text that is none.
const SHOWN: usize = 64;

#[cold]
fn without_broken<T: ByteArrayType<Offset = i32>>(
    offsets: &OffsetBuffer<i32>,
    values: &Buffer,
    nulls: Option<&NullBuffer>,
) -> GenericByteArray<T> {
    let mut kept = Vec::with_capacity(values.len());
    let mut ends = Vec::with_capacity(offsets.len());
    let mut is_valid = BooleanBufferBuilder::new(offsets.len());
    ends.push(0);
    for (element, value) in each(offsets, values).enumerate() {
        let is_text = str::from_utf8(value).is_ok();
        if is_text {
            kept.extend_from_slice(value);
        }
        ends.push(i32::try_from(kept.len()).unwrap_or(i32::MAX));
        is_valid.append(is_text && nulls.is_none_or(|nulls| nulls.is_valid(element)));
    }
    let nulls = NullBuffer::new(is_valid.finish());
    GenericByteArray::new(OffsetBuffer::new(ends.into()), Buffer::from_vec(kept), Some(nulls))
}
