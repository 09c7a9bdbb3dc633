use super::copy::{copy_data, copy_done, copy_fail_bytes};
use super::simple::query_bytes;
use super::{
    BindMessage, Execute, FunctionCall, ParseMessage, PasswordContext, PasswordMessage, Target, close,
    describe, execute, flush, parse_copy_fail, parse_query, sync, terminate,
};
use crate::wire::{FrontendTag, Reader};
use crate::{EncodeError, Malformed};

/// Any message of a client: what a server, a proxy or a pooler reads.
///
/// Its data is lent from the message. Names are UTF-8; SQL and other texts are bytes in the client's encoding.
/// [`StartupPacket`](super::StartupPacket) is what comes before the first of them.
///
/// ```
/// use molt_db_protocol::message::{FrontendMessage, PasswordContext, Target};
/// use molt_db_protocol::wire::FrontendTag;
///
/// let message = FrontendMessage::parse(FrontendTag::Describe, b"Ss1\0", PasswordContext::Unasked)?;
/// assert_eq!(message, FrontendMessage::Describe(Target::Statement("s1")));
/// let mut out = Vec::new();
/// message.encode(&mut out)?;
/// assert_eq!(out, b"D\0\0\0\x08Ss1\0");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
// PG docs: protocol-message-formats
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrontendMessage<'b> {
    /// Make a portal out of a statement and its parameters.
    Bind(BindMessage<'b>),
    /// Forget a statement or a portal.
    Close(Target<'b>),
    /// A piece of a COPY.
    CopyData(&'b [u8]),
    /// The COPY is complete.
    CopyDone,
    /// The COPY failed on the client's side, for this reason.
    CopyFail(&'b [u8]),
    /// Tell about a statement or a portal.
    Describe(Target<'b>),
    /// Run a portal.
    Execute(Execute<'b>),
    /// Send what is held back.
    Flush,
    /// Run a function by its OID.
    FunctionCall(FunctionCall<'b>),
    /// Make a statement out of SQL.
    Parse(ParseMessage<'b>),
    /// An answer to an authentication request.
    Password(PasswordMessage<'b>),
    /// Run this SQL text.
    Query(&'b [u8]),
    /// End the implicit transaction, and the skipping after an error.
    Sync,
    /// End the session.
    Terminate,
}

impl<'b> FrontendMessage<'b> {
    /// Reads the body of a message. `context` says what the server asked for, which a `p` message is the answer to.
    ///
    /// # Errors
    ///
    /// A body that does not have the shape of its message, to the byte. CopyDone alone may carry bytes, which mean
    /// nothing: PostgreSQL accepts it so.
    pub fn parse(tag: FrontendTag, body: &'b [u8], context: PasswordContext) -> Result<Self, Malformed> {
        Ok(match tag {
            FrontendTag::Bind => Self::Bind(BindMessage::parse(body)?),
            FrontendTag::Close => Self::Close(Target::parse(body)?),
            FrontendTag::CopyData => Self::CopyData(body),
            FrontendTag::CopyDone => Self::CopyDone,
            FrontendTag::CopyFail => Self::CopyFail(parse_copy_fail(body)?),
            FrontendTag::Describe => Self::Describe(Target::parse(body)?),
            FrontendTag::Execute => Self::Execute(Execute::parse(body)?),
            FrontendTag::Flush => empty(body, Self::Flush)?,
            FrontendTag::FunctionCall => Self::FunctionCall(FunctionCall::parse(body)?),
            FrontendTag::Parse => Self::Parse(ParseMessage::parse(body)?),
            FrontendTag::Password => Self::Password(PasswordMessage::parse(body, context)?),
            FrontendTag::Query => Self::Query(parse_query(body)?),
            FrontendTag::Sync => empty(body, Self::Sync)?,
            FrontendTag::Terminate => empty(body, Self::Terminate)?,
        })
    }

    /// Appends the message.
    ///
    /// # Errors
    ///
    /// What the wire cannot carry: a NUL in a string, more than 65,535 of anything, a message above 2 GiB. The output
    /// is then as it was before.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match self {
            Self::Bind(bind) => return bind.encode(out),
            Self::Close(target) => return close(*target, out),
            Self::CopyData(data) => return copy_data(data, out),
            Self::CopyFail(reason) => return copy_fail_bytes(reason, out),
            Self::Describe(target) => return describe(*target, out),
            Self::Execute(run) => return execute(run.portal, run.max_rows, out),
            Self::FunctionCall(call) => return call.encode(out),
            Self::Parse(parse) => return parse.encode(out),
            Self::Password(answer) => return answer.encode(out),
            Self::Query(sql) => return query_bytes(sql, out),
            Self::CopyDone => copy_done(out),
            Self::Flush => flush(out),
            Self::Sync => sync(out),
            Self::Terminate => terminate(out),
        }
        Ok(())
    }

    /// Returns the type of the message.
    pub const fn tag(&self) -> FrontendTag {
        match self {
            Self::Bind(_) => FrontendTag::Bind,
            Self::Close(_) => FrontendTag::Close,
            Self::CopyData(_) => FrontendTag::CopyData,
            Self::CopyDone => FrontendTag::CopyDone,
            Self::CopyFail(_) => FrontendTag::CopyFail,
            Self::Describe(_) => FrontendTag::Describe,
            Self::Execute(_) => FrontendTag::Execute,
            Self::Flush => FrontendTag::Flush,
            Self::FunctionCall(_) => FrontendTag::FunctionCall,
            Self::Parse(_) => FrontendTag::Parse,
            Self::Password(_) => FrontendTag::Password,
            Self::Query(_) => FrontendTag::Query,
            Self::Sync => FrontendTag::Sync,
            Self::Terminate => FrontendTag::Terminate,
        }
    }
}

fn empty<'b>(body: &'b [u8], message: FrontendMessage<'b>) -> Result<FrontendMessage<'b>, Malformed> {
    Reader::new(body).finish()?;
    Ok(message)
}
