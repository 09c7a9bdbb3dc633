//! Authentication, both sides: what a frontend answers to the server's requests, and how a server checks the answers.
//!
//! - [`scram`] proves knowledge of a password without sending it, and makes the server prove the same.
//! - [`oauth`] shows a bearer token.
//! - [`md5_password`] and [`Md5Hash`] are the older method; [`verify_cleartext`] is for the oldest.
//! - [`RequireAuth`] and [`ChannelBinding`] say what a client puts up with.
//! - [`tls_server_end_point`] is the hash of a certificate, to which a login can be bound.
//! - [`saslprep`] prepares a password for SCRAM, as PostgreSQL does it.
//! - [`Secret`] holds a password: it never prints, and is wiped when dropped.

mod certificate;
mod channel;
mod cleartext;
mod der;
mod error;
mod md5;
pub mod oauth;
mod require_auth;
mod saslprep;
pub mod scram;
mod secret;

pub use certificate::{CertificateHashError, tls_server_end_point};
pub use channel::{ChannelBinding, Transport, Unbound};
pub use cleartext::verify_cleartext;
pub use error::{ScramError, ScramMessage};
pub use md5::{InvalidMd5Hash, Md5Hash, md5_password};
pub use require_auth::{AuthKind, InvalidRequireAuth, RequireAuth};
pub use saslprep::saslprep;
pub use scram::ScramRefusal;
pub use secret::Secret;
