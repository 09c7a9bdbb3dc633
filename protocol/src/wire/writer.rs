use crate::EncodeError;

/// Appends one message with its type byte; `fill` writes the body.
///
/// # Errors
///
/// What `fill` reports, or a body too long for its length word. The output is then as it was before.
pub fn message(
    out: &mut Vec<u8>,
    tag: u8,
    fill: impl FnOnce(&mut Body<'_>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let start = out.len();
    out.push(tag);
    let written = untagged(out, fill);
    if written.is_err() {
        out.truncate(start);
    }
    written
}

/// Appends one packet of the start-up phase, which has a length and no type byte.
///
/// # Errors
///
/// As [`message`].
pub fn untagged(
    out: &mut Vec<u8>,
    fill: impl FnOnce(&mut Body<'_>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    let written = fill(&mut Body { out }).and_then(|()| patch_length(out, start));
    if written.is_err() {
        out.truncate(start);
    }
    written
}

/// Writes raw bytes, without type and length, under the checks of [`message`].
///
/// # Errors
///
/// What `fill` reports. The output is then as it was before.
pub(crate) fn payload(
    out: &mut Vec<u8>,
    fill: impl FnOnce(&mut Body<'_>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let start = out.len();
    let written = fill(&mut Body { out });
    if written.is_err() {
        out.truncate(start);
    }
    written
}

/// The body of a message that is being written.
#[derive(Debug)]
pub struct Body<'a> {
    out: &'a mut Vec<u8>,
}

impl Body<'_> {
    /// Appends bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Appends one byte.
    pub fn u8(&mut self, value: u8) {
        self.out.push(value);
    }

    /// Appends a 16-bit integer.
    pub fn u16(&mut self, value: u16) {
        self.bytes(&value.to_be_bytes());
    }

    /// Appends a signed 16-bit integer.
    pub fn i16(&mut self, value: i16) {
        self.bytes(&value.to_be_bytes());
    }

    /// Appends a 32-bit integer.
    pub fn i32(&mut self, value: i32) {
        self.bytes(&value.to_be_bytes());
    }

    /// Appends an unsigned 32-bit integer.
    pub fn u32(&mut self, value: u32) {
        self.bytes(&value.to_be_bytes());
    }

    /// Appends a 64-bit integer.
    pub fn i64(&mut self, value: i64) {
        self.bytes(&value.to_be_bytes());
    }

    /// Appends an unsigned 64-bit integer.
    pub fn u64(&mut self, value: u64) {
        self.bytes(&value.to_be_bytes());
    }

    /// Appends a string and its NUL. `field` names it in the error.
    ///
    /// # Errors
    ///
    /// A NUL inside of the string: the server would read another message than the one that was meant.
    pub fn cstr(&mut self, text: &[u8], field: &'static str) -> Result<(), EncodeError> {
        if text.contains(&0) {
            return Err(EncodeError::Nul { field });
        }
        self.bytes(text);
        self.u8(0);
        Ok(())
    }

    /// Appends a count. `what` names the things counted in the error.
    ///
    /// # Errors
    ///
    /// More than 65,535 of them.
    pub fn count(&mut self, count: usize, what: &'static str) -> Result<(), EncodeError> {
        self.u16(u16::try_from(count).map_err(|_| EncodeError::TooMany { what })?);
        Ok(())
    }

    /// Appends a length and the bytes it counts.
    ///
    /// # Errors
    ///
    /// More than 2,147,483,647 bytes.
    pub fn sized(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.i32(length_word(bytes.len())?);
        self.bytes(bytes);
        Ok(())
    }

    /// Appends a value: its length and its bytes, or the length -1 for NULL.
    ///
    /// # Errors
    ///
    /// More than 2,147,483,647 bytes.
    pub fn value(&mut self, value: Option<&[u8]>) -> Result<(), EncodeError> {
        match value {
            Some(bytes) => self.sized(bytes),
            None => {
                self.i32(-1);
                Ok(())
            }
        }
    }

    /// Appends the count of `values`, then each of them. `what` names them in the error.
    ///
    /// # Errors
    ///
    /// More than 65,535 of them, or one of more than 2,147,483,647 bytes.
    pub fn values<'v>(
        &mut self,
        values: impl IntoIterator<Item = Option<&'v [u8]>>,
        what: &'static str,
    ) -> Result<(), EncodeError> {
        let place = self.out.len();
        let mut count: u16 = 0;
        self.u16(count);
        for (index, value) in values.into_iter().enumerate() {
            let ordinal = index.saturating_add(1);
            count = u16::try_from(ordinal).map_err(|_| EncodeError::TooMany { what })?;
            self.value(value)?;
        }
        patch(self.out, place, count.to_be_bytes());
        Ok(())
    }
}

/// A length that does not fit its word is refused: one that is cut to 32 bits would make the rest of the message the
/// next one.
fn length_word(length: usize) -> Result<i32, EncodeError> {
    i32::try_from(length).map_err(|_| EncodeError::TooLong)
}

fn patch_length(out: &mut [u8], start: usize) -> Result<(), EncodeError> {
    let length = length_word(out.len().saturating_sub(start))?;
    patch(out, start, length.to_be_bytes());
    Ok(())
}

fn patch<const N: usize>(out: &mut [u8], start: usize, bytes: [u8; N]) {
    if let Some(place) = out.get_mut(start..).and_then(|tail| tail.first_chunk_mut()) {
        *place = bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_count_themselves_and_the_body() {
        let mut out = vec![9];
        message(&mut out, b'Q', |body| body.cstr(b"ab", "query")).unwrap();
        assert_eq!(out, b"\x09Q\0\0\0\x07ab\0");
    }

    #[test]
    fn lengths_end_where_their_word_does_and_are_never_cut() {
        assert_eq!(length_word(0x7fff_ffff), Ok(0x7fff_ffff));
        for length in [0x8000_0000, 0xffff_ffff, 0x1_0000_0000, 0x1_0000_0010] {
            assert_eq!(length_word(length), Err(EncodeError::TooLong));
        }
    }

    #[test]
    fn a_refused_message_leaves_the_output_as_it_was() {
        let mut out = vec![9];
        let refused = message(&mut out, b'Q', |body| body.cstr(b"a\0b", "query"));
        assert_eq!(refused, Err(EncodeError::Nul { field: "query" }));
        let refused = message(&mut out, b'B', |body| body.count(65_536, "parameters"));
        assert_eq!(refused, Err(EncodeError::TooMany { what: "parameters" }));
        assert_eq!(out, [9]);
        assert!(message(&mut out, b'B', |body| body.count(65_535, "parameters")).is_ok());
    }

    #[test]
    fn values_are_counted_as_they_come() {
        let mut out = vec![9];
        let values = [Some(&b"a"[..]), None, Some(b"")];
        message(&mut out, b'D', |body| body.values(values, "columns")).unwrap();
        assert_eq!(out, b"\x09D\0\0\0\x13\0\x03\0\0\0\x01a\xff\xff\xff\xff\0\0\0\0");
        out.truncate(1);
        let many = |count| std::iter::repeat_n(None, count);
        let refused = message(&mut out, b'D', |body| body.values(many(65_536), "columns"));
        assert_eq!((refused, &out[..]), (Err(EncodeError::TooMany { what: "columns" }), &[9][..]));
        message(&mut out, b'D', |body| body.values(many(65_535), "columns")).unwrap();
        assert_eq!(out[6..8], [0xff, 0xff]);
    }
}
