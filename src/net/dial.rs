use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::net::{TcpStream, lookup_host};

use molt_db_protocol::message::{SslAnswer, ssl_answer, ssl_request};

use super::{Stream, TlsSettings};
use crate::config::Endpoint;
use crate::error::ConnectCause;

/// Where it was found: a cancel request has to reach the same machine.
#[derive(Debug, Clone)]
pub(crate) enum Peer {
    Tcp(SocketAddr),
    #[cfg(unix)]
    Unix(PathBuf),
}

/// Whether to ask for TLS, and what to do without.
#[derive(Debug, Clone)]
pub(crate) enum Encryption {
    None,
    Preferred(TlsSettings),
    Required(TlsSettings),
}

impl Endpoint {
    /// Returns the name that a certificate is to be for.
    pub(crate) fn host(&self) -> &str {
        match self {
            Self::Tcp { host, .. } => host,
            Self::Unix { .. } => "localhost",
        }
    }

    /// Opens a connection to the first address that takes it.
    ///
    /// # Cancel safety
    ///
    /// A dropped future closes what it opened.
    pub(crate) async fn connect(&self) -> Result<(Stream, Peer), ConnectCause> {
        match self {
            Self::Tcp { address: Some(address), port, .. } => {
                first(std::iter::once(SocketAddr::new(*address, *port))).await
            }
            Self::Tcp { host, port, .. } => {
                first(lookup_host((host.as_str(), *port)).await.map_err(ConnectCause::Resolve)?).await
            }
            #[cfg(unix)]
            Self::Unix { path } => {
                let stream = UnixStream::connect(path).await?;
                Ok((Stream::Unix(stream), Peer::Unix(path.clone())))
            }
            #[cfg(not(unix))]
            Self::Unix { .. } => Err(ConnectCause::Io(io::ErrorKind::Unsupported.into())),
        }
    }
}

impl Peer {
    /// Opens another connection to the same place.
    pub(crate) async fn connect(&self) -> Result<Stream, ConnectCause> {
        match self {
            Self::Tcp(address) => tcp(*address).await.map_err(ConnectCause::Io),
            #[cfg(unix)]
            Self::Unix(socket) => {
                Ok(Stream::Unix(UnixStream::connect(socket).await.map_err(ConnectCause::Io)?))
            }
        }
    }
}

impl Encryption {
    /// Returns what another connection needs to be as safe as this one: the key that cancels an encrypted session is
    /// not to travel in the clear.
    pub(crate) fn as_used_by(&self, stream: &Stream) -> Self {
        match (self, stream) {
            (Self::Preferred(settings) | Self::Required(settings), Stream::Tls(_)) => {
                Self::Required(settings.clone())
            }
            _ => Self::None,
        }
    }

    /// Asks the server for TLS and performs the handshake, as far as this says so.
    ///
    /// # Cancel safety
    ///
    /// A dropped future closes the stream.
    pub(crate) async fn apply(&self, stream: Stream, host: &str) -> Result<Stream, ConnectCause> {
        let settings = match self {
            Self::None => return Ok(stream),
            #[cfg(unix)]
            // PG docs: libpq-connect, sslmode: ignored for Unix domain socket communication.
            _ if matches!(stream, Stream::Unix(_)) => return Ok(stream),
            Self::Preferred(settings) | Self::Required(settings) => settings,
        };
        let (stream, answer) = ask_for_tls(stream).await?;
        match (answer, self) {
            (SslAnswer::Willing, _) => settings.encrypt(stream, host).await,
            (SslAnswer::Unwilling, Self::Required(_)) => Err(ConnectCause::TlsRefused),
            (SslAnswer::Unwilling, _) => Ok(stream),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            #[cfg(unix)]
            Self::Unix(socket) => write!(f, "{}", socket.display()),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, address: Some(address), port } => write!(f, "{host} ({address}), port {port}"),
            Self::Tcp { host, address: None, port } => write!(f, "{host}, port {port}"),
            Self::Unix { path } => write!(f, "{}", path.display()),
        }
    }
}

async fn first(addresses: impl Iterator<Item = SocketAddr>) -> Result<(Stream, Peer), ConnectCause> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in addresses {
        match tcp(address).await {
            Ok(stream) => return Ok((stream, Peer::Tcp(address))),
            Err(error) => last = io::Error::new(error.kind(), format!("{address}: {error}")),
        }
    }
    Err(ConnectCause::Io(last))
}

async fn tcp(address: SocketAddr) -> io::Result<Stream> {
    let stream = TcpStream::connect(address).await?;
    // Every write is a whole batch: waiting for more to come only adds latency.
    stream.set_nodelay(true)?;
    Ok(Stream::Tcp(stream))
}

/// Reads the answer and not a byte more: whatever follows it in the clear must not be taken for the server's.
// CVE-2021-23222. Bytes that arrive early reach the TLS handshake, which fails on them.
async fn ask_for_tls(mut stream: Stream) -> Result<(Stream, SslAnswer), ConnectCause> {
    let mut request = Vec::new();
    ssl_request(&mut request);
    stream.write_all(&request).await?;
    let answer = stream.read_u8().await?;
    Ok((stream, ssl_answer(answer).map_err(ConnectCause::Protocol)?))
}
