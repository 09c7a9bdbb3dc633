use std::fmt;

use molt_db::ServerError;

/// Walks the headers of messages in a stream of bytes, and looks at nothing else.
#[derive(Debug, Default)]
pub(super) struct Walker {
    /// Bytes that are left of the message whose header was seen last.
    body: usize,
    /// The beginning of a header whose end has not come yet.
    header: [u8; HEADER],
    held: usize,
}

/// What came by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// And the pieces of copies.
    pub(super) rows: u64,
    /// How often the server asked for a copy.
    pub(super) copies: u64,
    /// How often the server was ready for the next command.
    pub(super) ready: u64,
}

/// Why a walk ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum WalkError {
    /// The server reported an error. Its text is left out if it was not whole in the buffer.
    Refused(Option<Box<ServerError>>),
    /// A length that no message has.
    Length,
}

impl Walker {
    /// Walks the next bytes of the stream.
    pub(super) fn walk(&mut self, mut bytes: &[u8], seen: &mut Seen) -> Result<(), WalkError> {
        loop {
            let skipped = self.body.min(bytes.len());
            self.body -= skipped;
            bytes = &bytes[skipped..];
            let Some(header) = self.next_header(&mut bytes) else { return Ok(()) };
            let [tag, length @ ..] = header;
            let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
            self.body = length.checked_sub(LENGTH_WORD).ok_or(WalkError::Length)?;
            match tag {
                b'D' | b'd' => seen.rows += 1,
                b'G' => seen.copies += 1,
                b'Z' => seen.ready += 1,
                b'E' => return Err(WalkError::Refused(self.refusal(bytes))),
                _ => {}
            }
        }
    }

    /// Takes a header off `bytes`; keeps what is there if it is not all.
    fn next_header(&mut self, bytes: &mut &[u8]) -> Option<[u8; HEADER]> {
        if self.held == 0
            && let Some((header, rest)) = bytes.split_first_chunk()
        {
            *bytes = rest;
            return Some(*header);
        }
        let (part, rest) = bytes.split_at((HEADER - self.held).min(bytes.len()));
        self.header[self.held..][..part.len()].copy_from_slice(part);
        self.held += part.len();
        *bytes = rest;
        if self.held < HEADER {
            return None;
        }
        self.held = 0;
        Some(self.header)
    }

    #[cold]
    fn refusal(&self, bytes: &[u8]) -> Option<Box<ServerError>> {
        ServerError::parse(bytes.get(..self.body)?).ok().map(Box::new)
    }
}

impl fmt::Display for WalkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(Some(error)) => error.fmt(f),
            Self::Refused(None) => f.write_str("the server reported an error"),
            Self::Length => f.write_str("the server sent a message of an impossible length"),
        }
    }
}

impl std::error::Error for WalkError {}

const HEADER: usize = 5;
/// The length of a message counts itself.
const LENGTH_WORD: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &[u8] = b"D\0\0\0\x06\0\0C\0\0\0\x05xD\0\0\0\x04Z\0\0\0\x05I";

    fn walk_in_parts(size: usize) -> Seen {
        let (mut walker, mut seen) = (Walker::default(), Seen::default());
        for part in STREAM.chunks(size) {
            walker.walk(part, &mut seen).unwrap();
        }
        seen
    }

    #[test]
    fn messages_are_counted_however_they_are_cut() {
        for size in 1..=STREAM.len() {
            assert_eq!(walk_in_parts(size), Seen { rows: 2, copies: 0, ready: 1 }, "parts of {size}");
        }
    }

    #[test]
    fn an_error_of_the_server_ends_the_walk() {
        let walk = |bytes| Walker::default().walk(bytes, &mut Seen::default()).unwrap_err();
        let whole = walk(b"E\0\0\0\x1eSERROR\0VERROR\0C42P01\0Mno\0\0----");
        assert!(whole.to_string().contains("42P01"), "{whole}");
        assert_eq!(walk(b"E\0\0\0\x19SERR"), WalkError::Refused(None));
    }

    #[test]
    fn impossible_lengths_are_refused() {
        let walk = |bytes| Walker::default().walk(bytes, &mut Seen::default());
        assert_eq!(walk(b"D\0\0\0\x03"), Err(WalkError::Length));
        assert_eq!(walk(b"D\0\0\0\x04"), Ok(()));
    }
}
