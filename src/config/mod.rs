//! How to reach a server, and how to treat the connection: a [`Config`], built by hand or read from a string.

mod callback;
mod environment;
mod error;
mod file;
mod given;
mod hook;
mod host;
mod observe;
mod option;
mod own_tls;
mod parse_keyword;
mod parse_uri;
mod password_file;
mod piece;
mod refusal;
mod reset;
mod service_file;
mod settings;
mod ssl;
mod target;
mod tls_home;
mod type_lookup;
mod validate;
mod value;
mod wakeups;
mod word;

use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use molt_db_decode::TypeName;
use molt_db_protocol::auth::Secret;

pub use error::ConfigError;
pub(crate) use hook::{ArrowHook, Hook, LeakHook, NoticeHook, NotificationHook, SessionHook, SlowHook};
pub use host::{Endpoint, Host};
pub use molt_db_protocol::auth::{AuthKind, ChannelBinding, RequireAuth};
pub use molt_db_protocol::client::AfterCancel;
pub use molt_db_protocol::message::ProtocolVersion;
pub use observe::Observe;
pub use reset::ResetPolicy;
pub use ssl::{SslCertMode, SslMode, SslNegotiation, SslRootCert, TlsVersion};
pub use target::{LoadBalanceHosts, TargetSessionAttrs};
pub use type_lookup::TypeLookup;
pub use wakeups::Wakeups;
pub use word::{Replication, Switch};

use crate::net::Dialer;
use callback::Callback;
use own_tls::OwnTls;
use password_file::PasswordFile;
use tls_home::TlsHome;
use word::{ClientEncoding, GssEncMode};

