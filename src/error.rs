mod attempt;
mod cause;
mod kind;

use std::error::Error as StdError;
use std::fmt;
use std::io;

use molt_db_decode::arrow::BatchError;
use molt_db_decode::copy::{CopyError, CopyRowError};
use molt_db_decode::{EncodeError, RowError, ValueError};
use molt_db_pool::{AcquireError, PoolExhausted};
use molt_db_protocol::client::{CommandError, SessionError};
use molt_db_protocol::message::{ServerError, SqlState};

use crate::config::{ConfigError, Endpoint};
use crate::connection::is_because_of_others;
use crate::scope::{ScopeEnd, ScopeOver};

pub use attempt::ConnectAttempt;
pub(crate) use cause::ConnectCause;
pub(crate) use kind::{
    CopyRefused, Fate, Found, Kind, ListenProblem, Lost, ReplicationProblem, TransactionProblem,
};

/// Whatever goes wrong between a caller and its server: what happened, and whose fault it is.
///
/// The `is_` methods tell the kinds apart that a caller acts on. An error of the server comes whole, by
/// [`Error::server`]. Texts name hosts, SQLSTATEs, columns and types; our own never hold a password, a parameter or a
/// value of a row. The server's do where it quotes them (`Key (id)=(1) already exists`).
pub struct Error {
    kind: Box<Kind>,
    of: Option<Box<Of>>,
}

/// What an error is of.
#[derive(Default)]
struct Of {
    /// The number of a statement of a batch.
    statement: Option<usize>,
    sql: Option<Box<str>>,
}

impl Error {
    /// Returns what the server said, with all of its fields, if the server refused. Of several servers that were tried
    /// in turn it is the last that said something.
    pub fn server(&self) -> Option<&ServerError> {
        match &*self.kind {
            Kind::Server(error) | Kind::Lost { cause: Lost::Fatal(error), .. } => Some(error),
            _ => self.attempts().iter().rev().find_map(ConnectAttempt::server),
        }
    }

    /// Returns the attempts to connect that failed, in the order in which they were made: one for every address of
    /// every host, up to the one that ended it all. None if the error is not one of connecting.
    ///
    /// With [`PreferStandby`](crate::config::TargetSessionAttrs::PreferStandby) these are the attempts of the second
    /// round, in which any server would have done, if there was one.
    pub fn attempts(&self) -> &[ConnectAttempt] {
        match &*self.kind {
            Kind::Connect(attempts) => attempts,
            Kind::Cancel(attempt) => std::slice::from_ref(attempt),
            Kind::Exhausted(state) => connect_failure(state).map_or(&[], Self::attempts),
            _ => &[],
        }
    }

    /// Returns the SQLSTATE, if the server refused.
    pub fn code(&self) -> Option<SqlState> {
        self.server().map(ServerError::code)
    }

    /// Tells whether no connection came about: refused, unreachable, unknown certificate, wrong password. Of a pool that had
    /// no connection to give, whether that is why.
    pub fn is_connect(&self) -> bool {
        match &*self.kind {
            Kind::Connect(_) | Kind::Cancel(_) => true,
            Kind::Exhausted(state) => connect_failure(state).is_some(),
            _ => false,
        }
    }

    /// Tells whether the configuration was refused, before anything was dialled.
    pub fn is_config(&self) -> bool {
        matches!(*self.kind, Kind::Config(_) | Kind::PoolSettings(_))
    }

    /// Tells whether an established connection was lost, by the network or because the server ended it, in this call or
    /// in an earlier one.
    pub fn is_connection_lost(&self) -> bool {
        matches!(*self.kind, Kind::Lost { .. } | Kind::Over | Kind::Replication(ReplicationProblem::Undriven))
    }

    /// Tells whether nobody can know if the command took effect: it was on its way and its final answer never came.
    /// Whether to repeat it is for the caller to judge.
    pub fn is_outcome_unknown(&self) -> bool {
        matches!(
            *self.kind,
            Kind::Lost { outcome: Fate::Unknown, .. }
                | Kind::Timeout { outcome: Fate::Unknown, .. }
                | Kind::ScopeOver { outcome: Fate::Unknown, .. }
        )
    }

    /// Tells whether a limit of time passed: `connect_timeout`, `query_timeout`, `max_wait` or the deadline of a scope. Of several servers that
    /// were tried in turn it passed for each.
    pub fn is_timeout(&self) -> bool {
        let attempts = self.attempts();
        let each_timed_out = !attempts.is_empty() && attempts.iter().all(ConnectAttempt::is_timeout);
        let timed_out = matches!(
            *self.kind,
            Kind::Timeout { .. }
                | Kind::ScopeOver { over: ScopeOver { end: ScopeEnd::Deadline, .. }, .. }
                | Kind::Exhausted(_)
        );
        each_timed_out || timed_out
    }

