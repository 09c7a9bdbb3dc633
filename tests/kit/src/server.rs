//! A private server for tests.

mod standby;

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::account::Account;
use crate::binaries::Binaries;
use crate::cluster;
use crate::error::KitError;
use crate::home::{Home, random_word};
use crate::options::{ServerOptions, line};
use crate::postmaster::{Postmaster, Shutdown};
use crate::sql::{self, Row};
use crate::tls::{Certificates, RevocationList, TlsSetup};
use crate::url;
use crate::user::{KIT_USER, User, hba};

/// A real PostgreSQL server in a temporary folder, on a free port of 127.0.0.1 and on a socket inside the folder.
///
/// It knows the users of [`User`] and has a database `test`. Durability is off, so a test must not expect data to
/// survive a crash. Dropping it stops it at once and removes its folder; the same happens when the process ends in
/// any other way, SIGKILL included.
///
/// ```no_run
/// use molt_db_testkit::{Server, ServerOptions, User};
///
/// let server = Server::start(ServerOptions::default())?;
/// assert_eq!(server.sql("select 1 + 1")?, [[Some("2".to_owned())]]);
/// println!("{}", server.url(User::Scram, "test"));
/// # Ok::<(), molt_db_testkit::KitError>(())
/// ```
pub struct Server {
    /// `None` while it is stopped. First, so that the server stops before its folder goes.
    postmaster: Mutex<Option<Postmaster>>,
    tls: Mutex<TlsSetup>,
    options: ServerOptions,
    binaries: Binaries,
    certificates: Certificates,
    password: String,
    port: u16,
    home: Home,
}

impl Server {
    /// Starts a server and waits until it takes connections: well under a second, once the programs are at hand and a
    /// data folder of that version was made before.
    ///
    /// # Errors
    ///
    /// When no server program can be had, or when it does not start; the error then ends with the server's log.
    pub fn start(options: ServerOptions) -> Result<Self, KitError> {
        let binaries = Binaries::find(options.wanted)?;
        let home = Home::create()?;
        cluster::create(&binaries, &home.data())?;
        let mut server = Self {
            postmaster: Mutex::new(None),
            tls: Mutex::new(options.tls),
            certificates: Certificates::create(home.path().join("tls"))?,
            password: random_word()?,
            port: 0,
            options,
            binaries,
            home,
        };
        server.start_on_free_port()?;
        server.run_in("postgres", &format!("alter role postgres password '{}'", server.password))?;
        Ok(server)
    }

