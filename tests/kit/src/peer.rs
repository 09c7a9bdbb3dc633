//! A scripted peer: a server that says exactly what a test wants, right or wrong.
//!
//! It shares no code with molt-db, so that both cannot be wrong in the same way.

use std::future::Future;
use std::io;
use std::net::Ipv4Addr;
use std::panic;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time;

pub mod messages;

/// A fake server on a port of 127.0.0.1, run by a task.
///
/// ```
/// use molt_db_testkit::peer::{Peer, messages};
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let peer = Peer::script(|mut p| async move {
///     p.expect(b'Q').await?;
///     p.send(&messages::ready(b'I')).await
/// })?;
///
/// let mut client = tokio::net::TcpStream::connect(("127.0.0.1", peer.port())).await?;
/// client.write_all(b"Q\0\0\0\x05\0").await?;
/// let mut answer = Vec::new();
/// client.read_to_end(&mut answer).await?;
/// assert_eq!(answer, b"Z\0\0\0\x05I");
/// peer.finish().await
/// # }
/// ```
#[must_use = "a script that fails is noticed only by `finish`"]
#[derive(Debug)]
pub struct Peer {
    port: u16,
    task: JoinHandle<io::Result<()>>,
}

impl Peer {
    /// Listens, accepts one connection and runs the script on it. Further ones are refused.
    ///
    /// # Errors
    ///
    /// When no port can be had.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn script<F, S>(script: F) -> io::Result<Self>
    where
        F: FnOnce(PeerConnection) -> S + Send + 'static,
        S: Future<Output = io::Result<()>> + Send + 'static,
    {
        Self::listen(|listener| async move {
            let connection = listener.accept().await?;
            drop(listener);
            script(connection).await
        })
    }

    /// Listens and runs the script, which accepts as many connections as it likes: for cancel requests and reconnects.
    ///
    /// # Errors
    ///
    /// When no port can be had.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn listen<F, S>(script: F) -> io::Result<Self>
    where
        F: FnOnce(PeerListener) -> S + Send + 'static,
        S: Future<Output = io::Result<()>> + Send + 'static,
    {
        let (port, listener) = loopback_listener()?;
        let task = tokio::spawn(script(PeerListener { listener }));
        Ok(Self { port, task })
    }

    /// Returns the port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Waits for the end of the script.
    ///
    /// # Errors
    ///
    /// What the script returned.
    ///
    /// # Panics
    ///
    /// When the script panicked, with the same panic.
    pub async fn finish(self) -> io::Result<()> {
        match self.task.await {
            Ok(result) => result,
            Err(error) => match error.try_into_panic() {
                Ok(payload) => panic::resume_unwind(payload),
                Err(error) => Err(io::Error::other(error)),
            },
        }
    }
}

/// The listening side of a [`Peer`].
#[derive(Debug)]
pub struct PeerListener {
    listener: TcpListener,
}

impl PeerListener {
    /// Accepts the next connection.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    ///
    /// # Cancel safety
    ///
    /// No connection is lost.
    pub async fn accept(&self) -> io::Result<PeerConnection> {
        let (stream, _) = self.listener.accept().await?;
        stream.set_nodelay(true)?;
        Ok(PeerConnection { stream })
    }
}

/// What a client sends first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FirstPacket {
    /// A StartupMessage.
    Startup(Startup),
    /// An SSLRequest. The answer is one byte, `S` or `N`.
    Ssl,
    /// A GSSENCRequest. The answer is one byte, `G` or `N`.
    Gss,
    /// A CancelRequest.
    Cancel {
        /// The process to cancel.
        process: u32,
        /// Its secret key: four bytes in protocol 3.0.
        key: Vec<u8>,
    },
}

/// A StartupMessage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Startup {
    /// The protocol version: `0x0003_0000` is 3.0.
    pub version: u32,
    /// The parameters, in the order in which they came.
    pub parameters: Vec<(String, String)>,
}