    /// Tells whether the server ended the query because it was cancelled (57014): by a
    /// [`Canceller`](crate::Canceller), by `statement_timeout`, or by an administrator; or whether its
    /// [scope](crate::Scope) was cancelled.
    pub fn is_cancelled(&self) -> bool {
        let by_scope =
            matches!(*self.kind, Kind::ScopeOver { over: ScopeOver { end: ScopeEnd::Cancelled, .. }, .. });
        by_scope || self.code() == Some(SqlState::QUERY_CANCELED)
    }

    /// Tells whether the pool had no connection to give within `max_wait`, see [`Error::pool_exhausted`], or did not even
    /// let the caller wait for one, because as many did as its lane allows.
    pub fn is_pool_exhausted(&self) -> bool {
        matches!(*self.kind, Kind::Exhausted(_) | Kind::QueueFull(_))
    }

    /// Returns the state of the pool when it had no connection to give within `max_wait`.
    pub fn pool_exhausted(&self) -> Option<&PoolExhausted> {
        match &*self.kind {
            Kind::Exhausted(state) => Some(state),
            _ => None,
        }
    }

    /// Tells whether connecting failed, and the last server that was tried may let us in a little later.
    pub(crate) fn is_worth_another_connect(&self) -> bool {
        self.attempts().last().is_some_and(|attempt| attempt.cause().may_pass())
    }

    /// Tells whether the server broke the protocol. Its connection is closed.
    pub fn is_protocol_violation(&self) -> bool {
        let of_connecting = |attempt: &ConnectAttempt| attempt.cause().is_protocol_violation();
        let of_rows =
            matches!(*self.kind, Kind::Row(_) | Kind::Batch(BatchError::Row { .. }) | Kind::CopyData(_));
        of_rows || matches!(*self.kind, Kind::Protocol(_)) || self.attempts().iter().any(of_connecting)
    }

    /// Tells whether a value could not be read as the type that was asked for, or a parameter not be written.
    pub fn is_conversion(&self) -> bool {
        matches!(
            *self.kind,
            Kind::Value(_)
                | Kind::Batch(BatchError::Value { .. })
                | Kind::Parameter(_)
                | Kind::ParameterType { .. }
                | Kind::CopyRow(_)
        )
    }

    /// Tells whether there was no row, or more than one, where one was wanted.
    pub fn is_row_count(&self) -> bool {
        matches!(*self.kind, Kind::RowCount { .. })
    }

    /// Tells whether the SQL was a COPY from or to the client, which a query cannot carry, or was not the COPY that was
    /// asked for.
    pub fn is_copy(&self) -> bool {
        matches!(*self.kind, Kind::Copy(_))
    }

    /// Tells whether the connection was left in the middle of a query, by a future or a stream that was dropped, or by a
    /// limit of time.
    pub fn is_unsettled(&self) -> bool {
        matches!(*self.kind, Kind::Unsettled)
    }

    /// Tells whether a transaction could not be committed, because something in it had failed or was walked away from: it
    /// is rolled back.
    pub fn is_aborted(&self) -> bool {
        matches!(*self.kind, Kind::Transaction(TransactionProblem::Aborted))
    }

    /// Tells whether a transaction was in the way, or missing: one was to begin inside of another, a portal was wanted
    /// outside of one, or one had been ended by something else than its handle.
    pub fn is_transaction_state(&self) -> bool {
        matches!(*self.kind, Kind::Transaction(_)) && !self.is_aborted()
    }

    /// Tells whether running the same again, the whole transaction where there was one, may succeed and does nothing
    /// twice: the server rolled it back for the sake of others (40001 serialization_failure, 40P01 deadlock_detected),
    /// or the connection was lost before any of it was sent, and another is needed.
    ///
    /// A lock that was not to be waited for (55P03) is the caller's own choice and does not count.
    pub fn is_retryable(&self) -> bool {
        let by_others = || self.code().is_some_and(is_because_of_others);
        by_others() || (self.is_connection_lost() && self.is_unsent())
    }

