//! The PostgreSQL frontend/backend protocol as bytes and states.
//!
//! No IO, no clock, no runtime and no randomness of its own: bytes go in, events and bytes come out. The caller owns
//! the buffers. Encoders append to an output, decoders lend slices of the input.
//!
//! - [`client`] is a driver's side of a conversation: [`client::Handshake`] until the server is ready,
//!   [`client::Client`] from then on.
//! - [`server`] is the other side: what a test server, a proxy or a pooler stands on.
//! - [`message`] holds the messages, one family a file, as they stand in the specification.
//! - [`replication`] holds what streaming replication and base backups carry inside of CopyData, `pgoutput` included.
//! - [`wire`] frames bytes into messages, within [`wire::Limits`].
//! - [`auth`] answers authentication requests.
//!
//! ```
//! use molt_db_protocol::client::{Credentials, Handshake, HandshakeEvent, Received, Startup};
//!
//! let startup = Startup { user: "app", database: Some("shop"), application_name: None, options: None, replication: None };
//! let mut out = Vec::new();
//! let mut handshake = Handshake::start(&startup, Credentials::default(), &mut out)?;
//! // `out` goes to the server; what it answers comes back here, in pieces of any size:
//! let answer = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";
//! out.clear();
//! let Received::Event { consumed, event } = handshake.receive(answer, &mut out)? else { panic!("all of it is here") };
//! assert_eq!(consumed, answer.len());
//! assert!(matches!(event, HandshakeEvent::Ready(_)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::as_conversions,
        clippy::allow_attributes,
        reason = "a test may fail"
    )
)]

pub mod auth;
pub mod client;
mod error;
mod exchange;
pub mod message;
pub mod replication;
pub mod server;
pub mod wire;

pub use error::{EncodeError, Malformed, ProtocolError};
