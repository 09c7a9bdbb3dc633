use std::env;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::error::{ConfigError, Place, Problem};
use super::option::{self, OPTIONS};
use super::password_file::PasswordFile;
use super::tls_home::TlsHome;
use super::{Config, SslMode, file, service_file};

/// # Environment and files
impl Config {
    /// Returns what libpq connects to if it is told nothing: [`Config::or_env`] of nothing.
    ///
    /// # Errors
    ///
    /// As [`Config::or_env`].
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::new().or_env()
    }

    /// Returns what a service file says about a service: [`Config::or_files`] of its name. The environment is not
    /// asked for anything else; `Config::new().service(name).or_env()` does.
    ///
    /// # Errors
    ///
    /// As [`Config::or_files`].
    pub fn from_service(service: impl Into<String>) -> Result<Self, ConfigError> {
        Self::new().service(service).or_files()
    }

    /// Reads the files that are named, and fills in what is not set.
    ///
    /// - If a service is set, its section of the service file: `servicefile` or else the variable `PGSERVICEFILE` name
    ///   it; otherwise it is `.pg_service.conf` in the user's home. If the section is not in there,
    ///   `pg_service.conf` in the folder `PGSYSCONFDIR` is next.
    /// - If no password is set, the password file that `passfile` names. Its passwords are looked up for each host when
    ///   it is dialled ([`Config::password_for`]).
    ///
    /// Files are read at once, not when connecting, and block the thread for that long.
    ///
    /// # Errors
    ///
    /// A file that is named does not exist or is larger than 1 MiB; the service is in no file; a line of it is wrong;
    /// others than its owner have access to the password file.
    pub fn or_files(self) -> Result<Self, ConfigError> {
        self.or_files_of(&Environment::of_process())
    }

    /// Fills in what is not set as libpq does: from the service, if one is set or the variable `PGSERVICE` names one;
    /// then from the environment, whose variables are in the tables of [`Config`]; then the name of the process's user;
    /// and from the password file, if there is still no password: `passfile`, or `.pgpass` in the user's home.
    ///
    /// For TLS it finds `root.crt`, `root.crl`, `postgresql.crt` and `postgresql.key` in the folder `.postgresql` of the
    /// user's home, if they are there; connecting reads them.
    ///
    /// The environment and the files are read at once, and block the thread for that long.
    ///
    /// # Errors
    ///
    /// As [`Config::or_files`]; the value of a variable is wrong. `.pgpass` need not exist.
    pub fn or_env(self) -> Result<Self, ConfigError> {
        self.or_env_of(&Environment::of_process())
    }

    fn or_files_of(mut self, environment: &Environment<'_>) -> Result<Self, ConfigError> {
        self.read_service(environment)?;
        self.read_passwords(None)?;
        Ok(self)
    }

    // PG source: fe-connect.c, conninfo_add_defaults and pqConnectOptions2
    fn or_env_of(mut self, environment: &Environment<'_>) -> Result<Self, ConfigError> {
        refuse_settings(environment)?;
        let (of_service, others): (Vec<_>, Vec<_>) =
            OPTIONS.iter().partition(|option| option.name.starts_with("service"));
        self.fill_in(&of_service, environment)?;
        self.read_service(environment)?;
        self.fill_in(&others, environment)?;
        // Its other values never meant anything.
        let is_required = environment.bytes("PGREQUIRESSL").is_some_and(|value| value.starts_with(b"1"));
        if is_required && self.ssl_mode.is_none() {
            self.ssl_mode = Some(SslMode::Require);
        }
        if self.get_user().is_none() {
            self.user = environment.account().map(|account| account.name);
        }
        self.tls_home = TlsHome::find(|name| environment.in_home(&format!(".postgresql/{name}"), name));
        self.read_passwords(environment.in_home(".pgpass", "pgpass.conf"))?;
        Ok(self)
    }

    fn fill_in(
        &mut self,
        options: &[&option::ConnectionOption],
        environment: &Environment<'_>,
    ) -> Result<(), ConfigError> {
        for option in options {
            let Some(variable) = option.variable.filter(|_| !option.is_set(self)) else { continue };
            if let Some(value) = environment.bytes(variable) {
                option.set(self, value, Place::Variable(variable))?;
            }
        }
        Ok(())
    }

    fn read_service(&mut self, environment: &Environment<'_>) -> Result<(), ConfigError> {
        let Some(service) = self.service.clone().filter(|_| !self.service_is_read) else { return Ok(()) };
        self.service_is_read = true;
        let mut last = None;
        for path in self.service_files(environment)? {
            let text = match file::read(&path, |_| Ok(())) {
                Err(Problem::Unreadable(io::ErrorKind::NotFound)) => continue,
                text => text.map_err(|problem| {
                    ConfigError::of_option("service", problem, Some(Place::File(path.clone())))
                })?,
            };
            if service_file::fill_in(self, &service, &path, text.expose())? {
                return Ok(());
            }
            last = Some(Place::File(path));
        }
        let problem = Problem::Refused("no service file has a section of this name");
        Err(ConfigError::of_option("service", problem, last))
    }

    /// Returns where to look for a service, in this order. A file that somebody names has to exist.
    fn service_files(&self, environment: &Environment<'_>) -> Result<Vec<PathBuf>, ConfigError> {
        const VARIABLE: &str = "PGSERVICEFILE";
        let by_option = self.get_service_file().map(|path| (path.to_owned(), None));
        let by_variable = || Some((environment.path(VARIABLE)?, Some(Place::Variable(VARIABLE))));
        let of_user = match by_option.or_else(by_variable) {
            Some((path, place)) if !path.exists() => {
                let problem = Problem::Unreadable(io::ErrorKind::NotFound);
                return Err(ConfigError::of_option("servicefile", problem, place));
            }
            Some((path, _)) => Some(path),
            None => environment.in_home(".pg_service.conf", ".pg_service.conf"),
        };
        let of_system = environment.path("PGSYSCONFDIR").map(|folder| folder.join("pg_service.conf"));
        Ok(of_user.into_iter().chain(of_system).collect())
    }

    /// Reads the password file that is named, or else one that need not exist.
    fn read_passwords(&mut self, default: Option<PathBuf>) -> Result<(), ConfigError> {
        if self.get_password().is_some() || self.password_file.is_some() {
            return Ok(());
        }
        let named = self.get_passfile().map(ToOwned::to_owned);
        let is_named = named.is_some();
        let Some(path) = named.or(default) else { return Ok(()) };
        let failed = |problem, place| Err(ConfigError::of_option("passfile", problem, place));
        match PasswordFile::read(&path) {
            Ok(file) => {
                self.password_file = Some(Arc::new(file));
                Ok(())
            }
            Err(Problem::Unreadable(io::ErrorKind::NotFound)) if !is_named => Ok(()),
            Err(problem @ Problem::Unreadable(io::ErrorKind::NotFound)) => failed(problem, None),
            Err(problem) => failed(problem, Some(Place::File(path))),
        }
    }
}

