//! A driver's side of the conversation: commands in, bytes and events out.
//!
//! A [`Handshake`] brings a connection from its first byte to the server's first ReadyForQuery, and becomes a
//! [`Client`], which knows what a driver has to know: statements, segments, transactions, copies, and how to walk away
//! from any of them. Below it is a [`Session`], which keeps the order of messages and leaves the rest to its caller.
//!
//! All are fed with `receive`, which consumes whole messages from the start of the input and says how many bytes that
//! was. Whatever they want to be sent they append to `out`; the caller sends it when it can, and never waits for that
//! before it reads on.

mod abandon;
mod answers;
mod command;
mod commands;
mod description;
mod driver;
mod event;
mod handshake;
mod hints;
mod kept;
mod leads;
mod outcome;
mod parameters;
mod pipeline;
mod query;
mod rows;
mod sending;
mod session;
mod settle;
mod simple;
mod statements;
mod tape;
#[cfg(test)]
mod tests;
mod traces;

pub use command::{Arguments, CommandError};
pub use description::Description;
pub use driver::Client;
pub use event::{Event, Failure, Received, SessionError};
pub use handshake::{AuthMethod, Credentials, Handshake, HandshakeError, HandshakeEvent, Startup};
pub use hints::Hints;
pub use leads::Leading;
pub use parameters::Parameters;
pub use rows::RowRun;
pub use session::{SendError, Session};
pub use settle::{AfterCancel, CancelOutcome, OpenTransaction, Sending, Settle, SettlePolicy, Unsettled};
pub use traces::Traces;

use outcome::Outcome;
