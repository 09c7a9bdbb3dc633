use std::fmt;

use super::{CancelKey, cancel_request, gss_enc_request, ssl_request};
use crate::wire::{Reader, untagged};
use crate::{EncodeError, Malformed};

/// The packet that starts a session, or that comes instead of one, as a server reads it.
///
/// ```
/// use molt_db_protocol::message::StartupPacket;
/// use molt_db_protocol::wire::{Limits, StartupFrame, startup_frame};
///
/// let input = b"\0\0\0\x12\0\x03\0\x02user\0app\0\0";
/// let StartupFrame::Whole(body) = startup_frame(input, &Limits::FRONTEND)? else { panic!("it is whole") };
/// let StartupPacket::Startup { version, parameters } = StartupPacket::parse(body)? else { panic!("it is one") };
/// assert_eq!((version, parameters.get("user")), (0x0003_0002, Some("app")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
// PG docs: protocol-message-formats, "StartupMessage", "SSLRequest", "GSSENCRequest", "CancelRequest"
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartupPacket<'b> {
    /// A StartupMessage of protocol 3, with any minor version.
    Startup {
        /// The version that the client asks for: major in the upper 16 bits, minor in the lower.
        version: u32,
        /// What it wants to be set.
        parameters: StartupParameters<'b>,
    },
    /// The client asks for TLS.
    SslRequest,
    /// The client asks for encryption by GSSAPI.
    GssEncRequest,
    /// The client wants the query of another session stopped.
    Cancel {
        /// What it has to show for that.
        key: CancelKey,
    },
    /// A StartupMessage of another major version. What follows the version has a layout of its own.
    Unsupported {
        /// The version that the client asks for.
        version: u32,
        /// What follows it.
        rest: &'b [u8],
    },
}

impl<'b> StartupPacket<'b> {
    /// Reads the body of a packet without a type byte.
    ///
    /// # Errors
    ///
    /// A body that does not have the shape which its code asks for; texts that are not UTF-8; a request code without
    /// a meaning.
    pub fn parse(body: &'b [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let packet = match reader.u32()? {
            SSL_REQUEST => Self::SslRequest,
            GSS_ENC_REQUEST => Self::GssEncRequest,
            CANCEL_REQUEST => Self::Cancel { key: CancelKey::parse(reader.rest())? },
            version if version >> 16 == REQUESTS => return Err(Malformed::Code),
            version if version >> 16 == 3 => {
                Self::Startup { version, parameters: StartupParameters::read(&mut reader)? }
            }
            version => Self::Unsupported { version, rest: reader.rest() },
        };
        reader.finish()?;
        Ok(packet)
    }

    /// Appends the packet.
    ///
    /// # Errors
    ///
    /// A packet above 2 GiB.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let (version, rest, end) = match self {
            Self::SslRequest => {
                ssl_request(out);
                return Ok(());
            }
            Self::GssEncRequest => {
                gss_enc_request(out);
                return Ok(());
            }
            Self::Cancel { key } => return cancel_request(key, out),
            Self::Startup { version, parameters } => (*version, parameters.pairs, &b"\0"[..]),
            Self::Unsupported { version, rest } => (*version, *rest, &b""[..]),
        };
        untagged(out, |body| {
            body.u32(version);
            body.bytes(rest);
            body.bytes(end);
            Ok(())
        })
    }
}

/// The parameters of a StartupMessage, lent from it.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct StartupParameters<'b> {
    /// A name, which is not empty, and a value, in turns: UTF-8, and each with its NUL.
    pairs: &'b [u8],
}

impl<'b> StartupParameters<'b> {
    /// Walks names and values, in the client's order. A name may repeat.
    pub fn iter(&self) -> impl Iterator<Item = (&'b str, &'b str)> + use<'b> {
        let mut reader = Reader::new(self.pairs);
        std::iter::from_fn(move || Some((reader.text().ok()?, reader.text().ok()?)))
    }

    /// Returns the value of this name; the last one, if it repeats.
    pub fn get(&self, name: &str) -> Option<&'b str> {
        self.iter().filter(|(found, _)| *found == name).last().map(|(_, value)| value)
    }

    fn read(reader: &mut Reader<'b>) -> Result<Self, Malformed> {
        let start = *reader;
        loop {
            let pairs = reader.since(&start);
            if reader.text()?.is_empty() {
                return Ok(Self { pairs });
            }
            reader.text()?;
        }
    }
}