/// Where variables and the process's user come from: the process itself, or a test.
struct Environment<'e> {
    variable: &'e dyn Fn(&str) -> Option<OsString>,
    account: &'e dyn Fn() -> Option<Account>,
}

/// A user of the operating system.
#[derive(Clone)]
struct Account {
    name: String,
    home: PathBuf,
}

impl Environment<'_> {
    fn of_process() -> Self {
        Self { variable: &|name| env::var_os(name), account: &account_of_process }
    }

    fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        (self.variable)(name).map(OsString::into_encoded_bytes)
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        (self.variable)(name).filter(|path| !path.is_empty()).map(PathBuf::from)
    }

    fn account(&self) -> Option<Account> {
        (self.account)()
    }

    /// Returns a file's place in the user's home, or in the folder that Windows has for such.
    fn in_home(&self, unix: &str, windows: &str) -> Option<PathBuf> {
        if cfg!(windows) {
            return self.path("APPDATA").map(|folder| folder.join("postgresql").join(windows));
        }
        let home = self.path("HOME").or_else(|| self.account().map(|account| account.home));
        home.map(|home| home.join(unix))
    }
}

#[cfg(unix)]
fn account_of_process() -> Option<Account> {
    use nix::unistd::{User, geteuid};
    let user = User::from_uid(geteuid()).ok().flatten()?;
    Some(Account { name: user.name, home: user.dir })
}

#[cfg(not(unix))]
fn account_of_process() -> Option<Account> {
    env::var("USERNAME").ok().map(|name| Account { name, home: PathBuf::new() })
}

