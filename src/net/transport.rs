use std::future::poll_fn;
use std::io;
use std::ops::Range;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWrite};
use tokio::task::coop::unconstrained;

use super::gather::Gather;
use super::{Hangup, Stream};
use crate::config::Wakeups;

/// A stream with its two buffers: what the server sent and is not used yet, and what is to be sent to it.
///
/// Both cursors live here and not in a future, so a future that is dropped loses no position.
#[derive(Debug)]
pub(crate) struct Transport {
    stream: Stream,
    input: BytesMut,
    /// Bytes of `input` that are done with. They stay where they are until the next read, so a row can be lent.
    taken: usize,
    output: Vec<u8>,
    /// Bytes of `output` that the stream has accepted.
    sent: usize,
    /// Bytes that it has accepted in all.
    accepted: u64,
    /// Bytes that were read in all.
    received: u64,
    gather: Gather,
    /// The stream holds accepted bytes back until it is flushed: TLS does.
    unflushed: bool,
    /// Why nothing can be sent any more. The server's last words may still be readable.
    write_error: Option<io::Error>,
    /// Who may end the stream from elsewhere, if anybody does.
    hangup: Option<Arc<Hangup>>,
}

impl Transport {
    pub(crate) fn new(stream: Stream, wakeups: Wakeups) -> Self {
        Self {
            stream,
            input: BytesMut::new(),
            taken: 0,
            output: Vec::with_capacity(FIRST_OUTPUT),
            sent: 0,
            accepted: 0,
            received: 0,
            gather: Gather::new(wakeups),
            unflushed: false,
            write_error: None,
            hangup: None,
        }
    }

    pub(crate) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Returns what ends the stream from elsewhere.
    ///
    /// # Errors
    ///
    /// The process has no file descriptor left.
    pub(crate) fn hangup(&mut self) -> io::Result<Arc<Hangup>> {
        if let Some(hangup) = &self.hangup {
            return Ok(Arc::clone(hangup));
        }
        let hangup = Arc::new(Hangup::of(&self.stream)?);
        Ok(Arc::clone(self.hangup.insert(hangup)))
    }

    /// Tells whether the stream was ended from elsewhere.
    pub(crate) fn has_hung_up(&self) -> bool {
        self.hangup.as_ref().is_some_and(|hangup| hangup.has_hung_up())
    }

    /// Returns what the server sent and is not used yet, and where to append what is to be sent.
    pub(crate) fn buffers(&mut self) -> (&[u8], &mut Vec<u8>) {
        (self.input.get(self.taken..).unwrap_or_default(), &mut self.output)
    }

    /// Marks bytes at the start of the input as used. Returns where the last `tail` of them are, until the next read.
    pub(crate) fn take(&mut self, consumed: usize, tail: usize) -> Range<usize> {
        self.taken = self.taken.saturating_add(consumed).min(self.input.len());
        self.taken.saturating_sub(tail)..self.taken
    }

    /// Returns used bytes that [`Transport::take`] told the place of.
    pub(crate) fn used(&self, place: Range<usize>) -> &[u8] {
        self.input.get(place).unwrap_or_default()
    }

    /// Returns how many bytes the stream has accepted since it was opened.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted
    }

    /// Returns how many bytes were read since it was opened.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Notes that a command has ended: what comes next need not be much.
    pub(crate) fn end_command(&mut self) {
        self.gather.end(&self.stream);
    }

    /// Takes back what was appended to the output behind this length, of which nothing is sent.
    pub(crate) fn retract(&mut self, length: usize) {
        self.output.truncate(length);
    }

    /// Returns how much has not gone to the network yet: 0 once the stream has all of it and holds nothing back.
    pub(crate) fn unsent(&self) -> usize {
        self.output.len().saturating_sub(self.sent).max(usize::from(self.unflushed))
    }

    /// Sends what can be sent and reads once. Is ready when something was read; `needed` bytes of input are wanted.
    ///
    /// Reading never waits for our own write: a server that does not read until we do would wait for ever.
    pub(crate) fn poll_exchange(&mut self, cx: &mut Context<'_>, needed: usize) -> Poll<io::Result<()>> {
        if self.write_error.is_none()
            && let Poll::Ready(Err(error)) = self.poll_send(cx)
        {
            self.write_error = Some(error);
        }
        let read = ready!(self.poll_fill(cx, needed));
        Poll::Ready(match (read, self.write_error.take()) {
            (Ok(0), Some(error)) => Err(error),
            (Ok(0), None) => Err(io::ErrorKind::UnexpectedEof.into()),
            (Ok(_), error) => {
                self.write_error = error;
                Ok(())
            }
            (Err(error), _) => Err(error),
        })
    }

    /// Sends everything. Is ready when the stream has accepted it all.
    pub(crate) fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.output.get(self.sent..).filter(|rest| !rest.is_empty()) {
            let accepted = ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?;
            if accepted == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent = self.sent.saturating_add(accepted);
            self.accepted = self.accepted.saturating_add(u64::try_from(accepted).unwrap_or(u64::MAX));
            self.unflushed = self.stream.holds_back();
        }
        self.output.clear();
        self.output.shrink_to(LARGEST_IDLE_OUTPUT);
        self.sent = 0;
        if self.unflushed {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Reads what is there without waiting. Returns how much that was, 0 for nothing; the end of the stream is an
    /// error.
    pub(crate) fn read_now(&mut self) -> io::Result<usize> {
        // Unconstrained: a task that has used up its budget is told that nothing is there, whatever is.
        let read = pin!(unconstrained(poll_fn(|cx| self.poll_fill(cx, 0))));
        match read.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => Ok(0),
            Poll::Ready(Ok(0)) => Err(io::ErrorKind::UnexpectedEof.into()),
            Poll::Ready(read) => read,
        }
    }

    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>, needed: usize) -> Poll<io::Result<usize>> {
        self.make_room(needed);
        let read = pin!(self.stream.read_buf(&mut self.input));
        let read = read.poll(cx);
        match read {
            Poll::Ready(Ok(length)) => {
                self.received = self.received.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
                self.gather.arrived(length);
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.gather.poll_wait(&self.stream, cx),
        }
        // Asked behind the read: what comes after somebody else has read here has a gap in front of it.
        if self.has_hung_up() { Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())) } else { read }
    }

    /// Room grows with what has arrived, never to what a message merely claims to be.
    fn make_room(&mut self, needed: usize) {
        self.input.advance(self.taken);
        self.taken = 0;
        if self.input.is_empty() && self.input.capacity() > LARGEST_IDLE_INPUT {
            self.input = BytesMut::new();
        }
        let arrived = self.input.len();
        let wanted = needed.saturating_sub(arrived).clamp(SMALLEST_READ, arrived.max(READ));
        if self.input.capacity().saturating_sub(arrived) < wanted {
            self.input.reserve(wanted.max(READ));
        }
    }
}

/// Holds the messages of a login.
const FIRST_OUTPUT: usize = 512;
/// What a read is offered at least, 64 KiB; the server flushes 8 KiB at a time.
const READ: usize = 64 * 1024;
/// Less room than this is not worth a system call.
const SMALLEST_READ: usize = 16 * 1024;
/// What stays allocated between messages, 256 KiB each way.
const LARGEST_IDLE_INPUT: usize = 256 * 1024;
const LARGEST_IDLE_OUTPUT: usize = 256 * 1024;
