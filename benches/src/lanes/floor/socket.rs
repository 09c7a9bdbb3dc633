use std::io;
use std::sync::Arc;

use molt_db::Config;
use molt_db::config::Endpoint;
use molt_db::protocol::message::ssl_request;
use molt_db::rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::failure::Failure;
use crate::lanes::tls::{root, trust};

/// A socket with nothing on top but TLS, if that is asked for.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Unix(UnixStream),
}

impl Socket {
    pub(super) async fn connect(config: &Config) -> Result<Self, Failure> {
        let (stream, host) = match config.endpoint() {
            Endpoint::Unix { path } => return Ok(Self::Unix(UnixStream::connect(path).await?)),
            Endpoint::Tcp { host, address: Some(address), port } => {
                (TcpStream::connect((address, port)).await?, host)
            }
            Endpoint::Tcp { host, port, .. } => (TcpStream::connect((host.as_str(), port)).await?, host),
        };
        stream.set_nodelay(true)?;
        match root(config)? {
            None => Ok(Self::Tcp(stream)),
            Some(root) => {
                let connector = TlsConnector::from(Arc::new(trust(root)?));
                Ok(Self::Tls(Box::new(encrypt(stream, &connector, host).await?)))
            }
        }
    }

    pub(super) async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.write_all(bytes).await,
            Self::Tls(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
            Self::Unix(stream) => stream.write_all(bytes).await,
        }
    }

    /// Reads once. The end of the stream is an error.
    pub(super) async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match self {
            Self::Tcp(stream) => stream.read(buffer).await?,
            Self::Tls(stream) => stream.read(buffer).await?,
            Self::Unix(stream) => stream.read(buffer).await?,
        };
        if read == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(read) }
    }
}

// PG docs: protocol-flow, "SSL Session Encryption"
async fn encrypt(
    mut stream: TcpStream,
    connector: &TlsConnector,
    host: String,
) -> Result<TlsStream<TcpStream>, Failure> {
    let mut request = Vec::new();
    ssl_request(&mut request);
    stream.write_all(&request).await?;
    match stream.read_u8().await? {
        b'S' => Ok(connector.connect(ServerName::try_from(host)?, stream).await?),
        _ => Err("the server does not speak TLS".into()),
    }
}
