use std::error::Error;
use std::fmt;

use crate::auth::ScramMessage;

/// Why a server refuses a client in the course of SCRAM. It is the client's fault, or that of someone in between.
///
/// The server tells it by an ErrorResponse with [`ScramRefusal::sqlstate`], and closes the connection. The texts are
/// for the server's own log: they hold no secret, but a client is told no more than that it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScramRefusal {
    /// The client chose a mechanism that was not offered.
    Mechanism,
    /// The client's message does not have the form that SCRAM gives it.
    Malformed {
        /// The message.
        message: ScramMessage,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The client wants to act as another user, which PostgreSQL does not know.
    AuthorizationIdentity,
    /// The client could bind to the TLS connection and was not offered to, while it was offered: someone removed the
    /// offer on the way.
    Downgraded,
    /// The client bound to another certificate than this server's: someone sits in between.
    ForeignCertificate,
    /// The nonce is not the one of this exchange.
    ForeignNonce,
    /// The client does not know the password, or there is no such user.
    WrongProof,
}

impl ScramRefusal {
    /// Returns the SQLSTATE that PostgreSQL answers with.
    // PG source: auth-scram.c
    pub fn sqlstate(&self) -> &'static str {
        match self {
            Self::Mechanism | Self::Malformed { .. } | Self::ForeignNonce => "08P01",
            Self::AuthorizationIdentity => "0A000",
            Self::Downgraded | Self::ForeignCertificate => "28000",
            Self::WrongProof => "28P01",
        }
    }
}

impl fmt::Display for ScramRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mechanism => f.write_str("the client chose a SASL mechanism that was not offered"),
            Self::Malformed { message, problem } => {
                write!(f, "the client's {message} message is malformed: {problem}")
            }
            Self::AuthorizationIdentity => {
                f.write_str("the client uses an authorization identity, which is not supported")
            }
            Self::Downgraded => f.write_str("the client did not see the offer of channel binding"),
            Self::ForeignCertificate => f.write_str("the client is bound to another certificate"),
            Self::ForeignNonce => f.write_str("the client's SCRAM nonce belongs to another exchange"),
            Self::WrongProof => f.write_str("the client could not prove that it knows the password"),
        }
    }
}

impl Error for ScramRefusal {}
