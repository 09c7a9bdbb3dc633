//! A proxy in front of a server that breaks one rule.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::generated::{Mutation, Side};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// One rule broken.
#[derive(Clone, Copy)]
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    /// The cases that are about the rule.
    pub(crate) found_by: &'static [&'static str],
    /// What becomes of a message of the client: bytes, none to drop it.
    pub(crate) client: fn(u8, &[u8]) -> Vec<u8>,
    /// What becomes of a message of the server, and what the fault remembers of those before.
    pub(crate) server: fn(&mut Memory, u8, &[u8]) -> Vec<u8>,
    /// What becomes of the first packet of a client.
    pub(crate) packet: fn(&Keys, &[u8]) -> First,
    /// A fault that was generated, instead of those.
    pub(crate) mutation: Option<Mutation>,
}

/// What a fault remembers of a session.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) count: u32,
    pub(crate) last: u8,
    /// There was a ReadyForQuery.
    pub(crate) is_in_session: bool,
    /// A message that waits for the next.
    pub(crate) held: Option<Vec<u8>>,
}

/// What becomes of the first packet.
pub(crate) enum First {
    /// The server gets this.
    Forward(Vec<u8>),
    /// The client gets this, and the end.
    Answer(Vec<u8>),
}

/// The secrets of all sessions, by process.
pub(crate) type Keys = HashMap<[u8; 4], Vec<u8>>;

impl Fault {
    pub(crate) const NONE: Self = Self {
        name: "none",
        found_by: &[],
        client: message,
        server: |_, tag, body| message(tag, body),
        packet: |_, packet| First::Forward(packet.to_vec()),
        mutation: None,
    };
}

/// Stops when it is dropped.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    task: tokio::task::JoinHandle<()>,
}

struct Shared {
    upstream: u16,
    fault: Fault,
    keys: Mutex<Keys>,
    /// Set by a fault that kills the whole server: it sends `b"crash"`.
    is_dead: AtomicBool,
}

