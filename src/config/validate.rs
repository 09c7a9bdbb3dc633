use std::time::Duration;

use super::error::{ConfigError, Problem};
use super::option::{
    MAX_CONNS, MAX_CONNS_EXPECTED, MIN_CONNS, MIN_CONNS_EXPECTED, STATEMENT_CACHE_SIZE_EXPECTED,
    STATEMENT_CACHE_SIZES,
};
use super::settings::PORT_EXPECTED;
use super::{Config, Host, SslCertMode, SslMode, SslNegotiation, SslRootCert, refusal};

impl Config {
    /// Checks what a type cannot: connecting does so first.
    ///
    /// # Errors
    ///
    /// The user is missing; a number is out of its range; a text holds a NUL byte; lists of hosts, addresses and ports,
    /// or options of TLS, do not go together; a service or a password file is named and was not read
    /// ([`Config::or_files`]); something is asked for that a connection does not do
    /// ([`ConfigError::is_unsupported`]).
    pub fn validate(&self) -> Result<(), ConfigError> {
        let failed = |(option, problem)| ConfigError::of_option(option, problem, None);
        self.check_texts().map_err(failed)?;
        self.check_numbers().map_err(failed)?;
        self.check_hosts().map_err(failed)?;
        self.check_ssl().map_err(failed)?;
        self.check_files().map_err(failed)?;
        refusal::check(self)?;
        match self.get_user() {
            None => Err(failed(("user", Problem::Refused("no user is given")))),
            Some(_) => Ok(()),
        }
    }

    fn check_texts(&self) -> Checked {
        let with_nul = self.texts().find(|(_, bytes)| bytes.contains(&0));
        match with_nul {
            Some((option, _)) => Err((option, Problem::Refused("a NUL byte cannot be part of a value"))),
            None => Ok(()),
        }
    }

    fn check_numbers(&self) -> Checked {
        let (min, max) = (self.get_min_conns(), self.get_max_conns());
        let cache = self.get_statement_cache_size();
        let statement = self.get_statement_timeout().unwrap_or_default();
        let checks = [
            ("port", !self.get_ports().contains(&Some(0)), PORT_EXPECTED),
            ("min_conns", MIN_CONNS.contains(&min), MIN_CONNS_EXPECTED),
            ("max_conns", MAX_CONNS.contains(&max), MAX_CONNS_EXPECTED),
            ("min_conns", min <= max, "no more than `max_conns`"),
            ("statement_cache_size", STATEMENT_CACHE_SIZES.contains(&cache), STATEMENT_CACHE_SIZE_EXPECTED),
            ("statement_timeout_ms", statement <= STATEMENT_TIMEOUT, "at most 2147483647"),
            ("keepalives_count", self.get_keepalives_count() != Some(0), "a number above 0"),
        ];
        match checks.into_iter().find(|(_, is_met, _)| !is_met) {
            Some((option, _, expected)) => Err((option, Problem::Expected(expected))),
            None => Ok(()),
        }
    }

    // PG docs: libpq-connect, "Specifying Multiple Hosts"
    fn check_hosts(&self) -> Checked {
        let mut given = self.get_hosts().iter().flatten();
        given.try_for_each(Host::check).map_err(|problem| ("host", problem))?;
        let (hosts, addresses) = (self.get_hosts().len(), self.get_hostaddrs().len());
        let ports = self.get_ports().len();
        if hosts > 0 && addresses > 0 && hosts != addresses {
            Err(("host", Problem::Refused("there have to be as many hosts as addresses")))
        } else if ports > 1 && ports != hosts.max(addresses).max(1) {
            Err(("port", Problem::Refused("give one port for all hosts, or one for each")))
        } else {
            Ok(())
        }
    }

