use super::{
    Begin, Commit, Delete, Insert, LogicalMessage, Origin, PreparedTransaction, Relation, RollbackPrepared,
    StreamAbort, StreamCommit, StreamStart, Truncate, TypeName, Update, Version,
};
use crate::wire::{Body, Reader, payload};
use crate::{EncodeError, Malformed};

/// Any message of `pgoutput`.
// PG docs: protocol-logicalrep-message-formats
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::enum_variant_names, reason = "one of the messages is called Message")]
pub enum Message<'b> {
    /// `B`: the changes of one committed transaction follow.
    Begin(Begin),
    /// `C`: they are complete.
    Commit(Commit),
    /// `O`: the transaction came from another server.
    Origin(Origin<'b>),
    /// `M`: what `pg_logical_emit_message` wrote.
    Message(LogicalMessage<'b>),
    /// `R`: what a table looks like, before its first change and whenever that changes.
    Relation(Relation<'b>),
    /// `Y`: the name of a type that is not built in.
    Type(TypeName<'b>),
    /// `I`: a row was inserted.
    Insert(Insert<'b>),
    /// `U`: a row was updated.
    Update(Update<'b>),
    /// `D`: a row was deleted.
    Delete(Delete<'b>),
    /// `T`: tables were truncated.
    Truncate(Truncate<'b>),
    /// `S`: a piece of a running transaction follows.
    StreamStart(StreamStart),
    /// `E`: the piece is complete.
    StreamStop,
    /// `c`: the streamed transaction committed.
    StreamCommit(StreamCommit),
    /// `A`: the streamed transaction, or a part of it, was rolled back.
    StreamAbort(StreamAbort),
    /// `b`: the changes of one prepared transaction follow.
    BeginPrepare(PreparedTransaction<'b>),
    /// `P`: they are complete.
    Prepare(PreparedTransaction<'b>),
    /// `K`: a prepared transaction committed; its `position` is the commit's.
    CommitPrepared(PreparedTransaction<'b>),
    /// `r`: a prepared transaction was rolled back.
    RollbackPrepared(RollbackPrepared<'b>),
    /// `p`: the streamed transaction was prepared.
    StreamPrepare(PreparedTransaction<'b>),
}

impl<'b> Message<'b> {
    /// Appends the message: the data for an XLogData. What says of itself that it is in a stream is written so.
    ///
    /// # Errors
    ///
    /// A NUL in a name; more than 65,535 columns; content above 2 GiB. The output is then as it was before.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        payload(out, |body| {
            body.u8(self.code());
            self.write(body)
        })
    }

    /// Returns the byte that stands for its type.
    pub const fn code(&self) -> u8 {
        match self {
            Self::Begin(_) => b'B',
            Self::Commit(_) => b'C',
            Self::Origin(_) => b'O',
            Self::Message(_) => b'M',
            Self::Relation(_) => b'R',
            Self::Type(_) => b'Y',
            Self::Insert(_) => b'I',
            Self::Update(_) => b'U',
            Self::Delete(_) => b'D',
            Self::Truncate(_) => b'T',
            Self::StreamStart(_) => b'S',
            Self::StreamStop => b'E',
            Self::StreamCommit(_) => b'c',
            Self::StreamAbort(_) => b'A',
            Self::BeginPrepare(_) => b'b',
            Self::Prepare(_) => b'P',
            Self::CommitPrepared(_) => b'K',
            Self::RollbackPrepared(_) => b'r',
            Self::StreamPrepare(_) => b'p',
        }
    }

    pub(super) fn read(
        byte: u8,
        xid: Option<u32>,
        version: Version,
        reader: &mut Reader<'b>,
    ) -> Result<Self, Malformed> {
        Ok(match byte {
            b'B' => Self::Begin(Begin::read(reader)?),
            b'C' => Self::Commit(Commit::read(reader)?),
            b'O' => Self::Origin(Origin::read(reader)?),
            b'M' => Self::Message(LogicalMessage::read(xid, reader)?),
            b'R' => Self::Relation(Relation::read(xid, reader)?),
            b'Y' => Self::Type(TypeName::read(xid, reader)?),
            b'I' => Self::Insert(Insert::read(xid, reader)?),
            b'U' => Self::Update(Update::read(xid, reader)?),
            b'D' => Self::Delete(Delete::read(xid, reader)?),
            b'T' => Self::Truncate(Truncate::read(xid, reader)?),
            b'S' => Self::StreamStart(StreamStart::read(reader)?),
            b'E' => Self::StreamStop,
            b'c' => Self::StreamCommit(StreamCommit::read(reader)?),
            b'A' => Self::StreamAbort(StreamAbort::read(version, reader)?),
            b'b' => Self::BeginPrepare(PreparedTransaction::read(reader)?),
            b'P' => Self::Prepare(PreparedTransaction::read_flagged(reader)?),
            b'K' => Self::CommitPrepared(PreparedTransaction::read_flagged(reader)?),
            b'r' => Self::RollbackPrepared(RollbackPrepared::read(reader)?),
            b'p' => Self::StreamPrepare(PreparedTransaction::read_flagged(reader)?),
            _ => return Err(Malformed::Code),
        })
    }

    fn write(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
        match self {
            Self::Begin(begin) => begin.write(body),
            Self::Commit(commit) => commit.write(body),
            Self::Origin(origin) => return origin.write(body),
            Self::Message(message) => return message.write(body),
            Self::Relation(relation) => return relation.write(body),
            Self::Type(name) => return name.write(body),
            Self::Insert(insert) => return insert.write(body),
            Self::Update(update) => return update.write(body),
            Self::Delete(delete) => return delete.write(body),
            Self::Truncate(truncate) => return truncate.write(body),
            Self::StreamStart(start) => start.write(body),
            Self::StreamStop => {}
            Self::StreamCommit(commit) => commit.write(body),
            Self::StreamAbort(abort) => abort.write(body),
            Self::BeginPrepare(prepared) => return prepared.write(body),
            Self::Prepare(prepared) | Self::CommitPrepared(prepared) | Self::StreamPrepare(prepared) => {
                return prepared.write_flagged(body);
            }
            Self::RollbackPrepared(rollback) => return rollback.write(body),
        }
        Ok(())
    }
}

/// Reads a byte of flags that no version has given a meaning to.
pub(super) fn no_flags(reader: &mut Reader<'_>) -> Result<(), Malformed> {
    // PG source: proto.c refuses any flag here as well.
    if reader.u8()? == 0 { Ok(()) } else { Err(Malformed::Code) }
}

/// Writes the number of the transaction, which stands behind the type inside of a stream.
pub(super) fn write_xid(xid: Option<u32>, body: &mut Body<'_>) {
    if let Some(xid) = xid {
        body.u32(xid);
    }
}
