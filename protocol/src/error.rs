use std::error::Error;
use std::fmt;

use crate::wire::Tag;

/// The peer broke the protocol: its bytes are malformed, or legal bytes came where they may not.
///
/// The connection that it happened on cannot be trusted any more and is to be closed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProtocolError {
    /// The type byte belongs to no message that a server sends.
    UnknownMessage {
        /// The byte where a message type was expected.
        tag: u8,
    },
    /// The length word is below 4 or above the limit for this message in this phase.
    Length {
        /// The message that claims it.
        tag: Tag,
        /// The length word as received; it counts itself.
        length: i32,
        /// The largest length word that is accepted here.
        limit: i32,
    },
    /// The body does not have the shape that the specification gives it.
    Malformed {
        /// The message it stands in.
        tag: Tag,
        /// What is wrong with it.
        problem: Malformed,
    },
    /// A message that is legal elsewhere came in a state that does not allow it.
    Unexpected {
        /// The message.
        tag: Tag,
        /// What the connection was waiting for.
        state: &'static str,
    },
    /// A value that the server sent is outside of what this client accepts.
    Unacceptable {
        /// The message it stands in.
        tag: Tag,
        /// What is refused, and why.
        reason: &'static str,
    },
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownMessage { tag } => {
                write!(f, "the server sent a message of unknown type {:?} (0x{tag:02x})", char::from(*tag))
            }
            Self::Length { tag, length, limit } => {
                write!(f, "the server's {tag} claims a length of {length}, outside of 4 to {limit}")
            }
            Self::Malformed { tag, problem } => write!(f, "the server's {tag} is malformed: {problem}"),
            Self::Unexpected { tag, state } => write!(f, "the server sent {tag} while {state}"),
            Self::Unacceptable { tag, reason } => write!(f, "the server's {tag} is refused: {reason}"),
        }
    }
}

impl Error for ProtocolError {}

/// Why the body of a message cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Malformed {
    /// The body ends before the field does.
    Truncated,
    /// Bytes follow the last field.
    TrailingBytes,
    /// A string has no terminating NUL.
    Unterminated,
    /// A count promises more elements than the body has room for.
    Count,
    /// A length is below -1, or reaches behind the end of the body.
    FieldLength,
    /// A code has no meaning here.
    Code,
    /// A name or value that has to be UTF-8 is not.
    Utf8,
    /// A field that has to be there is missing.
    MissingField,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "it ends inside of a field",
            Self::TrailingBytes => "bytes follow its last field",
            Self::Unterminated => "a string is not terminated",
            Self::Count => "a count promises more than the message holds",
            Self::FieldLength => "the length of a field is impossible",
            Self::Code => "a code has no meaning here",
            Self::Utf8 => "a text is not valid UTF-8",
            Self::MissingField => "a field is missing",
        })
    }
}

impl Error for Malformed {}

/// The caller asked for a message that the protocol cannot carry. Nothing of it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// A string holds a NUL, which would end it on the wire.
    Nul {
        /// The field it stands in.
        field: &'static str,
    },
    /// The message would be longer than the protocol can say (2,147,483,647 bytes).
    TooLong,
    /// More than 65,535 parameters or formats.
    TooMany {
        /// What there is too much of.
        what: &'static str,
    },
    /// The command is not possible in this state.
    State {
        /// What the connection is doing instead.
        state: &'static str,
    },
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nul { field } => {
                write!(f, "the {field} holds a NUL byte, which PostgreSQL cannot store or receive")
            }
            Self::TooLong => {
                f.write_str("the message would be longer than the 2 GiB that the protocol allows")
            }
            Self::TooMany { what } => write!(f, "more than 65,535 {what}"),
            Self::State { state } => write!(f, "not possible while the connection is {state}"),
        }
    }
}

impl Error for EncodeError {}
