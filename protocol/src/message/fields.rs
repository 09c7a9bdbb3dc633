use crate::Malformed;
use crate::wire::Reader;

/// The values of a DataRow, checked while they are walked: one pass over the bytes, for those who read a row once.
///
/// [`Values`](super::Values) is checked first and then walked without errors.
///
/// ```
/// use molt_db_protocol::message::Fields;
///
/// let mut fields = Fields::new(b"\0\x02\0\0\0\x01a\xff\xff\xff\xff")?;
/// assert_eq!(fields.next_field()?, Some(Some(&b"a"[..])));
/// assert_eq!(fields.next_field()?, Some(None));
/// assert_eq!(fields.next_field()?, None);
/// # Ok::<(), molt_db_protocol::Malformed>(())
/// ```
// PG docs: protocol-message-formats, "DataRow"
#[derive(Debug, Clone, Copy)]
pub struct Fields<'b> {
    left: usize,
    reader: Reader<'b>,
}

impl<'b> Fields<'b> {
    /// Starts at the body of a DataRow.
    ///
    /// # Errors
    ///
    /// The body is too short for a count.
    #[inline]
    pub fn new(body: &'b [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let left = usize::from(reader.u16()?);
        Ok(Self { left, reader })
    }

    /// Returns how many values are left, as the message says.
    pub fn left(&self) -> usize {
        self.left
    }

    /// Returns the next value, with NULL as `Some(None)`, or `None` behind the last one.
    ///
    /// # Errors
    ///
    /// A value does not fit into the body, or bytes follow the last one.
    #[inline]
    pub fn next_field(&mut self) -> Result<Option<Option<&'b [u8]>>, Malformed> {
        let Some(left) = self.left.checked_sub(1) else {
            return self.reader.finish().map(|()| None);
        };
        self.left = left;
        self.reader.value().map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Values;

    fn walk(body: &[u8]) -> Result<Vec<Option<&[u8]>>, Malformed> {
        let mut fields = Fields::new(body)?;
        let mut all = Vec::new();
        while let Some(value) = fields.next_field()? {
            all.push(value);
        }
        assert_eq!(fields.left(), 0);
        Ok(all)
    }

    #[test]
    fn fields_are_what_the_checked_values_are() {
        for body in [&b"\0\0"[..], b"\0\x01\0\0\0\0", b"\0\x02\xff\xff\xff\xff\0\0\0\x02ab"] {
            assert_eq!(walk(body).unwrap(), Values::parse(body).unwrap().iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn cut_at_any_byte_or_followed_by_one_they_are_refused() {
        let body = b"\0\x02\xff\xff\xff\xff\0\0\0\x02ab";
        for end in 0..body.len() {
            assert!(walk(&body[..end]).is_err(), "{end}");
        }
        assert_eq!(walk(&[&body[..], b"x"].concat()), Err(Malformed::TrailingBytes));
        assert_eq!(walk(b"\0\x01\xff\xff\xff\xfe"), Err(Malformed::FieldLength));
    }
}
