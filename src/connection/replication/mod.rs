//! Logical replication: what is written to a database, as it is committed.
//!
//! A [`ReplicationClient`] makes a slot and starts a stream on it. A task runs the [`ReplicationDriver`], another one
//! reads the [`ReplicationStream`] and confirms what it has stored. After a lost connection a new client goes on with
//! the slot, behind what was confirmed:
//!
//! ```no_run
//! # async fn example(config: &molt_db::Config) -> Result<(), molt_db::Error> {
//! use std::time::Duration;
//!
//! use molt_db::replication::{ReplicationClient, ReplicationOptions};
//!
//! let options = ReplicationOptions::new("orders_slot").publication("orders");
//! loop {
//!     let lost = async {
//!         let (mut stream, driver) = ReplicationClient::connect(config).await?.start(&options).await?;
//!         tokio::spawn(driver);
//!         while let Some(event) = stream.next().await? {
//!             println!("{event:?}");
//!             event.end_lsn().into_iter().for_each(|end| stream.confirm(end));
//!         }
//!         Ok::<_, molt_db::Error>(())
//!     };
//!     // The server may take a while to notice that the connection before is dead: 55006 until then.
//!     println!("begins anew: {:?}", lost.await);
//!     tokio::time::sleep(Duration::from_secs(1)).await;
//! }
//! # }
//! ```

mod driver;
mod event;
mod interpreter;
mod options;
mod progress;
mod queue;
mod scalar;
mod stream;
mod table;

use std::error::Error as StdError;
use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use molt_db_decode::Format;
use molt_db_protocol::ProtocolError;
use molt_db_protocol::client::{Event, Received};
use molt_db_protocol::message::{CommandTag, CopyDirection};
use molt_db_protocol::replication::pgoutput;
use molt_db_protocol::wire::Tag;

pub use driver::ReplicationDriver;
pub use event::{EmittedMessage, OldRow, Prepared, ReplicationEvent};
pub use molt_db_protocol::replication::{Lsn, PgTimestamp};
pub use options::{ReplicationOptions, SlotOptions, Snapshot, Streaming};
pub use pgoutput::{
    AbortPosition, Begin, Commit, Delivery, ReplicaIdentity, Segment, StreamAbort, StreamCommit, StreamStart,
    TruncateOptions,
};
pub use stream::ReplicationStream;
pub use table::{Table, Tuple};

use self::driver::Link;
use self::interpreter::Interpreter;
use self::progress::Progress;
use super::listen::quoted;
use super::{Connection, ScriptItem};
use crate::config::{Config, Replication};
use crate::error::{Error, Kind};

/// A connection for logical replication: it makes slots and starts streams.
///
/// It needs `wal_level=logical`, a role that may replicate and a publication of the tables.
///
/// ```no_run
/// # async fn example() -> Result<(), molt_db::Error> {
/// use molt_db::Config;
/// use molt_db::replication::{ReplicationClient, ReplicationEvent, ReplicationOptions, SlotOptions};
///
/// let config: Config = "postgres://app@db.example/shop".parse()?;
/// let mut client = ReplicationClient::connect(&config).await?;
/// client.create_slot("orders_slot", &SlotOptions::new().temporary()).await?;
/// let options = ReplicationOptions::new("orders_slot").publication("orders");
/// let (mut stream, driver) = client.start(&options).await?;
/// tokio::spawn(driver);
/// while let Some(event) = stream.next().await? {
///     if let ReplicationEvent::Insert { table, new, .. } = &event {
///         println!("{}: {}", table.name(), new.get::<i64>("id")?);
///     }
///     if let Some(end) = event.end_lsn() {
///         stream.confirm(end);
///     }
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct ReplicationClient {
    connection: Box<Connection>,
}

/// What IDENTIFY_SYSTEM says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SystemIdentity {
    /// The number that a cluster and its standbys have in common.
    pub system_id: String,
    /// Its timeline.
    pub timeline: u32,
    /// Where its log ends.
    pub position: Lsn,
    /// The database of this connection.
    pub database: Option<String>,
}

/// A slot that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CreatedSlot {
    /// Its name.
    pub name: String,
    /// Where it begins: what commits behind this is streamed.
    pub consistent_point: Lsn,
    /// The snapshot of the database at that point, if [`Snapshot::Export`] was asked for.
    pub snapshot: Option<String>,
}

