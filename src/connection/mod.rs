//! A session with a server, driven by whoever holds it.

mod batch;
mod batch_results;
mod batches;
mod cancel;
mod connector;
mod copy;
mod copy_text;
mod database_types;
mod exchange;
#[cfg(feature = "ipc")]
mod ipc;
mod listen;
mod notices;
mod notifications;
mod observed;
mod portal;
mod query;
pub mod replication;
mod reset;
mod row_set;
mod rows;
mod savepoint;
mod scoped;
mod script;
mod settle;
mod slow;
mod statement;
mod transaction;
mod typed_rows;

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use molt_db_decode::{Columns, Format, Parameters, Params, RowLayout};
use molt_db_protocol::client::{Arguments, AuthMethod, Client, CommandError, Description, Leading};
use molt_db_protocol::message::{CommandTag, ServerError, SqlState, TransactionStatus, WireFormat};
use tokio::io::{AsyncRead, AsyncWrite};

pub use batch::Batch;
pub use batch_results::{BatchResults, Outcome};
pub use batches::Batches;
pub use cancel::Canceller;
pub use connector::Connector;
pub(crate) use connector::random_u64;
pub use copy::{CopyChunks, CopyIn, CopyInRows, CopyOut, CopyOutRows};
use database_types::DatabaseTypes;
#[cfg(feature = "ipc")]
pub use ipc::IpcStream;
pub use listen::Notifications;
pub(crate) use listen::quoted as quoted_channel;
pub use notifications::Notification;
use observed::Role;
pub use portal::Portal;
pub use query::Query;
pub use row_set::RowSet;
pub use rows::{OwnedRows, Rows};
pub use savepoint::Savepoint;
pub use script::{ScriptItem, ScriptResults};
pub use slow::SlowStatement;
pub use statement::{Sql, Statement};
pub(crate) use transaction::is_because_of_others;
pub use transaction::{Begin, IsolationLevel, Transaction};
pub use typed_rows::TypedRows;

use crate::config::{AfterCancel, Config, ProtocolVersion};
use crate::error::{Error, Fate, Kind, ReplicationProblem, TransactionProblem};
use crate::net::{Limit, OwnStream, Timer, Transport};
use crate::observe::Probe;
use crate::scope::{Scope, ScopeWatch};
use crate::warden::Ward;
use exchange::Step;
use notices::Notices;
use notifications::Inbox;
use settle::Waits;
use slow::Slow;
use statement::check_types;

/// A connection to a PostgreSQL server.
///
/// It does its work in the calls on it: there is no task behind it to spawn, and nothing happens between calls. One
/// query runs at a time, by `&mut`; a [`Pool`](crate::Pool) gives many tasks a connection each.
///
/// # Cancel safety
///
/// A future or stream of this type may be dropped at any point. If that leaves a query unfinished, the connection is
/// *unsettled*: [`Connection::is_usable`] says no and every further call is refused, until [`Connection::settle`] has
/// brought it to rest, which is what the pool does when it comes back. What the query did may have been committed.
/// [`Rows::next`] and [`Batches::next`] lose nothing when their future is dropped: call them again.
///
/// ```no_run
/// # async fn example() -> Result<(), molt_db::Error> {
/// use molt_db::{Config, Connection};
///
/// let config: Config = "postgres://app:secret@db.example/shop?sslmode=verify-full".parse()?;
/// let mut connection = Connection::connect(&config).await?;
/// let (name, total): (String, i64) =
///     connection.query("select name, total from orders where id = $1").bind(7_i64).one().await?;
/// connection.close().await?;
/// # Ok(()) }
/// ```
pub struct Connection {
    transport: Transport,
    client: Box<Client>,
    version: ProtocolVersion,
    timer: Timer,
    query_timeout: Option<Duration>,
    after_cancel: AfterCancel,
    canceller: Option<Canceller>,
    state: State,
    params: Params,
    types: Vec<u32>,
    formats: Vec<WireFormat>,
    database_types: Arc<DatabaseTypes>,
    /// Whether types were looked up that the transaction may have made.
    learned_in_transaction: bool,
    layout: RowLayout,
    notices: Notices,
    inbox: Inbox,
    /// Whether LISTEN was sent for the caller, and nothing since that ends all of it.
    listens: bool,
    /// Whether the server takes commands of the simple protocol alone, because the session is to replicate.
    is_simple: bool,
    waits: Waits,
    watch: ScopeWatch,
    /// What the warden of a pool and this know of each other.
    ward: Option<Arc<Ward>>,
    slow: Slow,
    /// `None` where nothing is measured.
    probe: Option<Probe>,
    /// What commands are to those who watch, if not operations.
    role: Role,
    /// Of all connections of the process.
    number: u64,
    /// The BEGIN of the transaction that a handle owns.
    scope: Option<Leading>,
    /// The ROLLBACK of one that was dropped, and the ROLLBACK TO of a savepoint that was.
    rollback: Option<Leading>,
    rollback_to: Option<Leading>,
    savepoints: u64,
    /// Why the latest command failed, if it did; of a transaction that has failed, why that has.
    latest_code: Option<SqlState>,
    /// How many bytes had gone out before the command that is under way.
    accepted_before: u64,
}