/// How to reach a server, and how to treat the connection.
///
/// It is built by hand, or read from a URI or a list of `name=value`, in which libpq's rules hold:
///
/// ```
/// use std::time::Duration;
/// use molt_db::config::{Config, SslMode};
///
/// let built = Config::new()
///     .host("db.example")
///     .port(5433)
///     .user("app")
///     .password("it's")
///     .dbname("shop")
///     .ssl_mode(SslMode::VerifyFull)
///     .query_timeout(Duration::from_secs(30));
/// let uri = "postgres://app:it's@db.example:5433/shop?sslmode=verify-full&query_timeout_ms=30000";
/// assert_eq!(uri.parse(), Ok(built.clone()));
/// let list = r"host=db.example port=5433 dbname=shop user=app password='it\'s'
///     sslmode=verify-full query_timeout_ms=30000";
/// assert_eq!(list.parse(), Ok(built));
/// # Ok::<(), molt_db::config::ConfigError>(())
/// ```
///
/// Parsing reads nothing but the string. [`Config::or_files`] reads the service and the password file that it names,
/// [`Config::or_env`] what libpq would: a service, the environment and the user's password file. Both only fill in what
/// is not set, so that what is explicit wins over the service, the service over the environment, and that over the
/// defaults.
///
/// ```no_run
/// # fn example() -> Result<(), molt_db::config::ConfigError> {
/// use molt_db::config::Config;
///
/// let as_psql_would = Config::from_env()?;
/// let mostly_fixed = "postgres://db.example/shop".parse::<Config>()?.or_env()?;
/// let of_a_service = Config::from_service("orders")?;
/// # Ok(()) }
/// ```
///
/// # Options of connection strings
///
/// | option | what it says | default | environment |
/// |---|---|---|---|
/// | `host` | names, addresses, or directories of Unix sockets (start with `/`, or with `@` for Linux's abstract namespace) | `localhost` | `PGHOST` |
/// | `hostaddr` | numeric addresses to dial; the certificate is still that of `host` | resolved from `host` | `PGHOSTADDR` |
/// | `port` | 1 to 65535, one for all hosts or one for each | 5432 | `PGPORT` |
/// | `target_session_attrs` | see [`TargetSessionAttrs`] | `any` | `PGTARGETSESSIONATTRS` |
/// | `load_balance_hosts` | `disable`, `random` | `disable` | `PGLOADBALANCEHOSTS` |
/// | `service`, `servicefile` | a section of a service file, and that file; see [`Config::or_files`] | none | `PGSERVICE`, `PGSERVICEFILE` |
/// | `user` | the role | none: connecting fails without | `PGUSER` |
/// | `password` | | none | `PGPASSWORD` |
/// | `passfile` | the password file; see [`Config::or_files`] | none | `PGPASSFILE` |
/// | `dbname` | the database | the user's name | `PGDATABASE` |
/// | `require_auth` | the methods that the server may use, see [`RequireAuth`] | any | `PGREQUIREAUTH` |
/// | `channel_binding` | `disable`, `prefer`, `require`, see [`ChannelBinding`] | `prefer` | `PGCHANNELBINDING` |
/// | `requirepeer` | the user that the server behind a Unix socket runs as | any | `PGREQUIREPEER` |
/// | `scram_client_key`, `scram_server_key` | keys in place of a password, in base64 | none | |
/// | `oauth_issuer`, `oauth_client_id`, `oauth_client_secret`, `oauth_scope` | how to get a token | none | |
/// | `application_name` | the name that the server logs | none | `PGAPPNAME` |
/// | `fallback_application_name` | the same, if nobody sets that | none | |
/// | `options` | command-line options for the server, `-c statement_timeout=5s` for example | none | `PGOPTIONS` |
/// | `client_encoding` | UTF8 | UTF8 | `PGCLIENTENCODING` |
/// | `replication` | see [`Replication`] | `false` | |
/// | `min_protocol_version`, `max_protocol_version` | `3.0`, `3.2`, `latest` | `3.0` | `PGMINPROTOCOLVERSION`, `PGMAXPROTOCOLVERSION` |
/// | `sslmode` | see [`SslMode`]; `requiressl=1` is `require` | `prefer`; `verify-full` with `sslrootcert=system` | `PGSSLMODE` |
/// | `sslnegotiation` | `postgres`, `direct` | `postgres` | `PGSSLNEGOTIATION` |
/// | `sslrootcert` | a file, or `system`; see [`SslRootCert`] | the system's store | `PGSSLROOTCERT` |
/// | `sslcert`, `sslkey`, `sslpassword` | files with our certificate and its key, and the key's password | none | `PGSSLCERT`, `PGSSLKEY` |
/// | `sslcertmode` | see [`SslCertMode`] | `allow` | `PGSSLCERTMODE` |
/// | `sslcrl`, `sslcrldir` | revoked certificates, a file and a directory | none | `PGSSLCRL`, `PGSSLCRLDIR` |
/// | `sslsni` | `0`, `1`: whether to tell the host's name in the clear | `1` | `PGSSLSNI` |
/// | `ssl_min_protocol_version`, `ssl_max_protocol_version` | `TLSv1` to `TLSv1.3`; nothing for no limit | `TLSv1.2`, none | `PGSSLMINPROTOCOLVERSION`, `PGSSLMAXPROTOCOLVERSION` |
/// | `sslkeylogfile` | a file for the secrets of TLS, for debugging | none | |
/// | `keepalives` | whether to ask a silent peer for a sign of life; 0 is no | `1` | |
/// | `keepalives_idle`, `keepalives_interval` | seconds of silence before the first, and before the next time | the operating system's | |
/// | `keepalives_count` | how often, before the connection is given up | the operating system's | |
/// | `tcp_user_timeout` | milliseconds that data may stay unacknowledged; 0 and less for the default | the operating system's | |
/// | `connect_timeout` | whole seconds; 0 and less for no limit | 10 | `PGCONNECT_TIMEOUT` |
///
/// These are ours. Their variables are called like them, in capitals and with `MOLT_DB_` in front, as in
/// `MOLT_DB_MAX_CONNS`:
///
/// | option | what it says | default |
/// |---|---|---|
/// | `connect_timeout_ms` | milliseconds; 0 for no limit; of this and `connect_timeout` the last one counts, and of their variables this | 10000 |
/// | `query_timeout_ms` | milliseconds; 0 for no limit | no limit |
/// | `statement_timeout_ms` | milliseconds after which the server ends a statement, up to 2147483647; 0 for its own setting | its own setting |
/// | `cancel` | what becomes of a connection after a cancel request: `reuse` or `close`, see [`Config::after_cancel`] | `reuse` |
/// | `wakeups` | how often a connection is woken for a large result: `few` or `every`, see [`Wakeups`] | `few` |
/// | `type_lookup` | whether types that are not built in are looked up: `on_demand` or `never`, see [`TypeLookup`] | `on_demand` |
/// | `statement_cache_size` | statements, 0 to 65536 | 256 |
/// | `min_conns` | connections that a pool keeps open, 0 to 262143 | 0 |
/// | `max_conns` | connections of a pool, 1 to 262143 | 10 |
/// | `max_idle_ms` | milliseconds after which an idle connection of a pool is closed; 0 for never | 600000 |
/// | `max_wait_ms` | milliseconds to wait for a pool's connection | 5000 |
/// | `reset` | what becomes of the state of a session that comes back to a pool: `none`, `cheap` or `full`, see [`ResetPolicy`] | `cheap` |
/// | `observe` | whether queries are measured: `off`, `on` or `text`, see [`Observe`] | `off` |
/// | `pool_name` | what a pool is called in measurements | address, port and database |
/// | `health_check_interval_ms` | milliseconds after which an idle connection of a pool is checked; 0 for never | 30000 |
///
/// An option that does not exist is an error of parsing. What an option asks for and a connection does not do is an
/// error of [`Config::validate`], and so of connecting: nothing is ignored. Of `gssencmode`, `krbsrvname`, `gsslib`,
/// `gssdelegation` and `sslcompression` only the values pass that ask for neither GSSAPI nor compression.
///
/// It differs from libpq where that is safer or simpler:
///
/// - A missing host is `localhost` and never a Unix socket.
/// - An `@` in the host or the path of a URI is to be written `%40`: most likely it belongs to a password, and the rest
///   of that would be shown as a host or a database. So is one that begins a name in the abstract namespace.
/// - Values are UTF-8, but for secrets, and are checked, where libpq leaves it to the server or takes anything for no.
/// - Addresses are four numbers or IPv6, without a zone.
/// - A host that answers and is not able to serve, because it is full for example, is passed over like one that cannot
///   be reached. libpq does so only with one that is starting up or shutting down.
/// - `verify-ca` requires `sslrootcert`, and `verify-full` takes the system's authorities without.
/// - `prefer` and `allow` never look at the certificate: libpq goes on in the clear where a file of authorities does not
///   know it.
/// - A certificate is for the hosts in its subjectAltName, whatever its common name says.
/// - A file of certificates, keys or revoked certificates that is named has to be there. Only [`Config::or_env`] looks
///   for those in the user's home.
/// - TLS 1.0 and 1.1 are not spoken, and encrypted keys (`sslpassword`) are not read.
///
/// Secrets never print.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    // `None` is what nobody has said, and what a service or the environment may fill in.
    hosts: Option<Vec<Option<Host>>>,
    hostaddrs: Option<Vec<Option<IpAddr>>>,
    ports: Option<Vec<Option<u16>>>,
    target_session_attrs: Option<TargetSessionAttrs>,
    load_balance_hosts: Option<LoadBalanceHosts>,
    service: Option<String>,
    service_file: Option<PathBuf>,
    service_is_read: bool,
    user: Option<String>,
    password: Option<Secret>,
    password_callback: Option<Callback>,
    arrow_types: Vec<(TypeName, ArrowHook)>,
    notice_hook: Option<NoticeHook>,
    notification_hook: Option<NotificationHook>,
    slow_hook: Option<SlowHook>,
    session_hook: Option<SessionHook>,
    acquire_hook: Option<SessionHook>,
    release_hook: Option<SessionHook>,
    leak_hook: Option<LeakHook>,
    passfile: Option<PathBuf>,
    password_file: Option<Arc<PasswordFile>>,
    dbname: Option<String>,
    require_auth: Option<RequireAuth>,
    channel_binding: Option<ChannelBinding>,
    require_peer: Option<String>,
    scram_client_key: Option<Secret>,
    scram_server_key: Option<Secret>,
    oauth_issuer: Option<String>,
    oauth_client_id: Option<String>,
    oauth_client_secret: Option<Secret>,
    oauth_scope: Option<String>,
    oauth_token_callback: Option<Callback>,
    gss_enc_mode: Option<GssEncMode>,
    krb_srv_name: Option<String>,
    gss_lib: Option<String>,
    gss_delegation: Option<Switch>,
    application_name: Option<String>,
    fallback_application_name: Option<String>,
    options: Option<String>,
    client_encoding: Option<ClientEncoding>,
    replication: Option<Replication>,
    min_protocol_version: Option<ProtocolVersion>,
    max_protocol_version: Option<ProtocolVersion>,
    ssl_mode: Option<SslMode>,
    ssl_negotiation: Option<SslNegotiation>,
    ssl_compression: Option<Switch>,
    ssl_root_cert: Option<SslRootCert>,
    ssl_cert: Option<PathBuf>,
    ssl_key: Option<PathBuf>,
    ssl_password: Option<Secret>,
    ssl_cert_mode: Option<SslCertMode>,
    ssl_crl: Option<PathBuf>,
    ssl_crl_dir: Option<PathBuf>,
    ssl_sni: Option<Switch>,
    ssl_min_protocol_version: Option<Option<TlsVersion>>,
    ssl_max_protocol_version: Option<Option<TlsVersion>>,
    ssl_key_log_file: Option<PathBuf>,
    own_tls: Option<OwnTls>,
    tls_home: Option<TlsHome>,
    dialer: Option<Dialer>,
    keepalives: Option<Switch>,
    keepalives_idle: Option<Option<Duration>>,
    keepalives_interval: Option<Option<Duration>>,
    keepalives_count: Option<Option<u32>>,
    tcp_user_timeout: Option<Option<Duration>>,
    connect_timeout: Option<Option<Duration>>,
    query_timeout: Option<Option<Duration>>,
    statement_timeout: Option<Option<Duration>>,
    after_cancel: Option<AfterCancel>,
    wakeups: Option<Wakeups>,
    type_lookup: Option<TypeLookup>,
    max_notifications: Option<usize>,
    max_notification_bytes: Option<usize>,
    statement_cache_size: Option<usize>,
    min_conns: Option<u32>,
    max_conns: Option<u32>,
    max_idle: Option<Option<Duration>>,
    max_wait: Option<Duration>,
    health_check_interval: Option<Option<Duration>>,
    reset: Option<ResetPolicy>,
    observe: Option<Observe>,
    pool_name: Option<String>,
}

