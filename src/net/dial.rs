use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::net::lookup_host;

#[cfg(unix)]
use super::socket;
use super::{Dialer, SocketOptions, Stream};
use crate::config::Endpoint;
use crate::error::ConnectCause;

/// Where it was found, and what was demanded of the way there: a cancel request has to reach the same machine.
#[derive(Debug, Clone)]
pub(crate) enum Peer {
    Tcp(SocketAddr, SocketOptions),
    #[cfg(unix)]
    Unix(PathBuf, SocketOptions),
    Own(Dialer, Endpoint),
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
            Self::Own(dialer, endpoint) => dialer.connect(endpoint).await.map(|(stream, _)| stream),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address, _) => address.fmt(f),
            #[cfg(unix)]
            Self::Unix(path, _) => write!(f, "{}", path.display()),
            Self::Own(_, endpoint) => endpoint.fmt(f),
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
