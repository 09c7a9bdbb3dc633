use crate::wire::{Reader, Tag, message};
use crate::{EncodeError, Malformed};

/// A message of NOTIFY, to a channel that this session listens on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notification<'b> {
    /// The server process that sent it.
    pub process: i32,
    /// The channel.
    pub channel: &'b str,
    /// What NOTIFY carried; empty if nothing.
    pub payload: &'b str,
}

impl<'b> Notification<'b> {
    /// Reads the body of a NotificationResponse.
    ///
    /// # Errors
    ///
    /// A body of another shape, or text that is not UTF-8.
    pub fn parse(body: &'b [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let notification = Self { process: reader.i32()?, channel: reader.text()?, payload: reader.text()? };
        reader.finish()?;
        Ok(notification)
    }

    /// Appends a NotificationResponse.
    ///
    /// # Errors
    ///
    /// A NUL in the channel or the payload.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        message(out, Tag::NotificationResponse.byte(), |body| {
            body.i32(self.process);
            body.cstr(self.channel.as_bytes(), "channel")?;
            body.cstr(self.payload.as_bytes(), "payload")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channel_and_payload_are_read() {
        let read = Notification::parse(b"\0\0\0\x09ch\0hello\0").unwrap();
        assert_eq!(read, Notification { process: 9, channel: "ch", payload: "hello" });
        assert_eq!(Notification::parse(b"\0\0\0\x09ch\0"), Err(Malformed::Unterminated));
    }
}
