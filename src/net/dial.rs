use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::lookup_host;

use molt_db_protocol::message::{SslAnswer, ssl_answer, ssl_request};

#[cfg(unix)]
use super::socket;
use super::{SocketOptions, Stream, TlsSettings};
use crate::config::Endpoint;
use crate::error::ConnectCause;

/// Where it was found, and what was demanded of the way there: a cancel request has to reach the same machine.
#[derive(Debug, Clone)]
pub(crate) enum Peer {
    Tcp(SocketAddr, SocketOptions),
    #[cfg(unix)]
    Unix(PathBuf, SocketOptions),
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
    pub(crate) async fn connect(&self, options: &SocketOptions) -> Result<(Stream, Peer), ConnectCause> {
        match self {
            Self::Tcp { address: Some(address), port, .. } => {
                first(std::iter::once(SocketAddr::new(*address, *port)), options).await
            }
            Self::Tcp { host, port, .. } => {
                let found = lookup_host((host.as_str(), *port)).await.map_err(ConnectCause::Resolve)?;
                first(found, options).await
            }
            #[cfg(unix)]
            Self::Unix { path } => {
                let stream = socket::connect(path, options).await?;
                Ok((Stream::Unix(stream), Peer::Unix(path.clone(), options.clone())))
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
            Self::Tcp(address, options) => {
                options.tcp(*address).await.map(Stream::Tcp).map_err(ConnectCause::Io)
            }
            #[cfg(unix)]
            Self::Unix(path, options) => socket::connect(path, options).await.map(Stream::Unix),
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
            Self::Tcp(address, _) => address.fmt(f),
            #[cfg(unix)]
            Self::Unix(path, _) => write!(f, "{}", path.display()),
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

async fn first(
    addresses: impl Iterator<Item = SocketAddr>,
    options: &SocketOptions,
) -> Result<(Stream, Peer), ConnectCause> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in addresses {
        match options.tcp(address).await {
            Ok(stream) => return Ok((Stream::Tcp(stream), Peer::Tcp(address, options.clone()))),
            Err(error) => last = io::Error::new(error.kind(), format!("{address}: {error}")),
        }
    }
    Err(ConnectCause::Io(last))
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
