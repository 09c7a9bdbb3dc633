use std::borrow::Cow;
use std::future::{Ready, ready};
use std::ops::{AsyncFnMut, Deref, DerefMut};
use std::time::Duration;

use molt_db_protocol::client::{Leading, OpenTransaction, SettlePolicy};
use molt_db_protocol::message::{CommandTag, SqlState, TransactionStatus};

use super::{Connection, Savepoint};
use crate::error::{Error, Kind, TransactionProblem};

/// A transaction that is about to begin: say what kind it is, and await it, or have it [run](Begin::run) a closure.
///
/// What is not said here is the session's own default (`default_transaction_isolation` and its like).
#[derive(Debug)]
#[must_use = "a transaction begins when this is awaited"]
pub struct Begin<'c> {
    connection: &'c mut Connection,
    modes: Modes,
    statement_timeout: Option<Duration>,
    attempts: u32,
}

#[derive(Debug, Default, Clone, Copy)]
struct Modes {
    isolation: Option<IsolationLevel>,
    access: Option<&'static str>,
    deferrable: Option<&'static str>,
}

/// How much a transaction sees of others.
// PG docs: transaction-iso
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IsolationLevel {
    /// Every statement sees what was committed before it began. PostgreSQL's default.
    ReadCommitted,
    /// All statements see what was committed before the first of them. Fails with 40001 where that cannot be kept.
    RepeatableRead,
    /// As if transactions ran one after the other. Fails with 40001 where that cannot be kept.
    Serializable,
}

impl<'c> Begin<'c> {
    pub(super) fn new(connection: &'c mut Connection) -> Self {
        Self { connection, modes: Modes::default(), statement_timeout: None, attempts: ATTEMPTS }
    }

    /// Sets how much the transaction sees of others.
    pub fn isolation(mut self, level: IsolationLevel) -> Self {
        self.modes.isolation = Some(level);
        self
    }

    /// Has the server refuse everything that writes (25006).
    pub fn read_only(mut self) -> Self {
        self.modes.access = Some("READ ONLY");
        self
    }

    /// Allows writing where the session's default does not.
    pub fn read_write(mut self) -> Self {
        self.modes.access = Some("READ WRITE");
        self
    }

    /// Has a serializable, read-only transaction wait for a moment from which on it cannot fail.
    pub fn deferrable(mut self) -> Self {
        self.modes.deferrable = Some("DEFERRABLE");
        self
    }

    /// Has the server itself end each statement of the transaction that takes longer (57014), also where this process
    /// cannot act any more. Fractions of a millisecond are rounded up; zero is no limit, whatever the session's is. It costs
    /// no round trip: `SET LOCAL` travels with BEGIN.
    ///
    /// What is more than the server knows, 24 days, is an error of the first statement (22023).
    // PG docs: runtime-config-client, "statement_timeout"
    pub fn statement_timeout(mut self, limit: Duration) -> Self {
        self.statement_timeout = Some(limit);
        self
    }

    /// Sets how often [`Begin::run`] runs its closure at most, at least once. Default 5.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// Runs a closure in the transaction and commits, or rolls back if it fails.
    ///
    /// Where the transaction has failed because of others (40001 or 40P01), in the closure or at the commit, all of it is
    /// rolled back and run again, at once, and up to [`Begin::attempts`] times: the closure must have no effect
    /// outside of the database that may not happen twice.
    ///
    /// ```no_run
    /// # async fn example(connection: &mut molt_db::Connection) -> Result<(), molt_db::Error> {
    /// use molt_db::IsolationLevel;
    ///
    /// let left: i64 = connection
    ///     .begin()
    ///     .isolation(IsolationLevel::Serializable)
    ///     .run(async |tx| {
    ///         let (stock,): (i64,) = tx.query("select stock from items where id = $1").bind(7_i64).one().await?;
    ///         tx.execute("update items set stock = $1 where id = $2", (stock - 1, 7_i64)).await?;
    ///         Ok::<_, molt_db::Error>(stock - 1)
    ///     })
    ///     .await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// The closure's, once it is not to be run again; those of [`Transaction::commit`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future rolls back, as a dropped [`Transaction`] does; if it was dropped during the commit, that may
    /// have taken effect.
    pub async fn run<T, E, F>(self, mut work: F) -> Result<T, E>
    where
        F: AsyncFnMut(&mut Transaction<'_>) -> Result<T, E>,
        E: From<Error>,
    {
        let mut left = self.attempts;
        loop {
            left = left.saturating_sub(1);
            let begin = Begin { connection: &mut *self.connection, ..self };
            match attempt(begin, &mut work).await {
                Err(Defeat::ByOthers(_)) if left > 0 => {}
                Err(Defeat::ByOthers(error) | Defeat::Final(error)) => return Err(error),
                Ok(value) => return Ok(value),
            }
        }
    }

    fn start(self) -> Result<Transaction<'c>, Error> {
        let Self { connection, modes, statement_timeout, .. } = self;
        connection.ready_for_command()?;
        if !connection.stands_outside() {
            return Err(Kind::Transaction(TransactionProblem::Open).into());
        }
        let begin = connection.client.lead(modes.sql())?;
        connection.scope = Some(begin);
        if let Some(limit) = statement_timeout {
            connection.client.lead(format!("SET LOCAL statement_timeout = {}", whole_millis(limit)))?;
        }
        Ok(Transaction { connection, begin, is_over: false })
    }
}

