use super::{Limits, Phase, Tag};
use crate::ProtocolError;

/// What the first bytes of an input are.
///
/// The tags are a server's ([`frame`]) or a client's ([`frontend_frame`](super::frontend_frame)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framed<'b, T = Tag> {
    /// Not a whole message: it takes at least this many bytes, counted from the start of the input.
    Partial(usize),
    /// A whole message.
    Whole(Frame<'b, T>),
}

/// A whole message: its type and its body, lent from the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'b, T = Tag> {
    /// The type.
    pub tag: T,
    /// What follows the length word.
    pub body: &'b [u8],
}

impl<T> Frame<'_, T> {
    /// Returns how many bytes of the input the message takes, header included.
    pub fn size(&self) -> usize {
        self.body.len().saturating_add(HEADER)
    }
}

/// Finds the message of a server at the start of `input`.
///
/// # Errors
///
/// An unknown type, or a length word below 4 or above its limit, as soon as the bytes that say so are there.
// PG docs: protocol-overview, "Messaging Overview": a type byte, then a length that counts itself.
#[inline]
pub fn frame<'b>(input: &'b [u8], limits: &Limits, phase: Phase) -> Result<Framed<'b>, ProtocolError> {
    let Some((header, rest)) = input.split_first_chunk::<HEADER>() else {
        return partial_header(input);
    };
    let [byte, length @ ..] = *header;
    let tag = known(byte)?;
    let length = i32::from_be_bytes(length);
    let limit = limits.of(tag, phase);
    if length < 4 || length > limit {
        return Err(ProtocolError::Length { tag, length, limit });
    }
    let Ok(body) = usize::try_from(length - 4) else {
        return Err(ProtocolError::Length { tag, length, limit });
    };
    match rest.get(..body) {
        Some(body) => Ok(Framed::Whole(Frame { tag, body })),
        None => Ok(Framed::Partial(body.saturating_add(HEADER))),
    }
}

pub(super) const HEADER: usize = 5;

#[cold]
fn partial_header(input: &[u8]) -> Result<Framed<'_>, ProtocolError> {
    if let Some(byte) = input.first() {
        known(*byte)?;
    }
    Ok(Framed::Partial(HEADER))
}

#[inline]
fn known(byte: u8) -> Result<Tag, ProtocolError> {
    Tag::from_byte(byte).ok_or(ProtocolError::UnknownMessage { tag: byte })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(input: &[u8]) -> Result<Framed<'_>, ProtocolError> {
        frame(input, &Limits::default(), Phase::Session)
    }

    fn header(tag: u8, length: i32) -> Vec<u8> {
        [&[tag][..], &length.to_be_bytes()].concat()
    }

    #[test]
    fn short_input_asks_for_what_is_missing() {
        assert_eq!(session(b""), Ok(Framed::Partial(5)));
        assert_eq!(session(b"Z\0\0"), Ok(Framed::Partial(5)));
        assert_eq!(session(b"Z\0\0\0\x05"), Ok(Framed::Partial(6)));
    }

    #[test]
    fn whole_messages_are_lent_and_what_follows_is_left() {
        let Ok(Framed::Whole(frame)) = session(b"Z\0\0\0\x05IZ\0") else { panic!() };
        assert_eq!((frame.tag, frame.body, frame.size()), (Tag::ReadyForQuery, &b"I"[..], 6));
    }

    #[test]
    fn unknown_type_is_refused_at_its_first_byte() {
        assert_eq!(session(b"?"), Err(ProtocolError::UnknownMessage { tag: b'?' }));
    }

    #[test]
    fn length_words_are_held_to_both_limits() {
        for length in [i32::MIN, -1, 0, 3, 30_001] {
            assert!(session(&header(b'C', length)).is_err(), "{length}");
        }
        assert!(session(&header(b'C', 4)).is_ok());
        assert!(session(&header(b'C', 30_000)).is_ok());
        assert!(session(&header(b'D', 0x3fff_ffff)).is_ok());
        assert!(session(&header(b'D', 0x4000_0000)).is_err());
        assert!(session(&header(b't', 4 + 2 + 4 * 65_535)).is_ok());
        assert!(session(&header(b't', 4 + 2 + 4 * 65_535 + 1)).is_err());
    }

    #[test]
    fn limits_are_tight_before_authentication() {
        let startup = |input: &[u8]| frame(input, &Limits::default(), Phase::Startup).is_ok();
        assert!(startup(&header(b'R', 2000)) && !startup(&header(b'R', 2001)));
        assert!(startup(&header(b'E', 30_000)) && !startup(&header(b'E', 30_001)));
    }
}
