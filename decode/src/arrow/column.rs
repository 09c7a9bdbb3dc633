use std::fmt;
use std::slice::ChunksExact;

use arrow_array::ArrayRef;
use arrow_buffer::OffsetBuffer;

use super::Fault;
use crate::ValueError;

/// An Arrow column under construction. Of a row, a column takes its field off the front.
pub(crate) trait ColumnBuilder: fmt::Debug + Send {
    /// Makes room before the first element of a batch.
    fn begin(&mut self);

    /// Takes the first field off `row` and returns the rest, if there is nothing unusual about it. Otherwise returns
    /// `None` and has changed nothing; [`push`](Self::push) and [`push_null`](Self::push_null) sort it out. To `bytes`
    /// it adds what the value takes here beyond [`width`](Self::width).
    fn take<'r>(&mut self, row: &'r [u8], bytes: &mut usize) -> Option<&'r [u8]>;

    /// Takes the next field of each of many rows, until one is unusual, and returns how many it took. A row is where in
    /// `input` its next field begins; that of a row that was not taken is meaningless afterwards.
    ///
    /// A value takes at most [`growth`](Self::growth) more here than on the wire.
    fn take_block(&mut self, input: &[u8], rows: &mut [usize]) -> usize {
        let mut taken = 0;
        for row in rows {
            let rest = input.get(*row..).and_then(|rest| self.take(rest, &mut 0));
            let Some(rest) = rest else { break };
            *row = input.len().saturating_sub(rest.len());
            taken += 1;
        }
        taken
    }

    /// Takes the values of `width` bytes that begin at these places of the input, without lengths, until one is unusual,
    /// and returns how many it took.
    fn take_bare(&mut self, input: &[u8], places: &[usize], width: usize) -> usize {
        let value = |at: &usize| input.get(*at..at.checked_add(width)?);
        places.iter().map_while(|at| self.push(value(at)?, &mut 0).ok()).count()
    }

    /// Returns the bytes that a field has on the wire, with its length, if all but NULLs have the same.
    fn field_width(&self) -> Option<usize> {
        None
    }

    /// Takes the fields of that width that begin at `offset` in rows that have all the same form, until one is unusual,
    /// and returns how many it took.
    fn take_aligned(&mut self, _rows: ChunksExact<'_, u8>, _offset: usize) -> usize {
        0
    }

    /// Takes the first `count` fields off `row`, as [`take`](Self::take) does with one.
    fn take_run<'r>(&mut self, row: &'r [u8], count: usize) -> Option<&'r [u8]> {
        let start = self.len();
        let mut rest = row;
        for _ in 0..count {
            let Some(next) = self.take(rest, &mut 0) else {
                self.truncate(start);
                return None;
            };
            rest = next;
        }
        Some(rest)
    }

    /// Appends a value. Nothing is appended in case of a fault.
    fn push(&mut self, value: &[u8], bytes: &mut usize) -> Result<(), Fault>;

    /// Appends NULL.
    fn push_null(&mut self);

    /// Returns the number of elements.
    fn len(&self) -> usize;

    /// Forgets the elements from `len` on.
    fn truncate(&mut self, len: usize);

    /// Hands over the elements and starts again.
    fn finish(&mut self) -> Result<ArrayRef, Refused>;

    /// Returns the bytes that every element takes, NULL or not.
    fn width(&self) -> usize;

    /// Returns the bytes that all elements together take beyond that.
    fn variable_bytes(&self) -> usize;

    /// Returns how much more a value may take here than on the wire, with its length, if it is taken in a block.
    fn growth(&self) -> Growth {
        Growth::default()
    }
}

/// The bound of what values take in Arrow: so many times as much as on the wire, and so many bytes more for each row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Growth {
    pub(crate) factor: usize,
    pub(crate) constant: usize,
}

impl Default for Growth {
    fn default() -> Self {
        Self { factor: 1, constant: 0 }
    }
}

/// An element of a column turns out to be none when all of them are looked at.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) element: usize,
    pub(crate) error: ValueError,
}

impl Refused {
    /// Tells of the list that has the element, where the lists end there.
    pub(crate) fn within(self, offsets: &OffsetBuffer<i32>) -> Self {
        let is_before = |offset: &i32| usize::try_from(*offset).is_ok_and(|offset| offset <= self.element);
        Self { element: offsets.partition_point(is_before).saturating_sub(1), error: self.error }
    }
}

/// A field: its value, or `None` for NULL, and the rest of the row.
pub(crate) type Field<'r> = (Option<&'r [u8]>, &'r [u8]);

/// Splits the first field off a row, if it fits into it.
#[inline]
pub(crate) fn field(row: &[u8]) -> Option<Field<'_>> {
    let (length, rest) = row.split_first_chunk()?;
    match i32::from_be_bytes(*length) {
        -1 => Some((None, rest)),
        length => {
            let (value, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            Some((Some(value), rest))
        }
    }
}

/// Returns the `N` bytes of the input from there on: a field with whatever is behind it.
#[inline]
pub(crate) fn window<const N: usize>(input: &[u8], at: usize) -> Option<&[u8; N]> {
    input.get(at..)?.first_chunk()
}
