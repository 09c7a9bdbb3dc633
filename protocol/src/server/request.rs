use std::sync::Arc;

use super::Portal;
use crate::message::Oids;

/// What a [`Backend`](super::Backend) wants of whoever embeds it.
#[derive(Debug)]
pub enum Request<'b, S, C> {
    /// Understand this text. Answer with [`Backend::prepared`](super::Backend::prepared), or an error.
    Prepare {
        /// The text, in the client's encoding. Of a Query it may hold any number of statements.
        sql: &'b [u8],
        /// The types that the client declares for the first parameters; 0 leaves one to the server.
        types: Oids<'b>,
    },
    /// Run this. Answer with rows and CommandComplete, with a copy, or with an error.
    Run {
        /// The statement and its parameters.
        portal: Arc<Portal<S>>,
        /// Where to go on: what [`Backend::suspend`](super::Backend::suspend) was given. `None` is the beginning.
        cursor: Option<C>,
    },
    /// A piece of the copy that was asked for. There is no answer but an error.
    CopyData(&'b [u8]),
    /// The copy is complete. Answer with CommandComplete, or an error.
    CopyDone,
    /// The client has given the copy up, for this reason. Answer with an error.
    CopyFail(&'b [u8]),
    /// A segment ends: at a Sync, or with a simple query. What ran in it and outside of a transaction block is to be
    /// kept, or undone. ReadyForQuery follows by itself; an error is the only answer, if it cannot be kept.
    End(Segment),
    /// Goodbye. There is no answer.
    Terminate,
}

/// How what a client has sent up to a Sync, or in one simple query, has gone.
// PG docs: protocol-flow, "Pipelining"
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Segment {
    /// Without an error.
    #[default]
    Whole,
    /// With an error.
    Failed,
}
