use super::error::{ConfigError, Problem};
use super::word::{ClientEncoding, GssEncMode};
use super::{Config, Replication, Switch, TlsVersion};

/// Refuses what a configuration asks for and a connection does not do.
pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    match REFUSALS.iter().find(|refusal| (refusal.asks)(config)) {
        Some(refusal) => {
            Err(ConfigError::of_option(refusal.option, Problem::Unsupported(refusal.reason), None))
        }
        None => Ok(()),
    }
}

/// An option that is understood, and why what it asks for is not done.
struct Refusal {
    option: &'static str,
    reason: &'static str,
    asks: fn(&Config) -> bool,
}

const fn refuse(option: &'static str, reason: &'static str, asks: fn(&Config) -> bool) -> Refusal {
    Refusal { option, reason, asks }
}

const GSS: &str = "GSSAPI and SSPI";
const OAUTH: &str = "asking an issuer of OAuth for a token; `Config::oauth_token_from` takes one";
const SCRAM_KEYS: &str = "SCRAM takes a password";

const REFUSALS: &[Refusal] = &[
    refuse("scram_client_key", SCRAM_KEYS, |c| c.scram_client_key.is_some()),
    refuse("scram_server_key", SCRAM_KEYS, |c| c.scram_server_key.is_some()),
    refuse("oauth_issuer", OAUTH, |c| c.get_oauth_issuer().is_some()),
    refuse("oauth_client_id", OAUTH, |c| c.get_oauth_client_id().is_some()),
    refuse("oauth_client_secret", OAUTH, |c| c.get_oauth_client_secret().is_some()),
    refuse("oauth_scope", OAUTH, |c| c.get_oauth_scope().is_some()),
    // `prefer` is content with TLS or nothing where there is no GSSAPI, and the name of a service that is the default
    // asks for nothing.
    refuse("gssencmode", GSS, |c| c.gss_enc_mode == Some(GssEncMode::Require)),
    refuse("krbsrvname", GSS, |c| {
        c.krb_srv_name.as_deref().is_some_and(|name| !["", "postgres"].contains(&name))
    }),
    refuse("gsslib", GSS, |c| c.gss_lib.as_deref().is_some_and(|name| !name.is_empty())),
    refuse("gssdelegation", GSS, |c| c.gss_delegation == Some(Switch::On)),
    refuse("client_encoding", "text is always UTF8", |c| c.client_encoding == Some(ClientEncoding::Other)),
    refuse("replication", "physical replication", |c| c.get_replication() == Replication::Physical),
    refuse("sslcompression", "TLS never compresses", |c| c.ssl_compression == Some(Switch::On)),
    refuse("sslpassword", "encrypted keys; give one in the clear that nobody else may read", |c| {
        c.get_ssl_password().is_some()
    }),
    refuse("ssl_max_protocol_version", "TLS before 1.2", |c| {
        c.get_ssl_max_protocol_version().is_some_and(|version| version < TlsVersion::V1_2)
    }),
    #[cfg(not(any(target_os = "android", target_os = "fuchsia", target_os = "linux")))]
    refuse("tcp_user_timeout", "this operating system", |c| c.get_tcp_user_timeout().is_some()),
    #[cfg(not(unix))]
    refuse("requirepeer", "this operating system", |c| c.get_require_peer().is_some()),
];

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    fn config(option: &str, value: &str) -> Config {
        format!("user=app ssl_min_protocol_version='' {option}='{value}'").parse().unwrap()
    }

    #[test]
    fn what_is_not_supported_is_refused_by_name() {
        let asking = [
            ("scram_client_key", KEY),
            ("scram_server_key", KEY),
            ("oauth_issuer", "https://issuer.example"),
            ("oauth_client_id", "x"),
            ("oauth_client_secret", "x"),
            ("oauth_scope", "x"),
            ("gssencmode", "require"),
            ("krbsrvname", "x"),
            ("gsslib", "gssapi"),
            ("gssdelegation", "1"),
            ("client_encoding", "LATIN1"),
            ("replication", "true"),
            ("sslcompression", "1"),
            ("sslpassword", "x"),
            ("ssl_max_protocol_version", "TLSv1.1"),
        ];
        for (option, value) in asking {
            let error = check(&config(option, value)).unwrap_err();
            assert!(error.is_unsupported());
            assert_eq!(error.option(), Some(option), "{error}");
        }
        for refusal in REFUSALS {
            let is_tried = asking.iter().any(|(option, _)| *option == refusal.option);
            assert!(is_tried || cfg!(not(target_os = "linux")), "{}", refusal.option);
        }
    }

    #[test]
    fn values_that_ask_for_what_is_done_anyway_are_accepted() {
        for (option, value) in [
            ("hostaddr", "::1"),
            ("host", "a,b"),
            ("target_session_attrs", "prefer-standby"),
            ("load_balance_hosts", "random"),
            ("gssencmode", "disable"),
            ("gssencmode", "prefer"),
            ("krbsrvname", "postgres"),
            ("gssdelegation", "0"),
            ("client_encoding", "UTF8"),
            ("client_encoding", "utf-8"),
            ("client_encoding", "auto"),
            ("replication", "false"),
            ("replication", "database"),
            ("min_protocol_version", "3.2"),
            ("max_protocol_version", "latest"),
            ("sslcompression", "0"),
            ("sslcertmode", "allow"),
            ("sslcertmode", "disable"),
            ("ssl_min_protocol_version", "TLSv1"),
            ("ssl_min_protocol_version", ""),
            ("ssl_max_protocol_version", "TLSv1.2"),
            ("sslcert", ""),
            ("sslpassword", ""),
        ] {
            assert_eq!(config(option, value).validate(), Ok(()), "{option}={value}");
        }
    }
}
