use std::ops::RangeInclusive;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use molt_db_protocol::auth::Secret;

use super::Config;
use super::error::{ConfigError, Place, Problem};
use super::settings::{read_hostaddrs, read_hosts, read_ports};
use super::value::Value;

/// An option of connection strings: one that libpq knows, or one of ours.
pub(super) struct ConnectionOption {
    pub(super) name: &'static str,
    /// The environment variable that says the same.
    pub(super) variable: Option<&'static str>,
    is_set: fn(&Config) -> bool,
    set: fn(&mut Config, Value) -> Result<(), Problem>,
}

impl ConnectionOption {
    pub(super) fn is_set(&self, config: &Config) -> bool {
        (self.is_set)(config)
    }

    pub(super) fn set(&self, config: &mut Config, value: Vec<u8>, place: Place) -> Result<(), ConfigError> {
        let set = if value.contains(&0) {
            Err(Problem::Refused("a NUL byte cannot be part of a value"))
        } else {
            (self.set)(config, Value(value))
        };
        set.map_err(|problem| ConfigError::of_option(self.name, problem, Some(place)))
    }
}

/// Returns the option of this name.
pub(super) fn find(name: &[u8], place: &Place) -> Result<&'static ConnectionOption, ConfigError> {
    let found = OPTIONS.iter().find(|option| option.name.as_bytes() == name);
    found.ok_or_else(|| ConfigError::unknown(nearest(&String::from_utf8_lossy(name)), place.clone()))
}

const fn option(
    name: &'static str,
    variable: &'static str,
    is_set: fn(&Config) -> bool,
    set: fn(&mut Config, Value) -> Result<(), Problem>,
) -> ConnectionOption {
    ConnectionOption { name, variable: Some(variable), is_set, set }
}

const fn without_variable(
    name: &'static str,
    is_set: fn(&Config) -> bool,
    set: fn(&mut Config, Value) -> Result<(), Problem>,
) -> ConnectionOption {
    ConnectionOption { name, variable: None, is_set, set }
}

