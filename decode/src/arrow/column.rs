use std::fmt;

use arrow_array::ArrayRef;

use super::Fault;

/// An Arrow column under construction. Of a row, a column takes its field off the front.
pub(crate) trait ColumnBuilder: fmt::Debug + Send {
    /// Takes the first field off `row` and returns the rest, if there is nothing unusual about it. Otherwise returns
    /// `None` and has changed nothing; [`push`](Self::push) and [`push_null`](Self::push_null) sort it out. To `bytes`
    /// it adds what the value takes here beyond [`width`](Self::width).
    fn take<'r>(&mut self, row: &'r [u8], bytes: &mut usize) -> Option<&'r [u8]>;

    /// Appends a value. Nothing is appended in case of a fault.
    fn push(&mut self, value: &[u8], bytes: &mut usize) -> Result<(), Fault>;

    /// Appends NULL.
    fn push_null(&mut self);

    /// Forgets the elements from `len` on.
    fn truncate(&mut self, len: usize);

    /// Hands over the elements and starts again.
    fn finish(&mut self) -> Result<ArrayRef, NotUtf8>;

    /// Returns the bytes that every element takes, NULL or not.
    fn width(&self) -> usize;
}

/// An element of a text column is not UTF-8.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NotUtf8 {
    pub(crate) element: usize,
}

/// A field: its value, or `None` for NULL, and the rest of the row.
pub(crate) type Field<'r> = (Option<&'r [u8]>, &'r [u8]);

/// Splits the first field off a row, if it fits into it.
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
