//! A server's side of the conversation: what a test server, a proxy or a pooler stands on.
//!
//! A [`Reception`] takes a connection from its first packet to AuthenticationOk, and becomes a [`Session`]. Both are
//! fed with `receive`, which hands out what the client asks for, and told what to answer with `send`. They keep the
//! order of messages on both sides: what a client may not send is an error of the client, what a server may not send
//! is refused before it is written.
//!
//! A [`Backend`] is a session that keeps the statements and portals of its client as PostgreSQL does, and answers by
//! itself what follows from them. Whoever runs commands builds on it; who passes messages on needs the session alone.
//!
//! Nothing is decided here: who may come in, what a statement means and where a transaction stands is the business of
//! whoever embeds this.
//!
//! A server of one command, in both protocols:
//!
//! ```
//! use molt_db_protocol::message::*;
//! use molt_db_protocol::server::{Arrival, Backend, Reception, RequestError, Request, Statement};
//!
//! let mut out = Vec::new();
//! let mut reception = Reception::default();
//! let startup = b"\0\0\0\x12\0\x03\0\0user\0app\0\0";
//! let (consumed, arrival) = reception.receive(startup, &mut out)?.into_parts();
//! let Some(Arrival::Startup(asked)) = arrival else { panic!("all of it is here") };
//! assert_eq!((consumed, asked.get("user")), (18, Some("app")));
//! // `Reception::ask_scram` would ask for a proof. This server trusts whoever comes.
//! let mut backend: Backend<&str> = Backend::open(reception.admit(&mut out)?, &[], None, &mut out)?;
//!
//! // What it is sent comes here, in pieces of any size. It returns how many bytes are done with.
//! let mut serve = |input: &[u8], out: &mut Vec<u8>| -> Result<usize, RequestError> {
//!     let mut done = 0;
//!     loop {
//!         let (consumed, request) = backend.receive(&input[done..], out)?.into_parts();
//!         done += consumed;
//!         match request {
//!             None => return Ok(done),
//!             Some(Request::Prepare { sql: b"select 1", .. }) => {
//!                 let columns = Some(vec![FieldDescription::new("one", 25)]);
//!                 backend.prepared([Statement { columns, ..Statement::new("1") }], out)?;
//!             }
//!             Some(Request::Run { portal, .. }) => {
//!                 backend.row(&[Some(portal.statement().plan.as_bytes())], out)?;
//!                 backend.complete("SELECT 1", out)?;
//!             }
//!             // It has nothing to keep or to undo.
//!             Some(Request::End(_) | Request::Terminate) => {}
//!             Some(_) => backend.fail(ServerError::new(Severity::Error, SqlState::SYNTAX_ERROR, "what?"), out)?,
//!         }
//!     }
//! };
//! out.clear();
//! assert_eq!(serve(b"Q\0\0\0\x0dselect 1\0", &mut out)?, 14);
//! let row = b"T\0\0\0\x1c\0\x01one\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0D\0\0\0\x0b\0\x01\0\0\0\x011";
//! assert!(out.starts_with(row));
//! assert!(out.ends_with(b"C\0\0\0\x0dSELECT 1\0Z\0\0\0\x05I"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! With a session alone every message is the embedder's to answer, and only their order is kept:
//!
//! ```
//! # use molt_db_protocol::message::*;
//! # use molt_db_protocol::server::{Reception, Received};
//! # let mut out = Vec::new();
//! # let mut reception = Reception::default();
//! # reception.receive(b"\0\0\0\x12\0\x03\0\0user\0app\0\0", &mut out)?;
//! let mut session = reception.admit(&mut out)?;
//! session.send(&BackendMessage::ReadyForQuery(TransactionStatus::Idle), &mut out)?;
//!
//! let Received::Event { event, .. } = session.receive(b"Q\0\0\0\x0ccommit;\0")? else { panic!("all of it is here") };
//! assert_eq!(event, FrontendMessage::Query(b"commit;"));
//! session.send(&BackendMessage::CommandComplete(CommandTag::new("COMMIT")), &mut out)?;
//! session.send(&BackendMessage::ReadyForQuery(TransactionStatus::Idle), &mut out)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod backend;
mod error;
mod holdings;
mod portal;
mod quota;
mod reception;
mod refusal;
mod request;
mod scram;
mod session;
mod statement;
mod task;
#[cfg(test)]
mod tests;

pub use backend::Backend;
pub use error::{RequestError, SendError};
pub use portal::{Parameter, Portal};
pub use quota::Quota;
pub use reception::{Arrival, Asked, Reception};
pub use request::{Request, Segment};
pub use session::Session;
pub use statement::Statement;

pub use crate::client::Received;
