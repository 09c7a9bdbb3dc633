mod backoff;
mod job;

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use tokio::time::Instant;

use self::backoff::Backoff;
use self::job::{Command, Job};
use crate::config::Config;
use crate::connection::{Connection, Connector, Notification, quoted_channel};
use crate::error::Error;
use crate::net::{Limit, Timer};

/// Listens on channels for as long as it lives: it has a connection to itself, connects again when that is lost, listens
/// on the same channels and says that it did.
///
/// PostgreSQL keeps no notifications for those who are away. After [`ListenerEvent::Resumed`] look at what they would
/// have told of: the table of jobs, the version of a cache.
///
/// ```no_run
/// # async fn example() -> Result<(), molt_db::Error> {
/// use molt_db::{Config, Listener, ListenerEvent};
///
/// let config: Config = "postgres://app@db.example/app".parse()?;
/// let mut listener = Listener::connect(&config).await?;
/// listener.listen("jobs").await?;
/// loop {
///     match listener.recv().await? {
///         ListenerEvent::Notification(notification) => println!("job {}", notification.payload()),
///         ListenerEvent::Resumed { gap, .. } => println!("looks for jobs of the last {gap:?}"),
///         ListenerEvent::Lost(count) => println!("looks for {count} jobs and more"),
///         _ => {}
///     }
/// }
/// # }
/// ```
pub struct Listener {
    connector: Arc<Connector>,
    channels: BTreeSet<String>,
    state: State,
    /// What is to be told before anything that the connection of now says.
    events: VecDeque<ListenerEvent>,
    /// Why there is no connection, and why the latest attempt has failed.
    outage: Option<Outage>,
    heard_at: Instant,
    backoff: Backoff,
    silence: Timer,
    keepalive: Option<Duration>,
}

/// What a [`Listener`] hears.
#[derive(Debug)]
#[non_exhaustive]
pub enum ListenerEvent {
    /// A notification.
    Notification(Notification),
    /// The connection was lost, and another one listens on the same channels. What was sent in between was missed.
    Resumed {
        /// Why it was lost.
        cause: Error,
        /// How long ago the server had been heard from for the last time: nothing older was missed.
        gap: Duration,
    },
    /// So many notifications gave way to those that follow, because they were not taken in time.
    Lost(u64),
}

enum State {
    Listening(Box<Connection>),
    /// A command runs on the connection.
    Busy(Job<(Box<Connection>, Result<(), Error>)>),
    Connecting(Job<Result<Box<Connection>, Error>>),
}

struct Outage {
    cause: Error,
    latest: Option<Error>,
}

impl Listener {
    /// Connects. It listens on no channel yet.
    ///
    /// # Errors
    ///
    /// As [`Connection::connect`]: at the beginning a server that cannot be reached is not waited for.
    ///
    /// # Cancel safety
    ///
    /// A dropped future closes what it opened.
    pub async fn connect(config: &Config) -> Result<Self, Error> {
        Self::connect_by(Connector::new(config)?).await
    }

    /// As [`Listener::connect`], by a connector that serves others too.
    ///
    /// # Errors
    ///
    /// As [`Connector::connect`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future closes what it opened.
    pub async fn connect_by(connector: impl Into<Arc<Connector>>) -> Result<Self, Error> {
        let connector = connector.into();
        let mut connection = Box::new(connector.connect().await?);
        connection.keep_notifications();
        let mut listener = Self {
            connector,
            channels: BTreeSet::new(),
            state: State::Listening(connection),
            events: VecDeque::new(),
            outage: None,
            heard_at: Instant::now(),
            backoff: Backoff::default(),
            silence: Timer::default(),
            keepalive: Some(Duration::from_secs(30)),
        };
        listener.heard();
        Ok(listener)
    }

    /// Sets after how long a silence the server is asked for a sign of life, which it has as long to give. Then the
    /// connection counts as lost. `None` never asks. Default: 30 seconds.
    #[must_use]
    pub fn keepalive(mut self, silence: impl Into<Option<Duration>>) -> Self {
        self.keepalive = silence.into();
        self.heard();
        self
    }

    /// Sets how long to wait before connecting again: at first this, and twice as long after each attempt that failed,
    /// up to a maximum; a random part of up to a half is taken off. Default: 100 milliseconds and 10 seconds.
    #[must_use]
    pub fn backoff(mut self, first: Duration, most: Duration) -> Self {
        self.backoff = Backoff::new(first, most);
        self
    }

    /// Listens on one more channel, of exactly this name. Where there is no connection it waits for the next one.
    ///
    /// # Errors
    ///
    /// As [`Connection::listen`], and [`Listener::recv`]. The channel is not listened on then.
    ///
    /// # Cancel safety
    ///
    /// After a dropped future the channel may be listened on, or not; [`Listener::channels`] tells what the next
    /// connection will listen on.
    pub async fn listen(&mut self, channel: &str) -> Result<(), Error> {
        quoted_channel(channel)?;
        self.ready().await?;
        self.channels.insert(channel.to_owned());
        self.run(Command::Listen(channel.to_owned()));
        let listening = self.ready().await;
        if listening.is_err() {
            self.channels.remove(channel);
        }
        listening
    }

    /// Listens on a channel no more. What has arrived is still told.
    ///
    /// # Errors
    ///
    /// As [`Listener::listen`]; the next connection does not listen on it.
    ///
    /// # Cancel safety
    ///
    /// As [`Listener::listen`].
    pub async fn unlisten(&mut self, channel: &str) -> Result<(), Error> {
        quoted_channel(channel)?;
        self.channels.remove(channel);
        self.ready().await?;
        self.run(Command::Unlisten(channel.to_owned()));
        self.ready().await
    }

