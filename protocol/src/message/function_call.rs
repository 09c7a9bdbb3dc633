use super::{Formats, Values, WireFormat};
use crate::wire::{FrontendTag, Reader, Tag, message};
use crate::{EncodeError, Malformed};

/// A FunctionCall: run a function by its OID, without SQL. `Debug` does not show the arguments.
// PG docs: protocol-message-formats, "FunctionCall"
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FunctionCall<'b> {
    /// The OID of the function.
    pub function: u32,
    /// A format per argument; one is for all of them, none is text.
    pub formats: Formats<'b>,
    /// The arguments.
    pub arguments: Values<'b>,
    /// The format of the result.
    pub result: WireFormat,
}

impl<'b> FunctionCall<'b> {
    /// Reads the body of the message.
    ///
    /// # Errors
    ///
    /// A body of another shape, or a number of formats that is neither 0, 1, nor that of the arguments.
    pub fn parse(body: &'b [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let call = Self {
            function: reader.u32()?,
            formats: Formats::read(&mut reader)?,
            arguments: Values::read(&mut reader)?,
            result: WireFormat::from_code(reader.u16()?)?,
        };
        reader.finish()?;
        if call.formats.len() > 1 && call.formats.len() != call.arguments.len() {
            return Err(Malformed::Count);
        }
        Ok(call)
    }

    /// Appends the message.
    ///
    /// # Errors
    ///
    /// More than 65,535 arguments or formats; a message above 2 GiB.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        message(out, FrontendTag::FunctionCall.byte(), |body| {
            body.u32(self.function);
            self.formats.write(body, "formats")?;
            self.arguments.write(body, "arguments")?;
            body.u16(self.result.code());
            Ok(())
        })
    }
}

/// Appends a FunctionCallResponse; `None` is NULL. A function without a result gives an empty value.
///
/// # Errors
///
/// A message above 2 GiB.
// PG docs: protocol-message-formats, "FunctionCallResponse"
pub fn function_call_response(value: Option<&[u8]>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    message(out, Tag::FunctionCallResponse.byte(), |body| body.value(value))
}

/// Reads the body of a FunctionCallResponse.
///
/// # Errors
///
/// A length below -1, or other than that of the bytes which follow it.
pub fn parse_function_call_response(body: &[u8]) -> Result<Option<&[u8]>, Malformed> {
    let mut reader = Reader::new(body);
    let value = reader.value()?;
    reader.finish()?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"\0\0\x04\xd2\0\x01\0\x01\0\x02\0\0\0\x01a\xff\xff\xff\xff\0\x01";

    #[test]
    fn a_call_is_read_and_written() {
        let call = FunctionCall::parse(BODY).unwrap();
        assert_eq!((call.function, call.result), (1234, WireFormat::Binary));
        assert_eq!(call.arguments.iter().collect::<Vec<_>>(), [Some(&b"a"[..]), None]);
        let out = &mut Vec::new();
        call.encode(out).unwrap();
        assert_eq!(*out, [&b"F\0\0\0\x19"[..], BODY].concat());
    }

    #[test]
    fn formats_are_none_one_or_as_many_as_arguments() {
        assert_eq!(FunctionCall::parse(b"\0\0\0\x01\0\x02\0\0\0\0\0\0\0\0"), Err(Malformed::Count));
        assert!(FunctionCall::parse(b"\0\0\0\x01\0\x01\0\0\0\0\0\0").is_ok());
    }

    #[test]
    fn a_result_is_null_empty_or_a_value() {
        for value in [None, Some(&b""[..]), Some(b"ab")] {
            let out = &mut Vec::new();
            function_call_response(value, out).unwrap();
            assert_eq!(parse_function_call_response(&out[5..]), Ok(value));
        }
        assert_eq!(parse_function_call_response(b"\0\0\0\0x"), Err(Malformed::TrailingBytes));
    }
}