    fn check_ssl(&self) -> Checked {
        let (min, max) = (self.get_ssl_min_protocol_version(), self.get_ssl_max_protocol_version());
        if max.is_some_and(|max| min > Some(max)) {
            return Err(("ssl_max_protocol_version", Problem::Refused("it is below the minimum")));
        }
        if self.get_min_protocol_version() > self.get_max_protocol_version() {
            return Err(("max_protocol_version", Problem::Refused("it is below the minimum")));
        }
        let mode = self.get_ssl_mode();
        let is_weak = matches!(mode, SslMode::Disable | SslMode::Allow | SslMode::Prefer);
        if self.get_ssl_negotiation() == SslNegotiation::Direct && is_weak {
            return Err(("sslmode", Problem::Refused("`sslnegotiation=direct` needs `require` or more")));
        }
        self.check_ssl_cert(is_weak)?;
        if self.own_tls.is_some() {
            return self.check_own_tls();
        }
        match (mode, self.get_ssl_root_cert()) {
            (SslMode::VerifyFull, _) => Ok(()),
            // PG docs: libpq-connect, "sslrootcert"
            (_, Some(SslRootCert::System)) => {
                Err(("sslmode", Problem::Refused("`sslrootcert=system` needs `verify-full`")))
            }
            (SslMode::VerifyCa, None) => {
                Err(("sslmode", Problem::Refused("`verify-ca` needs `sslrootcert`, a file")))
            }
            _ => Ok(()),
        }
    }

    fn check_ssl_cert(&self, is_weak: bool) -> Checked {
        let is_required = self.get_ssl_cert_mode() == SslCertMode::Require;
        match (self.get_ssl_cert(), self.get_ssl_key()) {
            (Some(_), None) => Err(("sslkey", Problem::Refused("`sslcert` needs its key"))),
            (None, Some(_)) => Err(("sslcert", Problem::Refused("`sslkey` needs its certificate"))),
            (None, None) if is_required && self.own_tls.is_none() => {
                Err(("sslcert", Problem::Refused("`sslcertmode=require` needs a certificate")))
            }
            _ if is_required && is_weak => {
                Err(("sslmode", Problem::Refused("`sslcertmode=require` needs `require` or more")))
            }
            _ => Ok(()),
        }
    }

    /// Who brings all of TLS decides what these would.
    fn check_own_tls(&self) -> Checked {
        let decided = [
            ("sslrootcert", self.ssl_root_cert.is_some()),
            ("sslcert", self.ssl_cert.is_some()),
            ("sslkey", self.ssl_key.is_some()),
            ("sslcertmode", self.ssl_cert_mode == Some(SslCertMode::Disable)),
            ("sslcrl", self.ssl_crl.is_some()),
            ("sslcrldir", self.ssl_crl_dir.is_some()),
            ("sslsni", self.ssl_sni.is_some()),
            ("ssl_min_protocol_version", self.ssl_min_protocol_version.is_some()),
            ("ssl_max_protocol_version", self.ssl_max_protocol_version.is_some()),
            ("sslkeylogfile", self.ssl_key_log_file.is_some()),
        ];
        match decided.into_iter().find(|(_, is_set)| *is_set) {
            Some((option, _)) => Err((option, Problem::Refused("`Config::tls_client` decides that"))),
            None => Ok(()),
        }
    }

    /// What a file says cannot be missed silently.
    fn check_files(&self) -> Checked {
        let unread =
            Problem::Refused("it was named and not read: `Config::or_files` and `Config::or_env` do that");
        let needs_passwords =
            self.get_password().is_none() && self.password_callback.is_none() && self.password_file.is_none();
        if self.service.is_some() && !self.service_is_read {
            Err(("service", unread))
        } else if self.get_passfile().is_some() && needs_passwords {
            Err(("passfile", unread))
        } else {
            Ok(())
        }
    }

