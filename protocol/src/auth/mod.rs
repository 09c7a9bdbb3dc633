//! Authentication: what the frontend answers to the server's requests.
//!
//! - [`scram`] proves knowledge of a password without sending it, and makes the server prove the same.
//! - [`md5_password`] is the older answer.
//! - [`saslprep`] prepares a password for SCRAM, as PostgreSQL does it.
//! - [`Secret`] holds a password: it never prints, and is wiped when dropped.

mod error;
mod md5;
mod saslprep;
pub mod scram;
mod secret;

pub use error::{ScramError, ScramMessage};
pub use md5::md5_password;
pub use saslprep::saslprep;
pub use secret::Secret;
