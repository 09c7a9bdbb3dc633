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

/// One place where a server may answer, and what is demanded of the way there. A cancel request goes where its session
/// is.
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

    /// Returns the same with the address that its name has led to.
    pub(crate) fn at(&self, peer: &Peer) -> Self {
        match (self, peer) {
            (Self::Tcp { host, port, .. }, Peer::Tcp(address, _)) => {
                Self::Tcp { host: host.clone(), address: Some(address.ip()), port: *port }
            }
            _ => self.clone(),
        }
    }

    /// Returns where the server may answer: the addresses of its name, at least one, or its socket.
    ///
    /// # Cancel safety
    ///
    /// A dropped future gives the lookup up.
    pub(crate) async fn peers(&self, options: &SocketOptions) -> Result<Vec<Peer>, ConnectCause> {
        let tcp = |address| Peer::Tcp(address, options.clone());
        match self {
            Self::Tcp { address: Some(address), port, .. } => Ok(vec![tcp(SocketAddr::new(*address, *port))]),
            Self::Tcp { host, port, .. } => {
                let found = lookup_host((host.as_str(), *port)).await.map_err(ConnectCause::Resolve)?;
                let peers: Vec<_> = found.map(tcp).collect();
                if peers.is_empty() {
                    return Err(ConnectCause::Resolve(io::ErrorKind::NotFound.into()));
                }
                Ok(peers)
            }
            #[cfg(unix)]
            Self::Unix { path } => Ok(vec![Peer::Unix(path.clone(), options.clone())]),
            #[cfg(not(unix))]
            Self::Unix { .. } => Err(ConnectCause::Io(io::ErrorKind::Unsupported.into())),
        }
    }
}

impl Peer {
    /// Opens a connection.
    ///
    /// # Cancel safety
    ///
    /// A dropped future closes what it opened.
    pub(crate) async fn connect(&self) -> Result<Stream, ConnectCause> {
        match self {
            Self::Tcp(address, options) => {
                options.tcp(*address).await.map(Stream::Tcp).map_err(ConnectCause::Io)
            }
            #[cfg(unix)]
            Self::Unix(path, options) => socket::connect(path, options).await.map(Stream::Unix),
            Self::Own(dialer, endpoint) => dialer.connect(endpoint).await,
        }
    }
}

impl From<&Peer> for Endpoint {
    fn from(peer: &Peer) -> Self {
        match peer {
            Peer::Tcp(address, _) => Self::Tcp {
                host: address.ip().to_string(),
                address: Some(address.ip()),
                port: address.port(),
            },
            #[cfg(unix)]
            Peer::Unix(path, _) => Self::Unix { path: path.clone() },
            Peer::Own(_, endpoint) => endpoint.clone(),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, address: Some(address), port } if address.to_string() != *host => {
                write!(f, "{host} ({address}), port {port}")
            }
            Self::Tcp { host, port, .. } => write!(f, "{host}, port {port}"),
            Self::Unix { path } => write!(f, "{}", path.display()),
        }
    }
}
