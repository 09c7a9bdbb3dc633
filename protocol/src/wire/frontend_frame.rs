use super::frame::HEADER;
use super::{Frame, Framed, FrontendError, FrontendTag, Limits, Phase};

/// Finds the message of a client at the start of `input`.
///
/// The packets before the first message have no type byte: [`startup_frame`](super::startup_frame) finds those.
///
/// ```
/// use molt_db_protocol::message::{FrontendMessage, PasswordContext};
/// use molt_db_protocol::wire::{Framed, Limits, Phase, frontend_frame};
///
/// let input = b"Q\0\0\0\x0dselect 1\0";
/// let Framed::Whole(frame) = frontend_frame(input, &Limits::FRONTEND, Phase::Session)? else { panic!("it is whole") };
/// let message = FrontendMessage::parse(frame.tag, frame.body, PasswordContext::Unasked)?;
/// assert_eq!(message, FrontendMessage::Query(b"select 1"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// An unknown type, or a length word below 4 or above its limit, as soon as the bytes that say so are there.
// PG docs: protocol-overview, "Messaging Overview"
pub fn frontend_frame<'b>(
    input: &'b [u8],
    limits: &Limits,
    phase: Phase,
) -> Result<Framed<'b, FrontendTag>, FrontendError> {
    let Some(byte) = input.first().copied() else { return Ok(Framed::Partial(HEADER)) };
    let tag = FrontendTag::from_byte(byte).ok_or(FrontendError::UnknownMessage { tag: byte })?;
    let Some(([_, length @ ..], rest)) = input.split_first_chunk::<HEADER>() else {
        return Ok(Framed::Partial(HEADER));
    };
    let length = i32::from_be_bytes(*length);
    let limit = limits.of_frontend(tag, phase);
    if length < 4 || length > limit {
        return Err(FrontendError::Length { tag, length, limit });
    }
    let Ok(body) = usize::try_from(length - 4) else {
        return Err(FrontendError::Length { tag, length, limit });
    };
    match rest.get(..body) {
        Some(body) => Ok(Framed::Whole(Frame { tag, body })),
        None => Ok(Framed::Partial(body.saturating_add(HEADER))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(tag: u8, length: i32, phase: Phase) -> bool {
        let header = [&[tag][..], &length.to_be_bytes()].concat();
        frontend_frame(&header, &Limits::FRONTEND, phase).is_ok()
    }

    #[test]
    fn short_input_asks_for_what_is_missing() {
        let frame = |input| frontend_frame(input, &Limits::FRONTEND, Phase::Session);
        assert_eq!(frame(b""), Ok(Framed::Partial(5)));
        assert_eq!(frame(b"Q\0\0\0"), Ok(Framed::Partial(5)));
        assert_eq!(frame(b"Q\0\0\0\x05"), Ok(Framed::Partial(6)));
        let sync = Frame { tag: FrontendTag::Sync, body: &[][..] };
        assert_eq!(frame(b"S\0\0\0\x04Q"), Ok(Framed::Whole(sync)));
    }

    #[test]
    fn types_of_a_server_are_refused_at_their_first_byte() {
        for tag in *b"RTZ\0y" {
            let input = [tag];
            let refused = frontend_frame(&input, &Limits::FRONTEND, Phase::Session);
            assert_eq!(refused, Err(FrontendError::UnknownMessage { tag }));
        }
    }

    #[test]
    fn small_messages_end_at_10000_and_large_ones_below_1_gib() {
        for tag in *b"SHDCEXcf" {
            assert!(fits(tag, 4, Phase::Session) && fits(tag, 10_000, Phase::Session));
            assert!(!fits(tag, 3, Phase::Session) && !fits(tag, 10_001, Phase::Session));
        }
        for tag in *b"QPBFd" {
            assert!(fits(tag, 4, Phase::Session) && fits(tag, 0x3fff_fffe, Phase::Session));
            assert!(!fits(tag, -1, Phase::Session) && !fits(tag, 0x3fff_ffff, Phase::Session));
        }
    }

    #[test]
    fn answers_to_authentication_end_at_65535() {
        assert!(fits(b'p', 65_535, Phase::Startup) && !fits(b'p', 65_536, Phase::Startup));
        assert!(!fits(b'Q', 65_536, Phase::Startup));
    }
}
