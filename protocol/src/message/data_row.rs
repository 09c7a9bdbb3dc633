use crate::EncodeError;
use crate::wire::{Tag, message};

/// Appends a DataRow; `None` is NULL. [`Values::parse`](super::Values::parse) reads it.
///
/// # Errors
///
/// More than 65,535 values, or a message above 2 GiB.
// PG docs: protocol-message-formats, "DataRow"
pub fn data_row<'v>(
    values: impl IntoIterator<Item = Option<&'v [u8]>>,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    message(out, Tag::DataRow.byte(), |body| body.values(values, "columns"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_its_documented_layout() {
        let out = &mut Vec::new();
        data_row([Some(&b"a"[..]), None], out).unwrap();
        assert_eq!(*out, b"D\0\0\0\x0f\0\x02\0\0\0\x01a\xff\xff\xff\xff");
    }

    #[test]
    fn columns_are_counted_up_to_65535() {
        let out = &mut Vec::new();
        assert!(data_row(std::iter::repeat_n(None, 65_536), out).is_err());
        assert!(out.is_empty());
        assert!(data_row(std::iter::repeat_n(None, 65_535), out).is_ok());
    }
}
