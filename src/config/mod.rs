//! How to reach a server, and how to treat the connection: a [`Config`], built by hand or read from a string.

mod error;
mod host;
mod option;
mod parse_keyword;
mod parse_uri;
mod piece;
mod ssl;

use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use molt_db_protocol::auth::Secret;

pub use error::ConfigError;
pub use host::{Endpoint, Host};
pub use ssl::{SslMode, SslRootCert};

use error::Problem;

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
/// # Options of connection strings
///
/// | option | what it says | default |
/// |---|---|---|
/// | `host` | a name, an address, or the directory of a Unix socket (starts with `/`) | `localhost` |
/// | `hostaddr` | the numeric address to dial; the certificate is still that of `host` | resolved from `host` |
/// | `port` | 1 to 65535 | 5432 |
/// | `user` | the role | none: connecting fails without |
/// | `password` | | none |
/// | `dbname` | the database | the user's name |
/// | `application_name` | the name that the server logs | none |
/// | `options` | command-line options for the server, `-c statement_timeout=5s` for example | none |
/// | `sslmode` | see [`SslMode`] | `prefer`; `verify-full` with `sslrootcert=system` |
/// | `sslrootcert` | a file, or `system`; see [`SslRootCert`] | the system's store |
/// | `connect_timeout` | whole seconds; 0 and less for no limit | 10 |
/// | `connect_timeout_ms` | milliseconds; 0 for no limit; of both the last one counts | 10000 |
/// | `query_timeout_ms` | milliseconds; 0 for no limit | no limit |
/// | `statement_cache_size` | statements, 0 to 65536 | 256 |
/// | `max_conns` | connections of a pool, 1 to 262143 | 10 |
/// | `max_wait_ms` | milliseconds to wait for a pool's connection | 5000 |
///
/// An option that libpq knows and this crate does not support is an error, as is one that does not exist: nothing is
/// ignored. A few of libpq's are accepted with the value that asks for what is done anyway: `client_encoding` (UTF8),
/// `gssencmode` (`disable`, `prefer`), `sslnegotiation` (`postgres`), `target_session_attrs` (`any`),
/// `load_balance_hosts` (`disable`).
///
/// It differs from libpq where that is safer or simpler: neither environment nor files are read, a missing host is
/// `localhost` and never a Unix socket, a missing user is an error and not the user of the process, blanks in a URI
/// are to be written `%20`, an `@` in its path `%40`, and `verify-ca` requires `sslrootcert`.
///
/// The password never prints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    host: Option<Host>,
    hostaddr: Option<IpAddr>,
    port: u16,
    user: Option<String>,
    password: Option<Secret>,
    dbname: Option<String>,
    application_name: Option<String>,
    options: Option<String>,
    ssl_mode: Option<SslMode>,
    ssl_root_cert: Option<SslRootCert>,
    connect_timeout: Option<Duration>,
    query_timeout: Option<Duration>,
    statement_cache_size: usize,
    max_conns: u32,
    max_wait: Duration,
}

const DEFAULT_PORT: u16 = 5432;

impl Config {
    /// Returns a configuration in which nothing is set: see the table above for what that means.
    pub fn new() -> Self {
        Self {
            host: None,
            hostaddr: None,
            port: DEFAULT_PORT,
            user: None,
            password: None,
            dbname: None,
            application_name: None,
            options: None,
            ssl_mode: None,
            ssl_root_cert: None,
            connect_timeout: Some(Duration::from_secs(10)),
            query_timeout: None,
            statement_cache_size: 256,
            max_conns: 10,
            max_wait: Duration::from_secs(5),
        }
    }

    /// Sets the host: a name, an address, or the directory of a Unix socket. Default: `localhost`.
    #[must_use]
    pub fn host(mut self, host: impl Into<Host>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// Sets the address to dial instead of resolving the host's name. Default: none.
    #[must_use]
    pub fn hostaddr(mut self, address: impl Into<IpAddr>) -> Self {
        self.hostaddr = Some(address.into());
        self
    }

    /// Sets the port, which is part of a Unix socket's name too. Default: 5432. 0 is refused by [`Config::validate`].
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Sets the role to log in as. Default: none, and connecting fails without.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// Sets the password, which need not be UTF-8. Default: none.
    #[must_use]
    pub fn password(mut self, password: impl Into<Vec<u8>>) -> Self {
        self.password = Some(Secret::new(password));
        self
    }

    /// Sets the database. Default: the one that is called like the user.
    #[must_use]
    pub fn dbname(mut self, dbname: impl Into<String>) -> Self {
        self.dbname = Some(dbname.into());
        self
    }

    /// Sets the name under which the server lists and logs the connection. Default: none.
    #[must_use]
    pub fn application_name(mut self, name: impl Into<String>) -> Self {
        self.application_name = Some(name.into());
        self
    }

    /// Sets command-line options for the server, `-c statement_timeout=5s` for example. Default: none.
    #[must_use]
    pub fn options(mut self, options: impl Into<String>) -> Self {
        self.options = Some(options.into());
        self
    }

    /// Sets whether to encrypt, and how far to check the server's certificate. Default: [`SslMode::Prefer`], and
    /// [`SslMode::VerifyFull`] with [`SslRootCert::System`].
    #[must_use]
    pub fn ssl_mode(mut self, mode: SslMode) -> Self {
        self.ssl_mode = Some(mode);
        self
    }

    /// Sets the authorities that may sign the server's certificate: a path, or `system`. Default: the system's.
    #[must_use]
    pub fn ssl_root_cert(mut self, authorities: impl Into<SslRootCert>) -> Self {
        self.ssl_root_cert = Some(authorities.into());
        self
    }

    /// Sets how long connecting may take, from resolving the name to the server's readiness. `None` is for ever.
    /// Default: 10 seconds.
    #[must_use]
    pub fn connect_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.connect_timeout = limit.into();
        self
    }

