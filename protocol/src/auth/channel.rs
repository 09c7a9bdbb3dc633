use std::error::Error;
use std::fmt;

use crate::auth::scram::Binding;

/// Whether the login is to be bound to the TLS connection, as libpq's `channel_binding` says it.
///
/// A login that is bound fails if someone sits in between with a certificate of their own, even one that is trusted.
// PG docs: libpq-connect, "channel_binding"
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChannelBinding {
    /// Never.
    Disable,
    /// Where the server offers it and the hash of its certificate is known.
    #[default]
    Prefer,
    /// Always: any login that is not bound fails, before anything secret is sent.
    Require,
}

impl ChannelBinding {
    /// Decides how to do SCRAM. `hash` is that of the server's certificate.
    // RFC 5802 §6: `y` is for a client that could bind and was not offered to.
    pub(crate) fn bind(self, hash: Option<&[u8]>, is_offered: bool) -> Result<Binding, Unbound> {
        match (self, hash, is_offered) {
            (Self::Prefer | Self::Require, Some(hash), true) => Ok(Binding::TlsServerEndPoint(hash.to_vec())),
            (Self::Require, None, _) => Err(Unbound::NoHash),
            (Self::Require, Some(_), false) => Err(Unbound::NotOffered),
            (Self::Prefer, Some(_), false) => Ok(Binding::Unused),
            (Self::Disable, _, _) | (Self::Prefer, None, _) => Ok(Binding::None),
        }
    }
}

/// Why a login that has to be bound to the TLS connection cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unbound {
    /// The server uses a method that knows no binding, or lets everyone in.
    Method,
    /// The server does not offer to bind.
    NotOffered,
    /// There is no hash of the server's certificate: the connection is not TLS, or none is defined for the certificate.
    NoHash,
}

impl fmt::Display for Unbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Method => "the server uses an authentication method without it",
            Self::NotOffered => "the server does not offer it",
            Self::NoHash => "the connection has no certificate with a hash to bind to",
        })
    }
}

impl Error for Unbound {}

/// What lies below the protocol, as far as the login cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transport {
    /// Bytes in the clear. A server that offers to bind to TLS nevertheless is refused: it sees TLS where there is
    /// none, so someone sits in between.
    Clear,
    /// TLS. The default, as nothing is refused because of it.
    #[default]
    Tls,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_decides_by_hash_and_offer() {
        use ChannelBinding::{Disable, Prefer, Require};
        let hash = Some(&b"hash"[..]);
        let bound = || Ok(Binding::TlsServerEndPoint(b"hash".to_vec()));
        for (policy, hash, offered, unoffered) in [
            (Disable, None, Ok(Binding::None), Ok(Binding::None)),
            (Disable, hash, Ok(Binding::None), Ok(Binding::None)),
            (Prefer, None, Ok(Binding::None), Ok(Binding::None)),
            (Prefer, hash, bound(), Ok(Binding::Unused)),
            (Require, None, Err(Unbound::NoHash), Err(Unbound::NoHash)),
            (Require, hash, bound(), Err(Unbound::NotOffered)),
        ] {
            assert_eq!(policy.bind(hash, true), offered, "{policy:?} {hash:?}");
            assert_eq!(policy.bind(hash, false), unoffered, "{policy:?} {hash:?}");
        }
    }
}