/// All options. Of two for the same setting, the environment's first one here wins.
// PG docs: libpq-connect, "Parameter Key Words"; libpq-envars
pub(super) const OPTIONS: &[ConnectionOption] = &[
    // Where to connect.
    option("service", "PGSERVICE", |c| c.service.is_some(), |c, v| v.put(&mut c.service)),
    option("servicefile", "PGSERVICEFILE", |c| c.service_file.is_some(), |c, v| v.put(&mut c.service_file)),
    option("host", "PGHOST", |c| c.hosts.is_some(), read_hosts),
    option("hostaddr", "PGHOSTADDR", |c| c.hostaddrs.is_some(), read_hostaddrs),
    option("port", "PGPORT", |c| c.ports.is_some(), read_ports),
    option(
        "target_session_attrs",
        "PGTARGETSESSIONATTRS",
        |c| c.target_session_attrs.is_some(),
        |c, v| v.put(&mut c.target_session_attrs),
    ),
    option(
        "load_balance_hosts",
        "PGLOADBALANCEHOSTS",
        |c| c.load_balance_hosts.is_some(),
        |c, v| v.put(&mut c.load_balance_hosts),
    ),
    // Who connects, and to what.
    option("user", "PGUSER", |c| c.user.is_some(), |c, v| v.put(&mut c.user)),
    option("password", "PGPASSWORD", |c| c.password.is_some(), |c, v| v.put(&mut c.password)),
    option("passfile", "PGPASSFILE", |c| c.passfile.is_some(), |c, v| v.put(&mut c.passfile)),
    option("dbname", "PGDATABASE", |c| c.dbname.is_some(), |c, v| v.put(&mut c.dbname)),
    option("require_auth", "PGREQUIREAUTH", |c| c.require_auth.is_some(), |c, v| v.put(&mut c.require_auth)),
    option(
        "channel_binding",
        "PGCHANNELBINDING",
        |c| c.channel_binding.is_some(),
        |c, v| v.put(&mut c.channel_binding),
    ),
    option("requirepeer", "PGREQUIREPEER", |c| c.require_peer.is_some(), |c, v| v.put(&mut c.require_peer)),
    without_variable(
        "scram_client_key",
        |c| c.scram_client_key.is_some(),
        |c, v| scram_key(v).map(|key| c.scram_client_key = Some(key)),
    ),
    without_variable(
        "scram_server_key",
        |c| c.scram_server_key.is_some(),
        |c, v| scram_key(v).map(|key| c.scram_server_key = Some(key)),
    ),
    without_variable("oauth_issuer", |c| c.oauth_issuer.is_some(), |c, v| v.put(&mut c.oauth_issuer)),
    without_variable(
        "oauth_client_id",
        |c| c.oauth_client_id.is_some(),
        |c, v| v.put(&mut c.oauth_client_id),
    ),
    without_variable(
        "oauth_client_secret",
        |c| c.oauth_client_secret.is_some(),
        |c, v| v.put(&mut c.oauth_client_secret),
    ),
    without_variable("oauth_scope", |c| c.oauth_scope.is_some(), |c, v| v.put(&mut c.oauth_scope)),
    option("gssencmode", "PGGSSENCMODE", |c| c.gss_enc_mode.is_some(), |c, v| v.put(&mut c.gss_enc_mode)),
    option("krbsrvname", "PGKRBSRVNAME", |c| c.krb_srv_name.is_some(), |c, v| v.put(&mut c.krb_srv_name)),
    option("gsslib", "PGGSSLIB", |c| c.gss_lib.is_some(), |c, v| v.put(&mut c.gss_lib)),
    option(
        "gssdelegation",
        "PGGSSDELEGATION",
        |c| c.gss_delegation.is_some(),
        |c, v| v.put(&mut c.gss_delegation),
    ),
    // The session.
    option(
        "application_name",
        "PGAPPNAME",
        |c| c.application_name.is_some(),
        |c, v| v.put(&mut c.application_name),
    ),
    without_variable(
        "fallback_application_name",
        |c| c.fallback_application_name.is_some(),
        |c, v| v.put(&mut c.fallback_application_name),
    ),
    option("options", "PGOPTIONS", |c| c.options.is_some(), |c, v| v.put(&mut c.options)),
    option(
        "client_encoding",
        "PGCLIENTENCODING",
        |c| c.client_encoding.is_some(),
        |c, v| v.put(&mut c.client_encoding),
    ),
    without_variable("replication", |c| c.replication.is_some(), |c, v| v.put(&mut c.replication)),
    option(
        "min_protocol_version",
        "PGMINPROTOCOLVERSION",
        |c| c.min_protocol_version.is_some(),
        |c, v| v.put(&mut c.min_protocol_version),
    ),
    option(
        "max_protocol_version",
        "PGMAXPROTOCOLVERSION",
        |c| c.max_protocol_version.is_some(),
        |c, v| v.put(&mut c.max_protocol_version),
    ),
    // TLS.
    option("sslmode", "PGSSLMODE", |c| c.ssl_mode.is_some(), |c, v| v.put(&mut c.ssl_mode)),
    option(
        "sslnegotiation",
        "PGSSLNEGOTIATION",
        |c| c.ssl_negotiation.is_some(),
        |c, v| v.put(&mut c.ssl_negotiation),
    ),
    option(
        "sslcompression",
        "PGSSLCOMPRESSION",
        |c| c.ssl_compression.is_some(),
        |c, v| v.put(&mut c.ssl_compression),
    ),
    option("sslrootcert", "PGSSLROOTCERT", |c| c.ssl_root_cert.is_some(), |c, v| v.put(&mut c.ssl_root_cert)),
    option("sslcert", "PGSSLCERT", |c| c.ssl_cert.is_some(), |c, v| v.put(&mut c.ssl_cert)),
    option("sslkey", "PGSSLKEY", |c| c.ssl_key.is_some(), |c, v| v.put(&mut c.ssl_key)),
    without_variable("sslpassword", |c| c.ssl_password.is_some(), |c, v| v.put(&mut c.ssl_password)),
    option("sslcertmode", "PGSSLCERTMODE", |c| c.ssl_cert_mode.is_some(), |c, v| v.put(&mut c.ssl_cert_mode)),
    option("sslcrl", "PGSSLCRL", |c| c.ssl_crl.is_some(), |c, v| v.put(&mut c.ssl_crl)),
    option("sslcrldir", "PGSSLCRLDIR", |c| c.ssl_crl_dir.is_some(), |c, v| v.put(&mut c.ssl_crl_dir)),
    option("sslsni", "PGSSLSNI", |c| c.ssl_sni.is_some(), |c, v| v.put(&mut c.ssl_sni)),
    option(
        "ssl_min_protocol_version",
        "PGSSLMINPROTOCOLVERSION",
        |c| c.ssl_min_protocol_version.is_some(),
        |c, v| v.put(&mut c.ssl_min_protocol_version),
    ),
    option(
        "ssl_max_protocol_version",
        "PGSSLMAXPROTOCOLVERSION",
        |c| c.ssl_max_protocol_version.is_some(),
        |c, v| v.put(&mut c.ssl_max_protocol_version),
    ),
    without_variable(
        "sslkeylogfile",
        |c| c.ssl_key_log_file.is_some(),
        |c, v| v.put(&mut c.ssl_key_log_file),
    ),
    // TCP.
    without_variable(
        "keepalives",
        |c| c.keepalives.is_some(),
        |c, v| v.libpq_switch().map(|switch| c.keepalives = Some(switch)),
    ),
    without_variable(
        "keepalives_idle",
        |c| c.keepalives_idle.is_some(),
        |c, v| v.libpq_seconds().map(|silence| c.keepalives_idle = Some(silence)),
    ),
    without_variable(
        "keepalives_interval",
        |c| c.keepalives_interval.is_some(),
        |c, v| v.libpq_seconds().map(|interval| c.keepalives_interval = Some(interval)),
    ),
    without_variable(
        "keepalives_count",
        |c| c.keepalives_count.is_some(),
        |c, v| v.libpq_count().map(|count| c.keepalives_count = Some(count)),
    ),
    without_variable(
        "tcp_user_timeout",
        |c| c.tcp_user_timeout.is_some(),
        |c, v| v.libpq_millis().map(|limit| c.tcp_user_timeout = Some(limit)),
    ),
    // Limits, statements and pools.
    option(
        "connect_timeout_ms",
        "MOLT_DB_CONNECT_TIMEOUT_MS",
        |c| c.connect_timeout.is_some(),
        |c, v| v.limit_millis().map(|limit| c.connect_timeout = Some(limit)),
    ),
    option(
        "connect_timeout",
        "PGCONNECT_TIMEOUT",
        |c| c.connect_timeout.is_some(),
        |c, v| v.libpq_seconds().map(|limit| c.connect_timeout = Some(limit)),
    ),
    option(
        "query_timeout_ms",
        "MOLT_DB_QUERY_TIMEOUT_MS",
        |c| c.query_timeout.is_some(),
        |c, v| v.limit_millis().map(|limit| c.query_timeout = Some(limit)),
    ),
    option(
        "statement_timeout_ms",
        "MOLT_DB_STATEMENT_TIMEOUT_MS",
        |c| c.statement_timeout.is_some(),
        |c, v| v.limit_millis().map(|limit| c.statement_timeout = Some(limit)),
    ),
    option("cancel", "MOLT_DB_CANCEL", |c| c.after_cancel.is_some(), |c, v| v.put(&mut c.after_cancel)),
    option("wakeups", "MOLT_DB_WAKEUPS", |c| c.wakeups.is_some(), |c, v| v.put(&mut c.wakeups)),
    option(
        "type_lookup",
        "MOLT_DB_TYPE_LOOKUP",
        |c| c.type_lookup.is_some(),
        |c, v| v.put(&mut c.type_lookup),
    ),
    option(
        "statement_cache_size",
        "MOLT_DB_STATEMENT_CACHE_SIZE",
        |c| c.statement_cache_size.is_some(),
        |c, v| {
            let size = v.number(STATEMENT_CACHE_SIZES, STATEMENT_CACHE_SIZE_EXPECTED)?;
            c.statement_cache_size = Some(size);
            Ok(())
        },
    ),
    option(
        "min_conns",
        "MOLT_DB_MIN_CONNS",
        |c| c.min_conns.is_some(),
        |c, v| v.number(MIN_CONNS, MIN_CONNS_EXPECTED).map(|count| c.min_conns = Some(count)),
    ),
    option(
        "max_conns",
        "MOLT_DB_MAX_CONNS",
        |c| c.max_conns.is_some(),
        |c, v| v.number(MAX_CONNS, MAX_CONNS_EXPECTED).map(|count| c.max_conns = Some(count)),
    ),
    option(
        "max_idle_ms",
        "MOLT_DB_MAX_IDLE_MS",
        |c| c.max_idle.is_some(),
        |c, v| v.limit_millis().map(|limit| c.max_idle = Some(limit)),
    ),
    option(
        "max_wait_ms",
        "MOLT_DB_MAX_WAIT_MS",
        |c| c.max_wait.is_some(),
        |c, v| v.millis().map(|wait| c.max_wait = Some(wait)),
    ),
    option(
        "health_check_interval_ms",
        "MOLT_DB_HEALTH_CHECK_INTERVAL_MS",
        |c| c.health_check_interval.is_some(),
        |c, v| v.limit_millis().map(|interval| c.health_check_interval = Some(interval)),
    ),
    option("observe", "MOLT_DB_OBSERVE", |c| c.observe.is_some(), |c, v| v.put(&mut c.observe)),
    option("pool_name", "MOLT_DB_POOL_NAME", |c| c.pool_name.is_some(), |c, v| v.put(&mut c.pool_name)),
    option("reset", "MOLT_DB_RESET", |c| c.reset.is_some(), |c, v| v.put(&mut c.reset)),
];

