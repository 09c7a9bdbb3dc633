//! A TCP proxy in front of a server: it counts what passes, records it, and does harm when told to.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{self, Instant};

use crate::peer::loopback_listener;
use crate::recording::{Conversation, Tape, Tapes};

/// A proxy on a port of 127.0.0.1. It passes everything on until told otherwise; a change holds for all connections,
/// also those that are open. Dropping it closes them.
///
/// ```no_run
/// use molt_db_testkit::Server;
/// use molt_db_testkit::proxy::{Direction, Flow, Proxy};
///
/// # async fn example() -> std::io::Result<()> {
/// let proxy = Proxy::start(Server::shared().port())?;
/// // ... a client connects to proxy.port() and is at work ...
/// proxy.set_flow(Direction::ToClient, Flow::Stalled);
/// println!("the client has written {} times", proxy.client_bursts());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    state: Arc<State>,
    task: JoinHandle<()>,
}

/// One of the two ways through a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

/// How bytes pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flow {
    /// As they come.
    #[default]
    Whole,
    /// In pieces of that many bytes (0 counts as 1), each with a write of its own. The receiver may still read
    /// several at once.
    Pieces(usize),
    /// Not at all, without a word: neither bytes nor the end of the stream pass until the flow is set again. About 4
    /// MiB are taken from the sender meanwhile; then its writes stall too.
    Stalled,
}

/// How a connection is cut, on both sides at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// In order, with a FIN.
    Fin,
    /// With an RST.
    Reset,
}

impl Proxy {
    /// Starts a proxy in front of the server on that port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// When no port can be had.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn start(server: u16) -> io::Result<Self> {
        Self::start_with(server, State::default())
    }

    /// Starts a proxy that keeps all that passes, for [`Proxy::take_conversations`].
    ///
    /// # Errors
    ///
    /// As [`Proxy::start`].
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn recording(server: u16) -> io::Result<Self> {
        Self::start_with(server, State { tapes: Some(Tapes::default()), ..State::default() })
    }

    fn start_with(server: u16, state: State) -> io::Result<Self> {
        let (port, listener) = loopback_listener()?;
        let state = Arc::new(state);
        let task = tokio::spawn(accept_all(listener, server, Arc::clone(&state)));
        Ok(Self { port, state, task })
    }

    /// Returns the port that clients connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Sets how bytes pass in one direction.
    pub fn set_flow(&self, direction: Direction, flow: Flow) {
        self.state.lane(direction).rules.send_modify(|rules| rules.flow = flow);
    }

    /// Sets how much later than they came bytes pass in one direction. Bytes under way keep their own delay.
    pub fn set_latency(&self, direction: Direction, latency: Duration) {
        self.state.lane(direction).rules.send_modify(|rules| rules.latency = latency);
    }

    /// Cuts a connection once that many more bytes have passed in one direction: the one that carries the last of them.
    /// With 0 it is the next one that would carry a byte. It happens once; a new call replaces a cut that is still due.
    pub fn cut_after(&self, direction: Direction, bytes: u64, cut: Cut) {
        let lane = self.state.lane(direction);
        lane.rules.send_modify(|rules| {
            let at = lane.forwarded.load(Ordering::SeqCst).saturating_add(bytes);
            rules.cut = Some((at, cut));
        });
    }

    /// Cuts all open connections now.
    pub fn cut_all(&self, cut: Cut) {
        self.state.cut_all.send_replace(Some(cut));
    }

    /// Returns how many reads from clients brought data. A client that writes once and waits makes one burst of up to
    /// 64 KiB; writes in quick succession may count as one.
    pub fn client_bursts(&self) -> u64 {
        self.bursts(Direction::ToServer)
    }

    /// Returns how many reads brought data in one direction.
    pub fn bursts(&self, direction: Direction) -> u64 {
        self.state.lane(direction).bursts.load(Ordering::SeqCst)
    }

    /// Returns how many bytes came in one direction, passed on or not.
    pub fn bytes(&self, direction: Direction) -> u64 {
        self.state.lane(direction).received.load(Ordering::SeqCst)
    }

    /// Returns how many bytes were passed on in one direction.
    pub fn forwarded(&self, direction: Direction) -> u64 {
        self.state.lane(direction).forwarded.load(Ordering::SeqCst)
    }

    /// Hands over what was recorded, a conversation for each connection in the order of their beginning. What has not
    /// been read from a socket yet is missing.
    pub fn take_conversations(&self) -> Vec<Conversation> {
        self.state.tapes.as_ref().map(Tapes::take).unwrap_or_default()
    }

    /// Returns how many connections were accepted.
    pub fn connections(&self) -> u64 {
        self.state.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // The task owns the tasks of all connections.
        self.task.abort();
    }
}

#[derive(Debug, Default)]
struct State {
    to_server: Lane,
    to_client: Lane,
    connections: AtomicU64,
    cut_all: watch::Sender<Option<Cut>>,
    /// Of a proxy that records.
    tapes: Option<Tapes>,
}

impl State {
    fn lane(&self, direction: Direction) -> &Lane {
        match direction {
            Direction::ToServer => &self.to_server,
            Direction::ToClient => &self.to_client,
        }
    }
}

/// One direction, over all connections.
#[derive(Debug, Default)]
struct Lane {
    bursts: AtomicU64,
    received: AtomicU64,
    forwarded: AtomicU64,
    rules: watch::Sender<Rules>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Rules {
    flow: Flow,
    latency: Duration,
    /// The value of `forwarded` at which to cut, and how.
    cut: Option<(u64, Cut)>,
}

/// Why a connection ended before both sides had closed it.
enum End {
    Cut(Cut),
    /// One side failed; as far as the other is concerned, so does the proxy.
    Broken,
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Broken
    }
}

