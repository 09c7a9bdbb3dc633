use std::fmt;
use std::sync::Arc;

use arrow_array::{ArrayRef, ListArray};
use arrow_buffer::OffsetBuffer;
use arrow_schema::FieldRef;

use super::column::{ColumnBuilder, Growth, NotUtf8, field};
use super::elements::Elements;
use super::nulls::Nulls;
use super::{Fault, Unfit};
use crate::Oid;

/// A column of arrays of one dimension, or of other values that are elements of one type behind each other.
pub(super) struct List {
    /// Where each list ends among the elements; before the first stands 0. Ascending.
    offsets: Elements<i32>,
    nulls: Nulls,
    elements: Box<dyn ColumnBuilder>,
    field: FieldRef,
    head: Head,
    unfit: Unfit,
}

/// What stands in front of the elements.
#[derive(Debug, Clone, Copy)]
pub(super) enum Head {
    /// That of an array, which is to say that its elements have this type.
    Array(Oid),
    /// Something else.
    Other(FindElements),
}

/// Returns how many elements a value has, and where they begin. They are as the fields of a row.
pub(crate) type FindElements = fn(&[u8]) -> Option<(usize, &[u8])>;

impl Head {
    #[inline]
    fn read(self, value: &[u8]) -> Result<(usize, &[u8]), Fault> {
        match self {
            Self::Array(oid) => header(value, oid),
            Self::Other(find) => find(value).ok_or(Fault::Malformed("it is no value of the type")),
        }
    }
}

impl List {
    pub(super) fn boxed(
        elements: Box<dyn ColumnBuilder>,
        field: FieldRef,
        head: Head,
        unfit: Unfit,
    ) -> Box<dyn ColumnBuilder> {
        let mut offsets = Elements::new();
        offsets.push(0);
        Box::new(Self { offsets, nulls: Nulls::new(), elements, field, head, unfit })
    }

    /// Takes the first field off a row, as [`ColumnBuilder::take`] does.
    #[inline]
    fn take_list<'r>(&mut self, row: &'r [u8]) -> Option<&'r [u8]> {
        let (value, rest) = field(row)?;
        let Some(value) = value else {
            self.push_null();
            return Some(rest);
        };
        let (count, fields) = self.head.read(value).ok()?;
        let start = self.start_of(self.len());
        let end = i32::try_from(start.checked_add(count)?).ok()?;
        if !self.elements.take_run(fields, count)?.is_empty() {
            self.elements.truncate(start);
            return None;
        }
        self.offsets.push(end);
        Some(rest)
    }

    /// Ends a list behind the elements that were appended last.
    fn end_list(&mut self) -> Result<(), Fault> {
        let end = i32::try_from(self.elements.len()).map_err(|_| Fault::TooLong)?;
        self.offsets.push(end);
        Ok(())
    }

    /// Appends the elements one by one, and says what is wrong with the first that cannot be one.
    fn push_elements(&mut self, mut rest: &[u8], count: usize, bytes: &mut usize) -> Result<(), Fault> {
        for _ in 0..count {
            let (value, next) = field(rest).ok_or(MALFORMED)?;
            match value.map(|value| self.elements.push(value, bytes)) {
                Some(Ok(())) => {}
                None => self.elements.push_null(),
                Some(Err(Fault::Unfit(_))) if self.unfit == Unfit::Null => self.elements.push_null(),
                Some(Err(fault)) => return Err(fault),
            }
            *bytes = bytes.saturating_add(self.elements.width());
            rest = next;
        }
        if rest.is_empty() { Ok(()) } else { Err(MALFORMED) }
    }

    fn start_of(&self, list: usize) -> usize {
        self.offsets.get(list).and_then(|start| usize::try_from(start).ok()).unwrap_or(0)
    }
}

/// Reads how many elements an array has, and where they begin.
// PG source: arrayfuncs.c, array_send: dimensions, flag for NULLs, type of the elements, and of each dimension the size
// and the lower bound.
#[inline]
fn header(value: &[u8], oid: Oid) -> Result<(usize, &[u8]), Fault> {
    let (head, rest) = value.split_first_chunk::<12>().ok_or(MALFORMED)?;
    let [d0, d1, d2, d3, f0, f1, f2, f3, o0, o1, o2, o3] = *head;
    if !matches!([f0, f1, f2, f3], [0, 0, 0, 0 | 1]) || [o0, o1, o2, o3] != oid.0.to_be_bytes() {
        return Err(MALFORMED);
    }
    match [d0, d1, d2, d3] {
        [0, 0, 0, 1] => {
            let ([n0, n1, n2, n3, lower @ ..], rest) = rest.split_first_chunk::<8>().ok_or(MALFORMED)?;
            if *lower != [0, 0, 0, 1] {
                return Err(Fault::Unfit("its lower bound is not 1"));
            }
            let count = u32::from_be_bytes([*n0, *n1, *n2, *n3]);
            let count = usize::try_from(count).map_err(|_| MALFORMED)?;
            // An element has a length at least, so no more are believed in than the value has room for.
            if count > rest.len() / 4 { Err(MALFORMED) } else { Ok((count, rest)) }
        }
        [0, 0, 0, 0] if rest.is_empty() => Ok((0, rest)),
        // PG source: c.h, MAXDIM.
        [0, 0, 0, 2..=6] => Err(Fault::Unfit("it has more than one dimension")),
        _ => Err(MALFORMED),
    }
}

const MALFORMED: Fault = Fault::Malformed("it is no array of the type");

impl ColumnBuilder for List {
    fn begin(&mut self) {
        self.offsets.begin();
        self.offsets.truncate(0);
        self.offsets.push(0);
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
        let (count, fields) = self.head.read(value)?;
        let (start, mut taken) = (self.elements.len(), 0);
        let pushed = self.push_elements(fields, count, &mut taken).and_then(|()| self.end_list());
        if pushed.is_err() {
            self.elements.truncate(start);
            return pushed;
        }
        *bytes = bytes.saturating_add(taken);
        Ok(())
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
        let elements = self.elements.finish().map_err(|NotUtf8 { element }| NotUtf8 {
            element: offsets
                .partition_point(|offset| usize::try_from(*offset).is_ok_and(|offset| offset <= element))
                .saturating_sub(1),
        })?;
        Ok(Arc::new(ListArray::new(Arc::clone(&self.field), offsets, elements, nulls)))
    }

    fn width(&self) -> usize {
        size_of::<i32>()
    }

    fn variable_bytes(&self) -> usize {
        let fixed = self.elements.len().saturating_mul(self.elements.width());
        self.elements.variable_bytes().saturating_add(fixed)
    }

    /// A NULL takes the 4 bytes of its length on the wire, and up to 32 here. What is rewritten has no bound that is of
    /// use.
    fn growth(&self) -> Growth {
        let Growth { factor, constant } = self.elements.growth();
        Growth { factor: if constant == 0 { factor.max(8) } else { usize::MAX }, constant: 0 }
    }
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "List({:?}, {} lists)", self.elements, self.len())
    }
}
