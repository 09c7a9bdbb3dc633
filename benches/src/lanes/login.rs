use std::path::Path;
use std::time::Duration;

use molt_db::Config;
use molt_db::config::Endpoint;
use tokio::time::timeout;

use super::tls::root;
use crate::failure::Failure;

/// What the lanes of other drivers need to log in, each of which has a configuration of its own.
pub(super) struct Login<'c> {
    /// A name, or the folder of a Unix socket.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: &'c str,
    pub(super) password: Option<&'c str>,
    pub(super) database: &'c str,
    /// The file with the authority that signs the server's certificate; `None` is a connection in the clear.
    pub(super) root: Option<&'c Path>,
}

impl<'c> Login<'c> {
    /// Reads a configuration.
    pub(super) fn new(config: &'c Config) -> Result<Self, Failure> {
        let user = config.get_user().ok_or("the URL names no user")?;
        let (host, port, root) = match config.endpoint() {
            Endpoint::Unix { path } => {
                let folder = path.parent().ok_or("the socket is in no folder")?;
                let port = path.extension().and_then(|port| port.to_str()).ok_or("the socket has no port")?;
                (folder.to_string_lossy().into_owned(), port.parse()?, None)
            }
            Endpoint::Tcp { host, port, .. } => (host, port, root(config)?),
        };
        let database = config.get_dbname().unwrap_or(user);
        let password = config.get_password().map(|password| str::from_utf8(password.expose())).transpose()?;
        Ok(Self { host, port, user, password, database, root })
    }
}

/// Bounds an attempt to connect, as molt-db does unless it is told otherwise.
pub(super) async fn bounded<T, E>(connecting: impl Future<Output = Result<T, E>>) -> Result<T, Failure>
where
    Failure: From<E>,
{
    Ok(timeout(CONNECT_TIMEOUT, connecting).await??)
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
