use std::error::Error;
use std::fmt;

use super::FrontendTag;
use crate::Malformed;

/// A client broke the protocol: what a server, a proxy or a pooler has to say about it.
///
/// The same of a server is a [`ProtocolError`](crate::ProtocolError).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrontendError {
    /// The type byte belongs to no message that a client sends.
    UnknownMessage {
        /// The byte where a message type was expected.
        tag: u8,
    },
    /// The length word is below 4 or above the limit for this message in this phase.
    Length {
        /// The message that claims it.
        tag: FrontendTag,
        /// The length word as received; it counts itself.
        length: i32,
        /// The largest length word that is accepted here.
        limit: i32,
    },
    /// The packet that starts the session is too short for its code, or too long.
    StartupLength {
        /// The length word as received; it counts itself.
        length: i32,
        /// The largest length word that is accepted here.
        limit: i32,
    },
    /// The body does not have the shape that the specification gives it.
    Malformed {
        /// The message it stands in.
        tag: FrontendTag,
        /// What is wrong with it.
        problem: Malformed,
    },
    /// The packet that starts the session does not have the shape that the specification gives it.
    MalformedStartup {
        /// What is wrong with it.
        problem: Malformed,
    },
}

impl fmt::Display for FrontendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownMessage { tag } => {
                write!(f, "the client sent a message of unknown type {:?} (0x{tag:02x})", char::from(*tag))
            }
            Self::Length { tag, length, limit } => {
                write!(f, "the client's {tag} claims a length of {length}, outside of 4 to {limit}")
            }
            Self::StartupLength { length, limit } => {
                write!(f, "the client's start-up packet claims a length of {length}, outside of 8 to {limit}")
            }
            Self::Malformed { tag, problem } => write!(f, "the client's {tag} is malformed: {problem}"),
            Self::MalformedStartup { problem } => {
                write!(f, "the client's start-up packet is malformed: {problem}")
            }
        }
    }
}

impl Error for FrontendError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_that_it_was_the_client() {
        let length = FrontendError::Length { tag: FrontendTag::Sync, length: 10_001, limit: 10_000 };
        assert_eq!(length.to_string(), "the client's Sync claims a length of 10001, outside of 4 to 10000");
        let unknown = FrontendError::UnknownMessage { tag: b'y' };
        assert_eq!(unknown.to_string(), "the client sent a message of unknown type 'y' (0x79)");
    }
}