/// Whether the session goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Over,
}

impl Connection {
    /// Connects and authenticates, within `connect_timeout` for each address.
    ///
    /// Hosts are tried one after the other, and so are the addresses of each. The first is taken that opens a session
    /// of the kind that `target_session_attrs` names. One that does not let us in (28P01 for a wrong password, 3D000
    /// for an unknown database) or that is not to be trusted with the password is the last that is tried.
    ///
    /// Files that the configuration names (certificates, keys) are read here; a [`Connector`] reads them once.
    ///
    /// # Errors
    ///
    /// [`Error::is_config`]: no user is named, or options contradict each other. [`Error::is_connect`]: the text
    /// names each host and its cause, and so does [`Error::attempts`]. A server's own refusal is in
    /// [`Error::server`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future closes what it opened.
    pub async fn connect(config: &Config) -> Result<Self, Error> {
        Connector::new(config)?.connect().await
    }

    /// Connects as [`Connection::connect`] does, within a scope, which the connection then obeys.
    ///
    /// # Errors
    ///
    /// Those of [`Connection::connect`]; [`Error::is_timeout`] or [`Error::is_cancelled`] if the scope ends first. One that
    /// has ended already dials nothing.
    ///
    /// # Cancel safety
    ///
    /// A dropped future closes what it opened.
    pub async fn connect_within(config: &Config, scope: Scope) -> Result<Self, Error> {
        Connector::new(config)?.connect_within(scope).await
    }

