//! A connection to a target: bytes out, words in, with a deadline for every wait and a log of everything.

use std::io;
use std::pin::Pin;
use std::time::Duration;

use molt_db_protocol::message::{BackendMessage, CancelKey};
use molt_db_protocol::wire::{Frame, Framed, Limits, Phase, Tag, frame};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use crate::fault::Fault;
use crate::log::{Log, Side};
use crate::pattern::{Pattern, Verdict};
use crate::target::Target;
use crate::tls;
use crate::transcript::Word;

/// One connection. Bytes that came and were not asked for stay until they are.
pub(crate) struct Wire {
    stream: Stream,
    host: String,
    input: Vec<u8>,
    received: usize,
    ended: bool,
    patience: Duration,
    /// Every byte, both ways.
    pub(crate) log: Log,
    /// The last word that was read.
    pub(crate) last: Option<Word>,
    /// The values of the last row.
    pub(crate) row: String,
    /// The key of the session, once it came.
    pub(crate) key: Option<CancelKey>,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// A handshake failed.
    Gone,
}

impl Wire {
    /// Connects, and sends nothing.
    pub(crate) async fn open(target: &Target, patience: Duration) -> Result<Self, Fault> {
        let address = (target.host.as_str(), target.port);
        let opened = timeout(patience, TcpStream::connect(address)).await;
        let stream = opened.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let stream = stream.and_then(|stream| stream.set_nodelay(true).map(|()| stream));
        let stream = stream
            .map_err(|error| Fault::Unreachable(format!("{}:{}: {error}", target.host, target.port)))?;
        Ok(Self {
            stream: Stream::Plain(stream),
            host: target.host.clone(),
            input: Vec::new(),
            received: 0,
            ended: false,
            patience,
            log: Log::default(),
            last: None,
            row: String::new(),
            key: None,
        })
    }

