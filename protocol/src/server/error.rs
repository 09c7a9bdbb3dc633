use std::error::Error;
use std::fmt;

use crate::wire::{FrontendError, FrontendTag, Tag};
use crate::{EncodeError, ProtocolError};

/// The client broke the protocol. The connection is to be closed, with an ErrorResponse of 08P01 if it has got so far.
///
/// [`Unanswered`](Self::Unanswered) and [`Answer`](Self::Answer) alone are mistakes of whoever embeds this.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// Its bytes are malformed.
    Frontend(FrontendError),
    /// It sent a message where that may not be.
    Unexpected {
        /// The message.
        tag: FrontendTag,
        /// What the connection was at.
        state: &'static str,
    },
    /// It sent a start-up packet where that may not be.
    UnexpectedPacket {
        /// The packet.
        packet: &'static str,
        /// What the connection was at.
        state: &'static str,
    },
    /// It sent more than its request for encryption before that was answered: what came in the clear is not to be
    /// taken for what comes encrypted (CVE-2021-23214).
    EarlyBytes,
    /// What it sent before is not answered yet, and comes first.
    Unanswered,
    /// What it sent cannot be answered.
    Answer(SendError),
}

impl From<SendError> for RequestError {
    fn from(error: SendError) -> Self {
        Self::Answer(error)
    }
}

impl From<FrontendError> for RequestError {
    fn from(error: FrontendError) -> Self {
        Self::Frontend(error)
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frontend(error) => error.fmt(f),
            Self::Unexpected { tag, state } => write!(f, "the client sent {tag} while {state}"),
            Self::UnexpectedPacket { packet, state } => write!(f, "the client sent {packet} while {state}"),
            Self::EarlyBytes => {
                f.write_str("the client sent unencrypted data behind its request for encryption")
            }
            Self::Unanswered => f.write_str("the request before it is not answered"),
            Self::Answer(error) => error.fmt(f),
        }
    }
}

impl Error for RequestError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Frontend(error) => Some(error),
            Self::Answer(error) => Some(error),
            _ => None,
        }
    }
}

/// The server is not to send this message here. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// Nobody waits for it.
    Unexpected {
        /// The message.
        tag: Tag,
        /// What is due instead.
        state: &'static str,
    },
    /// A client at the door is refused by what does not end its session: a FATAL error has to.
    NotFatal,
    /// The protocol cannot carry it.
    Encode(EncodeError),
}

impl From<EncodeError> for SendError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}

impl SendError {
    pub(super) fn order(error: ProtocolError, tag: Tag) -> Self {
        match error {
            ProtocolError::Unexpected { tag, state } => Self::Unexpected { tag, state },
            _ => Self::Unexpected { tag, state: "the connection is over" },
        }
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unexpected { tag, state } => write!(f, "{tag} cannot be sent while {state}"),
            Self::NotFatal => f.write_str("a client can only be refused with a FATAL error"),
            Self::Encode(error) => error.fmt(f),
        }
    }
}

impl Error for SendError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Encode(error) => Some(error),
            Self::Unexpected { .. } | Self::NotFatal => None,
        }
    }
}