    /// Authenticates over a stream that is open already, within `connect_timeout`: a tunnel, a proxy, a pipe in memory.
    ///
    /// TLS is spoken over it as `sslmode` says, with a certificate for the configuration's host; disable it where the
    /// stream is encrypted already. `prefer` and `allow` have this one try. The stream has no address, so such a
    /// session cannot be cancelled, and [`Connection::canceller`] is an error; [`Config::dial_with`] opens streams
    /// that can.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use molt_db::{Config, Connection};
    /// use tokio::net::TcpStream;
    ///
    /// let tunnel = TcpStream::connect("127.0.0.1:7000").await?;
    /// let config: Config = "postgres://app:secret@db.internal/shop?sslmode=verify-full".parse()?;
    /// let connection = Connection::connect_with(&config, tunnel).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Connection::connect`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future drops the stream.
    pub async fn connect_with<S>(config: &Config, stream: S) -> Result<Self, Error>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        Connector::new(config)?.connect_with(OwnStream::new(stream)).await
    }

    /// Begins a query: bind its parameters, then choose how its rows are to come.
    ///
    /// `sql` is a text with parameters `$1`, `$2` and so on, or a [`Statement`]. A text is prepared at its first use
    /// on this connection and found again from then on, up to `statement_cache_size` of them.
    pub fn query<'s>(&mut self, sql: impl Sql<'s>) -> Query<'_, 's> {
        Query::new(self, sql.text(), sql.types())
    }

    /// Runs a statement and returns the number of rows that it touched, or returned.
    ///
    /// # Errors
    ///
    /// Those of [`Query::execute`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves the connection unsettled; the statement may have been committed.
    pub async fn execute<'s>(
        &mut self,
        sql: impl Sql<'s>,
        parameters: impl Parameters,
    ) -> Result<u64, Error> {
        self.query(sql).bind_all(parameters).execute().await
    }

    /// Runs any number of statements as text, without parameters, and drops the rows that they return.
    ///
    /// They are one transaction, unless they say otherwise: when one fails, those before it are undone.
    ///
    /// # Errors
    ///
    /// The server's, of the first statement that fails; [`Error::is_connection_lost`]; [`Error::is_timeout`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves the connection unsettled; the statements may have been committed.
    pub async fn script(&mut self, sql: &str) -> Result<CommandTag, Error> {
        self.ready_for_script(sql).await?;
        let (_, output) = self.transport.buffers();
        self.client.script(sql, output)?;
        self.command_begins(sql);
        loop {
            if let Step::Finished(result) = self.step().await? {
                return result;
            }
        }
    }

    /// Prepares a statement, in one round trip, and returns what it takes and returns.
    ///
    /// The types of its parameters are inferred by the server. Running the [`Statement`] refuses parameters of
    /// another number or type before anything is sent.
    ///
    /// # Errors
    ///
    /// The server's; [`Error::is_connection_lost`]; [`Error::is_timeout`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves the connection unsettled. Preparing has no effect on data.
    pub async fn prepare(&mut self, sql: &str) -> Result<Statement, Error> {
        let description = self.describe(sql, &[]).await?;
        self.learn_types_of(&description).await?;
        self.database_types.foresee(sql, description.parameters());
        Ok(Statement::new(sql, &description, self.columns_of(&description)))
    }

    /// Prepares a statement, unless that was done before, and returns what the server says of it.
    async fn describe(&mut self, sql: &str, types: &[u32]) -> Result<Arc<Description>, Error> {
        self.ready_for_command()?;
        self.check_sendable(|| sql.is_ascii())?;
        let (_, output) = self.transport.buffers();
        if let Some(description) = self.client.prepare(sql, types, output)? {
            return Ok(description);
        }
        self.command_begins(sql);
        loop {
            if let Step::Finished(result) = self.step().await? {
                result?;
                return Ok(self.client.description().map(Arc::clone).unwrap_or_default());
            }
        }
    }

    /// Returns what cancels the query that runs on this connection, from any task or thread.
    ///
    /// # Errors
    ///
    /// The server gave no key: some poolers do not. The session runs over a stream without an address
    /// ([`Connection::connect_with`]).
    pub fn canceller(&self) -> Result<Canceller, Error> {
        let missing = || match self.client.cancel_key() {
            Some(_) => Kind::NoCancelAddress.into(),
            None => Kind::NoCancelKey.into(),
        };
        self.canceller.clone().ok_or_else(missing)
    }

    /// Tells the server that the session is over, and closes. What is open is rolled back.
    ///
    /// A connection that is dropped is closed too; the server then notices by itself.
    ///
    /// # Errors
    ///
    /// The message could not be delivered, or not within five seconds. The connection is closed all the same.
    ///
    /// # Cancel safety
    ///
    /// A dropped future closes the connection.
    pub async fn close(mut self) -> Result<(), Error> {
        let (_, output) = self.transport.buffers();
        self.client.terminate(output);
        self.timer.set(Some(Limit::Call(CLOSE_TIMEOUT)));
        poll_fn(|cx| self.poll_close(cx)).await
    }

    /// Tells whether the connection can take another query: it is open, and no query was left unfinished on it.
    pub fn is_usable(&self) -> bool {
        !self.is_over() && self.client.is_settled()
    }

    /// Returns where the session stands, as the server said last.
    pub fn transaction_status(&self) -> TransactionStatus {
        self.client.status()
    }

    /// Returns the latest value of a setting that the server reports by itself: `server_version`, `TimeZone`,
    /// `in_hot_standby` and a dozen more.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.client.parameters().get(name)
    }

    /// Returns how the server was convinced of who we are.
    pub fn auth_method(&self) -> AuthMethod {
        self.client.auth_method()
    }

    /// Returns the version of the protocol that is spoken.
    pub fn protocol_version(&self) -> ProtocolVersion {
        self.version
    }

    /// Returns the version of TLS and the cipher suite, `None` of a connection in the clear.
    pub fn encryption(&self) -> Option<String> {
        self.transport.stream().encryption()
    }

    /// Returns the server's process of this session, as in `pg_stat_activity.pid`.
    pub fn backend_pid(&self) -> Option<i32> {
        self.client.cancel_key().map(|key| key.process())
    }

    /// Takes the notices and warnings that came since the last call, the oldest first.
    ///
    /// The latest 64 are kept; none where [`Config::on_notice`] has them.
    pub fn take_notices(&mut self) -> impl Iterator<Item = ServerError> + '_ {
        self.notices.drain()
    }

    /// Refuses a command on a connection that cannot take one.
    fn ready_for_command(&mut self) -> Result<(), Error> {
        self.ready()?;
        // PG docs: protocol-replication: "only the simple query protocol can be used"
        if self.is_simple { Err(Kind::Replication(ReplicationProblem::SimpleOnly).into()) } else { Ok(()) }
    }

    /// As that, of a command of the simple protocol.
    fn ready(&mut self) -> Result<(), Error> {
        if self.state == State::Open && self.transport.has_hung_up() {
            return Err(self.lost(io::ErrorKind::ConnectionAborted.into()));
        }
        match (self.state, self.client.is_settled()) {
            (State::Open, true) if self.has_lost_its_transaction() => {
                Err(Kind::Transaction(TransactionProblem::Ended).into())
            }
            (State::Open, true) => match self.watch.scope().end() {
                Some(over) => Err(Kind::ScopeOver { over, outcome: Fate::None }.into()),
                None => Ok(()),
            },
            (State::Open, false) => Err(Kind::Unsettled.into()),
            (State::Over, _) => Err(Kind::Over.into()),
        }
    }

    /// Tells whether the transaction that a handle owns has been ended by something else: what runs on the handle must
    /// not run outside of it.
    fn has_lost_its_transaction(&self) -> bool {
        let begun = self.scope.is_some_and(|begin| !self.client.still_leads(begin));
        begun && self.client.status() == TransactionStatus::Idle
    }

    /// Puts the query whose parameters are bound into the send buffer, and its limit of time in force.
    fn send_query(&mut self, sql: &str, declared: Option<&[u32]>) -> Result<(), Error> {
        self.send_with(sql, declared, Client::query)
    }

    fn send_with<T>(
        &mut self,
        sql: &str,
        declared: Option<&[u32]>,
        send: impl FnOnce(&mut Client, &str, &Arguments<'_>, &mut Vec<u8>) -> Result<T, CommandError>,
    ) -> Result<T, Error> {
        self.try_send(sql, declared, send).inspect_err(|_| self.watch_unsent())
    }

    fn try_send<T>(
        &mut self,
        sql: &str,
        declared: Option<&[u32]>,
        send: impl FnOnce(&mut Client, &str, &Arguments<'_>, &mut Vec<u8>) -> Result<T, CommandError>,
    ) -> Result<T, Error> {
        self.ready_for_command()?;
        self.check_sendable(|| sql.is_ascii() && self.params.is_ascii())?;
        self.types.clear();
        match declared {
            Some(declared) => check_types(declared, &self.params)?,
            None => self.types.extend(self.params.oids().iter().map(|oid| oid.0)),
        }
        self.formats.clear();
        self.formats.extend(self.params.formats().iter().map(|format| match format {
            Format::Text => WireFormat::Text,
            Format::Binary => WireFormat::Binary,
        }));
        let arguments = Arguments {
            types: declared.unwrap_or(&self.types),
            formats: &self.formats,
            values: self.params.values(),
        };
        let (_, output) = self.transport.buffers();
        let sent = send(&mut self.client, sql, &arguments, output)?;
        self.command_begins(sql);
        Ok(sent)
    }

    /// Puts the limit of time of a call in force, and whatever else watches over a command.
    fn command_begins(&mut self, sql: &str) {
        self.timer.set(self.query_timeout.map(Limit::Call));
        self.watch_begins(sql);
        self.accepted_before = self.transport.accepted();
        self.note_business();
    }

    /// Returns the columns of the result that has begun.
    fn columns(&self) -> Columns {
        self.client.description().map_or_else(Columns::default, |description| self.columns_of(description))
    }

    /// Returns the columns of a description, with what is known of their types.
    fn columns_of(&self, description: &Description) -> Columns {
        description.compiled(statement::columns).described(&self.database_types)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("backend_pid", &self.backend_pid())
            .field("encryption", &self.encryption())
            .field("transaction", &self.transaction_status())
            .field("usable", &self.is_usable())
            .finish_non_exhaustive()
    }
}

const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
