use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use molt_db_protocol::ProtocolError;
use molt_db_protocol::client::HandshakeError;
use molt_db_protocol::message::{ServerError, SqlState};

use super::Error;
use crate::config::TargetSessionAttrs;

/// Why no connection came about.
#[derive(Debug)]
pub(crate) enum ConnectCause {
    Resolve(io::Error),
    Io(io::Error),
    Timeout(Duration),
    Owner {
        required: String,
        found: String,
    },
    HostName,
    /// A file that an option names cannot be used.
    File {
        option: &'static str,
        problem: String,
    },
    Tls(rustls::Error),
    TlsIo(io::Error),
    TlsRefused,
    /// TLS began at once, and the server did not confirm what is spoken inside.
    NoAlpn,
    /// `sslcertmode=require`, and nobody took our certificate.
    CertificateNotShown,
    /// The mode allows two ways, and both failed.
    Both {
        encrypted: Box<Self>,
        clear: Box<Self>,
    },
    Handshake(HandshakeError),
    Protocol(ProtocolError),
    Closed,
    Role {
        wanted: TargetSessionAttrs,
    },
    RoleUnknown(Error),
    Callback {
        secret: &'static str,
        error: Box<dyn StdError + Send + Sync>,
    },
    /// What the program does with every session has failed.
    Hook(Box<dyn StdError + Send + Sync>),
    Randomness,
}

impl ConnectCause {
    /// Tells whether every other host would have to be expected to say the same, so that none is asked.
    ///
    /// A host that cannot be reached or is not ready is not the last word, nor is one that is full or breaks the
    /// protocol. One that does not let us in, or that we do not trust with our secrets, is.
    // PG docs: libpq-connect, "Specifying Multiple Hosts": "If a connection is established successfully, but
    // authentication fails, the remaining hosts in the list are not tried." libpq goes on after 57P03 alone.
    pub(crate) fn ends_the_search(&self) -> bool {
        match self {
            Self::Handshake(HandshakeError::Server(error)) => is_verdict(error.code()),
            Self::Handshake(HandshakeError::Protocol(_)) => false,
            Self::Handshake(_) | Self::Callback { .. } | Self::File { .. } | Self::Randomness => true,
            Self::Both { encrypted, clear } => encrypted.ends_the_search() || clear.ends_the_search(),
            _ => false,
        }
    }

    /// Tells whether the same server may let us in a little later, without anybody's doing something about us. One that
    /// cannot be reached or is not ready may; one that is not the one that we trust, or that refuses us, will not.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Resolve(_) | Self::Io(_) | Self::Timeout(_) | Self::TlsIo(_) | Self::Closed => true,
            Self::Role { .. } | Self::RoleUnknown(_) => true,
            Self::Handshake(HandshakeError::Server(error)) => !is_verdict(error.code()),
            Self::Both { encrypted, clear } => encrypted.may_pass() && clear.may_pass(),
            _ => false,
        }
    }

    /// rustls reports its verdict on a certificate inside of an IO error.
    pub(crate) fn from_tls(error: io::Error) -> Self {
        match error.downcast::<rustls::Error>() {
            Ok(error) => Self::Tls(error),
            Err(error) => Self::TlsIo(error),
        }
    }

    /// Tells whether the two sides found no way to speak TLS with each other. What is no TLS at all, or a certificate
    /// that is not trusted, is more than that.
    pub(crate) fn is_tls_unable(&self) -> bool {
        use rustls::Error::{AlertReceived, PeerIncompatible};
        matches!(self, Self::TlsIo(_) | Self::Tls(AlertReceived(_) | PeerIncompatible(_)))
    }

    /// Tells whether the server refused this user, this way of coming, or what was shown to prove it.
    pub(crate) fn is_login_refused(&self) -> bool {
        // PG docs: errcodes-appendix, class 28, "Invalid Authorization Specification"
        self.server_error().is_some_and(|error| error.code().class() == "28")
    }

    pub(super) fn server_error(&self) -> Option<&ServerError> {
        match self {
            Self::Handshake(error) => error.server_error(),
            Self::RoleUnknown(error) => error.server(),
            Self::Hook(error) => error.downcast_ref::<Error>()?.server(),
            Self::Both { encrypted, clear } => encrypted.server_error().or_else(|| clear.server_error()),
            _ => None,
        }
    }

    pub(super) fn token_refusal(&self) -> Option<&[u8]> {
        match self {
            Self::Handshake(HandshakeError::TokenRefused { reason, .. }) => Some(reason),
            Self::Both { encrypted, clear } => encrypted.token_refusal().or_else(|| clear.token_refusal()),
            _ => None,
        }
    }

    pub(super) fn is_protocol_violation(&self) -> bool {
        match self {
            Self::Protocol(_) | Self::Handshake(HandshakeError::Protocol(_)) => true,
            Self::Both { encrypted, clear } => {
                encrypted.is_protocol_violation() || clear.is_protocol_violation()
            }
            _ => false,
        }
    }
}

