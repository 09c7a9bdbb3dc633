use molt_db_protocol::message::{SslAnswer, ssl_answer, ssl_request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Stream, TlsSettings};
use crate::error::ConnectCause;

/// Whether to ask for TLS, and what to do without.
#[derive(Debug, Clone)]
pub(crate) enum Encryption {
    None,
    Preferred(TlsSettings),
    Required(TlsSettings),
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

/// Reads the answer and not a byte more: whatever follows it in the clear must not be taken for the server's.
// CVE-2021-23222. Bytes that arrive early reach the TLS handshake, which fails on them.
async fn ask_for_tls(mut stream: Stream) -> Result<(Stream, SslAnswer), ConnectCause> {
    let mut request = Vec::new();
    ssl_request(&mut request);
    stream.write_all(&request).await?;
    let answer = stream.read_u8().await?;
    Ok((stream, ssl_answer(answer).map_err(ConnectCause::Protocol)?))
}