    /// Returns the port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the address: always `127.0.0.1`. Valid certificates hold for `localhost` as well.
    pub fn host(&self) -> &'static str {
        "127.0.0.1"
    }

    /// Returns the folder of the server's socket, as libpq's parameter `host` takes it.
    pub fn socket_dir(&self) -> &Path {
        self.home.path()
    }

    /// Returns the major version and the full text: `(15, "15.18 (Debian 15.18-0+deb12u1)")`.
    pub fn version(&self) -> (u32, String) {
        (self.binaries.version.major, self.binaries.version.full.clone())
    }

    /// Returns the password of `user`, if it has one.
    pub fn password(&self, user: User) -> Option<&str> {
        match user {
            User::Superuser => Some(&self.password),
            User::Scram | User::Md5 | User::Clear | User::Trust | User::TlsOnly | User::PlainOnly => {
                user.fixed_password()
            }
        }
    }

    /// Returns a libpq URL over TCP, with the password.
    ///
    /// It leaves the use of TLS to the client's default, except for [`User::TlsOnly`] (`sslmode=require`) and
    /// [`User::PlainOnly`] (`sslmode=disable`).
    pub fn url(&self, user: User, database: &str) -> String {
        let options: &[(&str, &str)] = match user {
            User::TlsOnly => &[("sslmode", "require")],
            User::PlainOnly => &[("sslmode", "disable")],
            User::Superuser | User::Scram | User::Md5 | User::Clear | User::Trust => &[],
        };
        url::build(user.name(), self.password(user), &self.authority(), database, options)
    }

    /// Returns the URL of the database `test` for the user of that name: `server.url_for("scram")`.
    ///
    /// # Panics
    ///
    /// When there is no such user.
    pub fn url_for(&self, user: &str) -> String {
        let user = user.parse().unwrap_or_else(|error| panic!("{error}"));
        self.url(user, "test")
    }

    /// Returns a URL over TCP that has the client verify the server's certificate and name against the right CA.
    pub fn tls_url(&self, user: User, database: &str) -> String {
        let ca = self.ca_file();
        let options = [("sslmode", "verify-full"), ("sslrootcert", &ca.to_string_lossy())];
        url::build(user.name(), self.password(user), &self.authority(), database, &options)
    }

    /// Returns a URL over the server's socket.
    pub fn socket_url(&self, user: User, database: &str) -> String {
        let options =
            [("host", self.socket_dir().to_string_lossy().into_owned()), ("port", self.port.to_string())];
        let options = options.each_ref().map(|(name, value)| (*name, value.as_str()));
        url::build(user.name(), self.password(user), "", database, &options)
    }

    /// Returns the file with the certificate of the CA that signs this server's certificates, in PEM.
    pub fn ca_file(&self) -> PathBuf {
        self.certificates.ca_file()
    }

    /// Returns the file with the certificate of a CA that signed nothing, in PEM.
    pub fn unrelated_ca_file(&self) -> PathBuf {
        self.certificates.unrelated_ca_file()
    }

    /// Returns the file with the server's own certificate, in PEM.
    pub fn certificate_file(&self) -> PathBuf {
        self.certificates.certificate()
    }

    /// Makes a certificate for the user of that name, and returns the files with it and with its key, in PEM. The CA
    /// of [`Server::ca_file`] signs it.
    ///
    /// # Errors
    ///
    /// When it cannot be made or written.
    pub fn user_certificate(&self, name: &str) -> Result<(PathBuf, PathBuf), KitError> {
        self.certificates.issue_to_user(name)
    }

    /// Makes a list of revoked certificates and returns its file, in PEM. The CA of [`Server::ca_file`] signs it.
    ///
    /// # Errors
    ///
    /// When it cannot be made or written.
    pub fn revocation_list(&self, list: RevocationList) -> Result<PathBuf, KitError> {
        self.certificates.revoke(list)
    }

    /// Runs statements in the database `test` as a superuser, over a connection of their own, and returns the rows of
    /// all of them as text. It does not use molt-db. It blocks, at most a minute for each message of the server.
    ///
    /// # Errors
    ///
    /// [`KitError::Sql`] when the server refuses; otherwise when the conversation fails.
    pub fn sql(&self, sql: &str) -> Result<Vec<Row>, KitError> {
        self.run_in("test", sql)
    }

    /// Like [`Server::sql`], in the database of that name.
    ///
    /// # Errors
    ///
    /// As [`Server::sql`].
    pub fn sql_in(&self, database: &str, sql: &str) -> Result<Vec<Row>, KitError> {
        self.run_in(database, sql)
    }

    /// Makes a new empty database and returns its name, which is new for this server.
    ///
    /// # Errors
    ///
    /// As [`Server::sql`].
    pub fn create_database(&self) -> Result<String, KitError> {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        self.run_in("postgres", &format!("create database {name}"))?;
        Ok(name)
    }

    /// Ends every client's session but the kit's own, and returns how many; clients see FATAL 57P01.
    ///
    /// On a shared server this hits the other tests too.
    ///
    /// # Errors
    ///
    /// As [`Server::sql`].
    pub fn terminate_backends(&self) -> Result<usize, KitError> {
        let rows = self.run_in(
            "postgres",
            "select pg_terminate_backend(pid) from pg_stat_activity \
             where backend_type = 'client backend' and pid <> pg_backend_pid()",
        )?;
        Ok(rows.iter().filter(|row| matches!(row.as_slice(), [Some(done)] if done == "t")).count())
    }

    /// Stops the server: sessions see FATAL 57P01. Port, folder and data stay for [`Server::restart`]. One that is
    /// stopped stays so.
    ///
    /// # Errors
    ///
    /// When it cannot be told to, or is still there after a minute.
    pub fn stop(&self) -> Result<(), KitError> {
        self.process().take().map_or(Ok(()), |postmaster| postmaster.stop(Shutdown::Fast))
    }

    /// Stops the server, if it runs, and starts it again on the same port.
    ///
    /// # Errors
    ///
    /// When it does not stop or does not start, for example because another program took the port meanwhile.
    pub fn restart(&self) -> Result<(), KitError> {
        let tls = *lock(&self.tls);
        self.restart_with_tls(tls)
    }

    /// Like [`Server::restart`], with a new certificate of that kind. The CAs stay.
    ///
    /// # Errors
    ///
    /// As [`Server::restart`].
    pub fn restart_with_tls(&self, setup: TlsSetup) -> Result<(), KitError> {
        self.stop()?;
        *lock(&self.tls) = setup;
        self.start_process()
    }

    /// Returns what the server has logged so far.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn log(&self) -> Result<String, KitError> {
        let path = self.home.log();
        let bytes = fs::read(&path).map_err(KitError::path("read", path))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn authority(&self) -> String {
        format!("{}:{}", self.host(), self.port)
    }

    fn run_in(&self, database: &str, sql: &str) -> Result<Vec<Row>, KitError> {
        let socket = self.home.path().join(format!(".s.PGSQL.{}", self.port));
        sql::run(&socket, KIT_USER, database, sql)
    }

    /// Between finding a free port and using it, another program may take it.
    fn start_on_free_port(&mut self) -> Result<(), KitError> {
        let mut attempt = 1;
        loop {
            self.port = free_port()?;
            match self.start_process() {
                Err(KitError::Server { log, .. }) if port_taken(&log) && attempt < ATTEMPTS => attempt += 1,
                result => return result,
            }
        }
    }

    fn start_process(&self) -> Result<(), KitError> {
        self.certificates.issue(*lock(&self.tls), Account::get()?)?;
        self.write("postgresql.conf", &self.configuration()?)?;
        self.write("pg_hba.conf", &(self.options.hba_lines.clone() + &hba()))?;
        *self.process() = Some(Postmaster::start(&self.binaries, &self.home)?);
        Ok(())
    }

    fn configuration(&self) -> Result<String, KitError> {
        let port = self.port.to_string();
        let mut own = SETTINGS.to_vec();
        let (folder, certificate, key) =
            (self.home.path(), self.certificates.certificate(), self.certificates.key());
        let (folder, certificate, key) =
            (folder.to_string_lossy(), certificate.to_string_lossy(), key.to_string_lossy());
        let ca = self.ca_file();
        let ca = ca.to_string_lossy();
        own.extend([("port", port.as_str()), ("unix_socket_directories", &folder)]);
        if *lock(&self.tls) != TlsSetup::Off {
            own.extend([("ssl", "on"), ("ssl_cert_file", &*certificate), ("ssl_key_file", &*key)]);
        }
        if self.options.asks_for_certificates {
            own.push(("ssl_ca_file", &*ca));
        }
        let lines: Result<String, KitError> =
            own.into_iter().map(|(name, value)| line(name, value)).collect();
        let mut file = lines?;
        self.options.append_settings(&mut file)?;
        Ok(file)
    }

    fn write(&self, name: &str, text: &str) -> Result<(), KitError> {
        let path = self.home.data().join(name);
        fs::write(&path, text).map_err(KitError::path("write", path))
    }

    fn process(&self) -> MutexGuard<'_, Option<Postmaster>> {
        lock(&self.postmaster)
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PostgreSQL {} on {}", self.binaries.version.full, self.authority())
    }
}

/// A test that panicked while it held the lock leaves a state that is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn free_port() -> Result<u16, KitError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(KitError::io("find a free port"))?;
    Ok(listener.local_addr().map_err(KitError::io("find a free port"))?.port())
}

fn port_taken(log: &str) -> bool {
    log.contains("could not bind")
}

const ATTEMPTS: u32 = 5;

/// Fast rather than durable; the rest is the server's own default.
const SETTINGS: [(&str, &str); 12] = [
    ("listen_addresses", "127.0.0.1"),
    ("max_connections", "200"),
    ("shared_buffers", "32MB"),
    ("fsync", "off"),
    ("synchronous_commit", "off"),
    ("full_page_writes", "off"),
    ("min_wal_size", "8MB"),
    ("max_wal_size", "256MB"),
    ("password_encryption", "scram-sha-256"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("log_min_messages", "warning"),
];