/// A stream could not be started: why, and the client. Turns into the [`Error`] by `?`.
pub struct StartRefused {
    /// Why: 42704, there is no such slot; 55006, it is in use; [`Error::is_connection_lost`].
    pub error: Error,
    /// The client, which takes further commands unless the connection is lost.
    pub client: ReplicationClient,
}

impl ReplicationClient {
    pub(super) fn new(connection: Box<Connection>) -> Self {
        Self { connection }
    }

    /// Connects as [`Connection::connect`] does, for replication: `replication=database` is set here.
    ///
    /// # Errors
    ///
    /// As [`Connection::connect`]; 42501, the role may not replicate.
    ///
    /// # Cancel safety
    ///
    /// A dropped future closes what it opened.
    pub async fn connect(config: &Config) -> Result<Self, Error> {
        let config = config.clone().replication(Replication::Logical);
        Ok(Self::new(Box::new(Connection::connect(&config).await?)))
    }

    /// Returns the connection, on which [`Connection::script`] and [`Connection::script_results`] run statements as
    /// text: the server takes nothing else here.
    pub fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Asks which cluster it is, and where its log ends.
    ///
    /// # Errors
    ///
    /// The server's; [`Error::is_connection_lost`]; [`Error::is_timeout`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves the connection unsettled. Nothing is changed.
    pub async fn identify_system(&mut self) -> Result<SystemIdentity, Error> {
        let row = self.row("IDENTIFY_SYSTEM").await?;
        let [system_id, timeline, position, database] = fields(row)?;
        Ok(SystemIdentity {
            system_id: system_id.ok_or_else(odd)?,
            timeline: parsed(timeline)?,
            position: parsed(position)?,
            database,
        })
    }

    /// Makes a slot for the plugin `pgoutput`. It waits until all transactions that run have ended.
    ///
    /// # Errors
    ///
    /// The server's: 42710, there is one of this name; 55000, `wal_level` is not `logical`; 53400, there are too many.
    /// [`Error::is_connection_lost`]; [`Error::is_timeout`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves the connection unsettled; the slot may have been made.
    pub async fn create_slot(&mut self, name: &str, options: &SlotOptions) -> Result<CreatedSlot, Error> {
        let row = self.row(&options.command(name)?).await?;
        let [name, consistent_point, snapshot, _plugin] = fields(row)?;
        Ok(CreatedSlot { name: name.ok_or_else(odd)?, consistent_point: parsed(consistent_point)?, snapshot })
    }

    /// Drops a slot. One that is in use is waited for.
    ///
    /// # Errors
    ///
    /// The server's: 42704, there is none of this name. [`Error::is_connection_lost`]; [`Error::is_timeout`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves the connection unsettled; the slot may have been dropped.
    pub async fn drop_slot(&mut self, name: &str) -> Result<(), Error> {
        let command = format!("DROP_REPLICATION_SLOT {} WAIT", quoted(name)?);
        self.connection.script(&command).await.map(drop)
    }

    /// Starts a stream on a slot. Spawn the driver: the stream stands still until it runs.
    ///
    /// # Errors
    ///
    /// [`StartRefused`], which gives the client back: 42704 for a slot that does not exist, 55006 for one that is in
    /// use, also by a connection that the server has not found dead yet; 08P01 for options that this version does not
    /// have. A publication that does not exist is an error of the stream, at the first change.
    ///
    /// # Cancel safety
    ///
    /// A dropped future closes the connection. Nothing was confirmed.
    pub async fn start(
        mut self,
        options: &ReplicationOptions,
    ) -> Result<(ReplicationStream, ReplicationDriver), StartRefused> {
        match self.begin(options).await {
            Ok(interval) => Ok(self.streaming(options, interval)),
            Err(error) => Err(StartRefused { error, client: self }),
        }
    }

    /// Says goodbye and closes.
    ///
    /// # Errors
    ///
    /// As [`Connection::close`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future closes the connection.
    pub async fn close(self) -> Result<(), Error> {
        self.connection.close().await
    }