/// libpq sends these on as settings. The start-up message has none but its own.
// PG docs: libpq-envars
fn refuse_settings(environment: &Environment<'_>) -> Result<(), ConfigError> {
    for (variable, instead) in [
        ("PGDATESTYLE", "set it in `options`, as `-c datestyle=...`"),
        ("PGTZ", "set it in `options`, as `-c timezone=...`"),
        ("PGGEQO", "set it in `options`, as `-c geqo=...`"),
    ] {
        if environment.bytes(variable).is_some() {
            let place = Some(Place::Variable(variable));
            return Err(ConfigError::of_option("options", Problem::Unsupported(instead), place));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SslRootCert;
    use crate::config::file::tests::Folder;
    use std::path::Path;
    use std::time::Duration;

    const NOBODY: fn() -> Option<Account> = || None;

    fn config(text: &str) -> Config {
        text.parse().unwrap()
    }

    /// Fills in from an environment of these variables, with a user who is called `me` and whose home is nowhere.
    fn or_env(config: Config, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        };
        let account = || Some(Account { name: "me".into(), home: "/no/such/home".into() });
        config.or_env_of(&Environment { variable: &variable, account: &account })
    }

    fn or_files(config: Config, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        };
        config.or_files_of(&Environment { variable: &variable, account: &NOBODY })
    }

    fn password(config: &Config) -> Option<Vec<u8>> {
        config.password_for(&config.endpoint()).map(|password| password.expose().to_vec())
    }

    #[test]
    fn every_variable_says_what_its_option_says() {
        let key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        let special = ["service", "servicefile", "passfile"];
        for option in OPTIONS.iter().filter(|option| !special.contains(&option.name)) {
            let Some(variable) = option.variable else { continue };
            let values = [
                "::1", "1", "any", "disable", "3.0", "TLSv1.2", "md5", "postgres", "close", "every", "never",
                "full", "on", key,
            ];
            let tried = values.iter().filter_map(|value| {
                let said: Config = format!("{}={value}", option.name).parse().ok()?;
                Some((value, said))
            });
            let (value, said) = tried.into_iter().next().unwrap();
            let said = if said.get_user().is_none() { said.user("me") } else { said };
            assert_eq!(or_env(Config::new(), &[(variable, value)]), Ok(said), "{variable}");
        }
    }

    #[test]
    fn an_empty_environment_knows_the_user() {
        assert_eq!(or_env(Config::new(), &[]), Ok(Config::new().user("me")));
        assert_eq!(or_env(config("user=''"), &[("PGUSER", "you")]).unwrap().get_user(), Some("me"));
        let nobody = Environment { variable: &|_| None, account: &NOBODY };
        assert_eq!(Config::new().or_env_of(&nobody), Ok(Config::new()));
    }

    #[test]
    fn files_of_tls_in_the_users_home_fill_in_what_is_not_said() {
        let home = Folder::new();
        std::fs::create_dir(home.0.join(".postgresql")).unwrap();
        let variables = [("HOME", home.0.to_str().unwrap())];
        let is_bare = |filled: &Config| {
            let files = [filled.get_ssl_cert(), filled.get_ssl_key(), filled.get_ssl_crl()];
            files == [None; 3] && filled.get_ssl_root_cert().is_none()
        };
        assert!(is_bare(&or_env(Config::new(), &variables).unwrap()));
        home.write(".postgresql/postgresql.key", "");
        assert!(is_bare(&or_env(Config::new(), &variables).unwrap()), "a key alone says nothing");

        for name in ["root.crt", "root.crl", "postgresql.crt"] {
            home.write(&format!(".postgresql/{name}"), "");
        }
        let place = |name: &str| home.0.join(".postgresql").join(name);
        let filled = or_env(config("sslmode=require"), &variables).unwrap();
        assert_eq!(filled.get_ssl_root_cert(), Some(&SslRootCert::File(place("root.crt"))));
        assert_eq!(filled.get_ssl_mode(), SslMode::VerifyCa);
        assert_eq!(filled.get_ssl_crl(), Some(&*place("root.crl")));
        assert_eq!(filled.get_ssl_cert(), Some(&*place("postgresql.crt")));
        assert_eq!(filled.get_ssl_key(), Some(&*place("postgresql.key")));

        let said = "sslrootcert=/ca sslcert=/me sslkey=/key sslcrldir=/crl";
        let filled = or_env(config(said), &variables).unwrap();
        assert_eq!(filled.get_ssl_root_cert(), Some(&"/ca".into()));
        assert_eq!(
            (filled.get_ssl_cert(), filled.get_ssl_key()),
            (Some(Path::new("/me")), Some(Path::new("/key")))
        );
        assert_eq!(filled.get_ssl_crl(), None);
        assert!(is_bare(&or_env(config("sslrootcert='' sslcert='' sslcrl=''"), &variables).unwrap()));
        assert!(is_bare(&or_files(Config::new(), &variables).unwrap()), "only `or_env` looks there");
    }

    #[test]
    fn what_is_explicit_wins_over_the_service_and_that_over_the_environment() {
        let folder = Folder::new();
        let file = folder.write("services", "[orders]\nuser=of-service\nhost=of-service\n");
        let variables = [
            ("PGSERVICE", "orders"),
            ("PGSERVICEFILE", file.to_str().unwrap()),
            ("PGUSER", "of-environment"),
            ("PGHOST", "of-environment"),
            ("PGDATABASE", "of-environment"),
            ("PGPORT", "1"),
            ("PGAPPNAME", "of-environment"),
            ("MOLT_DB_MAX_CONNS", "3"),
            ("MOLT_DB_MAX_WAIT_MS", "250"),
        ];
        let filled = or_env(config("user=explicit port='' application_name=''"), &variables).unwrap();
        assert_eq!(filled.get_user(), Some("explicit"));
        assert_eq!(filled.get_hosts(), [Some("of-service".into())]);
        assert_eq!(filled.get_dbname(), Some("of-environment"));
        assert_eq!(filled.endpoint(), config("host=of-service").endpoint());
        assert_eq!(filled.get_application_name(), None);
        assert_eq!((filled.get_max_conns(), filled.get_max_wait()), (3, Duration::from_millis(250)));
        assert_eq!(filled.validate(), Ok(()));
    }

    #[test]
    fn a_wrong_value_is_an_error_only_where_it_would_count() {
        let error = or_env(Config::new(), &[("PGPORT", "s3cr3t")]).unwrap_err();
        assert_eq!((error.option(), error.variable()), (Some("port"), Some("PGPORT")));
        assert!(!format!("{error} {error:?}").contains("s3cr3t"), "{error}");
        assert!(or_env(Config::new().port(1), &[("PGPORT", "s3cr3t")]).is_ok());
        assert_eq!(or_env(Config::new(), &[("PGSSLMODE", "")]).unwrap_err().option(), Some("sslmode"));
    }

    #[test]
    fn the_old_variable_for_tls_asks_for_it_with_a_one() {
        let mode = |variables: &[_]| or_env(Config::new(), variables).unwrap().get_ssl_mode();
        assert_eq!(mode(&[("PGREQUIRESSL", "1")]), SslMode::Require);
        assert_eq!(mode(&[("PGREQUIRESSL", "0")]), SslMode::Prefer);
        assert_eq!(mode(&[("PGREQUIRESSL", "1"), ("PGSSLMODE", "disable")]), SslMode::Disable);
        assert_eq!(mode(&[("PGREQUIRESSL", "0"), ("PGSSLROOTCERT", "system")]), SslMode::VerifyFull);
    }

    #[test]
    fn settings_that_libpq_would_send_are_refused() {
        for variable in ["PGDATESTYLE", "PGTZ", "PGGEQO"] {
            let error = or_env(Config::new(), &[(variable, "x")]).unwrap_err();
            assert!(error.is_unsupported() && error.variable() == Some(variable), "{error}");
        }
    }

    #[test]
    fn a_service_is_looked_for_in_the_users_file_and_then_in_the_systems() {
        let (home, system) = (Folder::new(), Folder::new());
        home.write(".pg_service.conf", "[mine]\nuser=mine\n");
        system.write("pg_service.conf", "[mine]\nuser=theirs\n[theirs]\nuser=theirs\n");
        let (home, system) = (home.0.to_str().unwrap(), system.0.to_str().unwrap());
        let variables = [("HOME", home), ("PGSYSCONFDIR", system), ("PGUSER", "x")];
        let user = |service: &str| {
            let filled = or_files(Config::new().service(service), &variables).unwrap();
            filled.validate().unwrap();
            filled.get_user().unwrap().to_owned()
        };
        assert_eq!((user("mine"), user("theirs")), ("mine".to_owned(), "theirs".to_owned()));
        let error = or_files(Config::new().service("s3cr3t"), &variables).unwrap_err();
        assert_eq!(error.option(), Some("service"));
        assert!(
            error.to_string().contains("pg_service.conf") && !error.to_string().contains("s3cr3t"),
            "{error}"
        );
        let nowhere = or_files(Config::new().service("mine"), &[]).unwrap_err();
        assert_eq!((nowhere.option(), nowhere.file()), (Some("service"), None));
    }

    #[test]
    fn a_service_file_that_is_named_has_to_exist() {
        let missing = [("PGSERVICEFILE", "/no/such/s3cr3t")];
        let by_variable = or_files(Config::new().service("x"), &missing).unwrap_err();
        assert_eq!(
            (by_variable.option(), by_variable.variable()),
            (Some("servicefile"), Some("PGSERVICEFILE"))
        );
        let by_option = or_files(config("service=x servicefile=/no/such/s3cr3t"), &[]).unwrap_err();
        assert_eq!(by_option.option(), Some("servicefile"));
        assert!(!format!("{by_variable} {by_option:?}").contains("s3cr3t"));
        let folder = Folder::new();
        let file = folder.write("services", "[x]\nuser=u\n");
        let named = Config::new().service("x").service_file(file);
        assert_eq!(or_files(named, &missing).unwrap().get_user(), Some("u"));
    }

    #[test]
    fn a_service_that_is_not_asked_for_is_not_read() {
        assert!(or_files(Config::new(), &[("PGSERVICE", "x"), ("PGUSER", "x")]) == Ok(Config::new()));
        let read = or_files(Config::new().service("x"), &[]);
        assert!(read.is_err());
    }

    #[test]
    fn passwords_come_from_the_file_of_the_user_for_each_host() {
        let home = Folder::new();
        home.write(".pgpass", "a:*:*:*:of-a\nb:2:*:*:of-b\n");
        let variables = [("HOME", home.0.to_str().unwrap())];
        let filled = or_env(config("host=a,b,c port=1,2,3 user=u"), &variables).unwrap();
        let passwords: Vec<_> = filled.endpoints().iter().map(|at| filled.password_for(at)).collect();
        let secret = |text: &str| Some(molt_db_protocol::auth::Secret::new(text));
        assert_eq!(passwords, [secret("of-a"), secret("of-b"), None]);
        assert_eq!(filled.get_password(), None);
        let elsewhere = filled.clone().hosts(["c"]).ports([3]);
        assert_eq!(password(&elsewhere), None);
        let given = or_env(config("host=a user=u password=given"), &variables).unwrap();
        assert_eq!(password(&given), Some(b"given".to_vec()));
        assert!(!format!("{filled:?}").contains("of-a"));
    }

    #[test]
    fn a_password_file_that_is_named_is_read_without_the_environment() {
        let folder = Folder::new();
        let file = folder.write("passwords", "*:*:*:*:pw\n");
        let named = Config::new().user("u").passfile(&file);
        assert!(named.validate().is_err());
        let read = or_files(named, &[]).unwrap();
        assert_eq!((read.validate(), password(&read)), (Ok(()), Some(b"pw".to_vec())));
        let by_variable = or_env(Config::new(), &[("PGPASSFILE", file.to_str().unwrap())]).unwrap();
        assert_eq!(password(&by_variable), Some(b"pw".to_vec()));
        let replaced = by_variable.passfile("/elsewhere");
        assert_eq!((password(&replaced), replaced.validate().is_err()), (None, true));
    }

    #[test]
    fn a_password_file_that_is_named_has_to_exist() {
        let error = or_files(Config::new().passfile("/no/such/s3cr3t"), &[]).unwrap_err();
        assert_eq!((error.option(), error.file()), (Some("passfile"), None));
        assert!(
            error.to_string().contains("cannot be read") && !error.to_string().contains("s3cr3t"),
            "{error}"
        );
        assert!(or_files(Config::new().passfile("/no/such").password("pw"), &[]).is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn a_password_file_that_others_can_read_is_refused_with_the_reason() {
        let home = Folder::new();
        let path = home.write(".pgpass", "*:*:*:*:pw\n");
        file::tests::set_mode(&path, 0o644);
        let error = or_env(Config::new(), &[("HOME", home.0.to_str().unwrap())]).unwrap_err();
        assert_eq!((error.option(), error.file()), (Some("passfile"), Some(Path::new(&path))));
        assert!(error.to_string().contains("its mode 0644"), "{error}");
    }
}
