use crate::Malformed;
use crate::wire::Reader;

/// Reads the body of a ParameterDescription: the type of each parameter of a statement.
///
/// # Errors
///
/// A count that the body has no room for, or bytes behind the last type.
pub fn parameter_description(body: &[u8]) -> Result<Box<[u32]>, Malformed> {
    let mut reader = Reader::new(body);
    let count = reader.count(4)?;
    let types = (0..count).map(|_| reader.u32()).collect::<Result<_, _>>()?;
    reader.finish()?;
    Ok(types)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read() {
        assert_eq!(parameter_description(b"\0\x02\0\0\0\x17\0\0\0\x19").unwrap()[..], [23, 25]);
        assert_eq!(parameter_description(b"\0\x02\0\0\0\x17"), Err(Malformed::Count));
        assert_eq!(parameter_description(b"\0\0x"), Err(Malformed::TrailingBytes));
    }
}
