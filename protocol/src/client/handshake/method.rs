use std::fmt;

use crate::auth::oauth::OAUTHBEARER;
use crate::auth::scram::{Binding, SCRAM_SHA_256, SCRAM_SHA_256_PLUS};

/// How the server was convinced of who we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthMethod {
    /// It did not ask.
    Trust,
    /// By the password itself.
    Cleartext,
    /// By an MD5 digest.
    Md5,
    /// By SCRAM-SHA-256: each side proved to the other that it knows the password, and neither told it.
    ScramSha256,
    /// By SCRAM-SHA-256 bound to the TLS connection.
    ScramSha256Plus,
    /// By a bearer token, handed over to it.
    OAuthBearer,
}

impl From<&Binding> for AuthMethod {
    fn from(binding: &Binding) -> Self {
        match binding {
            Binding::None | Binding::Unused => Self::ScramSha256,
            Binding::TlsServerEndPoint(_) => Self::ScramSha256Plus,
        }
    }
}

impl fmt::Display for AuthMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Trust => "trust",
            Self::Cleartext => "cleartext password",
            Self::Md5 => "md5",
            Self::ScramSha256 => SCRAM_SHA_256,
            Self::ScramSha256Plus => SCRAM_SHA_256_PLUS,
            Self::OAuthBearer => OAUTHBEARER,
        })
    }
}

/// A mechanism of SASL that was chosen.
#[derive(Debug)]
pub(super) enum Mechanism {
    Scram(Binding),
    OAuthBearer,
}
