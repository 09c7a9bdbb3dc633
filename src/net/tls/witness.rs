use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::client::{ResolvesClientCert, Resumption};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, SignatureScheme};

/// Notices whether a server was shown our certificate, of one connection.
#[derive(Debug)]
pub(super) struct Witness {
    inner: Arc<dyn ResolvesClientCert>,
    has_shown: AtomicBool,
}

impl Witness {
    /// Returns the settings of one connection, and its witness.
    pub(super) fn of(client: &ClientConfig) -> (Arc<ClientConfig>, Option<Arc<Self>>) {
        let mut client = client.clone();
        let inner = Arc::clone(&client.client_auth_cert_resolver);
        let witness = Arc::new(Self { inner, has_shown: AtomicBool::new(false) });
        client.client_auth_cert_resolver = Arc::<Self>::clone(&witness);
        // A session that is resumed asks for no certificate.
        client.resumption = Resumption::disabled();
        (Arc::new(client), Some(witness))
    }

    pub(super) fn has_shown(&self) -> bool {
        self.has_shown.load(Ordering::Relaxed)
    }
}

impl ResolvesClientCert for Witness {
    fn resolve(&self, hints: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let found = self.inner.resolve(hints, schemes);
        self.has_shown.store(found.is_some(), Ordering::Relaxed);
        found
    }

    fn only_raw_public_keys(&self) -> bool {
        self.inner.only_raw_public_keys()
    }

    fn has_certs(&self) -> bool {
        self.inner.has_certs()
    }
}
