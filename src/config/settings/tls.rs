use std::path::{Path, PathBuf};
use std::sync::Arc;

use molt_db_protocol::auth::Secret;
use rustls::ClientConfig;

use super::super::own_tls::OwnTls;
use super::super::tls_home::TlsHome;
use super::super::{Config, SslCertMode, SslMode, SslNegotiation, SslRootCert, Switch, TlsVersion};
use super::{said_path, said_secret};

/// # TLS
impl Config {
    /// Sets whether to encrypt, and how far to check the server's certificate. Default: [`SslMode::Prefer`], and
    /// [`SslMode::VerifyFull`] with [`SslRootCert::System`] or [`Config::tls_client`].
    #[must_use]
    pub fn ssl_mode(mut self, mode: SslMode) -> Self {
        self.ssl_mode = Some(mode);
        self
    }

    /// Sets how TLS begins. Default: [`SslNegotiation::Postgres`].
    #[must_use]
    pub fn ssl_negotiation(mut self, negotiation: SslNegotiation) -> Self {
        self.ssl_negotiation = Some(negotiation);
        self
    }

    /// Sets the authorities that may sign the server's certificate: a path, or `system`. Default: the system's.
    ///
    /// They are asked under [`SslMode::VerifyCa`] and [`SslMode::VerifyFull`]. A server may also show a certificate
    /// that stands in the file itself.
    #[must_use]
    pub fn ssl_root_cert(mut self, authorities: impl Into<SslRootCert>) -> Self {
        self.ssl_root_cert = Some(authorities.into());
        self
    }

    /// Sets the file with our own certificate, and those that lead to its authority, in PEM format. It needs
    /// [`Config::ssl_key`]. Default: none.
    #[must_use]
    pub fn ssl_cert(mut self, path: impl Into<PathBuf>) -> Self {
        self.ssl_cert = Some(path.into());
        self
    }

    /// Sets the file with the key of our own certificate, in PEM or DER format. Nobody but its owner may have access to
    /// it; the group may read what belongs to root. Default: none.
    #[must_use]
    pub fn ssl_key(mut self, path: impl Into<PathBuf>) -> Self {
        self.ssl_key = Some(path.into());
        self
    }

    /// Sets the password of that key. Default: none. Encrypted keys are refused, and so is this, by
    /// [`Config::validate`].
    #[must_use]
    pub fn ssl_password(mut self, password: impl Into<Vec<u8>>) -> Self {
        self.ssl_password = Some(Secret::new(password));
        self
    }

    /// Sets whether to show our certificate. Default: [`SslCertMode::Allow`].
    #[must_use]
    pub fn ssl_cert_mode(mut self, mode: SslCertMode) -> Self {
        self.ssl_cert_mode = Some(mode);
        self
    }

    /// Sets the file of revoked certificates, in PEM format. Default: none.
    ///
    /// It is asked under [`SslMode::VerifyCa`] and [`SslMode::VerifyFull`], and has to speak of every certificate
    /// between the server and its authority. A list whose time is over counts as none.
    #[must_use]
    pub fn ssl_crl(mut self, path: impl Into<PathBuf>) -> Self {
        self.ssl_crl = Some(path.into());
        self
    }

