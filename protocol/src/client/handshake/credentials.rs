use std::sync::Arc;

use super::HandshakeError;
use super::method::Mechanism;
use crate::ProtocolError;
use crate::auth::oauth::{BearerToken, OAUTHBEARER};
use crate::auth::scram::{Binding, Iterations, SCRAM_SHA_256, SCRAM_SHA_256_PLUS};
use crate::auth::{AuthKind, ChannelBinding, RequireAuth, Secret, Transport, Unbound};
use crate::client::Hints;
use crate::message::{Authentication, ProtocolVersion, SaslMechanisms};
use crate::wire::{Limits, Tag};

/// How to prove who connects, and what to be wary of.
#[derive(Debug)]
pub struct Credentials {
    /// The password, if there is one.
    pub password: Option<Secret>,
    /// A bearer token for OAUTHBEARER, if there is one. A password is preferred where the server takes either: SCRAM
    /// tells it to nobody, and a token is handed over.
    pub token: Option<BearerToken>,
    /// Random bytes, new for every handshake: the caller has the randomness.
    pub nonce: [u8; 18],
    /// The hash of the server's certificate ([`tls_server_end_point`](crate::auth::tls_server_end_point)), where the
    /// connection is TLS and can be bound to it.
    pub certificate_hash: Option<Vec<u8>>,
    /// Whether the login is to be bound to the TLS connection.
    pub channel_binding: ChannelBinding,
    /// What the handshake runs over.
    pub transport: Transport,
    /// Which methods the server may use.
    pub require_auth: RequireAuth,
    /// The most rounds of hashing that a server may ask for.
    pub iterations: Iterations,
    /// The version of the protocol to ask for.
    pub max_protocol_version: ProtocolVersion,
    /// The oldest version to put up with where the server does not speak that one.
    pub min_protocol_version: ProtocolVersion,
    /// How large a message may be.
    pub limits: Limits,
    /// How many prepared statements the session keeps; 0 for none. They take 8 MiB at most, however many they are.
    pub statement_cache_size: usize,
    /// What is known of results from other sessions; one may serve many. Default: nothing.
    pub hints: Option<Arc<Hints>>,
}

impl Default for Credentials {
    /// No password, no token, a nonce of zeros (which is only good for tests), binding where it is possible, TLS, any
    /// method of authentication, 1,000,000 iterations, protocol 3.0, 256 statements.
    fn default() -> Self {
        Self {
            password: None,
            token: None,
            nonce: [0; 18],
            certificate_hash: None,
            channel_binding: ChannelBinding::default(),
            transport: Transport::default(),
            require_auth: RequireAuth::default(),
            iterations: Iterations::DEFAULT_LIMIT,
            max_protocol_version: ProtocolVersion::default(),
            min_protocol_version: ProtocolVersion::default(),
            limits: Limits::default(),
            statement_cache_size: 256,
            hints: None,
        }
    }
}

impl Credentials {
    /// Refuses what the policy does not allow. Of SASL, the mechanism decides, and [`Credentials::choose`] chooses it.
    pub(super) fn permit_request(&self, request: &Authentication<'_>) -> Result<(), HandshakeError> {
        let kind = match request {
            Authentication::Ok => AuthKind::None,
            Authentication::CleartextPassword => AuthKind::Password,
            Authentication::Md5Password(_) => AuthKind::Md5,
            Authentication::Other(method) if method.code() == GSS => AuthKind::Gss,
            Authentication::Other(method) if method.code() == SSPI => AuthKind::Sspi,
            _ => return Ok(()),
        };
        self.permit(kind)
    }

    /// Chooses among the mechanisms that the policy allows: SCRAM, unless there is a token and no password.
    pub(super) fn choose(&self, offered: SaslMechanisms<'_>) -> Result<Mechanism, HandshakeError> {
        let is_plus = offered.offers(SCRAM_SHA_256_PLUS);
        let is_scram = is_plus || offered.offers(SCRAM_SHA_256);
        let is_oauth = offered.offers(OAUTHBEARER);
        let only_token = self.token.is_some() && self.password.is_none();
        if is_plus && self.transport == Transport::Clear {
            let reason = "it offers to bind to TLS on a connection without it";
            return Err(ProtocolError::Unacceptable { tag: Tag::Authentication, reason }.into());
        }
        let (scram, oauth) = (self.permit(AuthKind::ScramSha256), self.permit(AuthKind::OAuth));
        match (is_scram, is_oauth) {
            (true, true) if scram.is_err() || (only_token && oauth.is_ok()) => {
                oauth.map(|()| Mechanism::OAuthBearer)
            }
            (true, _) => scram.and_then(|()| self.bind(offered, is_plus)).map(Mechanism::Scram),
            (false, true) => oauth.map(|()| Mechanism::OAuthBearer),
            (false, false) => Err(unsupported(offered)),
        }
    }

    /// Wipes what is not needed any more.
    pub(super) fn forget(&mut self) {
        self.password = None;
        self.token = None;
    }

    fn permit(&self, kind: AuthKind) -> Result<(), HandshakeError> {
        if !self.require_auth.allows(kind) {
            Err(HandshakeError::NotAllowed { kind, allowed: self.require_auth })
        } else if self.channel_binding == ChannelBinding::Require && kind != AuthKind::ScramSha256 {
            Err(HandshakeError::Unbound(Unbound::Method))
        } else {
            Ok(())
        }
    }

    fn bind(&self, offered: SaslMechanisms<'_>, is_plus: bool) -> Result<Binding, HandshakeError> {
        let binding = self.channel_binding.bind(self.certificate_hash.as_deref(), is_plus)?;
        if offered.offers(binding.mechanism()) { Ok(binding) } else { Err(unsupported(offered)) }
    }
}

fn unsupported(offered: SaslMechanisms<'_>) -> HandshakeError {
    let names: Vec<_> = offered.iter().map(|name| name.escape_ascii().to_string()).collect();
    HandshakeError::Unsupported { method: format!("SASL {}", names.join(", ")) }
}

// PG docs: protocol-message-formats, "AuthenticationGSS" and "AuthenticationSSPI"
const GSS: i32 = 7;
const SSPI: i32 = 9;