impl Proxy {
    pub(crate) fn start(upstream: u16, fault: &Fault) -> Self {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let listener = TcpListener::from_std(listener).unwrap();
        let shared = Arc::new(Shared {
            upstream,
            fault: *fault,
            keys: Mutex::default(),
            is_dead: AtomicBool::new(false),
        });
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if shared.is_dead.load(Ordering::Relaxed) {
                    return;
                }
                let shared = Arc::clone(&shared);
                tokio::spawn(async move { shared.serve(client).await });
            }
        });
        Self { port, task }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    async fn serve(self: Arc<Self>, mut client: TcpStream) -> io::Result<()> {
        client.set_nodelay(true)?;
        let mut server = TcpStream::connect(("127.0.0.1", self.upstream)).await?;
        server.set_nodelay(true)?;
        let mut length = [0; 4];
        // What has no packet at its beginning is passed on as it is, and so is what asks for encryption.
        if client.read_exact(&mut length).await.is_err() {
            return Ok(());
        }
        let size = u32::from_be_bytes(length);
        if !(8..=10_004).contains(&size) {
            server.write_all(&length).await?;
            return pass(client, server).await;
        }
        let mut body = vec![0; size as usize - 4];
        if client.read_exact(&mut body).await.is_err() {
            return Ok(());
        }
        let packet = [&length[..], &body].concat();
        if body.starts_with(&80_877_103_u32.to_be_bytes()) || body.starts_with(&80_877_104_u32.to_be_bytes())
        {
            server.write_all(&packet).await?;
            return pass(client, server).await;
        }
        let first = {
            let keys = self.keys.lock().unwrap();
            (self.fault.packet)(&keys, &packet)
        };
        match first {
            First::Forward(packet) => server.write_all(&packet).await?,
            First::Answer(bytes) => return client.write_all(&bytes).await,
        }
        let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
        let shared = Arc::clone(&self);
        let is_in_session = Arc::new(AtomicBool::new(false));
        let begins = Arc::clone(&is_in_session);
        let upwards = tokio::spawn(async move { shared.upwards(from_client, to_server, &begins).await });
        let result = self.downwards(from_server, to_client, &is_in_session).await;
        upwards.abort();
        result
    }

    fn mutation(&self, side: Side) -> Option<Mutation> {
        self.fault.mutation.filter(|mutation| mutation.side == side)
    }

    async fn upwards(
        &self,
        mut client: OwnedReadHalf,
        mut server: OwnedWriteHalf,
        is_in_session: &AtomicBool,
    ) -> io::Result<()> {
        let (mut input, mut memory) = (Vec::new(), Memory::default());
        while client.read_buf(&mut input).await? > 0 {
            while let Some((tag, size)) = whole(&input, most_of_client) {
                // What is no message, or too long for one, is passed on as it comes.
                let bytes = match size {
                    Some(size) => {
                        let body = &input[5..size];
                        memory.is_in_session = is_in_session.load(Ordering::Relaxed);
                        match self.mutation(Side::Client) {
                            Some(mutation) => mutation.apply(&mut memory, tag, body),
                            None => (self.fault.client)(tag, body),
                        }
                    }
                    None => std::mem::take(&mut input),
                };
                input.drain(..size.unwrap_or(0));
                server.write_all(&bytes).await?;
            }
        }
        server.write_all(&input).await?;
        server.shutdown().await
    }

    async fn downwards(
        &self,
        mut server: OwnedReadHalf,
        mut client: OwnedWriteHalf,
        is_in_session: &AtomicBool,
    ) -> io::Result<()> {
        let (mut input, mut memory) = (Vec::new(), Memory::default());
        while server.read_buf(&mut input).await? > 0 {
            while let Some((tag, Some(size))) = whole(&input, |_| MOST) {
                let body = &input[5..size];
                if tag == b'K' {
                    self.keys.lock().unwrap().insert(body[..4].try_into().unwrap(), body[4..].to_vec());
                }
                let bytes = match self.mutation(Side::Server) {
                    Some(mutation) => mutation.apply(&mut memory, tag, body),
                    None => (self.fault.server)(&mut memory, tag, body),
                };
                memory.last = tag;
                memory.is_in_session |= tag == b'Z';
                is_in_session.store(memory.is_in_session, Ordering::Relaxed);
                input.drain(..size);
                if bytes == CRASH {
                    self.is_dead.store(true, Ordering::Relaxed);
                    return Ok(());
                }
                if bytes == SILENCE {
                    std::future::pending::<()>().await;
                }
                if bytes == FLOOD {
                    while client
                        .write_all(&message(b'N', b"SNOTICE\0VNOTICE\0C00000\0Mflood\0\0"))
                        .await
                        .is_ok()
                    {}
                    return Ok(());
                }
                client.write_all(&bytes).await?;
            }
        }
        client.write_all(&input).await
    }
}

/// The server dies.
pub(crate) const CRASH: &[u8] = b"crash";
/// The session says nothing any more, and is not closed either.
pub(crate) const SILENCE: &[u8] = b"silence";
/// The session says the same thing for ever.
pub(crate) const FLOOD: &[u8] = b"flood";

/// Returns a message.
pub(crate) fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[tag][..], &length.to_be_bytes(), body].concat()
}

/// Returns the type of the message at the start and its size, once all of it is there; no size if it has none.
fn whole(input: &[u8], most: fn(u8) -> usize) -> Option<(u8, Option<usize>)> {
    let (header, rest) = input.split_first_chunk::<5>()?;
    let [tag, length @ ..] = *header;
    let length = usize::try_from(i32::from_be_bytes(length)).ok();
    let length = length.filter(|length| (4..=most(tag)).contains(length) && tag.is_ascii_alphanumeric());
    match length {
        None => Some((tag, None)),
        Some(length) => (rest.len() >= length - 4).then_some((tag, Some(length + 1))),
    }
}

fn most_of_client(tag: u8) -> usize {
    if b"QPBFd".contains(&tag) { MOST } else { 10_000 }
}

const MOST: usize = 16 << 20;

async fn pass(mut client: TcpStream, mut server: TcpStream) -> io::Result<()> {
    tokio::io::copy_bidirectional(&mut client, &mut server).await.map(drop)
}