    /// Tells whether nothing of the command has left this process: it had no effect.
    pub fn is_unsent(&self) -> bool {
        match &*self.kind {
            Kind::Lost { outcome, .. } | Kind::Timeout { outcome, .. } | Kind::ScopeOver { outcome, .. } => {
                *outcome == Fate::None
            }
            Kind::Server(_)
            | Kind::Protocol(_)
            | Kind::Row(_)
            | Kind::Batch(_)
            | Kind::Value(_)
            | Kind::RowCount { .. }
            | Kind::CopyData(_)
            | Kind::Cancel(_)
            | Kind::NoResult
            | Kind::Transaction(TransactionProblem::Aborted)
            | Kind::ForeignEncoding { .. } => false,
            Kind::Copy(problem) => *problem == CopyRefused::Batched,
            _ => true,
        }
    }

    /// Returns how many notifications gave way because nobody had taken them in time, if it tells of that. The
    /// connection goes on, and the next ones are there.
    pub fn lost_notifications(&self) -> Option<u64> {
        match *self.kind {
            Kind::Listening(ListenProblem::Lost(count)) => Some(count),
            _ => None,
        }
    }

    /// Tells whether connecting again cannot be expected to do better.
    pub(crate) fn ends_the_search(&self) -> bool {
        self.attempts().last().is_some_and(|attempt| attempt.cause().ends_the_search())
    }

    /// Returns which statement of a [`Batch`](crate::Batch) it is of, counted from 0.
    pub fn statement(&self) -> Option<usize> {
        self.of.as_ref()?.statement
    }

    /// Tells whether somebody has set `client_encoding` to something else than UTF8, so that text cannot be sent or
    /// read.
    pub fn is_foreign_encoding(&self) -> bool {
        matches!(*self.kind, Kind::ForeignEncoding { .. })
    }

    /// Returns the text of the query that it is of, up to the first 1,000 bytes. Parameters are not part of it.
    pub fn sql(&self) -> Option<&str> {
        self.of.as_ref()?.sql.as_deref()
    }

    pub(crate) fn of_sql(mut self, sql: &str) -> Self {
        let mut end = sql.len().min(LONGEST_SQL);
        while !sql.is_char_boundary(end) {
            end -= 1;
        }
        self.of.get_or_insert_default().sql.get_or_insert_with(|| sql[..end].into());
        self
    }

    pub(crate) fn of_statement(mut self, statement: usize) -> Self {
        self.of.get_or_insert_default().statement = Some(statement);
        self
    }

    pub(crate) fn connect(endpoint: Endpoint, cause: ConnectCause) -> Self {
        Kind::Connect(vec![ConnectAttempt::new(endpoint, cause)]).into()
    }
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Self {
        Self { kind: Box::new(kind), of: None }
    }
}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Kind::Config(error).into()
    }
}

impl From<ValueError> for Error {
    fn from(error: ValueError) -> Self {
        Kind::Value(error).into()
    }
}

impl From<BatchError> for Error {
    fn from(error: BatchError) -> Self {
        Kind::Batch(error).into()
    }
}

impl From<RowError> for Error {
    fn from(error: RowError) -> Self {
        Kind::Row(error).into()
    }
}

impl From<EncodeError> for Error {
    fn from(error: EncodeError) -> Self {
        Kind::Parameter(error).into()
    }
}

impl From<CopyError> for Error {
    fn from(error: CopyError) -> Self {
        Kind::CopyData(error).into()
    }
}

impl From<CopyRowError> for Error {
    fn from(error: CopyRowError) -> Self {
        Kind::CopyRow(error).into()
    }
}

impl From<CommandError> for Error {
    fn from(error: CommandError) -> Self {
        Kind::Command(error).into()
    }
}

impl Error {
    /// An error that ended the session.
    pub(crate) fn session(error: SessionError, outcome: Fate) -> Self {
        match error {
            SessionError::Fatal(error) => Kind::Lost { cause: Lost::Fatal(error), outcome }.into(),
            SessionError::Protocol(error) => Kind::Protocol(error).into(),
            other => Kind::Lost { cause: Lost::Io(io::Error::other(other)), outcome }.into(),
        }
    }

