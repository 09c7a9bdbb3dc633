use std::error::Error as StdError;
use std::fmt;

use molt_db_protocol::message::ServerError;

use super::ConnectCause;
use crate::config::Endpoint;

/// One attempt to connect, to one address, and what came of it: [`Error::attempts`](super::Error::attempts).
///
/// It prints as the place and the cause.
#[derive(Debug)]
pub struct ConnectAttempt {
    endpoint: Endpoint,
    cause: ConnectCause,
}

impl ConnectAttempt {
    pub(crate) fn new(endpoint: Endpoint, cause: ConnectCause) -> Self {
        Self { endpoint, cause }
    }

    /// Returns what was dialled: the host as it was configured, with the address that its name led to. There is no
    /// address if its name led to none.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Returns what the server said, if it was the server that refused.
    pub fn server(&self) -> Option<&ServerError> {
        self.cause.server_error()
    }

    /// Returns why the server refused the bearer token, as it came: an object of JSON with `status`, and mostly with
    /// `scope` and `openid-configuration`, which say what token is needed and who issues it.
    ///
    /// At most 2,000 bytes, which are not checked. The error does not print them: a server may repeat the token.
    // RFC 7628 §3.2.2
    pub fn token_refusal(&self) -> Option<&[u8]> {
        self.cause.token_refusal()
    }

    /// Tells whether `connect_timeout` passed.
    pub fn is_timeout(&self) -> bool {
        matches!(self.cause, ConnectCause::Timeout(_))
    }

    /// Tells whether the server would have had us, and is not of the kind that `target_session_attrs` asks for.
    pub fn is_wrong_role(&self) -> bool {
        matches!(self.cause, ConnectCause::Role { .. })
    }

    pub(crate) fn cause(&self) -> &ConnectCause {
        &self.cause
    }
}

impl fmt::Display for ConnectAttempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.endpoint, self.cause)
    }
}

impl StdError for ConnectAttempt {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.source()
    }
}