impl Startup {
    /// Returns the value of the parameter of that name.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// One connection to a client. Dropping it closes it.
///
/// None of its functions is cancel safe unless it says so: half a message may have been read or sent.
#[derive(Debug)]
pub struct PeerConnection {
    stream: TcpStream,
}

impl PeerConnection {
    /// Reads the packet that begins a connection, whatever kind it is.
    ///
    /// # Errors
    ///
    /// `InvalidData` when it is malformed or larger than 10,000 bytes; `UnexpectedEof` when the client goes.
    pub async fn first_packet(&mut self) -> io::Result<FirstPacket> {
        // PG docs: protocol-message-formats, StartupMessage; a server takes no more than MAX_STARTUP_PACKET_LENGTH.
        let body = self.body(LARGEST_FIRST_PACKET).await?;
        let (code, rest) =
            body.split_first_chunk().ok_or_else(|| invalid("a first packet without a code"))?;
        Ok(match u32::from_be_bytes(*code) {
            SSL_REQUEST => FirstPacket::Ssl,
            GSS_REQUEST => FirstPacket::Gss,
            CANCEL_REQUEST => {
                let (process, key) =
                    rest.split_first_chunk().ok_or_else(|| invalid("a cut cancel request"))?;
                FirstPacket::Cancel { process: u32::from_be_bytes(*process), key: key.to_vec() }
            }
            version => FirstPacket::Startup(Startup { version, parameters: parameters(rest)? }),
        })
    }

    /// Reads up to the StartupMessage; requests for encryption before it are refused with `N`.
    ///
    /// # Errors
    ///
    /// As [`PeerConnection::first_packet`], and when the client sends a cancel request.
    pub async fn startup(&mut self) -> io::Result<Startup> {
        loop {
            match self.first_packet().await? {
                FirstPacket::Startup(startup) => return Ok(startup),
                FirstPacket::Ssl | FirstPacket::Gss => self.send(b"N").await?,
                FirstPacket::Cancel { .. } => return Err(invalid("a cancel request, not a start-up")),
            }
        }
    }

    /// Lets the client in: reads its start-up, then sends AuthenticationOk, a few parameters, a key (process 1,
    /// secret 2) and ReadyForQuery.
    ///
    /// # Errors
    ///
    /// As [`PeerConnection::startup`].
    pub async fn login(&mut self) -> io::Result<Startup> {
        let startup = self.startup().await?;
        let mut answer = messages::auth_ok();
        for (name, value) in [
            ("server_version", "18.0"),
            ("client_encoding", "UTF8"),
            ("integer_datetimes", "on"),
            ("standard_conforming_strings", "on"),
        ] {
            answer.extend(messages::parameter_status(name, value));
        }
        answer.extend(messages::backend_key(1, &2_u32.to_be_bytes()));
        answer.extend(messages::ready(b'I'));
        self.send(&answer).await?;
        Ok(startup)
    }

    /// Reads the next message: its tag and its body.
    ///
    /// # Errors
    ///
    /// `InvalidData` when its length is below 4 or above 64 MiB; `UnexpectedEof` when the client goes.
    pub async fn message(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let tag = self.stream.read_u8().await?;
        Ok((tag, self.body(LARGEST_MESSAGE).await?))
    }

    /// Reads the next message, which must have that tag, and returns its body.
    ///
    /// # Errors
    ///
    /// As [`PeerConnection::message`], and `InvalidData` for another tag.
    pub async fn expect(&mut self, tag: u8) -> io::Result<Vec<u8>> {
        let (found, body) = self.message().await?;
        if found == tag {
            return Ok(body);
        }
        let (tag, found) = (char::from(tag), char::from(found));
        Err(invalid(&format!("expected message {tag:?}, the client sent {found:?} with {body:?}")))
    }

