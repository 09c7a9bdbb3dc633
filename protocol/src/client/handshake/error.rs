use std::error::Error;
use std::fmt;

use crate::auth::{AuthKind, RequireAuth, ScramError, Unbound};
use crate::message::{ProtocolVersion, ServerError};
use crate::{EncodeError, ProtocolError};

/// Why there is no session.
#[derive(Debug)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The server refused, and said why.
    Server(ServerError),
    /// The server refused at once, and what it said is what those say who do not know how to negotiate the version
    /// that was asked for: to ask for 3.0 may help.
    VersionRefused(ServerError),
    /// The server speaks a version that is older than
    /// [`Credentials::min_protocol_version`](super::Credentials::min_protocol_version).
    TooOld {
        /// What it speaks.
        spoken: ProtocolVersion,
        /// What it would have to speak.
        min: ProtocolVersion,
    },
    /// The server broke the protocol.
    Protocol(ProtocolError),
    /// The SCRAM exchange failed on our side: the server could not prove that it knows the password, or asked for
    /// what is not granted.
    Scram(ScramError),
    /// The server asks for a password and none was given.
    PasswordMissing,
    /// The server asks for a bearer token and none was given.
    TokenMissing,
    /// The server did not accept the bearer token.
    TokenRefused {
        /// What it said in the end.
        error: ServerError,
        /// What it said before, as it came: an object of JSON with `status`, and mostly with `scope` and
        /// `openid-configuration`, which say what token is needed and who issues it. At most 2,000 bytes, and not
        /// checked.
        // RFC 7628 §3.2.2
        reason: Vec<u8>,
    },
    /// The server uses a method that [`Credentials::require_auth`](super::Credentials::require_auth) does not allow.
    /// Nothing secret was sent.
    NotAllowed {
        /// The method.
        kind: AuthKind,
        /// What would be allowed.
        allowed: RequireAuth,
    },
    /// The login has to be bound to the TLS connection and cannot be. Nothing secret was sent.
    Unbound(Unbound),
    /// The server asks for a method that this crate does not speak.
    Unsupported {
        /// Its number in the protocol, or the names of the SASL mechanisms.
        method: String,
    },
    /// What was to be sent cannot be: the user or another parameter holds a NUL.
    Encode(EncodeError),
    /// The handshake is over, or waits for [`Handshake::derived`](super::Handshake::derived).
    Misused,
}

impl HandshakeError {
    /// Returns the server's own error, if there is one.
    pub fn server_error(&self) -> Option<&ServerError> {
        match self {
            Self::Server(error) | Self::VersionRefused(error) | Self::TokenRefused { error, .. } => {
                Some(error)
            }
            _ => None,
        }
    }
}

impl From<ProtocolError> for HandshakeError {
    fn from(error: ProtocolError) -> Self {
        Self::Protocol(error)
    }
}

impl From<EncodeError> for HandshakeError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}

impl From<ScramError> for HandshakeError {
    fn from(error: ScramError) -> Self {
        Self::Scram(error)
    }
}

impl From<Unbound> for HandshakeError {
    fn from(error: Unbound) -> Self {
        Self::Unbound(error)
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(error) | Self::VersionRefused(error) => error.fmt(f),
            Self::TooOld { spoken, min } => {
                write!(f, "the server speaks protocol {spoken}, and min_protocol_version is {min}")
            }
            Self::Protocol(error) => error.fmt(f),
            Self::Scram(error) => write!(f, "SCRAM authentication failed: {error}"),
            Self::PasswordMissing => f.write_str("the server asks for a password and none was given"),
            Self::TokenMissing => {
                f.write_str("no token was given, and the server asks for one by SASL OAUTHBEARER")
            }
            Self::TokenRefused { error, .. } => write!(f, "the bearer token was refused: {error}"),
            Self::NotAllowed { kind, allowed } => {
                write!(f, "the server authenticates by {kind}, and require_auth is {allowed}")
            }
            Self::Unbound(error) => write!(f, "channel binding is required: {error}"),
            Self::Unsupported { method } => {
                write!(f, "the server asks for an authentication method that is not supported: {method}")
            }
            Self::Encode(error) => error.fmt(f),
            Self::Misused => f.write_str("the handshake does not wait for a key"),
        }
    }
}

impl Error for HandshakeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Scram(error) => Some(error),
            Self::Unbound(error) => Some(error),
            _ => None,
        }
    }
}
