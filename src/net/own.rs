use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Stream;
use crate::config::Endpoint;
use crate::error::ConnectCause;

/// A stream that the user has opened.
pub(crate) struct OwnStream {
    inner: Shared,
}

/// Empty once it is closed from elsewhere. Who holds the stream locks it for each poll.
type Shared = Arc<Mutex<Option<Box<dyn ReadWrite>>>>;

/// What a stream has to be able to do.
trait ReadWrite: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> ReadWrite for S {}

impl OwnStream {
    pub(crate) fn new(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        Self { inner: Arc::new(Mutex::new(Some(Box::new(stream)))) }
    }

    /// Returns what closes the stream from elsewhere.
    pub(super) fn hangup(&self) -> OwnHangup {
        OwnHangup { inner: Arc::clone(&self.inner) }
    }

    fn poll<T>(
        &self,
        poll: impl FnOnce(Pin<&mut dyn ReadWrite>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        match self.inner.lock().unwrap_or_else(PoisonError::into_inner).as_deref_mut() {
            Some(mut stream) => poll(Pin::new(&mut stream)),
            None => Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
        }
    }
}

/// Closes a stream that the user has opened.
pub(super) struct OwnHangup {
    inner: Shared,
}

impl OwnHangup {
    pub(super) fn close(&self) {
        let stream = self.inner.lock().unwrap_or_else(PoisonError::into_inner).take();
        // It is the user's: not under the lock.
        drop(stream);
    }
}

impl fmt::Debug for OwnHangup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnHangup").finish_non_exhaustive()
    }
}

impl AsyncRead for OwnStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.poll(|stream| stream.poll_read(cx, buf))
    }
}

impl AsyncWrite for OwnStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll(|stream| stream.poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(|stream| stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(|stream| stream.poll_shutdown(cx))
    }
}

impl fmt::Debug for OwnStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnStream").finish_non_exhaustive()
    }
}

/// How the user opens streams.
#[derive(Clone)]
pub(crate) struct Dialer {
    dial: Arc<dyn Fn(Endpoint) -> Dialling + Send + Sync>,
}

type Dialling = Pin<Box<dyn Future<Output = io::Result<OwnStream>> + Send>>;

impl Dialer {
    pub(crate) fn new<D, F, S>(dial: D) -> Self
    where
        D: Fn(Endpoint) -> F + Send + Sync + 'static,
        F: Future<Output = io::Result<S>> + Send + 'static,
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let boxed = move |endpoint| -> Dialling {
            let dialling = dial(endpoint);
            Box::pin(async { dialling.await.map(OwnStream::new) })
        };
        Self { dial: Arc::new(boxed) }
    }

    /// Opens a stream.
    ///
    /// # Cancel safety
    ///
    /// A dropped future drops the user's.
    pub(crate) async fn connect(&self, endpoint: &Endpoint) -> Result<Stream, ConnectCause> {
        Ok(Stream::Own((self.dial)(endpoint.clone()).await?))
    }
}

/// Two are equal if one is the clone of the other.
impl PartialEq for Dialer {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.dial, &other.dial)
    }
}

impl Eq for Dialer {}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer").finish_non_exhaustive()
    }
}
