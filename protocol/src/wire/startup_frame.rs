use super::{FrontendError, Limits};

/// What the first bytes of a fresh connection are, to whom a client connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartupFrame<'b> {
    /// Not a whole packet: it takes at least this many bytes, counted from the start of the input.
    Partial(usize),
    /// The body of a whole packet: what follows its length word. The packet is four bytes longer.
    Whole(&'b [u8]),
}

/// Finds the packet at the start of `input`, which has a length and no type byte.
///
/// It is a StartupMessage, a CancelRequest, an SSLRequest or a GSSENCRequest:
/// [`StartupPacket::parse`](crate::message::StartupPacket::parse) tells which. A TLS handshake without an SSLRequest
/// is refused by its length.
///
/// # Errors
///
/// A length word below 8, or a body above [`Limits::startup_packet`], as soon as the four bytes that say so are there.
// PG docs: protocol-overview, "Messaging Overview"; PG source: backend_startup.c, ProcessStartupPacket
pub fn startup_frame<'b>(input: &'b [u8], limits: &Limits) -> Result<StartupFrame<'b>, FrontendError> {
    let Some((length, rest)) = input.split_first_chunk::<HEADER>() else {
        return Ok(StartupFrame::Partial(HEADER));
    };
    let length = i32::from_be_bytes(*length);
    let limit = limits.startup_packet.saturating_add(4);
    if length < 8 || length > limit {
        return Err(FrontendError::StartupLength { length, limit });
    }
    let Ok(body) = usize::try_from(length - 4) else {
        return Err(FrontendError::StartupLength { length, limit });
    };
    match rest.get(..body) {
        Some(body) => Ok(StartupFrame::Whole(body)),
        None => Ok(StartupFrame::Partial(body.saturating_add(HEADER))),
    }
}

const HEADER: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(input: &[u8]) -> Result<StartupFrame<'_>, FrontendError> {
        startup_frame(input, &Limits::FRONTEND)
    }

    #[test]
    fn short_input_asks_for_what_is_missing() {
        assert_eq!(framed(b""), Ok(StartupFrame::Partial(4)));
        assert_eq!(framed(b"\0\0\0"), Ok(StartupFrame::Partial(4)));
        assert_eq!(framed(b"\0\0\0\x08abc"), Ok(StartupFrame::Partial(8)));
        assert_eq!(framed(b"\0\0\0\x08abcdmore"), Ok(StartupFrame::Whole(b"abcd")));
    }

    #[test]
    fn bodies_of_4_to_10000_bytes_are_accepted() {
        for (length, accepted) in [(7, false), (8, true), (10_004, true), (10_005, false), (-1, false)] {
            assert_eq!(framed(&i32::to_be_bytes(length)).is_ok(), accepted, "{length}");
        }
    }

    #[test]
    fn a_bare_tls_handshake_is_refused() {
        assert!(framed(b"\x16\x03\x01\x02").is_err());
    }
}
