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
    pub fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_be_bytes)
    }

    /// Reads a signed 32-bit integer.
    pub fn i32(&mut self) -> Result<i32, Malformed> {
        self.array().map(i32::from_be_bytes)
    }

    /// Reads an unsigned 32-bit integer: OIDs are such.
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
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

    /// Takes all that is left.
    pub fn rest(&mut self) -> &'b [u8] {
        std::mem::take(&mut self.rest)
    }

    /// Reads a count whose elements take at least `element` bytes each, and refuses one that cannot be true.
    ///
    /// Whoever reserves memory for the elements does it after this check.
    pub fn count(&mut self, element: usize) -> Result<usize, Malformed> {
        let count = usize::from(self.u16()?);
        if count.saturating_mul(element) > self.rest.len() {
            return Err(Malformed::Count);
        }
        Ok(count)
    }

    /// Checks that nothing is left.
    pub fn finish(self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed::TrailingBytes) }
    }

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
}
