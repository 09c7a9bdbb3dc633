//! What a value is made of, taken off its front.

use crate::ValueError;

/// The rest of a value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'r>(pub(crate) &'r [u8]);

impl<'r> Cursor<'r> {
    #[inline]
    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Option<&'r [u8]> {
        let (first, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(first)
    }

    #[inline]
    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    #[inline]
    pub(crate) fn i32(&mut self) -> Option<i32> {
        self.array().map(i32::from_be_bytes)
    }

    #[inline]
    pub(super) fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_be_bytes)
    }

    #[inline]
    pub(super) fn f64(&mut self) -> Option<f64> {
        self.array().map(f64::from_be_bytes)
    }

    /// Takes a number that counts what follows: no more things of `size` bytes than there is room for.
    pub(super) fn count(&mut self, size: usize) -> Option<usize> {
        let count = usize::try_from(self.i32()?).ok()?;
        (count <= self.0.len() / size.max(1)).then_some(count)
    }

    /// Takes text up to a zero byte, and that.
    pub(super) fn text(&mut self) -> Option<&'r str> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        let text = self.bytes(end)?;
        self.u8()?;
        str::from_utf8(text).ok()
    }

    /// Returns how much was taken of what was the whole.
    pub(crate) fn taken(self, whole: &[u8]) -> usize {
        whole.len().saturating_sub(self.0.len())
    }

    /// Says whether nothing is left.
    #[inline]
    pub(crate) fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

/// Reads a value to its end.
pub(super) fn whole<'r, T>(
    value: &'r [u8],
    problem: &'static str,
    read: impl FnOnce(&mut Cursor<'r>) -> Option<T>,
) -> Result<T, ValueError> {
    to_end(value, read).ok_or_else(|| ValueError::malformed(problem))
}

/// Reads a value to its end, for those that tell themselves what is wrong with it.
#[inline]
pub(super) fn to_end<'r, T>(value: &'r [u8], read: impl FnOnce(&mut Cursor<'r>) -> Option<T>) -> Option<T> {
    let mut cursor = Cursor(value);
    read(&mut cursor).filter(|_| cursor.is_empty())
}