impl From<HandshakeError> for ConnectCause {
    fn from(error: HandshakeError) -> Self {
        Self::Handshake(error)
    }
}

impl From<io::Error> for ConnectCause {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Closed,
            // A server of TLS 1.3 looks at our certificate only after its part of the handshake.
            io::ErrorKind::InvalidData => Self::from_tls(error),
            _ => Self::Io(error),
        }
    }
}

impl fmt::Display for ConnectCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolve(error) => write!(f, "its name has no address: {error}"),
            Self::Io(error) => error.fmt(f),
            Self::Timeout(limit) => write!(f, "no session within connect_timeout ({limit:?})"),
            Self::Owner { required, found } => {
                write!(f, "the server runs as {found}, and requirepeer is {required}")
            }
            Self::HostName => {
                f.write_str("the host is neither a DNS name nor an address, so no certificate is for it")
            }
            Self::File { option, problem } => write!(f, "{option}: {problem}"),
            Self::Tls(error) => write!(f, "TLS: {error}"),
            Self::TlsIo(error) => write!(f, "TLS: {error}"),
            Self::TlsRefused => f.write_str("the server does not speak TLS and sslmode requires it"),
            Self::NoAlpn => f.write_str(
                "the server took TLS at once (sslnegotiation) and did not confirm that it speaks `postgresql` inside",
            ),
            Self::CertificateNotShown => {
                f.write_str("sslcertmode requires it, and the server did not take a certificate from us")
            }
            Self::Both { encrypted, clear } => write!(f, "{encrypted}; and without encryption: {clear}"),
            Self::Handshake(error) => error.fmt(f),
            Self::Protocol(error) => error.fmt(f),
            Self::Closed => f.write_str("the server closed the connection before the session was ready"),
            Self::Role { wanted } => {
                write!(f, "{}, and target_session_attrs is {wanted}", other_than(*wanted))
            }
            Self::RoleUnknown(error) => write!(f, "it did not say what kind of server it is: {error}"),
            Self::Hook(error) => write!(f, "after_connect: {error}"),
            Self::Callback { secret, error } => write!(f, "the callback gave no {secret}: {error}"),
            Self::Randomness => f.write_str("the system gives no random bytes"),
        }
    }
}

impl ConnectCause {
    pub(super) fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Resolve(error) | Self::Io(error) | Self::TlsIo(error) => Some(error),
            Self::Tls(error) => Some(error),
            Self::Handshake(error) => Some(error),
            Self::Protocol(error) => Some(error),
            Self::Both { encrypted, .. } => encrypted.source(),
            Self::RoleUnknown(error) => Some(error),
            Self::Callback { error, .. } | Self::Hook(error) => Some(&**error),
            _ => None,
        }
    }
}

/// Tells whether a refusal is about who we are and what we want, and not about the state that the server is in.
// PG docs: errcodes-appendix, classes 28 and 3D, insufficient_privilege
fn is_verdict(code: SqlState) -> bool {
    ["28", "3D"].contains(&code.class()) || code.as_str() == "42501"
}

/// Says what a server is that is not what was wanted.
fn other_than(wanted: TargetSessionAttrs) -> &'static str {
    match wanted {
        TargetSessionAttrs::ReadWrite => "a session may only read here",
        TargetSessionAttrs::ReadOnly => "a session may write here",
        TargetSessionAttrs::Primary => "the server is a standby",
        TargetSessionAttrs::Any | TargetSessionAttrs::Standby | TargetSessionAttrs::PreferStandby => {
            "the server is not a standby"
        }
    }
}