impl Config {
    /// Returns a configuration in which nothing is set: see the tables above for what that means.
    pub fn new() -> Self {
        Self::default()
    }
}

impl FromStr for Config {
    type Err = ConfigError;

    /// Reads a URI, which starts with `postgres://` or `postgresql://`, or a list of `name=value`.
    ///
    /// A string that says too little is no error: more can be set afterwards, and [`Config::validate`] has the last
    /// word.
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        match parse_uri::strip_scheme(text) {
            Some(uri) => parse_uri::parse_uri(uri),
            None => parse_keyword::parse_keyword(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::error::Place;
    use super::option::OPTIONS;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_documented_defaults_hold() {
        let config = Config::default();
        assert_eq!(config.endpoint(), Endpoint::Tcp { host: "localhost".into(), address: None, port: 5432 });
        assert_eq!((config.get_user(), config.get_dbname(), config.get_password()), (None, None, None));
        assert_eq!((config.get_application_name(), config.get_options()), (None, None));
        assert_eq!((config.get_ssl_mode(), config.get_ssl_root_cert()), (SslMode::Prefer, None));
        assert_eq!(config.get_connect_timeout(), Some(Duration::from_secs(10)));
        assert_eq!(config.get_query_timeout(), None);
        assert_eq!(config.get_statement_cache_size(), 256);
        assert_eq!((config.get_max_conns(), config.get_max_wait()), (10, Duration::from_secs(5)));
    }

    #[test]
    fn every_option_can_be_said_in_every_way() {
        let built = Config::new()
            .host("db")
            .hostaddr([10, 0, 0, 1])
            .port(5433)
            .user("app")
            .password("pw")
            .dbname("shop")
            .application_name("till")
            .options("-c work_mem=1MB")
            .ssl_mode(SslMode::VerifyCa)
            .ssl_root_cert("/etc/ca.pem")
            .connect_timeout(None)
            .query_timeout(Some(Duration::from_millis(1)))
            .statement_cache_size(2)
            .max_conns(3)
            .max_wait(Duration::from_millis(4));
        let list = "host=db hostaddr=10.0.0.1 port=5433 user=app password=pw dbname=shop application_name=till \
                    options='-c work_mem=1MB' sslmode=verify-ca sslrootcert=/etc/ca.pem connect_timeout=0 \
                    query_timeout_ms=1 statement_cache_size=2 max_conns=3 max_wait_ms=4";
        assert_eq!(list.parse::<Config>(), Ok(built.clone()));
        let uri = "postgresql://app:pw@db:5433/shop?hostaddr=10.0.0.1&application_name=till\
                   &options=-c%20work_mem%3D1MB&sslmode=verify-ca&sslrootcert=/etc/ca.pem&connect_timeout_ms=0\
                   &query_timeout_ms=1&statement_cache_size=2&max_conns=3&max_wait_ms=4";
        assert_eq!(uri.parse::<Config>(), Ok(built.clone()));
        assert_eq!(built.validate(), Ok(()));
    }

    #[test]
    fn a_uri_of_another_kind_is_refused() {
        for text in ["mysql://u:s3cr3t@h", "POSTGRES://h", "postgres:/h", "db.example", "postgres"] {
            assert!(text.parse::<Config>().is_err(), "{text}");
        }
    }

    #[test]
    fn nothing_printed_repeats_the_password() {
        for text in [
            "postgres://u:s3cr3t@h",
            "postgres://u:s3cr3t@h:bad/d",
            "postgres://u:s3cr3t@h:0",
            "postgres://u:s3cr3t@[::1/d",
            "postgres://u:s3cr3t@[]",
            "postgres://u:s3cr3t@[::1]x",
            "postgres://u:s3cr3t@a,b",
            "postgres://u:p@s3cr3t@h/d",
            "postgres://u:p@h,s3cr3t@h/d",
            "postgres://u:p@h:s3cr3t@h/d",
            "postgres://h?oauth_client_secret=s3cr3t",
            "postgres://h?scram_client_key=s3cr3t",
            "postgres://h?require_auth=s3cr3t",
            "postgres://u:s3cr3t@h?nonsense=1",
            "postgres://u:s3cr3t@h?user",
            "postgres://u:s3cr3t@h d",
            "postgres://u:s3cr3t%zz@h",
            "postgres://u:s3cr3t%@h",
            "postgres://u:s3cr3t%00@h",
            "postgres://u:s3cr3t h@h",
            "postgres://u:s3cr3t",
            "postgres://u:s3cr3t/@h/d",
            "postgres://u:/s3cr3t@h/d",
            "postgres://u:1/s3cr3t@h/d",
            "postgres://u:x/s3cr3t@h/d",
            "postgres://u:x/?s3cr3t@h",
            "postgres://u:/?s3cr3t=x@h",
            "postgres://u:/?x=s3cr3t@h",
            "postgres://s3cr3t%FF@h",
            "postgres://h?password=s3cr3t&x",
            "postgres://h?password=s3cr3t=1",
            "postgres://h?password=a&s3cr3t=1",
            "postgres://h?port=s3cr3t",
            "postgres://h?sslmode=s3cr3t",
            "postgres://h?sslpassword=s3cr3t",
            "postgres://h?password=s3cr3t",
            "mysql://u:s3cr3t@h",
            "postgress://u:s3cr3t@h?a=b",
            "password=s3cr3t",
            "password='s3cr3t' port=x",
            "password='s3cr3t",
            "password=a s3cr3t",
            "password=a s3cr3t=b",
            "password='a's3cr3t=b",
            "password = s3cr3t port",
            "pasword=s3cr3t",
            "password s3cr3t",
            "sslpassword=s3cr3t",
            "port=s3cr3t",
            "hostaddr=s3cr3t",
            "client_encoding=s3cr3t",
            "connect_timeout=s3cr3t",
            "s3cr3t",
            "=s3cr3t",
        ] {
            let printed = match text.parse::<Config>() {
                Ok(config) => format!("{config:?} {config:#?} {:?}", config.validate()),
                Err(error) => format!("{error} {error:?} {error:#?}"),
            };
            assert!(!printed.contains("s3cr3t"), "{text}: {printed}");
        }
    }

    fn near_config() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            prop::sample::select(vec![
                "postgres://",
                "postgresql://",
                ":",
                "@",
                "/",
                "?",
                "&",
                "=",
                "[",
                "]",
                "%",
                "%4",
                "%41",
                ",",
                "'",
                "\\",
                " ",
                "host",
                "port",
                "user",
                "password",
                "sslmode",
                "5432",
                "::1",
                "\0",
                "ä",
            ])
            .prop_map(str::to_owned),
            ".{0,5}",
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    /// A value for an option, more often one that it takes than not.
    fn near_value() -> impl Strategy<Value = String> {
        let words = [
            "",
            "0",
            "1",
            "any",
            "random",
            "disable",
            "prefer",
            "require",
            "verify-full",
            "postgres",
            "::1,10.0.0.1",
            "a,/b,@c",
            "3.2",
            "TLSv1.3",
            "md5,none",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        ];
        prop_oneof![prop::sample::select(words.to_vec()).prop_map(str::to_owned), "[^\0]{0,9}"]
    }

    fn quoted(value: &str) -> String {
        format!("'{}'", value.replace('\\', r"\\").replace('\'', r"\'"))
    }

    fn percent_encoded(value: &str) -> String {
        value.bytes().map(|byte| format!("%{byte:02X}")).collect()
    }

    fn assert_located(text: &str) -> Result<(), TestCaseError> {
        match text.parse::<Config>() {
            Ok(config) => drop(config.validate()),
            Err(error) => prop_assert!(error.offset().is_some_and(|at| at <= text.len())),
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn any_string_is_read_or_refused_at_a_place_in_it(text: String) {
            assert_located(&text)?;
        }

        #[test]
        fn what_is_written_is_read_back(
            pairs in prop::collection::vec((0..OPTIONS.len(), near_value()), 0..20)
        ) {
            let mut built = Config::new();
            let (mut list, mut uri) = (String::new(), "postgres://?".to_owned());
            for (index, value) in pairs {
                let option = &OPTIONS[index];
                if option.set(&mut built, value.clone().into_bytes(), Place::Byte(0)).is_ok() {
                    list += &format!("{} = {} ", option.name, quoted(&value));
                    uri += &format!("{}={}&", option.name, percent_encoded(&value));
                }
            }
            prop_assert_eq!(list.parse(), Ok(built.clone()), "{}", list);
            prop_assert_eq!(uri.parse(), Ok(built), "{}", uri);
        }

        #[test]
        fn what_looks_like_a_configuration_is_read_or_refused(text in near_config()) {
            assert_located(&text)?;
            assert_located(&format!("postgres://{text}"))?;
        }

        #[test]
        fn no_error_repeats_a_piece_of_a_uri(before in near_config(), after in near_config()) {
            if let Err(error) = format!("postgres://u:{before}s3cr3t{after}").parse::<Config>() {
                let printed = format!("{error} {error:?}");
                prop_assert!(!printed.contains("s3cr3t"), "{}", printed);
            }
        }
    }
}