/// Why running a closure in a transaction has failed.
enum Defeat<E> {
    /// For the sake of other transactions: the same again may succeed.
    ByOthers(E),
    Final(E),
}

async fn attempt<T, E, F>(begin: Begin<'_>, work: &mut F) -> Result<T, Defeat<E>>
where
    F: AsyncFnMut(&mut Transaction<'_>) -> Result<T, E>,
    E: From<Error>,
{
    let mut transaction = begin.start().map_err(|error| Defeat::Final(error.into()))?;
    let result = work(&mut transaction).await;
    let by_others = transaction.has_failed_because_of_others();
    let (error, by_others) = match result {
        Ok(value) => match transaction.commit().await {
            Ok(()) => return Ok(value),
            Err(error) => {
                let by_others = by_others || error.code().is_some_and(is_because_of_others);
                (E::from(error), by_others)
            }
        },
        Err(error) => {
            // The closure's error is the one to tell; without the connection there is no second time.
            let rolled_back = transaction.rollback().await.is_ok();
            (error, by_others && rolled_back)
        }
    };
    Err(if by_others { Defeat::ByOthers(error) } else { Defeat::Final(error) })
}

impl<'c> IntoFuture for Begin<'c> {
    type Output = Result<Transaction<'c>, Error>;
    type IntoFuture = Ready<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        ready(self.start())
    }
}

impl Modes {
    fn sql(self) -> Cow<'static, str> {
        let isolation = self.isolation.map(|level| match level {
            IsolationLevel::ReadCommitted => "ISOLATION LEVEL READ COMMITTED",
            IsolationLevel::RepeatableRead => "ISOLATION LEVEL REPEATABLE READ",
            IsolationLevel::Serializable => "ISOLATION LEVEL SERIALIZABLE",
        });
        let modes: Vec<_> = [isolation, self.access, self.deferrable].into_iter().flatten().collect();
        match modes.as_slice() {
            [] => "BEGIN".into(),
            modes => format!("BEGIN {}", modes.join(", ")).into(),
        }
    }
}

/// A transaction. Everything that runs on it is committed together, or not at all.
///
/// BEGIN costs no round trip: it travels with the first statement. The transaction is a [`Connection`] otherwise: it is
/// queried, prepared on and batched as one.
///
/// A transaction that is dropped without [`Transaction::commit`] is rolled back: together with the next command on its
/// connection, or at once where the connection goes back to a pool. A connection that is kept idle instead holds its
/// locks until then: call [`Transaction::rollback`].
///
/// ```no_run
/// # async fn example(connection: &mut molt_db::Connection) -> Result<(), molt_db::Error> {
/// let mut tx = connection.begin().await?;
/// tx.execute("update accounts set balance = balance - $1 where id = $2", (10_i64, 1_i64)).await?;
/// tx.execute("update accounts set balance = balance + $1 where id = $2", (10_i64, 2_i64)).await?;
/// tx.commit().await?;
/// # Ok(()) }
/// ```
///
/// # Cancel safety
///
/// A future or a stream that is dropped half-way leaves the transaction to be rolled back: nothing else runs in it, and
/// [`Transaction::commit`] is an error.
#[derive(Debug)]
pub struct Transaction<'c> {
    connection: &'c mut Connection,
    begin: Leading,
    is_over: bool,
}