    /// Sets how long a call may wait for the server: a whole `execute`, `one`, `optional`, `all`, `script` or
    /// `prepare`; of a stream, the wait for its beginning, and then each silence of the server. A connection on which
    /// the limit passes is closed. `None`, the default, is for ever.
    #[must_use]
    pub fn query_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.query_timeout = limit.into();
        self
    }

    /// Sets how many prepared statements a connection keeps, 0 to 65,536. Default: 256. 0 keeps none.
    #[must_use]
    pub fn statement_cache_size(mut self, statements: usize) -> Self {
        self.statement_cache_size = statements;
        self
    }

    /// Sets how many connections a pool may have, 1 to 262,143. Default: 10.
    #[must_use]
    pub fn max_conns(mut self, connections: u32) -> Self {
        self.max_conns = connections;
        self
    }

    /// Sets how long to wait for a connection of a pool. Default: 5 seconds. Zero does not wait.
    #[must_use]
    pub fn max_wait(mut self, limit: Duration) -> Self {
        self.max_wait = limit;
        self
    }

    /// Checks what a type cannot: connecting does so first.
    ///
    /// # Errors
    ///
    /// The user is missing, a number is out of its range, a text holds a NUL byte, or `sslmode` and `sslrootcert` do
    /// not go together.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let failed = |option, problem| ConfigError::of_option(option, problem, None);
        self.check_host().map_err(|problem| failed("host", problem))?;
        self.check_ssl().map_err(|problem| failed("sslmode", problem))?;
        for (option, bytes) in self.texts() {
            if bytes.contains(&0) {
                return Err(failed(option, Problem::Refused("a NUL byte cannot be part of a value")));
            }
        }
        for (option, in_range, expected) in self.numbers() {
            if !in_range {
                return Err(failed(option, Problem::Expected(expected)));
            }
        }
        match self.get_user() {
            None | Some("") => Err(failed("user", Problem::Refused("no user is given"))),
            Some(_) => Ok(()),
        }
    }

    /// Returns what to dial, with the defaults filled in.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint::new(self.host.as_ref(), self.hostaddr, self.port)
    }

    /// Returns the host, if one is set. [`Config::endpoint`] knows the default.
    pub fn get_host(&self) -> Option<&Host> {
        self.host.as_ref()
    }

    /// Returns the address to dial, if one is set.
    pub fn get_hostaddr(&self) -> Option<IpAddr> {
        self.hostaddr
    }

    /// Returns the port.
    pub fn get_port(&self) -> u16 {
        self.port
    }

    /// Returns the role to log in as, if it is set.
    pub fn get_user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Returns the password, if it is set.
    pub fn get_password(&self) -> Option<&Secret> {
        self.password.as_ref()
    }

    /// Returns the database; if none is set, the user's name.
    pub fn get_dbname(&self) -> Option<&str> {
        self.dbname.as_deref().or_else(|| self.get_user())
    }

    /// Returns the name under which the server lists the connection, if it is set.
    pub fn get_application_name(&self) -> Option<&str> {
        self.application_name.as_deref()
    }

    /// Returns the command-line options for the server, if they are set.
    pub fn get_options(&self) -> Option<&str> {
        self.options.as_deref()
    }

    /// Returns the mode that is in force: it depends on the authorities too.
    pub fn get_ssl_mode(&self) -> SslMode {
        match (self.ssl_mode, &self.ssl_root_cert) {
            (None, Some(SslRootCert::System)) => SslMode::VerifyFull,
            (None, _) => SslMode::Prefer,
            // PG docs: libpq-ssl, "Client Verification of Server Certificates"
            (Some(SslMode::Require), Some(SslRootCert::File(_))) => SslMode::VerifyCa,
            (Some(mode), _) => mode,
        }
    }

    /// Returns the authorities, if they are set.
    pub fn get_ssl_root_cert(&self) -> Option<&SslRootCert> {
        self.ssl_root_cert.as_ref()
    }

    /// Returns how long connecting may take; `None` is for ever.
    pub fn get_connect_timeout(&self) -> Option<Duration> {
        self.connect_timeout
    }

    /// Returns how long a query may take; `None` is for ever.
    pub fn get_query_timeout(&self) -> Option<Duration> {
        self.query_timeout
    }

    /// Returns how many prepared statements a connection keeps.
    pub fn get_statement_cache_size(&self) -> usize {
        self.statement_cache_size
    }

    /// Returns how many connections a pool may have.
    pub fn get_max_conns(&self) -> u32 {
        self.max_conns
    }

    /// Returns how long to wait for a connection of a pool.
    pub fn get_max_wait(&self) -> Duration {
        self.max_wait
    }

    fn check_host(&self) -> Result<(), Problem> {
        self.host.as_ref().map_or(Ok(()), Host::check)
    }

    fn check_ssl(&self) -> Result<(), Problem> {
        match (self.get_ssl_mode(), &self.ssl_root_cert) {
            (SslMode::VerifyFull, _) => Ok(()),
            // PG docs: libpq-connect, "sslrootcert"
            (_, Some(SslRootCert::System)) => {
                Err(Problem::Refused("`sslrootcert=system` needs `verify-full`"))
            }
            (SslMode::VerifyCa, None) => Err(Problem::Refused("`verify-ca` needs `sslrootcert`, a file")),
            _ => Ok(()),
        }
    }

    fn texts(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        let texts = [
            ("user", &self.user),
            ("dbname", &self.dbname),
            ("application_name", &self.application_name),
            ("options", &self.options),
        ];
        let password = self.password.iter().map(|password| ("password", password.expose()));
        texts.into_iter().flat_map(|(option, text)| Some((option, text.as_ref()?.as_bytes()))).chain(password)
    }

    fn numbers(&self) -> [(&'static str, bool, &'static str); 3] {
        [
            ("port", self.port != 0, option::PORT_EXPECTED),
            ("max_conns", option::MAX_CONNS.contains(&self.max_conns), option::MAX_CONNS_EXPECTED),
            (
                "statement_cache_size",
                option::STATEMENT_CACHE_SIZES.contains(&self.statement_cache_size),
                option::STATEMENT_CACHE_SIZE_EXPECTED,
            ),
        ]
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
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
    use super::*;
    use proptest::prelude::*;

    fn config() -> Config {
        Config::new().user("app")
    }

    fn refused_option(config: &Config) -> Option<&'static str> {
        config.validate().unwrap_err().option()
    }

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
    fn the_database_defaults_to_the_user() {
        assert_eq!(config().get_dbname(), Some("app"));
        assert_eq!(config().dbname("shop").get_dbname(), Some("shop"));
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
            (config().max_conns(0), "max_conns"),
            (config().max_conns(262_144), "max_conns"),
            (config().statement_cache_size(65_537), "statement_cache_size"),
            (config().host("a,b"), "host"),
            (config().host(""), "host"),
            (config().user("a\0"), "user"),
            (config().password("a\0"), "password"),
            (config().dbname("a\0"), "dbname"),
            (config().application_name("a\0"), "application_name"),
            (config().options("a\0"), "options"),
        ] {
            assert_eq!(refused_option(&bad), Some(option));
        }
        let at_the_limits = config().port(1).max_conns(262_143).statement_cache_size(65_536);
        assert_eq!(at_the_limits.validate(), Ok(()));
    }

    #[test]
    fn the_mode_in_force_depends_on_the_authorities() {
        let with_file = config().ssl_root_cert("/ca.pem");
        let with_system = config().ssl_root_cert("system");
        assert_eq!(with_file.get_ssl_mode(), SslMode::Prefer);
        assert_eq!(with_file.clone().ssl_mode(SslMode::Require).get_ssl_mode(), SslMode::VerifyCa);
        assert_eq!(config().ssl_mode(SslMode::Require).get_ssl_mode(), SslMode::Require);
        assert_eq!(with_system.get_ssl_mode(), SslMode::VerifyFull);
        assert_eq!(with_system.validate(), Ok(()));
    }

    #[test]
    fn authorities_that_anyone_can_use_need_the_host_to_be_checked() {
        for mode in [SslMode::Disable, SslMode::Prefer, SslMode::Require, SslMode::VerifyCa] {
            let bad = config().ssl_mode(mode).ssl_root_cert(SslRootCert::System);
            assert_eq!(refused_option(&bad), Some("sslmode"), "{mode}");
        }
        assert_eq!(refused_option(&config().ssl_mode(SslMode::VerifyCa)), Some("sslmode"));
        assert_eq!(config().ssl_mode(SslMode::VerifyCa).ssl_root_cert("/ca.pem").validate(), Ok(()));
        assert_eq!(config().ssl_mode(SslMode::VerifyFull).validate(), Ok(()));
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