    fn streaming(
        self,
        options: &ReplicationOptions,
        interval: Duration,
    ) -> (ReplicationStream, ReplicationDriver) {
        let (reader, feeder) = queue::queue(options.max_events, options.max_bytes);
        let format = if options.is_binary(self.server()) { Format::Binary } else { Format::Text };
        let interpreter = Interpreter::new(options.version(), format);
        let link = Link::new(self.connection, interpreter, Progress::new(options.begins()));
        (ReplicationStream::new(reader), ReplicationDriver::new(link, feeder, interval))
    }

    /// Has the server begin the stream. Returns how often it wants to hear from us.
    async fn begin(&mut self, options: &ReplicationOptions) -> Result<Duration, Error> {
        let patience = "select setting from pg_catalog.pg_settings where name = 'wal_sender_timeout'";
        let [millis] = fields(self.row(patience).await?)?;
        let interval = options.reports_every(Duration::from_millis(parsed(millis)?));
        let command = options.command(self.server())?;
        self.connection.begin_stream(&command).await?;
        Ok(interval)
    }

    /// Returns the major version of the server.
    fn server(&self) -> u32 {
        let version = self.connection.parameter("server_version").unwrap_or_default();
        let digits = version.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        digits.parse().unwrap_or_default()
    }

    /// Runs a command and returns its last row.
    async fn row(&mut self, command: &str) -> Result<Vec<Option<String>>, Error> {
        let mut results = self.connection.script_results(command).await?;
        let mut last = Vec::new();
        while let Some(item) = results.next().await? {
            if let ScriptItem::Row(row) = item {
                let fields: Result<_, _> = (0..row.len()).map(|field| row.get(field)).collect();
                last = fields?;
            }
        }
        Ok(last)
    }
}

impl Connection {
    /// Runs START_REPLICATION up to where both sides copy.
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves the connection unsettled: the stream may have begun.
    async fn begin_stream(&mut self, command: &str) -> Result<(), Error> {
        self.ready_for_script(command).await?;
        let (_, output) = self.transport.buffers();
        self.client.copy(command, CopyDirection::Both, output)?;
        self.command_begins(command);
        poll_fn(|cx| self.poll_begun(cx)).await
    }

    fn poll_begun(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            let (input, output) = self.transport.buffers();
            let (consumed, event) = match self.client.receive(input, output) {
                Ok(Received::Event { consumed, event }) => (consumed, event),
                Ok(Received::Partial { consumed, needed }) => {
                    self.transport.take(consumed, 0);
                    match self.transport.poll_exchange(cx, needed) {
                        Poll::Ready(Ok(())) => continue,
                        Poll::Ready(Err(error)) => return Poll::Ready(Err(self.lost(error))),
                        Poll::Pending => return self.poll_limits(cx),
                    }
                }
                Err(error) => return Poll::Ready(Err(Error::session(error, self.end()))),
            };
            let begun = match event {
                Event::Copy(CopyDirection::Both, _) => Some(Ok(())),
                Event::Finished(result) => Some(self.outcome(result).and_then(|_: CommandTag| Err(odd()))),
                Event::Notice(notice) => {
                    self.notices.take(notice);
                    None
                }
                Event::Notification(notification) => {
                    self.inbox.take(notification);
                    None
                }
                _ => None,
            };
            self.transport.take(consumed, 0);
            if let Some(begun) = begun {
                return Poll::Ready(begun);
            }
        }
    }
}

impl From<StartRefused> for Error {
    fn from(refused: StartRefused) -> Self {
        refused.error
    }
}

impl fmt::Display for StartRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl fmt::Debug for StartRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartRefused").field("error", &self.error).finish_non_exhaustive()
    }
}

impl StdError for StartRefused {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.error)
    }
}

/// Takes the fields of a row that has so many.
fn fields<const N: usize>(row: Vec<Option<String>>) -> Result<[Option<String>; N], Error> {
    row.try_into().map_err(|_| odd())
}

fn parsed<T: std::str::FromStr>(field: Option<String>) -> Result<T, Error> {
    field.and_then(|text| text.parse().ok()).ok_or_else(odd)
}

/// Only what is no PostgreSQL answers so.
fn odd() -> Error {
    let reason = "it does not answer a command of replication";
    Kind::Protocol(ProtocolError::Unacceptable { tag: Tag::DataRow, reason }).into()
}
