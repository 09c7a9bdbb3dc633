use crate::wire::{Reader, Tag, message};
use crate::{EncodeError, Malformed};

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

/// Appends a ParameterDescription.
///
/// # Errors
///
/// More than 65,535 parameters.
pub fn encode_parameter_description(types: &[u32], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    message(out, Tag::ParameterDescription.byte(), |body| {
        body.count(types.len(), "parameters")?;
        types.iter().for_each(|oid| body.u32(*oid));
        Ok(())
    })
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

    #[test]
    fn parameters_are_counted_up_to_65535() {
        let types = vec![25; 65_536];
        let out = &mut Vec::new();
        encode_parameter_description(&types[1..], out).unwrap();
        assert_eq!(parameter_description(&out[5..]).unwrap()[..], types[1..]);
        assert!(encode_parameter_description(&types, out).is_err());
    }
}