    /// Returns the channels that it listens on.
    pub fn channels(&self) -> impl Iterator<Item = &str> {
        self.channels.iter().map(String::as_str)
    }

    /// Waits for what comes next. A connection that was lost is made anew for as long as it takes:
    /// [`Listener::outage`] tells why there is none.
    ///
    /// While this waits nothing is read ahead of what is asked for: a flood stays with the server.
    ///
    /// # Errors
    ///
    /// The server does not let us in any more (28P01, 3D000 and the like), or the configuration's files cannot be read.
    /// The next call goes on trying.
    ///
    /// # Cancel safety
    ///
    /// A dropped future loses nothing, and no progress: call it again.
    pub async fn recv(&mut self) -> Result<ListenerEvent, Error> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Returns why there is no connection: why the latest attempt to make one failed, or why the one before was lost.
    /// `None` if there is one.
    pub fn outage(&self) -> Option<&Error> {
        let outage = self.outage.as_ref()?;
        Some(outage.latest.as_ref().unwrap_or(&outage.cause))
    }

    /// Says goodbye and closes. A listener that is dropped closes too; the server then notices by itself.
    ///
    /// # Errors
    ///
    /// As [`Connection::close`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future closes the connection.
    pub async fn close(self) -> Result<(), Error> {
        match self.state {
            State::Listening(connection) => connection.close().await,
            State::Busy(_) | State::Connecting(_) => Ok(()),
        }
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<ListenerEvent, Error>> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Poll::Ready(Ok(event));
            }
            let State::Listening(connection) = &mut self.state else {
                ready!(self.poll_ready(cx))?;
                continue;
            };
            match connection.poll_notification(cx) {
                Poll::Ready(Ok(notification)) => {
                    self.heard();
                    return Poll::Ready(Ok(ListenerEvent::Notification(notification)));
                }
                Poll::Ready(Err(error)) => match error.lost_notifications() {
                    Some(count) => return Poll::Ready(Ok(ListenerEvent::Lost(count))),
                    None => self.connect_again(error),
                },
                Poll::Pending => {
                    let limit = ready!(self.silence.poll(cx)).length();
                    self.run(Command::Ping(limit));
                }
            }
        }
    }

    async fn ready(&mut self) -> Result<(), Error> {
        poll_fn(|cx| self.poll_ready(cx)).await
    }

    /// Goes on with what is under way until a connection listens.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            match &mut self.state {
                State::Listening(_) => return Poll::Ready(Ok(())),
                State::Busy(job) => {
                    let (connection, result) = ready!(job.poll(cx));
                    let is_usable = connection.is_usable();
                    self.state = State::Listening(connection);
                    match result {
                        Err(error) if is_usable => return Poll::Ready(Err(error)),
                        Err(error) => self.connect_again(error),
                        Ok(()) => self.heard(),
                    }
                }
                State::Connecting(job) => match ready!(job.poll(cx)) {
                    Ok(connection) => self.resume(connection),
                    Err(error) => self.connect_later(error)?,
                },
            }
        }
    }

    /// Runs a command on the connection, if there is one.
    fn run(&mut self, command: Command) {
        self.state = match self.replace_state() {
            State::Listening(connection) => State::Busy(Job::new(command.run(connection))),
            other => other,
        };
    }

    /// Takes what a connection that was lost had still to tell, and begins to make another.
    fn connect_again(&mut self, cause: Error) {
        if let State::Listening(mut connection) = self.replace_state() {
            connection.give_up();
            while let Some(event) = connection.try_notification().transpose().and_then(event_of) {
                self.events.push_back(event);
            }
        }
        self.outage.get_or_insert(Outage { cause, latest: None });
    }

    /// Begins another attempt. Is an error if that cannot be expected to do better.
    fn connect_later(&mut self, error: Error) -> Result<(), Error> {
        self.state = self.connecting();
        if error.ends_the_search() {
            return Err(error);
        }
        if let Some(outage) = &mut self.outage {
            outage.latest = Some(error);
        }
        Ok(())
    }

    fn resume(&mut self, connection: Box<Connection>) {
        self.state = State::Listening(connection);
        self.backoff.reset();
        if let Some(Outage { cause, .. }) = self.outage.take() {
            self.events.push_back(ListenerEvent::Resumed { cause, gap: self.heard_at.elapsed() });
        }
        self.heard();
    }

    /// Takes the state away. What comes in its place makes a connection.
    fn replace_state(&mut self) -> State {
        let connecting = self.connecting();
        std::mem::replace(&mut self.state, connecting)
    }

    fn connecting(&mut self) -> State {
        let (connector, channels) = (Arc::clone(&self.connector), self.channels.clone());
        State::Connecting(Job::new(job::connect(connector, channels, self.backoff.delay())))
    }

    /// Notes that the server has said something.
    fn heard(&mut self) {
        self.heard_at = Instant::now();
        self.silence.set(self.keepalive.map(Limit::Silence));
    }
}

/// Of what a connection that is over still has.
fn event_of(kept: Result<Notification, Error>) -> Option<ListenerEvent> {
    match kept {
        Ok(notification) => Some(ListenerEvent::Notification(notification)),
        Err(error) => error.lost_notifications().map(ListenerEvent::Lost),
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener")
            .field("channels", &self.channels)
            .field("outage", &self.outage())
            .finish_non_exhaustive()
    }
}

/// It has no end. After an error it goes on trying.
impl Stream for Listener {
    type Item = Result<ListenerEvent, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_recv(cx).map(Some)
    }
}