    /// All that could hold a NUL byte: only what was set by hand can.
    fn texts(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        let texts = [
            ("service", &self.service),
            ("user", &self.user),
            ("dbname", &self.dbname),
            ("requirepeer", &self.require_peer),
            ("oauth_issuer", &self.oauth_issuer),
            ("oauth_client_id", &self.oauth_client_id),
            ("oauth_scope", &self.oauth_scope),
            ("application_name", &self.application_name),
            ("fallback_application_name", &self.fallback_application_name),
            ("options", &self.options),
        ];
        let secrets = [
            ("password", &self.password),
            ("oauth_client_secret", &self.oauth_client_secret),
            ("sslpassword", &self.ssl_password),
        ];
        let texts = texts.into_iter().flat_map(|(option, text)| Some((option, text.as_ref()?.as_bytes())));
        let secrets =
            secrets.into_iter().flat_map(|(option, secret)| Some((option, secret.as_ref()?.expose())));
        texts.chain(secrets)
    }
}

/// Nothing, or what is wrong with which option.
type Checked = Result<(), (&'static str, Problem)>;

/// The server's setting is an int4 of milliseconds.
const STATEMENT_TIMEOUT: Duration = Duration::from_millis(2_147_483_647);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ProtocolVersion, Switch, TlsVersion};

    fn config() -> Config {
        Config::new().user("app")
    }

    fn refused_option(config: &Config) -> Option<&'static str> {
        config.validate().unwrap_err().option()
    }

    #[test]
    fn a_missing_user_is_reported_when_it_matters() {
        assert_eq!(refused_option(&"host=db".parse().unwrap()), Some("user"));
        assert_eq!(refused_option(&Config::new().user("")), Some("user"));
        assert_eq!(config().validate(), Ok(()));
    }

    #[test]
    fn builders_are_held_to_the_same_limits_as_strings() {
        for (bad, option) in [
            (config().port(0), "port"),
            (config().hosts(["a", "b"]).ports([1, 0]), "port"),
            (config().max_conns(0), "max_conns"),
            (config().max_conns(262_144), "max_conns"),
            (config().min_conns(262_144), "min_conns"),
            (config().min_conns(3).max_conns(2), "min_conns"),
            (config().statement_cache_size(65_537), "statement_cache_size"),
            (config().statement_timeout(STATEMENT_TIMEOUT + Duration::from_nanos(1)), "statement_timeout_ms"),
            (config().keepalives_count(0), "keepalives_count"),
            (config().host("a,b"), "host"),
            (config().host(""), "host"),
            (config().service("a\0"), "service"),
            (config().user("a\0"), "user"),
            (config().password("a\0"), "password"),
            (config().dbname("a\0"), "dbname"),
            (config().require_peer("a\0"), "requirepeer"),
            (config().oauth_client_secret("a\0"), "oauth_client_secret"),
            (config().application_name("a\0"), "application_name"),
            (config().fallback_application_name("a\0"), "fallback_application_name"),
            (config().options("a\0"), "options"),
        ] {
            assert_eq!(refused_option(&bad), Some(option));
        }
        let at_the_limits = config().port(1).max_conns(262_143).statement_cache_size(65_536);
        let at_the_limits = at_the_limits.statement_timeout(STATEMENT_TIMEOUT);
        assert_eq!(at_the_limits.validate(), Ok(()));
    }

    #[test]
    fn authorities_that_anyone_can_use_need_the_host_to_be_checked() {
        for mode in [SslMode::Disable, SslMode::Prefer, SslMode::Require, SslMode::VerifyCa] {
            let bad = config().ssl_mode(mode).ssl_root_cert(SslRootCert::System);
            assert_eq!(refused_option(&bad), Some("sslmode"), "{mode}");
        }
        assert_eq!(config().ssl_root_cert(SslRootCert::System).validate(), Ok(()));
        assert_eq!(refused_option(&config().ssl_mode(SslMode::VerifyCa)), Some("sslmode"));
        assert_eq!(config().ssl_mode(SslMode::VerifyCa).ssl_root_cert("/ca.pem").validate(), Ok(()));
        assert_eq!(config().ssl_mode(SslMode::VerifyFull).validate(), Ok(()));
    }

    #[test]
    fn tls_at_once_needs_tls() {
        for mode in [SslMode::Disable, SslMode::Allow, SslMode::Prefer] {
            let bad = config().ssl_mode(mode).ssl_negotiation(SslNegotiation::Direct);
            assert_eq!(refused_option(&bad), Some("sslmode"), "{mode}");
        }
    }

    #[test]
    fn a_certificate_of_our_own_goes_with_its_key_and_with_tls() {
        let (cert, key) = (config().ssl_cert("/me.pem"), config().ssl_key("/me.key"));
        let both = cert.clone().ssl_key("/me.key");
        assert_eq!(refused_option(&cert), Some("sslkey"));
        assert_eq!(refused_option(&key), Some("sslcert"));
        assert_eq!(both.validate(), Ok(()));
        let demanded = config().ssl_cert_mode(SslCertMode::Require);
        assert_eq!(refused_option(&demanded.clone().ssl_mode(SslMode::Require)), Some("sslcert"));
        for mode in [SslMode::Disable, SslMode::Allow, SslMode::Prefer] {
            let weak = both.clone().ssl_cert_mode(SslCertMode::Require).ssl_mode(mode);
            assert_eq!(refused_option(&weak), Some("sslmode"), "{mode}");
        }
        let strong = both.ssl_cert_mode(SslCertMode::Require).ssl_mode(SslMode::Require);
        assert_eq!(strong.validate(), Ok(()));
    }

    #[test]
    fn who_brings_all_of_tls_decides_all_of_it() {
        let provider = rustls::crypto::ring::default_provider();
        let own = rustls::ClientConfig::builder_with_provider(provider.into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let config = config().tls_client(own);
        assert_eq!((config.validate(), config.get_ssl_mode()), (Ok(()), SslMode::VerifyFull));
        for mode in [SslMode::Prefer, SslMode::Require, SslMode::VerifyCa] {
            assert_eq!(config.clone().ssl_mode(mode).validate(), Ok(()), "{mode}");
        }
        assert_eq!(config.clone().ssl_cert_mode(SslCertMode::Require).validate(), Ok(()));
        for (bad, option) in [
            (config.clone().ssl_root_cert("/ca.pem"), "sslrootcert"),
            (config.clone().ssl_cert("/me.pem").ssl_key("/me.key"), "sslcert"),
            (config.clone().ssl_cert_mode(SslCertMode::Disable), "sslcertmode"),
            (config.clone().ssl_crl("/crl.pem"), "sslcrl"),
            (config.clone().ssl_crl_dir("/crl"), "sslcrldir"),
            (config.clone().ssl_sni(Switch::Off), "sslsni"),
            (config.clone().ssl_min_protocol_version(TlsVersion::V1_3), "ssl_min_protocol_version"),
            (config.clone().ssl_max_protocol_version(TlsVersion::V1_3), "ssl_max_protocol_version"),
            (config.clone().ssl_key_log_file("/keys"), "sslkeylogfile"),
        ] {
            assert_eq!(refused_option(&bad), Some(option));
        }
        assert_eq!(config, config.clone());
    }

    #[test]
    fn a_maximum_below_the_minimum_is_refused() {
        let tls = config().ssl_max_protocol_version(TlsVersion::V1_1);
        assert_eq!(refused_option(&tls), Some("ssl_max_protocol_version"));
        let protocol =
            config().min_protocol_version(ProtocolVersion::V3_2).max_protocol_version(ProtocolVersion::V3_0);
        assert_eq!(refused_option(&protocol), Some("max_protocol_version"));
        assert!(!protocol.validate().unwrap_err().is_unsupported());
    }

    #[test]
    fn a_file_that_is_named_and_not_read_is_refused() {
        assert_eq!(refused_option(&config().service("orders")), Some("service"));
        assert_eq!(refused_option(&config().passfile("/run/pgpass")), Some("passfile"));
        assert_eq!(config().passfile("/run/pgpass").password("pw").validate(), Ok(()));
        assert_eq!(config().passfile("").validate(), Ok(()));
    }
}
