//! A server's side of the conversation: what a test server, a proxy or a pooler stands on.
//!
//! A [`Reception`] takes a connection from its first packet to AuthenticationOk, and becomes a [`Session`]. Both are
//! fed with `receive`, which hands out what the client asks for, and told what to answer with `send`. They keep the
//! order of messages on both sides: what a client may not send is an error of the client, what a server may not send
//! is refused before it is written.
//!
//! Nothing is decided here: who may come in, what a statement means and where a transaction stands is the business of
//! whoever embeds this.
//!
//! ```
//! use molt_db_protocol::client::Received;
//! use molt_db_protocol::message::{Authentication, BackendMessage, CommandTag, FrontendMessage, TransactionStatus};
//! use molt_db_protocol::server::{Arrival, Reception};
//!
//! let mut out = Vec::new();
//! let mut reception = Reception::default();
//! let startup = b"\0\0\0\x12\0\x03\0\0user\0app\0\0";
//! let Received::Event { consumed, event: Arrival::Startup(asked) } = reception.receive(startup, &mut out)? else {
//!     panic!("all of it is here")
//! };
//! assert_eq!((consumed, asked.get("user")), (18, Some("app")));
//! let mut session = reception.admit(&mut out)?;
//! session.send(&BackendMessage::ReadyForQuery(TransactionStatus::Idle), &mut out)?;
//!
//! let Received::Event { event, .. } = session.receive(b"Q\0\0\0\x0ccommit;\0")? else { panic!("all of it is here") };
//! assert_eq!(event, FrontendMessage::Query(b"commit;"));
//! session.send(&BackendMessage::CommandComplete(CommandTag::new("COMMIT")), &mut out)?;
//! session.send(&BackendMessage::ReadyForQuery(TransactionStatus::Idle), &mut out)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod received;
mod reception;
mod scram;
mod session;
#[cfg(test)]
mod tests;

pub use error::{RequestError, SendError};
pub use reception::{Arrival, Asked, Reception};
pub use session::Session;

pub use crate::client::Received;
