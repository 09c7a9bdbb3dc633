use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
};
use tokio_rustls::TlsConnector;

use super::Stream;
use crate::config::SslRootCert;
use crate::error::ConnectCause;

/// How to encrypt, made once from a configuration and used for every connection, cancel requests included.
#[derive(Clone)]
pub(crate) struct TlsSettings {
    client: Arc<ClientConfig>,
}

/// How far a server's certificate is to be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Whatever it shows: this keeps out who listens, not who answers in the server's place.
    Anyone,
    /// Signed by a known authority.
    Authority,
    /// Signed by a known authority, for the host that was dialled.
    Host,
}

impl TlsSettings {
    /// Reads the certificates of the authorities, from a file or the system's store.
    pub(crate) fn new(trust: Trust, roots: Option<&SslRootCert>) -> Result<Self, ConnectCause> {
        let provider = Arc::new(ring::default_provider());
        let verifier: Arc<dyn ServerCertVerifier> = match trust {
            Trust::Anyone => Arc::new(NoVerifier { provider: Arc::clone(&provider) }),
            Trust::Authority => Arc::new(AuthorityVerifier { inner: verifier(&provider, roots)? }),
            Trust::Host => verifier(&provider, roots)?,
        };
        let mut client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(ConnectCause::Tls)?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        // PG docs: protocol-flow, "SSL Session Encryption": the ALPN protocol name.
        client.alpn_protocols = vec![b"postgresql".to_vec()];
        Ok(Self { client: Arc::new(client) })
    }

    /// Performs the handshake on a fresh stream.
    ///
    /// # Cancel safety
    ///
    /// A dropped future drops the stream, which closes it.
    pub(crate) async fn encrypt(&self, stream: Stream, host: &str) -> Result<Stream, ConnectCause> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| ConnectCause::HostName)?;
        let connector = TlsConnector::from(Arc::clone(&self.client));
        let encrypted = connector.connect(name, stream).await.map_err(ConnectCause::from_tls)?;
        Ok(Stream::Tls(Box::new(encrypted)))
    }
}

impl std::fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsSettings").finish_non_exhaustive()
    }
}

fn verifier(
    provider: &Arc<CryptoProvider>,
    roots: Option<&SslRootCert>,
) -> Result<Arc<WebPkiServerVerifier>, ConnectCause> {
    let roots = Arc::new(authorities(roots)?);
    WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider))
        .build()
        .map_err(|error| ConnectCause::RootCertificates(error.to_string()))
}

fn authorities(roots: Option<&SslRootCert>) -> Result<RootCertStore, ConnectCause> {
    let mut store = RootCertStore::empty();
    match roots {
        Some(SslRootCert::File(path)) => {
            let refuse = |error: &dyn std::fmt::Display| {
                ConnectCause::RootCertificates(format!("{}: {error}", path.display()))
            };
            for certificate in CertificateDer::pem_file_iter(path).map_err(|error| refuse(&error))? {
                let certificate = certificate.map_err(|error| refuse(&error))?;
                store.add(certificate).map_err(|error| refuse(&error))?;
            }
            if store.is_empty() {
                return Err(refuse(&"no certificate in it"));
            }
        }
        Some(SslRootCert::System) | None => {
            let found = rustls_native_certs::load_native_certs();
            store.add_parsable_certificates(found.certs);
            if store.is_empty() {
                return Err(ConnectCause::RootCertificates("the system has none".to_owned()));
            }
        }
    }
    Ok(store)
}

/// Takes a chain that a known authority has signed, for any host.
#[derive(Debug)]
struct AuthorityVerifier {
    inner: Arc<WebPkiServerVerifier>,
}

impl ServerCertVerifier for AuthorityVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        match self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The chain is checked before the name.
            Err(TlsError::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Takes any certificate, as `sslmode=require` does without a root certificate.
#[derive(Debug)]
struct NoVerifier {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for NoVerifier {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
