//! A connection of a client, in the clear or inside of TLS.

use std::io;
use std::sync::{Arc, OnceLock};

use molt_db_protocol::auth::tls_server_end_point;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;

/// A connection of a client.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::server::TlsStream<TcpStream>>),
    /// A handshake failed.
    Gone,
}

trait Channel: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Channel for T {}

impl Stream {
    /// Goes through a handshake that agrees on one of these protocols, or on none. Returns what the client offered.
    pub(super) async fn encrypt(&mut self, known: &[&[u8]]) -> io::Result<Vec<String>> {
        let Self::Plain(stream) = std::mem::replace(self, Self::Gone) else {
            return Err(io::Error::other("it is encrypted already"));
        };
        let start = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream).await?;
        let offered = start.client_hello().alpn().into_iter().flatten();
        let offered: Vec<Vec<u8>> = offered.map(<[u8]>::to_vec).collect();
        let mut config = identity().config.clone();
        // A client that offers others only is told of none, so that it is the one to judge.
        let agreed = known.iter().find(|name| offered.iter().any(|other| other == *name));
        config.alpn_protocols = agreed.iter().map(|name| name.to_vec()).collect();
        *self = Self::Tls(Box::new(start.into_stream(Arc::new(config)).await?));
        Ok(offered.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect())
    }

    /// Tells whether the client begins with a handshake; takes nothing.
    pub(super) async fn begins_with_handshake(&self) -> io::Result<bool> {
        let Self::Plain(stream) = self else { return Ok(false) };
        let mut first = [0];
        Ok(stream.peek(&mut first).await? == 1 && first == *HANDSHAKE)
    }

    pub(super) async fn read(&mut self, input: &mut Vec<u8>) -> io::Result<usize> {
        self.channel()?.read_buf(input).await
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let channel = self.channel()?;
        channel.write_all(bytes).await?;
        channel.flush().await
    }

    /// Ends the connection in good order.
    pub(super) async fn finish(&mut self) -> io::Result<()> {
        self.channel()?.shutdown().await
    }

    /// Ends the connection below TLS, which hears nothing of it.
    pub(super) async fn cut(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.shutdown().await,
            Self::Tls(stream) => stream.get_mut().0.shutdown().await,
            Self::Gone => Ok(()),
        }
    }

    fn channel(&mut self) -> io::Result<&mut dyn Channel> {
        match self {
            Self::Plain(stream) => Ok(stream),
            Self::Tls(stream) => Ok(&mut **stream),
            Self::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

/// Returns the hash of the certificate, for channel binding.
pub(super) fn certificate_hash() -> Vec<u8> {
    identity().hash.clone()
}

struct Identity {
    config: ServerConfig,
    hash: Vec<u8>,
}

/// A certificate for `localhost` that nobody trusts, made once.
fn identity() -> &'static Identity {
    static IDENTITY: OnceLock<Identity> = OnceLock::new();
    IDENTITY.get_or_init(|| {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate can be made");
        let certificate = CertificateDer::from(made.cert.der().to_vec());
        let hash = tls_server_end_point(&certificate).expect("its signature has a hash");
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("the key is one");
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder =
            builder.with_safe_default_protocol_versions().expect("the provider knows TLS 1.2 and 1.3");
        let config = builder.with_no_client_auth().with_single_cert(vec![certificate], key);
        Identity { config: config.expect("the key is that of the certificate"), hash }
    })
}

/// The type of a record of TLS that begins a handshake.
const HANDSHAKE: &[u8; 1] = b"\x16";
