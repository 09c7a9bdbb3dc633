use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error as TlsError, SignatureScheme};

use super::revocation;
use super::roots::Roots;
use crate::config::Config;
use crate::error::ConnectCause;

/// How far a server's certificate is to be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::net) enum Trust {
    /// Whatever it shows: this keeps out who listens, not who answers in the server's place.
    Anyone,
    /// Signed by a known authority.
    Authority,
    /// Signed by a known authority, for the host that was dialled.
    Host,
}

/// Returns who judges the server's certificate.
pub(super) fn new(
    config: &Config,
    trust: Trust,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, ConnectCause> {
    if trust == Trust::Anyone {
        return Ok(Arc::new(NoVerifier { provider: Arc::clone(provider) }));
    }
    let roots = Roots::read(config.get_ssl_root_cert())?;
    let lists = revocation::read(config)?;
    // A certificate that is trusted by itself has nobody above it who could revoke it.
    let trusted_by_itself = if lists.is_empty() { roots.certificates } else { Vec::new() };
    let mut builder =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots.store), Arc::clone(provider));
    if !lists.is_empty() {
        builder = builder.with_crls(lists).enforce_revocation_expiration();
    }
    let inner = builder
        .build()
        .map_err(|error| ConnectCause::File { option: "sslcrl", problem: error.to_string() })?;
    Ok(Arc::new(Verifier { inner, trust, trusted_by_itself }))
}

/// Takes a chain that a known authority has signed.
#[derive(Debug)]
struct Verifier {
    inner: Arc<WebPkiServerVerifier>,
    trust: Trust,
    /// A server may show a certificate that stands in the file of the authorities, as libpq has it.
    trusted_by_itself: Vec<CertificateDer<'static>>,
}

impl Verifier {
    /// Tells whether all that is wrong is that an authority shows its own certificate, and that this is trusted: one
    /// that is signed with its own key mostly says that it is an authority.
    fn is_trusted_by_itself(&self, certificate: &CertificateDer<'_>, error: &TlsError) -> bool {
        let TlsError::InvalidCertificate(CertificateError::Other(error)) = error else { return false };
        // Its time was looked at before.
        matches!(error.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
            && self.trusted_by_itself.contains(certificate)
    }

    fn check_name(&self, certificate: &CertificateDer<'_>, name: &ServerName<'_>) -> Result<(), TlsError> {
        match self.trust {
            Trust::Host => verify_server_name(&ParsedCertificate::try_from(certificate)?, name),
            Trust::Authority | Trust::Anyone => Ok(()),
        }
    }
}

impl ServerCertVerifier for Verifier {
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
            )) if self.trust == Trust::Authority => Ok(ServerCertVerified::assertion()),
            Err(error) if self.is_trusted_by_itself(end_entity, &error) => {
                self.check_name(end_entity, server_name).map(|()| ServerCertVerified::assertion())
            }
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