pub(super) const MIN_CONNS: RangeInclusive<u32> = 0..=262_143;
pub(super) const MIN_CONNS_EXPECTED: &str = "a whole number from 0 to 262143";
pub(super) const MAX_CONNS: RangeInclusive<u32> = 1..=262_143;
pub(super) const MAX_CONNS_EXPECTED: &str = "a whole number from 1 to 262143";
pub(super) const STATEMENT_CACHE_SIZES: RangeInclusive<usize> = 0..=65_536;
pub(super) const STATEMENT_CACHE_SIZE_EXPECTED: &str = "a whole number from 0 to 65536";

fn scram_key(value: Value) -> Result<Secret, Problem> {
    let key = STANDARD.decode(&value.0).ok().map(Secret::new);
    key.filter(|key| key.expose().len() == 32).ok_or(Problem::Expected("32 bytes in base64"))
}

/// Returns the option whose name a misspelt one most likely means.
fn nearest(name: &str) -> Option<&'static str> {
    // No name is that long, and the comparison costs the product of both lengths.
    if name.len() > 40 {
        return None;
    }
    let lower = name.to_ascii_lowercase();
    OPTIONS
        .iter()
        .map(|option| (edits(&lower, option.name), option.name))
        .filter(|(edits, option)| edits * 3 <= option.len())
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, option)| option)
}

