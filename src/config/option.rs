use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use molt_db_protocol::auth::Secret;

use super::error::{ConfigError, Problem};
use super::piece::{Piece, is_blank};
use super::{Config, DEFAULT_PORT, Host, SslMode, SslRootCert};

/// Sets an option by its name.
pub(super) fn set(config: &mut Config, name: Piece<'_>, value: Vec<u8>) -> Result<(), ConfigError> {
    let Some(option) = OPTIONS.iter().find(|option| option.name == name.text) else {
        return Err(ConfigError::unknown(nearest(name.text), name.at));
    };
    option
        .apply(config, Value(value))
        .map_err(|problem| ConfigError::of_option(option.name, problem, Some(name.at)))
}

/// An option that libpq knows, or one of ours.
struct ConnectionOption {
    name: &'static str,
    rule: Rule,
}

type Setter = fn(&mut Config, Value) -> Result<(), Problem>;

enum Rule {
    Honour(Setter),
    /// The values that ask for what is done anyway, and why no other is accepted.
    Accept(&'static [&'static str], &'static str),
    Refuse(&'static str),
}

impl ConnectionOption {
    fn apply(&self, config: &mut Config, value: Value) -> Result<(), Problem> {
        if value.0.contains(&0) {
            return Err(Problem::Refused("a NUL byte cannot be part of a value"));
        }
        match self.rule {
            Rule::Honour(set) => set(config, value),
            Rule::Accept(accepted, reason) => value.one_of(accepted).ok_or(Problem::Unsupported(reason)),
            Rule::Refuse(reason) => Err(Problem::Unsupported(reason)),
        }
    }
}

/// What a connection string gives to an option: bytes, of which only a password may be other than UTF-8.
struct Value(Vec<u8>);

impl Value {
    fn text(self) -> Result<String, Problem> {
        String::from_utf8(self.0).map_err(|_| Problem::Expected("UTF-8"))
    }

    /// An empty value stands for none, as in libpq.
    fn optional_text(self) -> Result<Option<String>, Problem> {
        self.text().map(|text| Some(text).filter(|text| !text.is_empty()))
    }

    fn optional_secret(self) -> Option<Secret> {
        if self.0.is_empty() { None } else { Some(Secret::new(self.0)) }
    }

    fn one_of(self, accepted: &[&str]) -> Option<()> {
        accepted.iter().any(|text| text.as_bytes() == self.0).then_some(())
    }

    fn number<N: FromStr + PartialOrd>(
        self,
        range: RangeInclusive<N>,
        expected: &'static str,
    ) -> Result<N, Problem> {
        let number = self.text()?.trim_matches(is_blank).parse().ok();
        number.filter(|number| range.contains(number)).ok_or(Problem::Expected(expected))
    }

    fn millis(self) -> Result<Duration, Problem> {
        let millis = self.number(0..=u32::MAX, "a whole number of milliseconds from 0 to 4294967295")?;
        Ok(Duration::from_millis(millis.into()))
    }

    /// 0 stands for no limit.
    fn limit_millis(self) -> Result<Option<Duration>, Problem> {
        self.millis().map(|limit| Some(limit).filter(|limit| !limit.is_zero()))
    }

    /// 0 and less stand for no limit, as in libpq.
    fn limit_seconds(self) -> Result<Option<Duration>, Problem> {
        let seconds = self.number(i32::MIN..=i32::MAX, "a whole number of seconds")?;
        Ok(u64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map(Duration::from_secs))
    }
}

const fn honour(name: &'static str, set: Setter) -> ConnectionOption {
    ConnectionOption { name, rule: Rule::Honour(set) }
}

const fn accept(
    name: &'static str,
    values: &'static [&'static str],
    otherwise: &'static str,
) -> ConnectionOption {
    ConnectionOption { name, rule: Rule::Accept(values, otherwise) }
}

const fn refuse(name: &'static str, reason: &'static str) -> ConnectionOption {
    ConnectionOption { name, rule: Rule::Refuse(reason) }
}

const KEEPALIVES: &str = "TCP keepalives stay as the operating system sets them";
const CLIENT_CERTIFICATES: &str = "client certificates";
const REVOCATION: &str = "lists of revoked certificates";
const TLS_VERSIONS: &str = "TLS 1.2 and 1.3 are both offered";
const GSS: &str = "GSSAPI and SSPI";
const OAUTH: &str = "OAuth";
const PROTOCOL_VERSIONS: &str = "the protocol version is always 3.0";
const SCRAM_KEYS: &str = "SCRAM takes a password";

