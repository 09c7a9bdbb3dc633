//! SCRAM-SHA-256, both sides: a type per state, and no state can be skipped. The client's:
//!
//! ```text
//!                challenge                prove                  verify
//! ScramClient ──────────────> ScramProving ─────> ScramVerifying ──────> Ok: both sides know the password
//!   sends      (server-first)      ^    sends      (server-final)
//!   client-first                   │    client-final
//!                                  └── SaltedPassword, from KeyDerivation::run: the expensive part
//! ```
//!
//! And the server's, which keeps no password but a [`Verifier`]:
//!
//! ```text
//!                challenge                  check
//! ScramServer ───────────────> ScramChecking ────> Ok: the client knows the password
//!   sends      (client-first)     sends            sends
//!   mechanisms                    server-first     server-final
//! ```
//!
//! ```
//! use molt_db_protocol::auth::Secret;
//! use molt_db_protocol::auth::scram::{Binding, Iterations, ScramClient};
//!
//! let client = ScramClient::new(&Secret::new("pencil"), &[7; 18], Binding::None);
//! assert_eq!(client.client_first(), b"n,,n=,r=BwcHBwcHBwcHBwcHBwcHBwcH");
//!
//! let server_first = b"r=BwcHBwcHBwcHBwcHBwcHBwcHabc,s=c2FsdA==,i=4096";
//! let (derivation, proving) = client.challenge(server_first, Iterations::DEFAULT_LIMIT)?;
//! let (client_final, verifying) = proving.prove(derivation.run());
//! assert!(client_final.starts_with(b"c=biws,r=BwcH"));
//! assert!(verifying.verify(b"v=AAAA").is_err());
//! # Ok::<(), molt_db_protocol::auth::ScramError>(())
//! ```
mod attributes;
mod client;
mod key;
mod refusal;
mod server;
#[cfg(test)]
mod tests;
mod verifier;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

pub use client::{ScramClient, ScramProving, ScramVerifying};
pub use key::{KeyDerivation, SaltedPassword};
pub use refusal::ScramRefusal;
pub use server::{MAX_CLIENT_MESSAGE, Offer, ScramChecking, ScramServer};
pub use verifier::{InvalidVerifier, Verifier};

/// The name of the mechanism without channel binding.
pub const SCRAM_SHA_256: &str = "SCRAM-SHA-256";

/// The name of the mechanism with channel binding.
pub const SCRAM_SHA_256_PLUS: &str = "SCRAM-SHA-256-PLUS";

/// The largest server message that is read, in bytes. A longer one is refused.
pub const MAX_SERVER_MESSAGE: usize = 64 * 1024;

/// How the exchange is tied to the TLS connection that it runs over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Binding {
    /// This client cannot bind: no TLS, binding switched off, or a certificate whose hash is not defined.
    None,
    /// This client could bind, but the server did not offer [`SCRAM_SHA_256_PLUS`]. A server that did offer it learns
    /// so that someone removed the offer, and refuses.
    Unused,
    /// Binds to the server's certificate by this hash of it (`tls-server-end-point`).
    // RFC 5929 §4
    TlsServerEndPoint(Vec<u8>),
}

impl Binding {
    /// Returns the name of the mechanism to ask for.
    pub fn mechanism(&self) -> &'static str {
        match self {
            Self::None | Self::Unused => SCRAM_SHA_256,
            Self::TlsServerEndPoint(_) => SCRAM_SHA_256_PLUS,
        }
    }

    // RFC 5802 §7, gs2-header
    fn header(&self) -> &'static str {
        match self {
            Self::None => "n,,",
            Self::Unused => "y,,",
            Self::TlsServerEndPoint(_) => "p=tls-server-end-point,,",
        }
    }

    fn data(&self) -> &[u8] {
        match self {
            Self::None | Self::Unused => &[],
            Self::TlsServerEndPoint(hash) => hash,
        }
    }

    /// What the client-final message begins with.
    fn attribute(&self) -> String {
        format!("c={}", STANDARD.encode([self.header().as_bytes(), self.data()].concat()))
    }
}

/// A number of PBKDF2 iterations, 1 or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Iterations(u32);

impl Iterations {
    /// One million: the largest count that a client accepts unless told otherwise.
    pub const DEFAULT_LIMIT: Self = Self(1_000_000);

    /// Returns `None` for 0.
    pub const fn new(count: u32) -> Option<Self> {
        if count == 0 { None } else { Some(Self(count)) }
    }

    /// Returns the number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl Default for Iterations {
    /// Returns [`Iterations::DEFAULT_LIMIT`].
    fn default() -> Self {
        Self::DEFAULT_LIMIT
    }
}