/// The number of letters to insert, remove or exchange between two words (Levenshtein).
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (length, from) in a.chars().enumerate() {
        let mut left = length + 1;
        let mut next = vec![left];
        for (to, above) in b.chars().zip(row.windows(2)) {
            let exchanged = above[0] + usize::from(from != to);
            left = exchanged.min(above[1] + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn with(name: &str, value: &str) -> Result<Config, ConfigError> {
        let mut config = Config::new();
        let place = Place::Byte(0);
        find(name.as_bytes(), &place)?.set(&mut config, value.into(), place)?;
        Ok(config)
    }

    fn assert_refused(name: &str, value: &str) {
        let error = with(name, value).unwrap_err();
        assert_eq!(error.option(), Some(name));
        assert!(!error.is_unknown() && !error.is_unsupported(), "{name}={value}: {error}");
    }

    #[test]
    fn no_option_or_variable_stands_in_the_table_twice() {
        let mut names: Vec<_> = OPTIONS.iter().map(|option| option.name).collect();
        let mut variables: Vec<_> = OPTIONS.iter().filter_map(|option| option.variable).collect();
        for list in [&mut names, &mut variables] {
            let length = list.len();
            list.sort_unstable();
            list.dedup();
            assert_eq!(list.len(), length);
        }
    }

    #[test]
    fn an_option_is_set_once_it_is_given_even_if_to_nothing() {
        for option in OPTIONS {
            assert!(!option.is_set(&Config::new()), "{}", option.name);
            let key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
            let values = [
                "", "0", "1", "any", "disable", "3.0", "postgres", "close", "every", "never", "full", "text",
                key,
            ];
            let given: Vec<_> = values.iter().filter_map(|value| with(option.name, value).ok()).collect();
            assert!(!given.is_empty(), "{}", option.name);
            assert!(given.iter().all(|config| option.is_set(config)), "{}", option.name);
        }
    }

    #[test]
    fn variables_are_called_as_libpq_or_we_call_them() {
        for option in OPTIONS {
            if let Some(variable) = option.variable {
                let letters = option.name.replace('_', "").to_uppercase();
                let ours = format!("MOLT_DB_{}", option.name.to_uppercase());
                let known = ["PGDATABASE", "PGAPPNAME", "PGCONNECT_TIMEOUT"].contains(&variable);
                assert!(known || variable == ours || variable == format!("PG{letters}"), "{variable}");
            }
        }
    }

    #[test]
    fn ports_end_at_65535() {
        let port = |text| with("port", text).unwrap().get_ports().to_vec();
        assert_eq!(port("1"), [Some(1)]);
        assert_eq!(port(" 65535 "), [Some(65535)]);
        assert_eq!(port(""), []);
        assert_eq!(port("5432,,5433"), [Some(5432), None, Some(5433)]);
        for bad in ["0", "65536", "-1", "x", "54 32", "5432x", "0x10", "5432,0"] {
            assert_refused("port", bad);
        }
    }

    #[test]
    fn counts_have_limits_on_both_sides() {
        assert_eq!(with("max_conns", "1").unwrap().get_max_conns(), 1);
        assert_eq!(with("max_conns", "262143").unwrap().get_max_conns(), 262_143);
        assert_refused("max_conns", "0");
        assert_refused("max_conns", "262144");
        assert_eq!(with("min_conns", "0").unwrap().get_min_conns(), 0);
        assert_refused("min_conns", "-1");
        assert_refused("min_conns", "262144");
        assert_eq!(with("statement_cache_size", "0").unwrap().get_statement_cache_size(), 0);
        assert_eq!(with("statement_cache_size", "65536").unwrap().get_statement_cache_size(), 65_536);
        assert_refused("statement_cache_size", "-1");
        assert_refused("statement_cache_size", "65537");
    }

    #[test]
    fn times_have_their_units() {
        let seconds = |text| with("connect_timeout", text).unwrap().get_connect_timeout();
        assert_eq!(seconds("1"), Some(Duration::from_secs(1)));
        assert_eq!(seconds("2147483647"), Some(Duration::from_secs(2_147_483_647)));
        for bad in ["2147483648", "1.5", "10s", ""] {
            assert_refused("connect_timeout", bad);
        }
        let limit = Some(Duration::from_millis(1500));
        assert_eq!(with("connect_timeout_ms", "1500").unwrap().get_connect_timeout(), limit);
        assert_eq!(with("tcp_user_timeout", "1500").unwrap().get_tcp_user_timeout(), limit);
        let longest = with("max_wait_ms", "4294967295").unwrap().get_max_wait();
        assert_eq!(longest, Duration::from_millis(4_294_967_295));
        for name in [
            "connect_timeout_ms",
            "query_timeout_ms",
            "statement_timeout_ms",
            "max_idle_ms",
            "max_wait_ms",
            "health_check_interval_ms",
        ] {
            assert_refused(name, "4294967296");
            assert_refused(name, "-1");
            assert_refused(name, "");
        }
    }

    #[test]
    fn addresses_are_numeric() {
        assert_eq!(with("hostaddr", "::1").unwrap().get_hostaddrs(), [Some("::1".parse().unwrap())]);
        assert_eq!(with("hostaddr", "").unwrap().get_hostaddrs(), []);
        for bad in ["localhost", "10.0.0", "10.0.0.1 ", "10.0.0.1:5432", "10.0.0.1,x"] {
            assert_refused("hostaddr", bad);
        }
    }

    #[test]
    fn nul_bytes_are_refused_in_every_option() {
        for option in OPTIONS {
            let error = with(option.name, "a\0b").unwrap_err();
            assert_eq!(error.option(), Some(option.name));
            assert!(error.to_string().ends_with("a NUL byte cannot be part of a value"), "{error}");
        }
    }

    #[test]
    fn a_misspelt_name_gets_a_suggestion() {
        for (name, meant) in [
            ("pasword", Some("password")),
            ("Host", Some("host")),
            ("applicationname", Some("application_name")),
            ("ssl_mode", Some("sslmode")),
            ("nonsense", None),
            ("", None),
            ("ho", None),
        ] {
            assert_eq!(nearest(name), meant, "{name}");
            assert!(with(name, "").unwrap_err().is_unknown(), "{name}");
        }
        assert_eq!(nearest(&"x".repeat(1_000_000)), None);
    }

    #[test]
    fn edits_are_counted() {
        assert_eq!(edits("", ""), 0);
        assert_eq!(edits("abc", ""), 3);
        assert_eq!(edits("", "abc"), 3);
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("härte", "harte"), 1);
    }
}