// PG docs: libpq-connect, "Parameter Key Words"
const OPTIONS: &[ConnectionOption] = &[
    honour("host", set_host),
    honour("hostaddr", set_hostaddr),
    honour("port", set_port),
    honour("user", |config, value| value.optional_text().map(|text| config.user = text)),
    honour("password", |config, value| {
        config.password = value.optional_secret();
        Ok(())
    }),
    honour("dbname", |config, value| value.optional_text().map(|text| config.dbname = text)),
    honour("application_name", |config, value| {
        value.optional_text().map(|text| config.application_name = text)
    }),
    honour("options", |config, value| value.optional_text().map(|text| config.options = text)),
    honour("sslmode", |config, value| {
        config.ssl_mode = Some(SslMode::parse(&value.text()?)?);
        Ok(())
    }),
    honour("sslrootcert", |config, value| {
        config.ssl_root_cert = value.optional_text()?.as_deref().map(SslRootCert::from);
        Ok(())
    }),
    honour("connect_timeout", |config, value| {
        value.limit_seconds().map(|limit| config.connect_timeout = limit)
    }),
    honour("connect_timeout_ms", |config, value| {
        value.limit_millis().map(|limit| config.connect_timeout = limit)
    }),
    honour("query_timeout_ms", |config, value| {
        value.limit_millis().map(|limit| config.query_timeout = limit)
    }),
    honour("statement_cache_size", |config, value| {
        config.statement_cache_size = value.number(STATEMENT_CACHE_SIZES, STATEMENT_CACHE_SIZE_EXPECTED)?;
        Ok(())
    }),
    honour("max_conns", |config, value| {
        config.max_conns = value.number(MAX_CONNS, MAX_CONNS_EXPECTED)?;
        Ok(())
    }),
    honour("max_wait_ms", |config, value| value.millis().map(|wait| config.max_wait = wait)),
    accept("client_encoding", &["UTF8", "utf8", "UTF-8", "utf-8", "auto"], "text is always UTF8"),
    accept("gssencmode", &["disable", "prefer"], GSS),
    accept("sslnegotiation", &["postgres"], "TLS without a request for it first"),
    accept("target_session_attrs", &["any"], "choosing between servers"),
    accept("load_balance_hosts", &["disable"], "choosing between servers"),
    refuse("channel_binding", "whether the channel is bound is not to be chosen"),
    refuse("fallback_application_name", "use application_name"),
    refuse("gssdelegation", GSS),
    refuse("gsslib", GSS),
    refuse("keepalives", KEEPALIVES),
    refuse("keepalives_count", KEEPALIVES),
    refuse("keepalives_idle", KEEPALIVES),
    refuse("keepalives_interval", KEEPALIVES),
    refuse("krbsrvname", GSS),
    refuse("max_protocol_version", PROTOCOL_VERSIONS),
    refuse("min_protocol_version", PROTOCOL_VERSIONS),
    refuse("oauth_ca_file", OAUTH),
    refuse("oauth_client_id", OAUTH),
    refuse("oauth_client_secret", OAUTH),
    refuse("oauth_issuer", OAUTH),
    refuse("oauth_scope", OAUTH),
    refuse("passfile", "password files"),
    refuse("replication", "the replication protocol"),
    refuse("require_auth", "any method that the server asks for may be used"),
    refuse("requirepeer", "the owner of the server's process is not looked up"),
    refuse("requiressl", "use sslmode"),
    refuse("scram_client_key", SCRAM_KEYS),
    refuse("scram_server_key", SCRAM_KEYS),
    refuse("service", "service files"),
    refuse("servicefile", "service files"),
    refuse("ssl_max_protocol_version", TLS_VERSIONS),
    refuse("ssl_min_protocol_version", TLS_VERSIONS),
    refuse("sslcert", CLIENT_CERTIFICATES),
    refuse("sslcertmode", CLIENT_CERTIFICATES),
    refuse("sslcompression", "TLS never compresses"),
    refuse("sslcrl", REVOCATION),
    refuse("sslcrldir", REVOCATION),
    refuse("sslkey", CLIENT_CERTIFICATES),
    refuse("sslkeylogfile", "TLS secrets are not written anywhere"),
    refuse("sslpassword", CLIENT_CERTIFICATES),
    refuse("sslsni", "the host name is always sent"),
    refuse("tcp_user_timeout", KEEPALIVES),
];

pub(super) const MAX_CONNS: RangeInclusive<u32> = 1..=262_143;
pub(super) const MAX_CONNS_EXPECTED: &str = "a whole number from 1 to 262143";
pub(super) const STATEMENT_CACHE_SIZES: RangeInclusive<usize> = 0..=65_536;
pub(super) const STATEMENT_CACHE_SIZE_EXPECTED: &str = "a whole number from 0 to 65536";
pub(super) const PORT_EXPECTED: &str = "a whole number from 1 to 65535";

fn set_host(config: &mut Config, value: Value) -> Result<(), Problem> {
    config.host = value.optional_text()?.map(Host::from);
    config.host.as_ref().map_or(Ok(()), Host::check)
}

