use crate::Malformed;

/// A cursor over the body of a message. It never reads behind the end.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'b> {
    rest: &'b [u8],
}

impl<'b> Reader<'b> {
    /// Starts at the first byte of `body`.
    pub const fn new(body: &'b [u8]) -> Self {
        Self { rest: body }
    }

    /// Reads one byte.
    pub fn u8(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Reads a signed 16-bit integer.
    pub fn i16(&mut self) -> Result<i16, Malformed> {
        self.array().map(i16::from_be_bytes)
    }

    /// Reads an unsigned 16-bit integer: every count of the protocol is one.
    #[inline]
    pub fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_be_bytes)
    }

    /// Reads a signed 32-bit integer.
    #[inline]
    pub fn i32(&mut self) -> Result<i32, Malformed> {
        self.array().map(i32::from_be_bytes)
    }

    /// Reads an unsigned 32-bit integer: OIDs are such.
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
    }

    /// Reads a signed 64-bit integer.
    pub fn i64(&mut self) -> Result<i64, Malformed> {
        self.array().map(i64::from_be_bytes)
    }

    /// Reads an unsigned 64-bit integer: positions in the write-ahead log are such.
    pub fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_be_bytes)
    }

    /// Reads a string up to its NUL, which is consumed and not part of the result.
    pub fn cstr(&mut self) -> Result<&'b [u8], Malformed> {
        let end = self.rest.iter().position(|byte| *byte == 0).ok_or(Malformed::Unterminated)?;
        let (text, rest) = self.rest.split_at_checked(end).ok_or(Malformed::Unterminated)?;
        self.rest = rest.get(1..).unwrap_or_default();
        Ok(text)
    }

    /// Reads a string that has to be UTF-8.
    pub fn text(&mut self) -> Result<&'b str, Malformed> {
        str::from_utf8(self.cstr()?).map_err(|_| Malformed::Utf8)
    }

    /// Reads a length and the bytes it counts; -1 stands for NULL.
    ///
    /// # Errors
    ///
    /// A length below -1, or more than there is.
    #[inline]
    pub fn value(&mut self) -> Result<Option<&'b [u8]>, Malformed> {
        match self.i32()? {
            -1 => Ok(None),
            length => self.take(length).map(Some),
        }
    }

    /// Reads a length and the bytes it counts, where NULL is not possible.
    ///
    /// # Errors
    ///
    /// A negative length, or more than there is.
    pub fn sized(&mut self) -> Result<&'b [u8], Malformed> {
        let length = self.i32()?;
        self.take(length)
    }

    /// Takes all that is left.
    pub fn rest(&mut self) -> &'b [u8] {
        std::mem::take(&mut self.rest)
    }

    /// Reads a count whose elements take at least `element` bytes each, and refuses one that cannot be true.
    ///
    /// Whoever reserves memory for the elements does it after this check.
    #[inline]
    pub fn count(&mut self, element: usize) -> Result<usize, Malformed> {
        let count = usize::from(self.u16()?);
        if count.saturating_mul(element) > self.rest.len() {
            return Err(Malformed::Count);
        }
        Ok(count)
    }

    /// Reads a 32-bit count, with the check of [`Reader::count`].
    ///
    /// # Errors
    ///
    /// A negative count, or more elements than there is room for.
    pub fn count32(&mut self, element: usize) -> Result<usize, Malformed> {
        let count = usize::try_from(self.i32()?).map_err(|_| Malformed::Count)?;
        if count.saturating_mul(element) > self.rest.len() {
            return Err(Malformed::Count);
        }
        Ok(count)
    }

    /// Tells whether nothing is left.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Returns what was read between `start`, an earlier copy of this reader, and here.
    pub fn since(&self, start: &Self) -> &'b [u8] {
        let read = start.rest.len().saturating_sub(self.rest.len());
        start.rest.get(..read).unwrap_or_default()
    }

    /// Checks that nothing is left.
    #[inline]
    pub fn finish(self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed::TrailingBytes) }
    }

    #[inline]
    fn take(&mut self, length: i32) -> Result<&'b [u8], Malformed> {
        let length = usize::try_from(length).map_err(|_| Malformed::FieldLength)?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(Malformed::FieldLength)?;
        self.rest = rest;
        Ok(bytes)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(*head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_in_order_and_to_the_end() {
        let mut reader = Reader::new(b"\x01\xff\xfe\0\0\0\x02ab\0rest");
        assert_eq!(reader.u8(), Ok(1));
        assert_eq!(reader.i16(), Ok(-2));
        assert_eq!(reader.u32(), Ok(2));
        assert_eq!(reader.cstr(), Ok(&b"ab"[..]));
        assert_eq!(reader.finish(), Err(Malformed::TrailingBytes));
        assert_eq!(reader.rest(), b"rest");
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn nothing_is_read_behind_the_end() {
        assert_eq!(Reader::new(b"\0\0\0").i32(), Err(Malformed::Truncated));
        assert_eq!(Reader::new(b"abc").cstr(), Err(Malformed::Unterminated));
        assert_eq!(Reader::new(b"\xff\0").text(), Err(Malformed::Utf8));
    }

    #[test]
    fn counts_are_held_against_the_bytes_left() {
        assert_eq!(Reader::new(b"\0\x02abcd").count(2), Ok(2));
        assert_eq!(Reader::new(b"\0\x03abcd").count(2), Err(Malformed::Count));
    }

    #[test]
    fn values_are_null_empty_or_as_long_as_they_say() {
        let mut reader = Reader::new(b"\xff\xff\xff\xff\0\0\0\0\0\0\0\x02ab");
        assert_eq!(reader.value(), Ok(None));
        assert_eq!(reader.value(), Ok(Some(&b""[..])));
        assert_eq!(reader.value(), Ok(Some(&b"ab"[..])));
        assert!(reader.is_empty());
        for bytes in [&b"\xff\xff\xff\xfeab"[..], b"\0\0\0\x03ab", b"\x7f\xff\xff\xffab", b"\x80\0\0\0"] {
            assert_eq!(Reader::new(bytes).value(), Err(Malformed::FieldLength));
        }
        assert_eq!(Reader::new(b"\xff\xff\xff\xff").sized(), Err(Malformed::FieldLength));
    }

    #[test]
    fn wide_counts_are_held_against_the_bytes_left() {
        assert_eq!(Reader::new(b"\0\0\0\x02abcd").count32(2), Ok(2));
        assert_eq!(Reader::new(b"\0\0\0\x03abcd").count32(2), Err(Malformed::Count));
        assert_eq!(Reader::new(b"\xff\xff\xff\xffabcd").count32(0), Err(Malformed::Count));
    }

    #[test]
    fn what_was_read_is_lent_again() {
        let start = Reader::new(b"abcd");
        let mut reader = start;
        reader.i16().unwrap();
        assert_eq!(reader.since(&start), b"ab");
    }
}