    pub(crate) fn lost(error: io::Error, outcome: Fate) -> Self {
        Kind::Lost { cause: Lost::Io(error), outcome }.into()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(statement) = self.statement() {
            write!(f, "statement {statement} of the batch: ")?;
        }
        match &*self.kind {
            Kind::Config(error) => error.fmt(f),
            Kind::Connect(attempts) => write_attempts(attempts, f),
            Kind::Cancel(attempt) => {
                write!(f, "cannot connect to {} to cancel: {}", attempt.endpoint(), attempt.cause())
            }
            Kind::Server(error) => error.fmt(f),
            Kind::Protocol(error) => write!(f, "{error}; the connection is closed"),
            Kind::Row(error) => {
                write!(f, "the server sent a malformed row: {error}; the connection is closed")
            }
            Kind::Batch(error) => error.fmt(f),
            Kind::Lost { cause, outcome } => write!(f, "the connection was lost: {cause}{outcome}"),
            Kind::Timeout { limit, outcome } => {
                write!(f, "the server did not answer within {limit:?}{outcome}")
            }
            Kind::ScopeOver { over, outcome } => write!(f, "{over}{outcome}"),
            Kind::Command(error) => error.fmt(f),
            Kind::Parameter(error) => error.fmt(f),
            Kind::ParameterType { index, given, expected } => write!(
                f,
                "parameter ${} is of the type with OID {given}, the statement takes OID {expected}",
                index.saturating_add(1)
            ),
            Kind::Value(error) => {
                error.fmt(f)?;
                self.sql().iter().try_for_each(|sql| write!(f, "; the statement is `{sql}`"))
            }
            Kind::RowCount { found: Found::None } => {
                f.write_str("the query returned no row where one was wanted")
            }
            Kind::RowCount { found: Found::Several } => {
                f.write_str("the query returned several rows where one was wanted")
            }
            Kind::Copy(problem) => problem.fmt(f),
            Kind::CopyData(error) => write!(f, "{error}; the connection is closed"),
            Kind::CopyRow(error) => error.fmt(f),
            Kind::Unsettled => f.write_str(
                "the connection was left in the middle of a query, by a future or a stream that was dropped or by a \
                 limit of time; settle it, or close it",
            ),
            Kind::Over => f.write_str("the connection has ended; the call that ended it said why"),
            Kind::Transaction(problem) => problem.fmt(f),
            Kind::NoResult => {
                f.write_str("the statement has no result: it failed, was undone, or was not run")
            }
            Kind::OtherConnection => f.write_str("the portal is one of another connection"),
            Kind::ForeignEncoding { name } => {
                write!(f, "client_encoding is {name}; text can be sent and read again once it is UTF8")
            }
            Kind::Listening(problem) => problem.fmt(f),
            Kind::Replication(problem) => problem.fmt(f),
            Kind::NoCancelKey => f.write_str("the server gave no key to cancel this session with"),
            Kind::NoCancelAddress => f.write_str(
                "the session runs over a stream that was given to it, without an address to cancel it at; \
                 `Config::dial_with` opens streams that can be opened again",
            ),
            Kind::Exhausted(state) => state.fmt(f),
            Kind::QueueFull(full) => full.fmt(f),
            Kind::PoolSettings(error) => error.fmt(f),
            Kind::Pool(problem) => f.write_str(problem),
            Kind::PoolClosed => f.write_str("the pool is closed"),
            Kind::NoRuntime => {
                f.write_str("a connection has to be opened, and no tokio runtime is running here")
            }
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.kind, f)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &*self.kind {
            Kind::Config(error) => Some(error),
            Kind::Server(error) | Kind::Lost { cause: Lost::Fatal(error), .. } => Some(error),
            Kind::Protocol(error) => Some(error),
            Kind::Row(error) => Some(error),
            Kind::Batch(error) => Some(error),
            Kind::Lost { cause: Lost::Io(error), .. } => Some(error),
            Kind::Command(error) => Some(error),
            Kind::Parameter(error) => Some(error),
            Kind::CopyData(error) => Some(error),
            Kind::CopyRow(error) => Some(error),
            Kind::Value(error) => Some(error),
            Kind::Exhausted(error) => Some(error),
            Kind::QueueFull(error) => Some(error),
            Kind::Connect(attempts) => attempts.last()?.source(),
            Kind::Cancel(attempt) => attempt.source(),
            _ => None,
        }
    }
}

/// Returns why the pool that had no connection to give could open none, if that is why.
fn connect_failure(state: &PoolExhausted) -> Option<&Error> {
    match state.latest_failure()?.downcast_ref::<AcquireError<Error>>()? {
        AcquireError::Connect(error) => Some(error),
        _ => None,
    }
}

fn write_attempts(attempts: &[ConnectAttempt], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match attempts {
        [attempt] => write!(f, "cannot connect to {attempt}"),
        _ => {
            f.write_str("cannot connect to any host:")?;
            attempts.iter().try_for_each(|attempt| write!(f, "\n  {attempt}"))
        }
    }
}

/// As much of a statement's text is kept with an error.
const LONGEST_SQL: usize = 1000;
