use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::sleep;

use crate::connection::{Connection, Connector};
use crate::error::Error;

/// Something that goes on when the call that began it is dropped. The lock is never taken: it makes the future `Sync`.
pub(super) struct Job<T>(Mutex<Pin<Box<dyn Future<Output = T> + Send>>>);

impl<T> Job<T> {
    pub(super) fn new(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self(Mutex::new(Box::pin(work)))
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<T> {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().poll(cx)
    }
}

/// What a listener runs on its connection.
pub(super) enum Command {
    Listen(String),
    Unlisten(String),
    /// Asks for a sign of life, within this time.
    Ping(Duration),
}

impl Command {
    /// Runs it and gives the connection back, whatever became of it.
    pub(super) async fn run(self, mut connection: Box<Connection>) -> (Box<Connection>, Result<(), Error>) {
        let result = match self {
            Self::Listen(channel) => connection.listen(&channel).await,
            Self::Unlisten(channel) => connection.unlisten(&channel).await,
            Self::Ping(limit) => connection.ping(limit).await,
        };
        (connection, result)
    }
}

/// Waits, connects and listens.
pub(super) async fn connect(
    connector: Arc<Connector>,
    channels: BTreeSet<String>,
    delay: Duration,
) -> Result<Box<Connection>, Error> {
    sleep(delay).await;
    let mut connection = Box::new(connector.connect().await?);
    connection.keep_notifications();
    connection.listen_all(channels.iter().map(String::as_str)).await?;
    Ok(connection)
}
