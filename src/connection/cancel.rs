use std::fmt;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use molt_db_protocol::client::CancelOutcome;
use molt_db_protocol::message::{CancelKey, cancel_request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::config::Endpoint;
use crate::error::{ConnectAttempt, ConnectCause, Error, Kind};
use crate::net::{Encryption, Peer, Stream};
use crate::observe::{Event, Observer};

/// Cancels the query that runs on a connection, from any task or thread.
///
/// The request goes to the address that the session was resolved to, under the session's TLS settings. It names the
/// session, not a query: the server cancels whatever runs when the request arrives. A query that was not sent yet, or
/// is over, is not cancelled. The cancelled query ends with an error of SQLSTATE 57014 ([`Error::is_cancelled`]) and
/// the connection stays usable.
///
/// ```no_run
/// # async fn example(connection: &mut molt_db::Connection) -> Result<(), molt_db::Error> {
/// let canceller = connection.canceller()?;
/// tokio::spawn(async move {
///     tokio::time::sleep(std::time::Duration::from_secs(1)).await;
///     canceller.cancel().await
/// });
/// let error = connection.execute("select pg_sleep(30)", ()).await.unwrap_err();
/// assert!(error.is_cancelled());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Canceller {
    target: Arc<Target>,
}

pub(super) struct Target {
    pub(super) key: CancelKey,
    pub(super) peer: Peer,
    pub(super) encryption: Encryption,
    pub(super) host: String,
    pub(super) connect_timeout: Option<Duration>,
    pub(super) observer: Option<Arc<Observer>>,
}

impl Canceller {
    pub(super) fn new(target: Target) -> Self {
        Self { target: Arc::new(target) }
    }

    /// Sends the request and waits until the server has taken it: it closes the connection that carried it.
    ///
    /// When this returns `Ok`, the request is over: it can hit no later query of the session. Behind a proxy that
    /// closes the connection before its server has, nobody can promise that.
    ///
    /// # Errors
    ///
    /// [`Error::is_connect`]: the server could not be reached, or did not close within `connect_timeout` (60 s if
    /// there is none); the request may or may not have arrived.
    ///
    /// # Cancel safety
    ///
    /// After a dropped future the request may still take effect, on whatever the session runs then.
    pub async fn cancel(&self) -> Result<(), Error> {
        let target = &self.target;
        let limit = target.connect_timeout.unwrap_or(LONGEST);
        let sent = timeout(limit, target.request()).await;
        sent.unwrap_or(Err(ConnectCause::Timeout(limit)))
            .map_err(|cause| Kind::Cancel(ConnectAttempt::new(Endpoint::from(&target.peer), cause)).into())
    }

    /// Sends the request once and tells what came of it, for those who have to know it exactly. The caller bounds it.
    pub(crate) async fn attempt(&self) -> CancelOutcome {
        let Ok(mut stream) = self.target.open().await else { return CancelOutcome::NotSent };
        match self.target.send(&mut stream).await {
            Ok(()) => self.target.closed(&mut stream).await,
            Err(_) => CancelOutcome::Lost,
        }
    }
}

impl Target {
    async fn request(&self) -> Result<(), ConnectCause> {
        let mut stream = self.open().await?;
        self.send(&mut stream).await?;
        // The end may come as a reset or without TLS's farewell: that the server is done with it is all that counts.
        while stream.read(&mut [0; 64]).await.is_ok_and(|length| length > 0) {}
        Ok(())
    }

    async fn open(&self) -> Result<Stream, ConnectCause> {
        self.encryption.apply(self.peer.connect().await?, &self.host).await
    }

    async fn send(&self, stream: &mut Stream) -> Result<(), ConnectCause> {
        let mut request = Vec::new();
        cancel_request(&self.key, &mut request).map_err(|error| ConnectCause::Handshake(error.into()))?;
        stream.write_all(&request).await?;
        stream.flush().await?;
        self.observer.iter().for_each(|observer| observer.note(Event::CancelSent));
        Ok(())
    }

    /// Waits until the server has closed the connection, with or without TLS's farewell. A reset may come from anywhere.
    async fn closed(&self, stream: &mut Stream) -> CancelOutcome {
        loop {
            match stream.read(&mut [0; 64]).await {
                Ok(0) => return CancelOutcome::Delivered,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return CancelOutcome::Delivered,
                Err(_) => return CancelOutcome::Lost,
            }
        }
    }
}

impl fmt::Debug for Canceller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Canceller").field("key", &self.target.key).field("peer", &self.target.peer).finish()
    }
}

/// The bound where `connect_timeout` is infinite.
const LONGEST: Duration = Duration::from_secs(60);
