use std::error::Error;
use std::fmt;

use crate::message::{CommandTag, CopyDirection, CopyResponse, Notification, ParameterStatus, ServerError};
use crate::{EncodeError, ProtocolError};

/// What came of feeding bytes to a state machine.
#[derive(Debug)]
pub enum Received<E> {
    /// The input ends inside of a message, or is empty. The next call needs the same input and more: at least this
    /// many bytes in all, after `consumed` of them are taken away.
    Partial {
        /// Bytes of the input that are done with.
        consumed: usize,
        /// Bytes that it takes, counted from behind the consumed ones.
        needed: usize,
    },
    /// Something that the caller has to know.
    Event {
        /// Bytes of the input that are done with.
        consumed: usize,
        /// What it is.
        event: E,
    },
}

impl<E> Received<E> {
    /// Returns how many bytes of the input are done with, and the event, if there is one.
    pub fn into_parts(self) -> (usize, Option<E>) {
        match self {
            Self::Event { consumed, event } => (consumed, Some(event)),
            Self::Partial { consumed, .. } => (consumed, None),
        }
    }
}

/// What a [`Client`](super::Client) tells its caller.
#[derive(Debug)]
pub enum Event<'b> {
    /// The result begins: [`Client::description`](super::Client::description) says how to read its rows, and will
    /// not change before it ends.
    Columns,
    /// The body of a DataRow: a count, then a length and the bytes of each value.
    Row(&'b [u8]),
    /// A query that was queued has run. That is not final before its segment is.
    Completed(CommandTag),
    /// A query that was queued has stopped at its row limit.
    Suspended,
    /// The segment begins once more, from its first query: what was told of it is void.
    Restarted,
    /// The COPY that was asked for has begun, in this direction.
    Copy(CopyDirection, CopyResponse<'b>),
    /// A piece of a copy to the client.
    CopyData(&'b [u8]),
    /// The server has sent all of its data. In a replication stream the client's [`Client::copy_done`] is due.
    ///
    /// [`Client::copy_done`]: super::Client::copy_done
    CopyDone,
    /// The command or the segment is over and its outcome final.
    Finished(Result<CommandTag, Failure>),
    /// The server remarks on something.
    Notice(ServerError),
    /// A message of NOTIFY.
    Notification(Notification<'b>),
    /// A setting has a new value.
    Parameter(ParameterStatus<'b>),
}

/// Why a command failed on a connection that goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The server says so.
    Server(ServerError),
    /// The SQL was a COPY from the client, which a query cannot carry. It was ended, and had no effect.
    CopyIn,
    /// The SQL was a COPY to the client, which a query cannot carry. It ran, and what it sent was dropped.
    CopyOut,
    /// The SQL began a replication stream, which was not asked for. It was ended.
    CopyBoth,
    /// The command was taken, and could not be written when its turn came.
    Encode(EncodeError),
}

/// Why a session is over.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionError {
    /// The server broke the protocol.
    Protocol(ProtocolError),
    /// The server ended the session and said why.
    Fatal(ServerError),
}

impl From<ProtocolError> for SessionError {
    fn from(error: ProtocolError) -> Self {
        Self::Protocol(error)
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol(error) => error.fmt(f),
            Self::Fatal(error) => write!(f, "the server ended the session: {error}"),
        }
    }
}

impl Error for SessionError {}
