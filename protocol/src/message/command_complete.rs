use std::fmt;
use std::sync::Arc;

use crate::wire::{Reader, Tag, message};
use crate::{EncodeError, Malformed};

/// What a command did, in the server's words: `SELECT 5`, `INSERT 0 1`, `CREATE TABLE`. A clone is cheap.
#[derive(Clone, PartialEq, Eq)]
pub struct CommandTag(Text);

/// Short texts, which is to say nearly all, need no memory of their own.
#[derive(Clone, PartialEq, Eq)]
enum Text {
    /// The rest of the bytes is 0.
    Short {
        length: u8,
        bytes: [u8; SHORT],
    },
    Long(Arc<str>),
}

impl CommandTag {
    /// Reads the body of a CommandComplete.
    ///
    /// # Errors
    ///
    /// A body that is not one string of UTF-8.
    pub fn parse(body: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let text = reader.text()?;
        reader.finish()?;
        Ok(Self::new(text))
    }

    /// Makes a tag: what a server answers a command with.
    pub fn new(text: &str) -> Self {
        let mut bytes = [0; SHORT];
        match (u8::try_from(text.len()), bytes.get_mut(..text.len())) {
            (Ok(length), Some(place)) => {
                place.copy_from_slice(text.as_bytes());
                Self(Text::Short { length, bytes })
            }
            _ => Self(Text::Long(text.into())),
        }
    }

    /// Appends a CommandComplete.
    ///
    /// # Errors
    ///
    /// A NUL in the tag.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        message(out, Tag::CommandComplete.byte(), |body| body.cstr(self.as_str().as_bytes(), "command tag"))
    }

    /// Returns the tag as the server sent it.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            // It was made of a text.
            Text::Short { .. } => std::str::from_utf8(self.bytes()).unwrap_or_default(),
            Text::Long(text) => text,
        }
    }

    fn bytes(&self) -> &[u8] {
        match &self.0 {
            Text::Short { length, bytes } => bytes.get(..usize::from(*length)).unwrap_or_default(),
            Text::Long(text) => text.as_bytes(),
        }
    }

    /// Tells whether the command began with one of these words.
    pub(crate) fn is_one_of(&self, verbs: &[&str]) -> bool {
        let bytes = self.bytes();
        let begins = |verb: &&str| match bytes.strip_prefix(verb.as_bytes()) {
            Some(rest) => matches!(rest.first(), None | Some(b' ')),
            None => false,
        };
        verbs.iter().any(begins)
    }

    /// Returns the number of rows that the command touched or returned, 0 where it counts none.
    // PG docs: protocol-message-formats, "CommandComplete": the number of rows is the last word.
    pub fn rows(&self) -> u64 {
        let word = self.bytes().rsplit(|byte| *byte == b' ').next().unwrap_or_default();
        std::str::from_utf8(word).ok().and_then(|word| word.parse().ok()).unwrap_or(0)
    }
}

impl Default for CommandTag {
    /// The tag of nothing: an empty text.
    fn default() -> Self {
        Self::new("")
    }
}

impl fmt::Display for CommandTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for CommandTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// `SELECT`, `UPDATE`, `DELETE` and `MERGE` of any number of rows, and `INSERT 0` of 10^12 of them, fit.
const SHORT: usize = 22;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_what_was_sent_however_long_they_are() {
        for length in 0..70 {
            let text = "INSERT 0 é".chars().cycle().take(length).collect::<String>();
            let tag = CommandTag::parse(&[text.as_bytes(), b"\0"].concat()).unwrap();
            assert_eq!((tag.as_str(), tag.to_string()), (text.as_str(), text.clone()));
            assert_eq!(tag, CommandTag::new(&text));
        }
        assert!(CommandTag::parse(b"\xff\0").is_err() && CommandTag::parse(b"a\0b\0").is_err());
        assert_eq!(size_of::<CommandTag>(), 24);
    }

    fn rows(tag: &str) -> u64 {
        CommandTag::parse(&[tag.as_bytes(), b"\0"].concat()).unwrap().rows()
    }

    #[test]
    fn the_first_word_is_the_command() {
        let is_insert = |tag: &str| CommandTag::new(tag).is_one_of(&["SELECT", "INSERT"]);
        assert!(is_insert("INSERT 0 1") && is_insert("SELECT") && is_insert("SELECT 7"));
        assert!(!is_insert("INSERTS 1") && !is_insert("INS") && !is_insert("") && !is_insert("COPY INSERT"));
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
