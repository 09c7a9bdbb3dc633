use std::io;
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering};

use socket2::{SockRef, Socket};
use tokio::io::{AsyncRead, copy, sink};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use super::Stream;
use super::own::OwnHangup;

/// Ends a stream that somebody else holds and does not use.
///
/// It is a second handle of the socket, which stays open until this is dropped too.
#[derive(Debug)]
pub(crate) struct Hangup {
    line: Line,
    has_hung_up: AtomicBool,
}

#[derive(Debug)]
enum Line {
    Tcp(Socket),
    #[cfg(unix)]
    Unix(Socket),
    Own(OwnHangup),
}

impl Hangup {
    /// Returns what ends a stream.
    ///
    /// # Errors
    ///
    /// The process has no file descriptor left.
    pub(super) fn of(stream: &Stream) -> io::Result<Self> {
        let line = match stream {
            Stream::Tcp(stream) => Line::Tcp(SockRef::from(stream).try_clone()?),
            #[cfg(unix)]
            Stream::Unix(stream) => Line::Unix(SockRef::from(stream).try_clone()?),
            Stream::Own(stream) => Line::Own(stream.hangup()),
            Stream::Tls(stream) => return Self::of(stream.get_ref().0),
        };
        Ok(Self { line, has_hung_up: AtomicBool::new(false) })
    }

    /// Declares the stream ended: who holds it takes nothing more from it. Returns whether this call has done it.
    pub(crate) fn hang_up(&self) -> bool {
        !self.has_hung_up.swap(true, Ordering::SeqCst)
    }

    pub(crate) fn has_hung_up(&self) -> bool {
        self.has_hung_up.load(Ordering::SeqCst)
    }

    /// Tells the peer that nothing more will come, and takes what it still sends until it has closed too: one that
    /// waits for its words to be read would not notice. Only after [`Hangup::hang_up`], and bounded by the caller.
    ///
    /// # Errors
    ///
    /// Of the socket, which is closed already then, or cannot be read from here.
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves the rest to [`Hangup::shut`].
    pub(crate) async fn see_out(&self) -> io::Result<()> {
        match &self.line {
            Line::Tcp(socket) => drain(TcpStream::from_std(half_closed(socket)?.into())?).await,
            #[cfg(unix)]
            Line::Unix(socket) => drain(UnixStream::from_std(half_closed(socket)?.into())?).await,
            Line::Own(_) => Ok(()),
        }
    }

    /// Closes the stream both ways: what the peer still sends finds nobody.
    pub(crate) fn shut(&self) {
        // It fails where the peer has closed already.
        match &self.line {
            Line::Tcp(socket) => drop(socket.shutdown(Shutdown::Both)),
            #[cfg(unix)]
            Line::Unix(socket) => drop(socket.shutdown(Shutdown::Both)),
            Line::Own(stream) => stream.close(),
        }
    }
}

fn half_closed(socket: &Socket) -> io::Result<Socket> {
    socket.shutdown(Shutdown::Write)?;
    socket.try_clone()
}

async fn drain(mut stream: impl AsyncRead + Unpin) -> io::Result<()> {
    copy(&mut stream, &mut sink()).await.map(drop)
}