async fn accept_all(listener: TcpListener, server: u16, state: Arc<State>) {
    let mut open = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        state.connections.fetch_add(1, Ordering::SeqCst);
        open.spawn(carry(client, server, Arc::clone(&state)));
        while open.try_join_next().is_some() {}
    }
}

async fn carry(mut client: TcpStream, server: u16, state: Arc<State>) {
    let mut cuts = state.cut_all.subscribe();
    // A server that cannot be reached shows as a connection that is closed at once.
    let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await else { return };
    let end = tokio::select! {
        end = pass_both_ways(&mut client, &mut server, &state) => end.err(),
        _ = cuts.changed() => cuts.borrow().map(End::Cut),
    };
    if let Some(End::Cut(Cut::Reset)) = end {
        // Closing follows either way; if this fails it is a FIN.
        let _ = client.set_zero_linger();
        let _ = server.set_zero_linger();
    }
}

async fn pass_both_ways(client: &mut TcpStream, server: &mut TcpStream, state: &State) -> Result<(), End> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let tape = state.tapes.as_ref().map(Tapes::begin);
    let up = state.to_server.pass(
        from_client,
        to_server,
        Track { tape: tape.as_ref(), direction: Direction::ToServer },
    );
    let down = state.to_client.pass(
        from_server,
        to_client,
        Track { tape: tape.as_ref(), direction: Direction::ToClient },
    );
    tokio::try_join!(up, down).map(drop)
}

/// Where the bytes of one direction are recorded, if they are.
#[derive(Clone, Copy)]
struct Track<'t> {
    tape: Option<&'t Tape>,
    direction: Direction,
}

impl Track<'_> {
    fn note(&self, bytes: &[u8]) {
        if let Some(tape) = self.tape {
            tape.note(self.direction, bytes);
        }
    }
}

/// Bytes on their way, and when they are due.
type Burst = (Instant, Vec<u8>);

impl Lane {
    async fn pass(
        &self,
        from: impl AsyncRead + Unpin,
        to: impl AsyncWrite + Unpin,
        track: Track<'_>,
    ) -> Result<(), End> {
        let (sender, receiver) = mpsc::channel(BURSTS_UNDER_WAY);
        tokio::try_join!(self.take(from, sender, track), self.give(receiver, to)).map(drop)
    }

    async fn take(
        &self,
        mut from: impl AsyncRead + Unpin,
        queue: mpsc::Sender<Burst>,
        track: Track<'_>,
    ) -> Result<(), End> {
        let mut buffer = vec![0; LARGEST_BURST];
        loop {
            let count = from.read(&mut buffer).await?;
            let burst = buffer.get(..count).unwrap_or_default();
            if burst.is_empty() {
                return Ok(());
            }
            self.bursts.fetch_add(1, Ordering::SeqCst);
            self.received.fetch_add(count as u64, Ordering::SeqCst);
            track.note(burst);
            let due = Instant::now() + self.rules.borrow().latency;
            queue.send((due, burst.to_vec())).await.map_err(|_| End::Broken)?;
        }
    }

    async fn give(
        &self,
        mut queue: mpsc::Receiver<Burst>,
        mut to: impl AsyncWrite + Unpin,
    ) -> Result<(), End> {
        let mut rules = self.rules.subscribe();
        while let Some((due, burst)) = queue.recv().await {
            time::sleep_until(due).await;
            let mut rest = burst.as_slice();
            while !rest.is_empty() {
                rest = self.give_piece(rest, &mut rules, &mut to).await?;
            }
        }
        flowing(&mut rules).await?;
        Ok(to.shutdown().await?)
    }

    /// Sends the next piece of `burst` and returns what is left.
    async fn give_piece<'a>(
        &self,
        burst: &'a [u8],
        rules: &mut watch::Receiver<Rules>,
        to: &mut (impl AsyncWrite + Unpin),
    ) -> Result<&'a [u8], End> {
        let flow = flowing(rules).await?;
        let most = match flow {
            Flow::Pieces(size) => size.max(1),
            Flow::Whole | Flow::Stalled => burst.len(),
        };
        let until_cut = usize::try_from(self.until_cut()?).unwrap_or(usize::MAX);
        let (piece, rest) = burst.split_at(most.min(until_cut).min(burst.len()));
        to.write_all(piece).await?;
        self.forwarded.fetch_add(piece.len() as u64, Ordering::SeqCst);
        self.until_cut()?;
        if matches!(flow, Flow::Pieces(_)) {
            // Lets the receiver, if it is in this runtime, see the piece alone.
            tokio::task::yield_now().await;
        }
        Ok(rest)
    }

    /// Returns how many bytes may pass before a cut is due; when it is, it is taken.
    fn until_cut(&self) -> Result<u64, End> {
        let Some((at, cut)) = self.rules.borrow().cut else { return Ok(u64::MAX) };
        let left = at.saturating_sub(self.forwarded.load(Ordering::SeqCst));
        if left > 0 {
            return Ok(left);
        }
        let taken = self.rules.send_if_modified(|rules| rules.cut.take().is_some());
        if taken { Err(End::Cut(cut)) } else { Ok(u64::MAX) }
    }
}

/// Waits until the flow is not stalled and returns it.
async fn flowing(rules: &mut watch::Receiver<Rules>) -> Result<Flow, End> {
    let rules = rules.wait_for(|rules| rules.flow != Flow::Stalled).await;
    rules.map(|rules| rules.flow).map_err(|_| End::Broken)
}

const LARGEST_BURST: usize = 64 << 10;
const BURSTS_UNDER_WAY: usize = 64;
