use bb8_postgres::PostgresConnectionManager;
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use molt_db::Config;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::failure::Failure;
use crate::lanes::login::{Login, bounded};
use crate::lanes::tls::trust;

/// Where and how to connect.
pub(super) struct Target {
    pub(super) config: tokio_postgres::Config,
    /// `None` is a connection in the clear.
    pub(super) tls: Option<MakeRustlsConnect>,
}

impl Target {
    /// Reads a configuration, and its certificates.
    pub(super) fn new(config: &Config) -> Result<Self, Failure> {
        let login = Login::new(config)?;
        let mut config = tokio_postgres::Config::new();
        config.host(&login.host).port(login.port).user(login.user).dbname(login.database);
        if let Some(password) = login.password {
            config.password(password);
        }
        config.ssl_mode(if login.root.is_some() { SslMode::Require } else { SslMode::Disable });
        let tls = login.root.map(trust).transpose()?.map(MakeRustlsConnect::new);
        Ok(Self { config, tls })
    }

    /// Connects; a task drives the connection until the client is dropped.
    pub(super) async fn open(&self) -> Result<Client, Failure> {
        let Self { config, tls } = self;
        match tls {
            None => {
                let (client, connection) = bounded(config.connect(NoTls)).await?;
                tokio::spawn(connection);
                Ok(client)
            }
            Some(tls) => {
                let (client, connection) = bounded(config.connect(tls.clone())).await?;
                tokio::spawn(connection);
                Ok(client)
            }
        }
    }

    /// Makes a pool.
    pub(super) fn pool(self, recycling_method: RecyclingMethod, connections: usize) -> Result<Pool, Failure> {
        let Self { config, tls } = self;
        let settings = ManagerConfig { recycling_method };
        let manager = match tls {
            None => Manager::from_config(config, NoTls, settings),
            Some(tls) => Manager::from_config(config, tls, settings),
        };
        Ok(Pool::builder(manager).max_size(connections).build()?)
    }
}

/// Makes a pool of deadpool's.
pub(crate) fn deadpool_of(
    config: &Config,
    recycling: RecyclingMethod,
    connections: usize,
) -> Result<Pool, Failure> {
    Target::new(config)?.pool(recycling, connections)
}

/// Makes what a pool of bb8's opens connections with, in the clear.
pub(crate) fn manager(config: &Config) -> Result<PostgresConnectionManager<NoTls>, Failure> {
    Ok(PostgresConnectionManager::new(Target::new(config)?.config, NoTls))
}