    /// Sets the directory with files of revoked certificates, named as `openssl rehash` does. Default: none.
    #[must_use]
    pub fn ssl_crl_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.ssl_crl_dir = Some(path.into());
        self
    }

    /// Sets whether to tell the host's name in the clear before TLS begins, which proxies need. Default: on.
    #[must_use]
    pub fn ssl_sni(mut self, sni: Switch) -> Self {
        self.ssl_sni = Some(sni);
        self
    }

    /// Sets the oldest version of TLS to put up with; `None` is the oldest that is spoken. Default: 1.2.
    #[must_use]
    pub fn ssl_min_protocol_version(mut self, version: impl Into<Option<TlsVersion>>) -> Self {
        self.ssl_min_protocol_version = Some(version.into());
        self
    }

    /// Sets the latest version of TLS to speak; `None` is the latest there is. Default: `None`.
    #[must_use]
    pub fn ssl_max_protocol_version(mut self, version: impl Into<Option<TlsVersion>>) -> Self {
        self.ssl_max_protocol_version = Some(version.into());
        self
    }

    /// Sets the file to which the secrets of each TLS session are appended, for debugging. Who can read it can read the
    /// sessions. Default: none.
    #[must_use]
    pub fn ssl_key_log_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ssl_key_log_file = Some(path.into());
        self
    }

    /// Sets rustls's own configuration, and with it the provider of cryptography, the authorities, the certificate of
    /// ours and the versions: the options for these are refused beside it. Default: made from the options.
    ///
    /// [`Config::ssl_mode`] still says whether to encrypt; how far the server's certificate is checked is decided here,
    /// whatever the mode. The protocol for ALPN is set to `postgresql`.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::sync::Arc;
    ///
    /// use molt_db::rustls::crypto::CryptoProvider;
    /// use molt_db::rustls::{ClientConfig, RootCertStore};
    /// use molt_db::{Config, Connection};
    ///
    /// # fn our_provider() -> CryptoProvider { molt_db::rustls::crypto::ring::default_provider() }
    /// # fn our_authorities() -> RootCertStore { RootCertStore::empty() }
    /// let tls = ClientConfig::builder_with_provider(Arc::new(our_provider()))
    ///     .with_safe_default_protocol_versions()?
    ///     .with_root_certificates(our_authorities())
    ///     .with_no_client_auth();
    /// let config: Config = "postgres://app:secret@db.example/shop".parse()?;
    /// let connection = Connection::connect(&config.tls_client(tls)).await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn tls_client(mut self, client: impl Into<Arc<ClientConfig>>) -> Self {
        self.own_tls = Some(OwnTls(client.into()));
        self
    }

    /// Returns the mode that is in force: it depends on the authorities too.
    pub fn get_ssl_mode(&self) -> SslMode {
        match (self.ssl_mode, self.get_ssl_root_cert()) {
            (None, _) if self.own_tls.is_some() => SslMode::VerifyFull,
            (None, Some(SslRootCert::System)) => SslMode::VerifyFull,
            (None, _) => SslMode::Prefer,
            // PG docs: libpq-ssl, "Client Verification of Server Certificates"
            (Some(SslMode::Require), Some(SslRootCert::File(_))) => SslMode::VerifyCa,
            (Some(mode), _) => mode,
        }
    }

    /// Returns how TLS begins.
    pub fn get_ssl_negotiation(&self) -> SslNegotiation {
        self.ssl_negotiation.unwrap_or(SslNegotiation::Postgres)
    }

    /// Returns the authorities, if they are set.
    pub fn get_ssl_root_cert(&self) -> Option<&SslRootCert> {
        let authorities = self.ssl_root_cert.as_ref().or_else(|| self.home()?.root_cert.as_ref());
        authorities.filter(|authorities| **authorities != SslRootCert::File(PathBuf::new()))
    }

    /// Returns the file with our own certificate, if it is set.
    pub fn get_ssl_cert(&self) -> Option<&Path> {
        said_path(self.ssl_cert.as_ref().or_else(|| self.home()?.cert.as_ref()))
    }

    /// Returns the file with the key of our own certificate, if it is set.
    pub fn get_ssl_key(&self) -> Option<&Path> {
        let of_home = || self.home()?.key.as_ref().filter(|_| self.get_ssl_cert().is_some());
        said_path(self.ssl_key.as_ref().or_else(of_home))
    }

    /// Returns the password of that key, if it is set.
    pub fn get_ssl_password(&self) -> Option<&Secret> {
        said_secret(self.ssl_password.as_ref())
    }

    /// Returns whether to show our certificate.
    pub fn get_ssl_cert_mode(&self) -> SslCertMode {
        self.ssl_cert_mode.unwrap_or(SslCertMode::Allow)
    }

    /// Returns the file of revoked certificates, if it is set.
    pub fn get_ssl_crl(&self) -> Option<&Path> {
        let of_home = || self.home()?.crl.as_ref().filter(|_| self.ssl_crl_dir.is_none());
        said_path(self.ssl_crl.as_ref().or_else(of_home))
    }

    /// Returns the directory with files of revoked certificates, if it is set.
    pub fn get_ssl_crl_dir(&self) -> Option<&Path> {
        said_path(self.ssl_crl_dir.as_ref())
    }

    /// Returns whether to tell the host's name in the clear.
    pub fn get_ssl_sni(&self) -> Switch {
        self.ssl_sni.unwrap_or(Switch::On)
    }

    /// Returns the oldest version of TLS to put up with; `None` is the oldest that is spoken.
    pub fn get_ssl_min_protocol_version(&self) -> Option<TlsVersion> {
        self.ssl_min_protocol_version.unwrap_or(Some(TlsVersion::V1_2))
    }

    /// Returns the latest version of TLS to speak; `None` is the latest there is.
    pub fn get_ssl_max_protocol_version(&self) -> Option<TlsVersion> {
        self.ssl_max_protocol_version.flatten()
    }

    /// Returns the file to which the secrets of each TLS session are written, if it is set.
    pub fn get_ssl_key_log_file(&self) -> Option<&Path> {
        said_path(self.ssl_key_log_file.as_ref())
    }

    /// Returns rustls's own configuration, if it is set.
    pub fn get_tls_client(&self) -> Option<&Arc<ClientConfig>> {
        self.own_tls.as_ref().map(|own| &own.0)
    }

    /// What was found in the user's home fills in, unless the user brings all of it.
    fn home(&self) -> Option<&TlsHome> {
        self.tls_home.as_ref().filter(|_| self.own_tls.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builders_and_strings_say_the_same() {
        let built = Config::new()
            .ssl_mode(SslMode::VerifyCa)
            .ssl_negotiation(SslNegotiation::Direct)
            .ssl_root_cert("/ca.pem")
            .ssl_cert("/me.pem")
            .ssl_key("/me.key")
            .ssl_password("hush")
            .ssl_cert_mode(SslCertMode::Require)
            .ssl_crl("/crl.pem")
            .ssl_crl_dir("/crl")
            .ssl_sni(Switch::Off)
            .ssl_min_protocol_version(TlsVersion::V1_3)
            .ssl_max_protocol_version(None)
            .ssl_key_log_file("/keys");
        let text = "sslmode=verify-ca sslnegotiation=direct sslrootcert=/ca.pem sslcert=/me.pem sslkey=/me.key \
                    sslpassword=hush sslcertmode=require sslcrl=/crl.pem sslcrldir=/crl sslsni=0 \
                    ssl_min_protocol_version=TLSv1.3 ssl_max_protocol_version='' sslkeylogfile=/keys";
        assert_eq!(built, text.parse().unwrap());
        assert_eq!(built.get_ssl_mode(), SslMode::VerifyCa);
        assert_eq!(built.get_ssl_negotiation(), SslNegotiation::Direct);
        assert_eq!(built.get_ssl_root_cert(), Some(&"/ca.pem".into()));
        assert_eq!(built.get_ssl_cert(), Some(Path::new("/me.pem")));
        assert_eq!(built.get_ssl_key(), Some(Path::new("/me.key")));
        assert_eq!(built.get_ssl_password(), Some(&Secret::new("hush")));
        assert_eq!(built.get_ssl_cert_mode(), SslCertMode::Require);
        assert_eq!(built.get_ssl_crl(), Some(Path::new("/crl.pem")));
        assert_eq!(built.get_ssl_crl_dir(), Some(Path::new("/crl")));
        assert_eq!(built.get_ssl_sni(), Switch::Off);
        assert_eq!(built.get_ssl_min_protocol_version(), Some(TlsVersion::V1_3));
        assert_eq!(built.get_ssl_max_protocol_version(), None);
        assert_eq!(built.get_ssl_key_log_file(), Some(Path::new("/keys")));
    }

    #[test]
    fn the_mode_in_force_depends_on_the_authorities() {
        let config = Config::new;
        let (with_file, with_system) = (config().ssl_root_cert("/ca.pem"), config().ssl_root_cert("system"));
        assert_eq!(with_file.get_ssl_mode(), SslMode::Prefer);
        assert_eq!(with_file.ssl_mode(SslMode::Require).get_ssl_mode(), SslMode::VerifyCa);
        assert_eq!(config().ssl_mode(SslMode::Require).get_ssl_mode(), SslMode::Require);
        assert_eq!(config().ssl_mode(SslMode::Require).ssl_root_cert("").get_ssl_mode(), SslMode::Require);
        assert_eq!(with_system.get_ssl_mode(), SslMode::VerifyFull);
    }

    #[test]
    fn the_old_switch_becomes_a_mode() {
        let mode = |text: &str| text.parse::<Config>().unwrap().get_ssl_mode();
        assert_eq!((mode("requiressl=1"), mode("requiressl=0")), (SslMode::Require, SslMode::Prefer));
    }
}