fn set_hostaddr(config: &mut Config, value: Value) -> Result<(), Problem> {
    let address = value.optional_text()?.map(|text| text.parse());
    config.hostaddr = address.transpose().map_err(|_| Problem::Expected("one numeric IP address"))?;
    Ok(())
}

fn set_port(config: &mut Config, value: Value) -> Result<(), Problem> {
    config.port =
        if value.0.is_empty() { DEFAULT_PORT } else { value.number(1..=u16::MAX, PORT_EXPECTED)? };
    Ok(())
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

    fn with(name: &str, value: &str) -> Result<Config, ConfigError> {
        let mut config = Config::new();
        set(&mut config, Piece::whole(name), value.into())?;
        Ok(config)
    }

    fn assert_refused(name: &str, value: &str) {
        let error = with(name, value).unwrap_err();
        assert!(!error.is_unknown() && !error.is_unsupported(), "{name}={value}: {error}");
    }

    #[test]
    fn no_option_stands_in_the_table_twice() {
        let mut names: Vec<_> = OPTIONS.iter().map(|option| option.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), OPTIONS.len());
    }

    #[test]
    fn what_is_not_supported_is_refused_by_name() {
        for option in OPTIONS.iter().filter(|option| !matches!(option.rule, Rule::Honour(_))) {
            let error = with(option.name, "nonsense").unwrap_err();
            assert!(error.is_unsupported());
            assert_eq!(error.option(), Some(option.name));
        }
    }

    #[test]
    fn values_that_ask_for_what_is_done_anyway_are_accepted() {
        for (name, value) in [
            ("gssencmode", "disable"),
            ("gssencmode", "prefer"),
            ("sslnegotiation", "postgres"),
            ("target_session_attrs", "any"),
            ("load_balance_hosts", "disable"),
            ("client_encoding", "UTF8"),
            ("client_encoding", "auto"),
        ] {
            assert_eq!(with(name, value), Ok(Config::new()), "{name}={value}");
        }
        for (name, value) in [
            ("gssencmode", "require"),
            ("sslnegotiation", "direct"),
            ("target_session_attrs", "primary"),
            ("load_balance_hosts", "random"),
            ("client_encoding", "LATIN1"),
            ("sslmode", "allow"),
            ("host", "a,b"),
        ] {
            assert!(with(name, value).unwrap_err().is_unsupported(), "{name}={value}");
        }
    }

    #[test]
    fn ports_end_at_65535() {
        assert_eq!(with("port", "1").unwrap().get_port(), 1);
        assert_eq!(with("port", " 65535 ").unwrap().get_port(), 65535);
        assert_eq!(with("port", "").unwrap().get_port(), 5432);
        for bad in ["0", "65536", "-1", "x", "54 32", "5432x", "0x10"] {
            assert_refused("port", bad);
        }
        assert_refused("port", "5432,5433");
    }

    #[test]
    fn counts_have_limits_on_both_sides() {
        assert_eq!(with("max_conns", "1").unwrap().get_max_conns(), 1);
        assert_eq!(with("max_conns", "262143").unwrap().get_max_conns(), 262_143);
        assert_refused("max_conns", "0");
        assert_refused("max_conns", "262144");
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
        assert_eq!((seconds("0"), seconds("-1")), (None, None));
        for bad in ["2147483648", "1.5", "10s", ""] {
            assert_refused("connect_timeout", bad);
        }
        let millis = |name, text| with(name, text).unwrap();
        let limit = Some(Duration::from_millis(1500));
        assert_eq!(millis("connect_timeout_ms", "1500").get_connect_timeout(), limit);
        assert_eq!(millis("connect_timeout_ms", "0").get_connect_timeout(), None);
        assert_eq!(millis("query_timeout_ms", "1500").get_query_timeout(), limit);
        assert_eq!(millis("query_timeout_ms", "0").get_query_timeout(), None);
        assert_eq!(millis("max_wait_ms", "0").get_max_wait(), Duration::ZERO);
        assert_eq!(millis("max_wait_ms", "4294967295").get_max_wait(), Duration::from_millis(4_294_967_295));
        for name in ["connect_timeout_ms", "query_timeout_ms", "max_wait_ms"] {
            assert_refused(name, "4294967296");
            assert_refused(name, "-1");
        }
    }

    #[test]
    fn an_address_is_numeric() {
        assert_eq!(with("hostaddr", "::1").unwrap().get_hostaddr(), Some("::1".parse().unwrap()));
        assert_eq!(with("hostaddr", "").unwrap().get_hostaddr(), None);
        for bad in ["localhost", "10.0.0", "10.0.0.1,10.0.0.2", "10.0.0.1:5432"] {
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
