use std::fmt;
use std::io;
use std::time::Duration;

use molt_db_decode::arrow::BatchError;
use molt_db_decode::copy::{CopyError, CopyRowError};
use molt_db_decode::{EncodeError, RowError, ValueError};
use molt_db_pool::{BuildError, PoolExhausted, QueueFull};
use molt_db_protocol::ProtocolError;
use molt_db_protocol::client::{CommandError, Unsettled};
use molt_db_protocol::message::ServerError;

use super::ConnectAttempt;
use crate::config::ConfigError;
use crate::scope::ScopeOver;

/// What went wrong.
#[derive(Debug)]
pub(crate) enum Kind {
    Config(ConfigError),
    /// At least one.
    Connect(Vec<ConnectAttempt>),
    Cancel(ConnectAttempt),
    Server(ServerError),
    Protocol(ProtocolError),
    Row(RowError),
    Batch(BatchError),
    Lost {
        cause: Lost,
        outcome: Fate,
    },
    Timeout {
        limit: Duration,
        outcome: Fate,
    },
    ScopeOver {
        over: ScopeOver,
        outcome: Fate,
    },
    Command(CommandError),
    Parameter(EncodeError),
    ParameterType {
        index: usize,
        given: u32,
        expected: u32,
    },
    Value(ValueError),
    RowCount {
        found: Found,
    },
    Copy(CopyRefused),
    CopyData(CopyError),
    CopyRow(CopyRowError),
    Unsettled,
    Over,
    Transaction(TransactionProblem),
    /// A statement of a batch has no result to be read.
    NoResult,
    /// A portal of another connection.
    OtherConnection,
    ForeignEncoding {
        name: String,
    },
    Listening(ListenProblem),
    Replication(ReplicationProblem),
    NoCancelKey,
    NoCancelAddress,
    Exhausted(PoolExhausted),
    QueueFull(QueueFull),
    PoolSettings(BuildError),
    Pool(String),
    PoolClosed,
    NoRuntime,
}

/// What is wrong about a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TransactionProblem {
    /// One was to begin inside of another.
    Open,
    /// It could not be committed.
    Aborted,
    /// Something else than its handle has ended it.
    Ended,
    /// There is none.
    None,
}

/// What is wrong about notifications.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListenProblem {
    EmptyName,
    LongName,
    NulInName,
    /// So many gave way to later ones.
    Lost(u64),
}

/// What is wrong about replication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReplicationProblem {
    /// The driver of a stream was dropped.
    Undriven,
    /// The session replicates, and the command is one of the extended protocol.
    SimpleOnly,
}

/// Why an established connection ended.
#[derive(Debug)]
pub(crate) enum Lost {
    Io(io::Error),
    Fatal(ServerError),
    Unsettled(Unsettled),
}

/// What is known about the effects of the command that was under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It had none.
    None,
    /// It may have been committed, or not.
    Unknown,
}

/// What is wrong about a COPY, and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CopyRefused {
    /// From the client, which was not asked for: it had no effect.
    In,
    /// To the client, which was not asked for: what it read was dropped, what else it did stands.
    Out,
    /// A replication stream, which was ended.
    Both,
    /// Of a batch, of which nothing was sent.
    Batched,
    /// There was none, where one was asked for.
    None,
    /// Typed rows were wanted of one that is text.
    NotBinary,
    /// It has another number of columns.
    Columns { copied: usize, given: usize },
}

/// How many rows there were where one was wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    None,
    Several,
}

impl fmt::Display for CopyRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::In => {
                "the statement is a COPY from the client, which `copy_in` runs; it was ended and had no effect"
            }
            Self::Out => {
                "the statement is a COPY to the client, which `copy_out` runs; it ran, and the data that it sent were \
                 dropped"
            }
            Self::Both => "a replication stream cannot run as a query; it was ended",
            Self::Batched => "COPY from or to the client cannot run in a batch; nothing was sent",
            Self::None => "the statement is no COPY from or to the client; it ran",
            Self::NotBinary => "typed rows need a COPY with `(format binary)`",
            Self::Columns { copied, given } => {
                return write!(f, "the COPY has {copied} columns, and {given} were given");
            }
        })
    }
}

impl fmt::Display for TransactionProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "a transaction is open already; `savepoint` begins a scope inside of it",
            Self::Aborted => {
                "the transaction was rolled back, because a statement in it had failed or was abandoned"
            }
            Self::Ended => "the transaction of this handle is over: it could not begin, or was ended as SQL",
            Self::None => "a portal outlives its query only inside of a transaction, and none is open",
        })
    }
}

impl fmt::Display for ListenProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyName => f.write_str("the name is empty"),
            Self::LongName => f.write_str("the name is longer than 63 bytes"),
            Self::NulInName => f.write_str("the name has a NUL in it"),
            Self::Lost(count) => {
                write!(f, "{count} notifications gave way to later ones, because they were not taken in time")
            }
        }
    }
}

impl fmt::Display for ReplicationProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Undriven => "the driver of the replication stream was dropped, and the connection with it",
            Self::SimpleOnly => {
                "the connection is one for replication, which takes commands of the simple protocol alone: `script` and \
                 `script_results`, without parameters"
            }
        })
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "",
            Self::Unknown => "; whether the command took effect is unknown",
        })
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                f.write_str("the server closed it")
            }
            Self::Io(error) => error.fmt(f),
            Self::Fatal(error) => error.fmt(f),
            Self::Unsettled(Unsettled::CancelLost) => {
                f.write_str("it was closed, because a cancel request might have hit a later query")
            }
            Self::Unsettled(Unsettled::CancelSent) => f.write_str("it was closed after a cancel request"),
            Self::Unsettled(_) => f.write_str(
                "it was closed, because what ran on it did not end in time after it was abandoned",
            ),
        }
    }
}
