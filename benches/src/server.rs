//! The server that the lanes run against: one that is given, or one from the test kit.

use std::env;
use std::io;

use molt_db::config::SslMode;
use molt_db::{Config, Connection};
use molt_db_testkit::{Server, ServerOptions, TlsSetup, User};
use tokio::runtime::Builder;

use crate::failure::Failure;
use crate::job::{Encryption, Job, Way};
use crate::server_cpu::ServerCpu;
use crate::tables::{self, Loaded};

/// A server that has the tables.
#[derive(Debug)]
pub(crate) enum Site {
    Given(String),
    /// It stops when this is dropped.
    Own(Box<Server>),
}

impl Site {
    /// Takes the server of `url` or of `DATABASE_URL` as it is; without them, starts one that has what the job needs.
    pub(crate) fn find(url: Option<&str>, job: &Job) -> Result<Self, Failure> {
        match (given(url), job) {
            (Some(url), _) => Ok(Self::Given(url)),
            (None, Job::Connect(_) | Job::Acquire(_) | Job::Cancel(_)) => {
                Ok(Self::Own(Box::new(Server::start(options())?)))
            }
            (None, _) => Ok(Self::Own(Box::new(start(job.rows_needed())?))),
        }
    }

    /// Returns `None` of a server that is not ours: it may be on another machine.
    pub(crate) fn cpu(&self) -> Result<Option<ServerCpu>, Failure> {
        match self {
            Self::Given(_) => Ok(None),
            Self::Own(server) => ServerCpu::of(server).map(Some),
        }
    }

    pub(crate) fn url(&self, job: &Job) -> String {
        match (self, job) {
            (Self::Given(url), _) => url.clone(),
            (Self::Own(server), Job::Connect(connects)) => match connects.way {
                Way::Socket => server.socket_url(User::Trust, "test"),
                Way::Tls => server.tls_url(User::Trust, "test"),
                Way::Scram => server.tls_url(User::Scram, "test"),
            },
            (Self::Own(server), _) => url(server),
        }
    }

    pub(crate) fn config(&self, job: &Job, encryption: Encryption) -> Result<Config, Failure> {
        let config: Config = self.url(job).parse()?;
        match (job, encryption) {
            (Job::Connect(_), _) => Ok(config),
            (_, Encryption::None) => Ok(config.ssl_mode(SslMode::Disable)),
            (_, Encryption::Tls) if config.get_ssl_mode() == SslMode::VerifyFull => Ok(config),
            (_, Encryption::Tls) => Err("--tls takes a URL with sslmode=verify-full".into()),
        }
    }
}

/// Makes the tables on a given server.
pub(crate) fn load(url: &Option<String>, rows: u64) -> Result<Loaded, Failure> {
    let url = given(url.as_deref()).ok_or("load takes a server: --url or DATABASE_URL")?;
    load_at(&url, rows)
}

/// Starts a server with the tables, prints its URL, and waits for the end of stdin.
pub(crate) fn serve(rows: u64) -> Result<(), Failure> {
    let server = start(rows)?;
    println!("{}", url(&server));
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(())
}

fn given(url: Option<&str>) -> Option<String> {
    url.map(str::to_owned).or_else(|| env::var(VARIABLE).ok())
}

fn start(rows: u64) -> Result<Server, Failure> {
    let server = Server::start(options())?;
    load_at(&url(&server), rows)?;
    Ok(server)
}

/// It asks for TLS; without `--tls` the lanes leave that part out.
fn url(server: &Server) -> String {
    server.tls_url(User::Superuser, "test")
}

fn options() -> ServerOptions {
    SETTINGS.into_iter().fold(ServerOptions::default().tls(TlsSetup::Valid), |options, (name, value)| {
        options.setting(name, value)
    })
}

fn load_at(url: &str, rows: u64) -> Result<Loaded, Failure> {
    let config = url.parse::<Config>()?.ssl_mode(SslMode::Disable);
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut connection = Connection::connect(&config).await?;
        tables::load(&mut connection, rows).await
    })
}

/// Where a given server is named, for this process and those it starts.
pub(crate) const VARIABLE: &str = "DATABASE_URL";

/// The tables fit into memory, and nothing but the queries runs.
const SETTINGS: [(&str, &str); 6] = [
    ("shared_buffers", "1GB"),
    ("max_wal_size", "4GB"),
    ("max_connections", "500"),
    ("jit", "off"),
    ("autovacuum", "off"),
    ("max_parallel_workers_per_gather", "0"),
];
