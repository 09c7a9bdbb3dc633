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

    /// Appends a 32-bit integer.
    pub fn i32(&mut self, value: i32) {
        self.bytes(&value.to_be_bytes());
    }

    /// Appends an unsigned 32-bit integer.
    pub fn u32(&mut self, value: u32) {
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
        self.i32(i32::try_from(bytes.len()).map_err(|_| EncodeError::TooLong)?);
        self.bytes(bytes);
        Ok(())
    }
}

fn patch_length(out: &mut [u8], start: usize) -> Result<(), EncodeError> {
    let length = i32::try_from(out.len().saturating_sub(start)).map_err(|_| EncodeError::TooLong)?;
    if let Some(place) = out.get_mut(start..).and_then(|tail| tail.first_chunk_mut()) {
        *place = length.to_be_bytes();
    }
    Ok(())
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
    fn a_refused_message_leaves_the_output_as_it_was() {
        let mut out = vec![9];
        let refused = message(&mut out, b'Q', |body| body.cstr(b"a\0b", "query"));
        assert_eq!(refused, Err(EncodeError::Nul { field: "query" }));
        let refused = message(&mut out, b'B', |body| body.count(65_536, "parameters"));
        assert_eq!(refused, Err(EncodeError::TooMany { what: "parameters" }));
        assert_eq!(out, [9]);
        assert!(message(&mut out, b'B', |body| body.count(65_535, "parameters")).is_ok());
    }
}
