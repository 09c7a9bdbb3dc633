use molt_db_protocol::message::{SslAnswer, ssl_answer, ssl_request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Stream, TlsSettings, Trust};
use crate::config::{Config, SslMode, SslNegotiation};
use crate::error::ConnectCause;

/// Whether a connection is encrypted, and what is left to try without.
// PG docs: libpq-ssl, "SSL Mode Descriptions"
#[derive(Debug, Clone)]
pub(crate) enum Encryption {
    None,
    /// In the clear, unless the server lets nobody in like that.
    Allowed(TlsSettings),
    /// Asks the server, and does without if it cannot.
    Preferred(TlsSettings),
    /// Asks the server.
    Required(TlsSettings),
    /// Begins without a question.
    Direct(TlsSettings),
}

/// Why an attempt failed, and the attempt that is left after it.
pub(crate) struct Failed {
    pub(crate) cause: ConnectCause,
    pub(crate) instead: Option<Encryption>,
}

impl Encryption {
    /// Reads the files that the configuration names.
    pub(crate) fn new(config: &Config) -> Result<Self, ConnectCause> {
        let settings = |trust| TlsSettings::new(config, trust);
        Ok(match (config.get_ssl_mode(), config.get_ssl_negotiation()) {
            (SslMode::Disable, _) => Self::None,
            (SslMode::Allow, _) => Self::Allowed(settings(Trust::Anyone)?),
            (SslMode::Prefer, _) => Self::Preferred(settings(Trust::Anyone)?),
            (mode, SslNegotiation::Postgres) => Self::Required(settings(trust(mode))?),
            (mode, SslNegotiation::Direct) => Self::Direct(settings(trust(mode))?),
        })
    }

    /// Returns what another connection needs to be as safe as this one: the key that cancels an encrypted session is
    /// not to travel in the clear.
    pub(crate) fn as_used_by(&self, stream: &Stream) -> Self {
        match (self, stream) {
            (Self::Direct(_), Stream::Tls(_)) => self.clone(),
            (Self::Preferred(settings) | Self::Required(settings), Stream::Tls(_)) => {
                Self::Required(settings.clone())
            }
            _ => Self::None,
        }
    }

    /// Performs the handshake of TLS, as far as this says so.
    ///
    /// # Cancel safety
    ///
    /// A dropped future closes the stream.
    pub(crate) async fn apply(&self, stream: Stream, host: &str) -> Result<Stream, ConnectCause> {
        match self {
            Self::None | Self::Allowed(_) => Ok(stream),
            #[cfg(unix)]
            // PG docs: libpq-connect, sslmode: ignored for Unix domain socket communication.
            Self::Preferred(settings) | Self::Required(settings) | Self::Direct(settings)
                if matches!(stream, Stream::Unix(_)) =>
            {
                settings.leave_in_the_clear(stream)
            }
            Self::Direct(settings) => settings.encrypt_at_once(stream, host).await,
            Self::Preferred(settings) => match ask_for_tls(stream).await? {
                (stream, SslAnswer::Willing) => settings.encrypt(stream, host).await,
                (stream, SslAnswer::Unwilling) => Ok(stream),
            },
            Self::Required(settings) => match ask_for_tls(stream).await? {
                (stream, SslAnswer::Willing) => settings.encrypt(stream, host).await,
                (_, SslAnswer::Unwilling) => Err(ConnectCause::TlsRefused),
            },
        }
    }

    /// Tells what is left to try when [`Encryption::apply`] has failed.
    pub(crate) fn after_failure(&self, cause: ConnectCause) -> Failed {
        let instead = match self {
            Self::Preferred(_) if cause.is_tls_unable() => Some(Self::None),
            _ => None,
        };
        Failed { cause, instead }
    }

    /// Returns what is left to try if the server refuses the login over this stream.
    pub(crate) fn after_refusal(&self, stream: &Stream) -> Option<Self> {
        match (self, stream) {
            (Self::Preferred(_), Stream::Tls(_)) => Some(Self::None),
            #[cfg(unix)]
            (_, Stream::Unix(_)) => None,
            (Self::Allowed(settings), _) => Some(Self::Required(settings.clone())),
            _ => None,
        }
    }

    /// Returns the cause of two failures, the second of them in this way.
    pub(crate) fn both(&self, first: ConnectCause, second: ConnectCause) -> ConnectCause {
        let (encrypted, clear) = if matches!(self, Self::None) { (first, second) } else { (second, first) };
        ConnectCause::Both { encrypted: Box::new(encrypted), clear: Box::new(clear) }
    }
}

impl Failed {
    /// A login failed; another way is worth a try only if the server refused who came this way.
    pub(crate) fn login(cause: ConnectCause, instead: Option<Encryption>) -> Self {
        Self { instead: instead.filter(|_| cause.is_login_refused()), cause }
    }
}

impl From<ConnectCause> for Failed {
    fn from(cause: ConnectCause) -> Self {
        Self { cause, instead: None }
    }
}

fn trust(mode: SslMode) -> Trust {
    match mode {
        SslMode::VerifyFull => Trust::Host,
        SslMode::VerifyCa => Trust::Authority,
        SslMode::Disable | SslMode::Allow | SslMode::Prefer | SslMode::Require => Trust::Anyone,
    }
}

/// Reads the answer and not a byte more: whatever follows it in the clear must not be taken for the server's.
// CVE-2021-23222. Bytes that arrive early reach the TLS handshake, which fails on them.
async fn ask_for_tls(mut stream: Stream) -> Result<(Stream, SslAnswer), ConnectCause> {
    let mut request = Vec::new();
    ssl_request(&mut request);
    stream.write_all(&request).await?;
    stream.flush().await?;
    let answer = stream.read_u8().await?;
    Ok((stream, ssl_answer(answer).map_err(ConnectCause::Protocol)?))
}