    /// Reads one message for each tag, in that order, and returns their bodies.
    ///
    /// # Errors
    ///
    /// As [`PeerConnection::expect`].
    pub async fn expect_all(&mut self, tags: &[u8]) -> io::Result<Vec<Vec<u8>>> {
        let mut bodies = Vec::new();
        for tag in tags {
            bodies.push(self.expect(*tag).await?);
        }
        Ok(bodies)
    }

    /// Sends these bytes, whatever they are.
    ///
    /// # Errors
    ///
    /// What the operating system says, such as that the client has gone.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Sends these bytes in pieces of `size` bytes (at least one), each with a write of its own and a short pause
    /// after it.
    ///
    /// # Errors
    ///
    /// As [`PeerConnection::send`].
    pub async fn send_in_pieces(&mut self, bytes: &[u8], size: usize) -> io::Result<()> {
        for piece in bytes.chunks(size.max(1)) {
            self.send(piece).await?;
            time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    /// Waits.
    ///
    /// # Cancel safety
    ///
    /// It can be dropped at any time.
    pub async fn pause(&self, duration: Duration) {
        time::sleep(duration).await;
    }

    /// Says nothing more: reads and forgets what comes until the client goes.
    ///
    /// # Cancel safety
    ///
    /// What it read is gone.
    pub async fn hang(&mut self) {
        let mut buffer = [0; 4096];
        while self.stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
    }

    /// Waits for the client to close the connection.
    ///
    /// # Errors
    ///
    /// `InvalidData` when it sends something instead.
    pub async fn closed(&mut self) -> io::Result<()> {
        match self.stream.read_u8().await {
            Ok(byte) => Err(invalid(&format!("expected the end, the client sent {:?}", char::from(byte)))),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Closes the connection in an orderly way, with a FIN after what was sent.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub async fn close(mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }

    /// Tears the connection down with an RST.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn reset(self) -> io::Result<()> {
        self.stream.set_zero_linger()
    }

    async fn body(&mut self, largest: usize) -> io::Result<Vec<u8>> {
        let length = self.stream.read_u32().await?;
        let size = length.checked_sub(4).and_then(|size| usize::try_from(size).ok());
        let size = size.filter(|size| *size <= largest);
        let size = size.ok_or_else(|| invalid(&format!("a message of length {length}")))?;
        let mut body = vec![0; size];
        self.stream.read_exact(&mut body).await?;
        Ok(body)
    }
}

/// Returns a free port of 127.0.0.1 and the listener on it.
pub(crate) fn loopback_listener() -> io::Result<(u16, TcpListener)> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    Ok((listener.local_addr()?.port(), TcpListener::from_std(listener)?))
}

fn parameters(body: &[u8]) -> io::Result<Vec<(String, String)>> {
    let list = body.strip_suffix(b"\0").ok_or_else(|| invalid("a start-up without its end"))?;
    let Some(list) = list.strip_suffix(b"\0") else {
        return if list.is_empty() { Ok(Vec::new()) } else { Err(invalid("a cut parameter")) };
    };
    let words: Vec<String> =
        list.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
    let pairs = words.chunks(2).map(|pair| match pair {
        [name, value] => Ok((name.clone(), value.clone())),
        _ => Err(invalid("a parameter without a value")),
    });
    pairs.collect()
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;
const CANCEL_REQUEST: u32 = 80_877_102;
const LARGEST_FIRST_PACKET: usize = 10_000;
const LARGEST_MESSAGE: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_up_parameters_are_read_in_pairs() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(parameters(b"user\0me\0a\0\0\0").unwrap(), [pair("user", "me"), pair("a", "")]);
        assert_eq!(parameters(b"\0").unwrap(), []);
    }

    #[test]
    fn malformed_start_up_parameters_are_errors() {
        for bad in [&b""[..], b"user\0me", b"user\0me\0", b"user\0\0"] {
            assert!(parameters(bad).is_err(), "{bad:?}");
        }
    }
}
