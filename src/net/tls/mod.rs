//! TLS by rustls, as a configuration asks for it.

mod identity;
mod key_log;
mod pem;
mod revocation;
mod roots;
mod verifier;
mod witness;

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::ServerName;
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, SupportedProtocolVersion, version};
use tokio_rustls::TlsConnector;

use self::key_log::KeyLogFile;
use self::witness::Witness;
pub(super) use verifier::Trust;

use super::Stream;
use crate::config::{Config, SslCertMode, Switch, TlsVersion};
use crate::error::ConnectCause;

/// How to encrypt, made once from a configuration and used for every connection, cancel requests included.
#[derive(Clone)]
pub(crate) struct TlsSettings {
    client: Arc<ClientConfig>,
    certificate: SslCertMode,
}

impl TlsSettings {
    /// Reads the files that the configuration names.
    pub(super) fn new(config: &Config, trust: Trust) -> Result<Self, ConnectCause> {
        let mut client = match config.get_tls_client() {
            Some(own) => ClientConfig::clone(own),
            None => client(config, trust)?,
        };
        // PG docs: protocol-flow, "SSL Session Encryption": the ALPN protocol name.
        client.alpn_protocols = vec![ALPN.to_vec()];
        let certificate = config.get_ssl_cert_mode();
        Ok(Self { client: Arc::new(client), certificate })
    }

    /// Returns a stream that is not to be encrypted, unless our certificate has to be shown.
    #[cfg(unix)]
    pub(super) fn leave_in_the_clear(&self, stream: Stream) -> Result<Stream, ConnectCause> {
        match self.certificate {
            SslCertMode::Require => Err(ConnectCause::CertificateNotShown),
            SslCertMode::Allow | SslCertMode::Disable => Ok(stream),
        }
    }

    /// Performs the handshake on a fresh stream.
    ///
    /// # Cancel safety
    ///
    /// A dropped future drops the stream, which closes it.
    pub(super) async fn encrypt(&self, stream: Stream, host: &str) -> Result<Stream, ConnectCause> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| ConnectCause::HostName)?;
        let (client, witness) = match self.certificate {
            SslCertMode::Require => Witness::of(&self.client),
            SslCertMode::Allow | SslCertMode::Disable => (Arc::clone(&self.client), None),
        };
        let encrypted = TlsConnector::from(client).connect(name, stream).await;
        let encrypted = encrypted.map_err(ConnectCause::from_tls)?;
        match witness {
            Some(witness) if !witness.has_shown() => Err(ConnectCause::CertificateNotShown),
            _ => Ok(Stream::Tls(Box::new(encrypted))),
        }
    }

    /// Performs the handshake on a stream that nothing was said on: the server has to confirm what it will speak, or
    /// it could be the server of another protocol.
    // PG docs: protocol-flow, "SSL Session Encryption"
    ///
    /// # Cancel safety
    ///
    /// A dropped future drops the stream, which closes it.
    pub(super) async fn encrypt_at_once(&self, stream: Stream, host: &str) -> Result<Stream, ConnectCause> {
        let stream = self.encrypt(stream, host).await?;
        match stream.alpn() {
            Some(ALPN) => Ok(stream),
            _ => Err(ConnectCause::NoAlpn),
        }
    }
}

impl std::fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsSettings").finish_non_exhaustive()
    }
}

fn client(config: &Config, trust: Trust) -> Result<ClientConfig, ConnectCause> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions(config))
        .map_err(ConnectCause::Tls)?
        .dangerous()
        .with_custom_certificate_verifier(verifier::new(config, trust, &provider)?);
    let mut client = match identity(config, &provider)? {
        Some(identity) => builder.with_client_cert_resolver(Arc::new(identity)),
        None => builder.with_no_client_auth(),
    };
    client.enable_sni = config.get_ssl_sni() == Switch::On;
    if let Some(path) = config.get_ssl_key_log_file() {
        client.key_log = Arc::new(KeyLogFile::open(path)?);
    }
    Ok(client)
}

fn identity(config: &Config, provider: &CryptoProvider) -> Result<Option<SingleCertAndKey>, ConnectCause> {
    match (config.get_ssl_cert_mode(), config.get_ssl_cert(), config.get_ssl_key()) {
        (SslCertMode::Allow | SslCertMode::Require, Some(certificate), Some(key)) => {
            identity::read(certificate, key, provider).map(|identity| Some(identity.into()))
        }
        _ => Ok(None),
    }
}

fn versions(config: &Config) -> Vec<&'static SupportedProtocolVersion> {
    let (min, max) = (config.get_ssl_min_protocol_version(), config.get_ssl_max_protocol_version());
    let spoken = [(TlsVersion::V1_2, &version::TLS12), (TlsVersion::V1_3, &version::TLS13)];
    let allowed = |version| min <= Some(version) && max.is_none_or(|max| version <= max);
    spoken.into_iter().filter(|(version, _)| allowed(*version)).map(|(_, version)| version).collect()
}

const ALPN: &[u8] = b"postgresql";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_between_the_limits() {
        for (text, expected) in [
            ("", &[&version::TLS12, &version::TLS13][..]),
            ("ssl_min_protocol_version=''", &[&version::TLS12, &version::TLS13]),
            ("ssl_min_protocol_version=TLSv1", &[&version::TLS12, &version::TLS13]),
            ("ssl_min_protocol_version=TLSv1.3", &[&version::TLS13]),
            ("ssl_max_protocol_version=TLSv1.2", &[&version::TLS12]),
            ("ssl_max_protocol_version=TLSv1.3", &[&version::TLS12, &version::TLS13]),
        ] {
            assert_eq!(versions(&text.parse().unwrap()), expected, "{text}");
        }
    }
}