    /// Sends bytes. That the target has gone shows when something is expected of it, not here. It is read meanwhile: a
    /// target that waits for us to read would never read what we send.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.log.add(Side::Client, bytes);
        let (mut reader, mut writer) = tokio::io::split(&mut self.stream);
        let mut early = Vec::new();
        let write = async {
            let _ = writer.write_all(bytes).await;
            let _ = writer.flush().await;
        };
        let read = async {
            while early.len() < MOST {
                if !matches!(reader.read_buf(&mut early).await, Ok(count) if count > 0) {
                    break;
                }
            }
            std::future::pending::<()>().await;
        };
        let both = async {
            tokio::select! {
                () = write => {}
                () = read => {}
            }
        };
        let _ = timeout(self.patience, both).await;
        self.keep(&early);
    }

    /// Sends one byte at a time, each with a write of its own.
    pub(crate) async fn trickle(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.send(std::slice::from_ref(byte)).await;
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
    }

    /// Ends our side of the connection.
    pub(crate) async fn finish(&mut self) {
        let _ = timeout(self.patience, self.stream.shutdown()).await;
    }

    /// Reads until the pattern is complete.
    pub(crate) async fn expect(&mut self, pattern: &Pattern) -> Result<(), Fault> {
        let mut matching = pattern.begin();
        let (mut heard, mut remarks) = (Vec::new(), 0);
        loop {
            let Some(word) = self.word().await else {
                return Err(Fault::Silence { expected: pattern.to_string(), actual: sentence(&heard) });
            };
            remarks += usize::from(word.is_asynchronous());
            heard.push(word.clone());
            match matching.take(&word) {
                _ if remarks > MOST_REMARKS => {
                    return Err(Fault::mismatch(pattern.to_string(), "a flood of notices"));
                }
                Verdict::Complete => return Ok(()),
                Verdict::More => {}
                Verdict::Wrong => return Err(Fault::mismatch(pattern.to_string(), sentence(&heard))),
            }
            if heard.len() > MOST_WORDS {
                // Long results are told by their beginning and their end.
                heard.drain(MOST_WORDS / 2..MOST_WORDS - 8);
            }
        }
    }

    /// Reads one byte that is no message, as the answer to a request for encryption is.
    pub(crate) async fn byte(&mut self) -> Option<u8> {
        while self.input.is_empty() && !self.ended {
            self.fill().await?;
        }
        (!self.input.is_empty()).then(|| self.input.remove(0))
    }

    /// Waits until there is something to read.
    pub(crate) async fn arrives(&mut self) {
        while self.input.is_empty() && !self.ended {
            if self.fill().await.is_none() {
                return;
            }
        }
    }

    /// Reads to the end of the connection and returns what came.
    pub(crate) async fn rest(&mut self) -> Option<Vec<u8>> {
        while !self.ended {
            self.fill().await?;
        }
        self.last = Some(Word::END);
        Some(std::mem::take(&mut self.input))
    }

    /// Returns the next message without taking it: its type and its body. `None` when the connection is over, nothing
    /// came in time, or what came is no message.
    pub(crate) async fn peek(&mut self) -> Option<(Tag, Vec<u8>)> {
        loop {
            match frame(&self.input, &Limits::BACKEND, Phase::Session) {
                Ok(Framed::Whole(Frame { tag, body })) => return Some((tag, body.to_vec())),
                Ok(Framed::Partial(_)) if !self.ended => self.fill().await?,
                Ok(Framed::Partial(_)) | Err(_) => return None,
            }
        }
    }

    /// Takes the next message, or the end; `None` when nothing came in time.
    pub(crate) async fn word(&mut self) -> Option<Word> {
        let (word, size) = loop {
            match frame(&self.input, &Limits::BACKEND, Phase::Session) {
                Ok(Framed::Whole(found)) => {
                    if let Ok(BackendMessage::BackendKeyData(key)) =
                        BackendMessage::parse(found.tag, found.body)
                    {
                        self.key = Some(key);
                    }
                    break (Word::read(found.tag, found.body), found.size());
                }
                Ok(Framed::Partial(_)) if !self.ended => self.fill().await?,
                Ok(Framed::Partial(_)) if self.input.is_empty() => break (Word::END, 0),
                Ok(Framed::Partial(_)) => {
                    break (garbage("the connection ends inside of a message"), self.input.len());
                }
                Err(error) => break (garbage(&error.to_string()), self.input.len()),
            }
        };
        self.input.drain(..size);
        if word.name == "Row" {
            self.row.clone_from(&word.content);
        }
        self.last = Some(word.clone());
        Some(word)
    }

    /// Does a TLS handshake and returns the protocol that was agreed on by ALPN, if any.
    pub(crate) async fn encrypt(&mut self, protocols: &[&str]) -> io::Result<Option<String>> {
        let Stream::Plain(stream) = std::mem::replace(&mut self.stream, Stream::Gone) else {
            return Err(io::Error::other("it is encrypted already"));
        };
        let handshake = tls::connector(protocols).connect(tls::server_name(&self.host), stream);
        let done = timeout(self.patience, handshake).await;
        let stream = done.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
        let agreed =
            stream.get_ref().1.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned());
        self.stream = Stream::Tls(Box::new(stream));
        Ok(agreed)
    }

    /// Returns the certificate that the target showed.
    pub(crate) fn certificate(&self) -> Option<Vec<u8>> {
        let Stream::Tls(stream) = &self.stream else { return None };
        Some(stream.get_ref().1.peer_certificates()?.first()?.to_vec())
    }

    /// Waits for more bytes. `None` when none came in time.
    async fn fill(&mut self) -> Option<()> {
        let mut piece = vec![0; 64 << 10];
        match timeout(self.patience, self.stream.read(&mut piece)).await.ok()? {
            // A reset ends a connection as well as a close does.
            Ok(0) | Err(_) => self.ended = true,
            Ok(count) => self.keep(&piece[..count]),
        }
        Some(())
    }

    fn keep(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.log.add(Side::Server, bytes);
        self.received += bytes.len();
        if self.received > MOST {
            self.ended = true;
        } else {
            self.input.extend(bytes);
        }
    }
}

fn garbage(what: &str) -> Word {
    Word { name: "Garbage", content: what.to_owned() }
}

fn sentence(words: &[Word]) -> String {
    if words.is_empty() {
        return "nothing".to_owned();
    }
    words.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buf: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Gone => std::task::Poll::Ready(Ok(())),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buf: &[u8],
    ) -> std::task::Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Gone => std::task::Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
            Self::Gone => std::task::Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(
        self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Gone => std::task::Poll::Ready(Ok(())),
        }
    }
}

/// No case asks for more than 8 MB: what comes above this is a flood.
const MOST: usize = 32 << 20;

const MOST_WORDS: usize = 64;

const MOST_REMARKS: usize = 1000;
