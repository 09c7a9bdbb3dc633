use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use molt_db_protocol::client::{Event, Received, SessionError};
use molt_db_protocol::replication::{PgTimestamp, ReplicationMessage, Reply, StandbyMessage};

use super::interpreter::{Interpreter, malformed};
use super::progress::Progress;
use super::queue::{Feeder, Room};
use super::{ReplicationClient, ReplicationEvent};
use crate::connection::Connection;
use crate::error::Error;
use crate::net::{Limit, Timer};

/// What keeps a replication stream going: a future to be spawned. It reads ahead of the
/// [`ReplicationStream`](super::ReplicationStream) up to the bounds of its options, tells the server what was confirmed,
/// and answers it in time while the reader is busy, so that a slow reader does not lose the connection.
///
/// It ends with the stream and gives the client back, ready for commands; `None` if the connection is lost, which the
/// stream says why. After the stream was dropped that takes five seconds at most.
///
/// # Cancel safety
///
/// Dropping it closes the connection, and the stream ends with an error behind what it has got.
#[must_use = "the stream stands still until its driver runs"]
pub struct ReplicationDriver(Pin<Box<dyn Future<Output = Option<ReplicationClient>> + Send>>);

impl ReplicationDriver {
    pub(super) fn new(link: Link, feeder: Feeder, interval: Duration) -> Self {
        Self(Box::pin(drive(link, feeder, interval)))
    }
}

impl Future for ReplicationDriver {
    type Output = Option<ReplicationClient>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ReplicationClient>> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for ReplicationDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplicationDriver").finish_non_exhaustive()
    }
}

async fn drive(mut link: Link, feeder: Feeder, interval: Duration) -> Option<ReplicationClient> {
    let limit = Some(Limit::Call(interval));
    let mut timer = Timer::default();
    timer.set(limit);
    let ended = poll_fn(|cx| {
        while timer.poll(cx).is_ready() {
            timer.set(limit);
            link.report();
        }
        link.poll(&feeder, cx)
    })
    .await;
    match ended {
        End::Asked => {
            link.report();
            feeder.end(Ok(()));
            link.connection.settle().await.ok()?;
        }
        End::Over(outcome) => feeder.end(outcome),
    }
    link.connection.is_usable().then(|| ReplicationClient::new(link.connection))
}

/// A connection in the middle of a replication stream.
pub(super) struct Link {
    connection: Box<Connection>,
    interpreter: Interpreter,
    progress: Progress,
    events: VecDeque<ReplicationEvent>,
}

enum End {
    /// The reader has gone.
    Asked,
    Over(Result<(), Error>),
}

/// Why nothing more is read from what has arrived.
enum Pause {
    /// It takes so many bytes to the end of the next message.
    Needs(usize),
    Full,
}

impl Link {
    pub(super) fn new(connection: Box<Connection>, interpreter: Interpreter, progress: Progress) -> Self {
        Self { connection, interpreter, progress, events: VecDeque::new() }
    }

    fn poll(&mut self, feeder: &Feeder, cx: &mut Context<'_>) -> Poll<End> {
        loop {
            let orders = feeder.orders(cx);
            self.progress.confirm(orders.confirmed);
            if orders.is_stopped {
                return Poll::Ready(End::Asked);
            }
            if self.progress.is_news() {
                self.report();
            }
            let room = orders.room.bytes;
            let mut left = orders.room;
            let arrived = self.take_arrived(&mut left);
            feeder.push(&mut self.events, room.saturating_sub(left.bytes));
            let transport = &mut self.connection.transport;
            let moved = match arrived {
                Ok(Pause::Needs(needed)) => transport.poll_exchange(cx, needed),
                // What is told of confirmations and signs of life goes out all the same.
                Ok(Pause::Full) if left.is_none() => match transport.poll_send(cx) {
                    Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                    Poll::Ready(Ok(())) | Poll::Pending => return Poll::Pending,
                },
                Ok(Pause::Full) => continue,
                Err(outcome) => return Poll::Ready(End::Over(outcome)),
            };
            match moved {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => {
                    return Poll::Ready(End::Over(Err(self.connection.lost(error))));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Reads what has arrived, up to what there is room for. Is an error, with its outcome, at the end of the stream.
    fn take_arrived(&mut self, room: &mut Room) -> Result<Pause, Result<(), Error>> {
        loop {
            if room.is_none() {
                return Ok(Pause::Full);
            }
            let Connection { transport, client, notices, inbox, .. } = &mut *self.connection;
            let (input, output) = transport.buffers();
            let (consumed, event) = match client.receive(input, output) {
                Ok(Received::Partial { consumed, needed }) => {
                    transport.take(consumed, 0);
                    return Ok(Pause::Needs(needed));
                }
                Ok(Received::Event { consumed, event }) => (consumed, event),
                Err(error) => return Err(Err(Error::session(error, self.connection.end()))),
            };
            let mut reply = Reply::Unneeded;
            match event {
                Event::CopyData(body) => {
                    let (interpreter, progress) = (&mut self.interpreter, &mut self.progress);
                    match take_data(body, interpreter, progress) {
                        Ok(Data::Event(event)) => {
                            self.events.push_back(event);
                            room.events = room.events.saturating_sub(1);
                            room.bytes = room.bytes.saturating_sub(body.len());
                        }
                        Ok(Data::Keepalive(wanted)) => reply = wanted,
                        Err(error) => return Err(Err(Error::session(error, self.connection.end()))),
                    }
                }
                // The server ends the stream; it waits for our end.
                Event::CopyDone => drop(client.copy_done(output)),
                Event::Finished(result) => {
                    transport.take(consumed, 0);
                    return Err(self.connection.outcome(result).map(drop));
                }
                Event::Notice(notice) => notices.take(notice),
                Event::Notification(notification) => inbox.take(notification),
                _ => {}
            }
            self.connection.transport.take(consumed, 0);
            if reply == Reply::Wanted {
                self.report();
            }
        }
    }

    /// Tells the server how far we are. A server that does not read what it was told already is not told more.
    fn report(&mut self) {
        const MOST_UNSENT: usize = 64 * 1024;
        if self.connection.transport.unsent() > MOST_UNSENT {
            return;
        }
        let status = StandbyMessage::Status(self.progress.report(now()));
        let (_, output) = self.connection.transport.buffers();
        // It can always be written.
        let _ = status.encode(output);
    }
}

enum Data {
    Event(ReplicationEvent),
    Keepalive(Reply),
}

fn take_data(
    body: &[u8],
    interpreter: &mut Interpreter,
    progress: &mut Progress,
) -> Result<Data, SessionError> {
    match ReplicationMessage::parse(body).map_err(malformed)? {
        ReplicationMessage::XLogData(log) => {
            let event = interpreter.read(log.data)?;
            progress.sent(&event);
            Ok(Data::Event(event))
        }
        ReplicationMessage::Keepalive(alive) => {
            progress.passed(alive.end);
            Ok(Data::Keepalive(alive.reply))
        }
    }
}

fn now() -> PgTimestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let micros = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
    PgTimestamp::from_unix_micros(micros).unwrap_or_default()
}
