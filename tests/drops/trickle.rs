//! A stream over which, while it is told to, one byte moves in each direction for each poll of what is watched.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream that keeps to a [`Gauge`].
pub(crate) struct Trickle<S> {
    stream: S,
    gauge: Arc<Gauge>,
}

/// What all streams of a place may move, and have moved.
#[derive(Default)]
pub(crate) struct Gauge {
    is_limited: AtomicBool,
    /// Whether somebody has wanted to move more than that.
    is_wanted: AtomicBool,
    read: Lane,
    written: Lane,
    /// Of the one who gives leave for the next byte.
    giver: Mutex<Option<Waker>>,
}

/// One direction.
#[derive(Default)]
struct Lane {
    is_open: AtomicBool,
    moved: AtomicUsize,
}

/// How many bytes have moved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) read: usize,
    pub(crate) written: usize,
}

impl<S> Trickle<S> {
    pub(crate) fn new(stream: S, gauge: Arc<Gauge>) -> Self {
        Self { stream, gauge }
    }
}

impl Gauge {
    /// Gives leave for one byte in each direction, which holds until the next call.
    pub(crate) fn let_one_pass(&self, cx: &Context<'_>) {
        self.is_limited.store(true, Ordering::SeqCst);
        self.is_wanted.store(false, Ordering::SeqCst);
        self.read.is_open.store(true, Ordering::SeqCst);
        self.written.is_open.store(true, Ordering::SeqCst);
        *self.giver.lock().unwrap() = Some(cx.waker().clone());
    }

    /// Tells whether somebody has wanted to move more since the last leave for one byte.
    pub(crate) fn is_wanted(&self) -> bool {
        self.is_wanted.load(Ordering::SeqCst)
    }

    /// Gives leave for everything.
    pub(crate) fn let_all_pass(&self) {
        self.is_limited.store(false, Ordering::SeqCst);
    }

    pub(crate) fn moved(&self) -> Moved {
        let of = |lane: &Lane| lane.moved.load(Ordering::SeqCst);
        Moved { read: of(&self.read), written: of(&self.written) }
    }

    /// Is ready with how much may move at once.
    fn poll_leave(&self, lane: &Lane, cx: &Context<'_>) -> Poll<usize> {
        if !self.is_limited.load(Ordering::SeqCst) {
            return Poll::Ready(usize::MAX);
        }
        if lane.is_open.load(Ordering::SeqCst) {
            return Poll::Ready(1);
        }
        self.is_wanted.store(true, Ordering::SeqCst);
        cx.waker().wake_by_ref();
        if let Some(giver) = &*self.giver.lock().unwrap() {
            giver.wake_by_ref();
        }
        Poll::Pending
    }
}

impl Lane {
    fn note(&self, moved: usize) {
        self.moved.fetch_add(moved, Ordering::SeqCst);
        self.is_open.store(moved == 0, Ordering::SeqCst);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Trickle<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { stream, gauge } = self.get_mut();
        let most = ready!(gauge.poll_leave(&gauge.read, cx));
        let mut piece = buf.take(most);
        ready!(Pin::new(stream).poll_read(cx, &mut piece))?;
        let read = piece.filled().to_vec();
        gauge.read.note(read.len());
        buf.put_slice(&read);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Trickle<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Self { stream, gauge } = self.get_mut();
        let most = ready!(gauge.poll_leave(&gauge.written, cx)).min(bytes.len());
        let written = ready!(Pin::new(stream).poll_write(cx, &bytes[..most]))?;
        gauge.written.note(written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