impl fmt::Debug for StartupParameters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// The major version that no protocol has, so that requests can have it.
const REQUESTS: u32 = 1234;
const CANCEL_REQUEST: u32 = 80_877_102;
const SSL_REQUEST: u32 = 80_877_103;
const GSS_ENC_REQUEST: u32 = 80_877_104;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{StartupMessage, startup_message};

    fn written(packet: &StartupPacket<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        packet.encode(&mut out).unwrap();
        out
    }

    #[test]
    fn a_startup_message_is_read_at_both_versions() {
        for version in [0x0003_0000, 0x0003_0002] {
            let out = &mut Vec::new();
            let parameters = [("user", "app"), ("options", ""), ("user", "root")];
            startup_message(&StartupMessage { version, parameters: &parameters }, out).unwrap();
            let packet = StartupPacket::parse(&out[4..]).unwrap();
            assert_eq!(written(&packet), *out);
            let StartupPacket::Startup { version: read, parameters: found } = packet else { panic!() };
            assert_eq!((read, found.iter().collect::<Vec<_>>()), (version, parameters.to_vec()));
            assert_eq!(
                (found.get("user"), found.get("options"), found.get("x")),
                (Some("root"), Some(""), None)
            );
        }
    }

    #[test]
    fn requests_are_read_by_their_codes() {
        let ssl = b"\0\0\0\x08\x04\xd2\x16\x2f";
        let gss = b"\0\0\0\x08\x04\xd2\x16\x30";
        assert_eq!(StartupPacket::parse(&ssl[4..]), Ok(StartupPacket::SslRequest));
        assert_eq!(StartupPacket::parse(&gss[4..]), Ok(StartupPacket::GssEncRequest));
        assert_eq!(
            (written(&StartupPacket::SslRequest), written(&StartupPacket::GssEncRequest)),
            (ssl.to_vec(), gss.to_vec())
        );
        assert_eq!(StartupPacket::parse(b"\x04\xd2\x16\x2fx"), Err(Malformed::TrailingBytes));
        assert_eq!(StartupPacket::parse(b"\x04\xd2\0\0"), Err(Malformed::Code));
    }

    #[test]
    fn cancel_keys_have_4_to_256_bytes() {
        let body = |length| [&b"\x04\xd2\x16\x2e\0\0\0\x07"[..], &vec![9; length]].concat();
        for length in [4, 32, 256] {
            let body = body(length);
            let packet = StartupPacket::parse(&body).unwrap();
            let StartupPacket::Cancel { key } = &packet else { panic!() };
            assert_eq!((key.process(), key.secret().len()), (7, length));
            assert_eq!(written(&packet)[4..], body);
        }
        assert_eq!(StartupPacket::parse(&body(3)), Err(Malformed::FieldLength));
        assert_eq!(StartupPacket::parse(&body(257)), Err(Malformed::FieldLength));
    }

    #[test]
    fn other_major_versions_are_named_and_not_read() {
        let packet = StartupPacket::parse(b"\0\x02\0\0junk").unwrap();
        assert_eq!(packet, StartupPacket::Unsupported { version: 0x0002_0000, rest: b"junk" });
        assert_eq!(written(&packet)[4..], *b"\0\x02\0\0junk");
    }

    #[test]
    fn cut_at_any_byte_it_is_refused() {
        let body = b"\0\x03\0\0user\0app\0\0";
        for end in 0..body.len() {
            assert!(StartupPacket::parse(&body[..end]).is_err(), "{end}");
        }
        assert_eq!(StartupPacket::parse(&[&body[..], b"x"].concat()), Err(Malformed::TrailingBytes));
        assert_eq!(StartupPacket::parse(b"\0\x03\0\0user\0\xe4\0\0"), Err(Malformed::Utf8));
    }
}
