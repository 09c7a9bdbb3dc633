use std::error::Error;
use std::fmt;

use crate::EncodeError;
use crate::message::WireFormat;

/// The parameters of a query, encoded.
#[derive(Debug, Clone, Copy, Default)]
pub struct Arguments<'a> {
    /// The OID of each parameter's type; 0 lets the server infer it.
    pub types: &'a [u32],
    /// The format of each parameter: as many as there are parameters.
    pub formats: &'a [WireFormat],
    /// For each an `i32` length (-1 for NULL) and its bytes.
    pub values: &'a [u8],
}

impl Arguments<'_> {
    /// No parameters.
    pub const NONE: Self = Self { types: &[], formats: &[], values: &[] };
}

/// Why a command was not sent. Nothing was written, the connection is as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommandError {
    /// Another command is not over yet.
    Busy,
    /// The statement takes another number of parameters.
    ParameterCount {
        /// As many as it has.
        expected: usize,
        /// As many as were given.
        given: usize,
    },
    /// No copy takes data from the client: it has not begun, has ended, or was refused.
    NotCopying,
    /// The query that was queued last has not stopped at its row limit.
    NotSuspended,
    /// Something is to lead the next query, and a script or a copy is none: [`Client::sync`](super::Client::sync)
    /// sends it by itself.
    Leads,
    /// The protocol cannot carry it.
    Encode(EncodeError),
}

impl From<EncodeError> for CommandError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => f.write_str("another command has not ended on this connection"),
            Self::ParameterCount { expected, given } => {
                write!(f, "the statement takes {expected} parameters and was given {given}")
            }
            Self::NotCopying => f.write_str("no copy takes data on this connection"),
            Self::NotSuspended => f.write_str("the latest query is not suspended"),
            Self::Leads => f.write_str("a statement is to lead the next query, which this is not"),
            Self::Encode(error) => error.fmt(f),
        }
    }
}

impl Error for CommandError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Encode(error) => Some(error),
            Self::Busy
            | Self::ParameterCount { .. }
            | Self::NotCopying
            | Self::NotSuspended
            | Self::Leads => None,
        }
    }
}
