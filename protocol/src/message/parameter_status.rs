use crate::wire::{Reader, Tag, message};
use crate::{EncodeError, Malformed};

/// The value of a setting that the server reports: at the start and whenever it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParameterStatus<'b> {
    /// The setting, as in `SHOW`.
    pub name: &'b str,
    /// Its value.
    pub value: &'b str,
}

impl<'b> ParameterStatus<'b> {
    /// Reads the body of the message.
    ///
    /// # Errors
    ///
    /// A body of another shape, or text that is not UTF-8.
    pub fn parse(body: &'b [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let status = Self { name: reader.text()?, value: reader.text()? };
        reader.finish()?;
        Ok(status)
    }

    /// Appends the message.
    ///
    /// # Errors
    ///
    /// A NUL in the name or the value.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        message(out, Tag::ParameterStatus.byte(), |body| {
            body.cstr(self.name.as_bytes(), "name of a setting")?;
            body.cstr(self.value.as_bytes(), "value of a setting")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_value_are_read() {
        let read = ParameterStatus::parse(b"TimeZone\0UTC\0").unwrap();
        assert_eq!((read.name, read.value), ("TimeZone", "UTC"));
        assert_eq!(ParameterStatus::parse(b"TimeZone\0UTC"), Err(Malformed::Unterminated));
    }
}
