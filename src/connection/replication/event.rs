use std::fmt;
use std::sync::Arc;

use molt_db_protocol::replication::pgoutput::{
    Begin, Commit, Delivery, PreparedTransaction, StreamAbort, StreamCommit, StreamStart, TruncateOptions,
};
use molt_db_protocol::replication::{Lsn, PgTimestamp};

use super::{Table, Tuple};

/// What a replication stream brings.
///
/// Between `Begin` and `Commit` stand the changes of one transaction, between `StreamStart` and `StreamStop` a piece of
/// one that still runs. `xid` is the (sub)transaction of a change, and only there inside of such a piece.
///
/// `Debug` shows no values.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ReplicationEvent {
    /// The changes of one committed transaction follow.
    Begin(Begin),
    /// They are complete. Whoever has confirmed its `end_lsn` gets the transaction no more.
    Commit(Commit),
    /// The transaction came from another server.
    Origin {
        /// Where its commit is on that server.
        commit_lsn: Lsn,
        /// The name of the origin.
        name: Box<str>,
    },
    /// What `pg_logical_emit_message` wrote.
    Message(EmittedMessage),
    /// What a table looks like from here on.
    Table(Arc<Table>),
    /// The name of a type that is not built in.
    Type {
        /// The OID of the type.
        oid: u32,
        /// Its schema; empty for `pg_catalog`.
        namespace: Box<str>,
        /// Its name.
        name: Box<str>,
    },
    /// A row was inserted.
    Insert {
        /// The transaction, inside of a stream.
        xid: Option<u32>,
        /// The table.
        table: Arc<Table>,
        /// The row.
        new: Tuple,
    },
    /// A row was updated.
    Update {
        /// The transaction, inside of a stream.
        xid: Option<u32>,
        /// The table.
        table: Arc<Table>,
        /// What is told of the row as it was: often nothing, when its key has not changed.
        old: Option<OldRow>,
        /// The row as it is.
        new: Tuple,
    },
    /// A row was deleted.
    Delete {
        /// The transaction, inside of a stream.
        xid: Option<u32>,
        /// The table.
        table: Arc<Table>,
        /// What is told of the row.
        old: OldRow,
    },
    /// Tables were truncated, all by one command.
    Truncate {
        /// The transaction, inside of a stream.
        xid: Option<u32>,
        /// The tables.
        tables: Box<[Arc<Table>]>,
        /// How.
        options: TruncateOptions,
    },
    /// A piece of a running transaction follows.
    StreamStart(StreamStart),
    /// The piece is complete.
    StreamStop,
    /// A streamed transaction committed.
    StreamCommit(StreamCommit),
    /// A streamed transaction, or a part of it, was rolled back.
    StreamAbort(StreamAbort),
    /// The changes of one prepared transaction follow.
    BeginPrepare(Prepared),
    /// They are complete.
    Prepare(Prepared),
    /// A prepared transaction committed.
    CommitPrepared(Prepared),
    /// A prepared transaction was rolled back: its `position` is the end of its preparation, its `time` that of the
    /// rollback.
    RollbackPrepared(Prepared),
    /// A streamed transaction was prepared.
    StreamPrepare(Prepared),
}

/// What is told of a row as it was.
#[derive(Debug, Clone)]
pub enum OldRow {
    /// The columns of its key; the others are NULL.
    Key(Tuple),
    /// All columns, where the replica identity is full.
    Full(Tuple),
}

/// What `pg_logical_emit_message` wrote. `Debug` shows how long it is.
#[derive(Clone, PartialEq, Eq)]
pub struct EmittedMessage {
    /// The transaction, inside of a stream.
    pub xid: Option<u32>,
    /// Whether it came with its transaction, or at once.
    pub delivery: Delivery,
    /// Where it is in the log.
    pub lsn: Lsn,
    /// Whom it is for.
    pub prefix: Box<str>,
    /// What it says.
    pub content: Box<[u8]>,
}

/// A transaction that is or was prepared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// Where that is in the log.
    pub position: Lsn,
    /// Where it ends: who has confirmed this gets it no more.
    pub end_lsn: Lsn,
    /// When it happened.
    pub time: PgTimestamp,
    /// The number of the transaction.
    pub xid: u32,
    /// The name that the user gave it.
    pub gid: Box<str>,
}

impl ReplicationEvent {
    /// Returns what to [confirm](super::ReplicationStream::confirm) once everything up to this event is done with; `None`
    /// of one that ends nothing.
    pub fn end_lsn(&self) -> Option<Lsn> {
        match self {
            Self::Commit(commit) => Some(commit.end_lsn),
            Self::StreamCommit(commit) => Some(commit.end_lsn),
            Self::Prepare(prepared)
            | Self::CommitPrepared(prepared)
            | Self::RollbackPrepared(prepared)
            | Self::StreamPrepare(prepared) => Some(prepared.end_lsn),
            Self::Message(message) if message.delivery == Delivery::Immediate => Some(message.lsn),
            _ => None,
        }
    }
}

impl OldRow {
    /// Returns the columns.
    pub fn tuple(&self) -> &Tuple {
        match self {
            Self::Key(tuple) | Self::Full(tuple) => tuple,
        }
    }
}

impl From<PreparedTransaction<'_>> for Prepared {
    fn from(prepared: PreparedTransaction<'_>) -> Self {
        let PreparedTransaction { position, end_lsn, time, xid, gid } = prepared;
        Self { position, end_lsn, time, xid, gid: gid.into() }
    }
}

impl fmt::Debug for EmittedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmittedMessage")
            .field("xid", &self.xid)
            .field("delivery", &self.delivery)
            .field("lsn", &self.lsn)
            .field("prefix", &self.prefix)
            .field("length", &self.content.len())
            .finish()
    }
}
