use std::fmt;
use std::sync::Arc;

use rustls::ClientConfig;

/// A configuration of TLS that the user has made.
#[derive(Clone)]
pub(super) struct OwnTls(pub(super) Arc<ClientConfig>);

/// Two are equal if one is the clone of the other.
impl PartialEq for OwnTls {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for OwnTls {}

/// It may hold keys.
impl fmt::Debug for OwnTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnTls").finish_non_exhaustive()
    }
}
