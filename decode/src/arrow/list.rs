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

/// A column of arrays of one dimension.
pub(super) struct List {
    /// Where each list ends among the elements; before the first stands 0. Ascending.
    offsets: Elements<i32>,
    nulls: Nulls,
    elements: Box<dyn ColumnBuilder>,
    /// What the elements take in all.
    bytes: usize,
    field: FieldRef,
    /// The type that every array is to say its elements have.
    oid: Oid,
    unfit: Unfit,
}

impl List {
    pub(super) fn boxed(
        elements: Box<dyn ColumnBuilder>,
        field: FieldRef,
        oid: Oid,
        unfit: Unfit,
    ) -> Box<dyn ColumnBuilder> {
        let mut offsets = Elements::new();
        offsets.push(0);
        Box::new(Self { offsets, nulls: Nulls::new(), elements, bytes: 0, field, oid, unfit })
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
        let (value, rest) = field(row)?;
        let Some(value) = value else {
            self.push_null();
            return Some(rest);
        };
        let (count, fields) = header(value, self.oid).ok()?;
        let (start, before) = (self.elements.len(), self.elements.variable_bytes());
        let taken = self.elements.take_run(fields, count).is_some_and(<[u8]>::is_empty);
        if !taken || self.end_list().is_err() {
            self.elements.truncate(start);
            return None;
        }
        let fixed = count.saturating_mul(self.elements.width());
        let taken = self.elements.variable_bytes().saturating_sub(before).saturating_add(fixed);
        self.bytes = self.bytes.saturating_add(taken);
        *bytes = bytes.saturating_add(taken);
        Some(rest)
    }

    fn push(&mut self, value: &[u8], bytes: &mut usize) -> Result<(), Fault> {
        let (count, fields) = header(value, self.oid)?;
        let (start, mut taken) = (self.elements.len(), 0);
        let pushed = self.push_elements(fields, count, &mut taken).and_then(|()| self.end_list());
        if pushed.is_err() {
            self.elements.truncate(start);
            return pushed;
        }
        self.bytes = self.bytes.saturating_add(taken);
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
        let fixed = self.elements.len().saturating_mul(self.elements.width());
        self.bytes = self.elements.variable_bytes().saturating_add(fixed);
    }

    fn finish(&mut self) -> Result<ArrayRef, NotUtf8> {
        let nulls = self.nulls.finish(self.len());
        let offsets = OffsetBuffer::new(self.offsets.finish_scalars());
        self.bytes = 0;
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
        self.bytes
    }

    /// A NULL takes the 4 bytes of its length on the wire, and up to 32 here. What is rewritten has no bound that is of
    /// use.
    fn growth(&self) -> Growth {
        let factor = if self.elements.growth().constant == 0 { 8 } else { usize::MAX };
        Growth { factor, constant: 0 }
    }
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "List({:?}, {} lists)", self.elements, self.len())
    }
}
