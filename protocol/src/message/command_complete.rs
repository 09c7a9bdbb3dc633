use std::fmt;
use std::sync::Arc;

use crate::wire::{Reader, Tag, message};
use crate::{EncodeError, Malformed};

/// What a command did, in the server's words: `SELECT 5`, `INSERT 0 1`, `CREATE TABLE`. A clone costs nothing.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct CommandTag {
    text: Arc<str>,
}

impl CommandTag {
    /// Reads the body of a CommandComplete.
    ///
    /// # Errors
    ///
    /// A body that is not one string of UTF-8.
    pub fn parse(body: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let text = reader.text()?.into();
        reader.finish()?;
        Ok(Self { text })
    }

    /// Makes a tag: what a server answers a command with.
    pub fn new(text: &str) -> Self {
        Self { text: text.into() }
    }

    /// Appends a CommandComplete.
    ///
    /// # Errors
    ///
    /// A NUL in the tag.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        message(out, Tag::CommandComplete.byte(), |body| body.cstr(self.text.as_bytes(), "command tag"))
    }

    /// Returns the tag as the server sent it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the number of rows that the command touched or returned, 0 where it counts none.
    // PG docs: protocol-message-formats, "CommandComplete": the number of rows is the last word.
    pub fn rows(&self) -> u64 {
        self.text.rsplit(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0)
    }
}

impl fmt::Display for CommandTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for CommandTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(tag: &str) -> u64 {
        CommandTag::parse(&[tag.as_bytes(), b"\0"].concat()).unwrap().rows()
    }

    #[test]
    fn the_last_word_counts_rows() {
        assert_eq!(rows("SELECT 5"), 5);
        assert_eq!(rows("INSERT 0 18446744073709551615"), u64::MAX);
        assert_eq!((rows("BEGIN"), rows("CREATE TABLE"), rows("")), (0, 0, 0));
        assert_eq!(rows("SELECT 99999999999999999999"), 0);
    }

    #[test]
    fn a_tag_is_one_terminated_string() {
        assert_eq!(CommandTag::parse(b"SELECT 1"), Err(Malformed::Unterminated));
        assert_eq!(CommandTag::parse(b"SELECT 1\0x"), Err(Malformed::TrailingBytes));
    }
}