impl Transaction<'_> {
    /// Commits. Where nothing was run, nothing is sent.
    ///
    /// # Errors
    ///
    /// [`Error::is_aborted`]: a statement had failed or was walked away from, so that everything was rolled back. The
    /// server's, of a deferred constraint or for the sake of other transactions ([`Error::is_retryable`]): rolled back
    /// too. [`Error::is_outcome_unknown`]: the connection was lost before the answer came.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the transaction may have been committed or not.
    pub async fn commit(mut self) -> Result<(), Error> {
        if self.was_not_sent() {
            return Ok(());
        }
        self.connection.come_to_rest().await?;
        self.connection.ready_for_command()?;
        self.connection.client.lead("COMMIT")?;
        let result = self.connection.send_leads().await;
        if self.connection.client.is_settled() {
            self.is_over = true;
            self.connection.scope = None;
        }
        match result?.as_str() {
            "COMMIT" => Ok(()),
            _ => Err(Kind::Transaction(TransactionProblem::Aborted).into()),
        }
    }

    /// Rolls back. What was walked away from is cancelled first.
    ///
    /// # Errors
    ///
    /// [`Error::is_connection_lost`]: the server rolls back by itself then.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the transaction is rolled back as that of a dropped [`Transaction`].
    pub async fn rollback(mut self) -> Result<(), Error> {
        if self.was_not_sent() {
            return Ok(());
        }
        let result = self.connection.roll_back().await;
        self.is_over = true;
        result
    }

    /// Begins a scope that can be rolled back by itself. SAVEPOINT costs no round trip: it travels with the next
    /// statement.
    ///
    /// # Errors
    ///
    /// The connection cannot take a command.
    pub fn savepoint(&mut self) -> Result<Savepoint<'_>, Error> {
        Savepoint::new(self.connection)
    }

    /// Takes back BEGIN if it was not sent.
    fn was_not_sent(&mut self) -> bool {
        let waits = self.connection.client.still_leads(self.begin);
        if waits {
            self.connection.client.take_back(self.begin);
            self.connection.scope = None;
            self.is_over = true;
        }
        waits
    }

    fn has_failed_because_of_others(&self) -> bool {
        self.connection.client.status() == TransactionStatus::Failed
            && self.connection.latest_code.is_some_and(is_because_of_others)
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if !self.is_over && !self.was_not_sent() {
            self.connection.roll_back_later(self.begin);
        }
    }
}

impl Deref for Transaction<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

impl DerefMut for Transaction<'_> {
    fn deref_mut(&mut self) -> &mut Connection {
        self.connection
    }
}

impl Connection {
    /// Begins a transaction.
    ///
    /// # Errors
    ///
    /// Of awaiting it: a transaction is open already ([`Transaction::savepoint`] nests), or the connection cannot take a
    /// command. Nothing is sent, so those of BEGIN itself are reported by the first statement.
    pub fn begin(&mut self) -> Begin<'_> {
        Begin::new(self)
    }

    /// Rolls back whatever transaction is open, and cancels what was walked away from before.
    pub(crate) async fn roll_back(&mut self) -> Result<(), Error> {
        let policy = SettlePolicy { transaction: OpenTransaction::IsRolledBack, ..SettlePolicy::default() };
        self.scope = None;
        self.settle_with(policy).await
    }

    /// Has the transaction that began with this rolled back in front of the next command. What else was to lead that
    /// belongs to it.
    fn roll_back_later(&mut self, begin: Leading) {
        self.scope = None;
        self.client.take_back(begin);
        if !self.client.is_settled() || self.client.status() != TransactionStatus::Idle {
            self.rollback = self.client.lead("ROLLBACK").ok();
            self.watch_rolls_back();
        }
    }

    /// Sends what was to lead the next command by itself, and returns the tag of the last of it.
    pub(super) async fn send_leads(&mut self) -> Result<CommandTag, Error> {
        let (_, output) = self.transport.buffers();
        self.client.sync(output)?;
        self.command_begins("the end of a transaction or of a savepoint");
        self.finish().await
    }

    /// Tells whether a command that is sent now runs outside of a transaction, unless it begins one.
    fn stands_outside(&self) -> bool {
        let rolled_back = self.rollback.is_some_and(|rollback| self.client.still_leads(rollback));
        self.scope.is_none() && (rolled_back || self.client.status() == TransactionStatus::Idle)
    }
}

/// Rounds up: 0 would be no limit.
pub(super) fn whole_millis(limit: Duration) -> u128 {
    limit.as_nanos().div_ceil(1_000_000)
}

/// Tells whether the server ended a transaction for the sake of others, and the same again may succeed.
// PG docs: mvcc-serialization-failure-handling
pub(crate) fn is_because_of_others(code: SqlState) -> bool {
    matches!(code.as_str(), "40001" | "40P01")
}

/// How often a closure is run in a transaction at most.
const ATTEMPTS: u32 = 5;
