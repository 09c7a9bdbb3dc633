//! Connections that many tasks share.

mod builder;
mod manager;
mod query;
mod session;
mod times;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use molt_db_decode::Parameters;
use molt_db_pool::{AcquireError, Holder, LaneStatus, Metrics, Request, Status};

pub use builder::PoolBuilder;
pub(crate) use manager::Quiet;
pub use query::PoolQuery;
pub use session::Session;
use times::Wait;

use crate::config::Config;
use crate::connection::{Connector, Sql};
use crate::error::{Error, Kind};
use crate::observe::Stats;
use crate::scope::{Scope, ScopeWatch};
use crate::warden::Warden;

/// A pool of connections to one server.
///
/// Callers are served first in, first out: a connection that is returned goes straight to the one who has waited
/// longest; one that is returned unfinished is brought to rest first (see [`Session`]). At most `max_conns` exist at a
/// time; who has waited for `max_wait` gets [`Error::is_pool_exhausted`], which says what the pool looked like. A clone
/// is the same pool.
///
/// ```no_run
/// # async fn example() -> Result<(), molt_db::Error> {
/// use std::time::Duration;
///
/// use molt_db::{Config, Pool};
///
/// let config: Config = "postgres://app@db.example/app?sslmode=verify-full".parse()?;
/// let pool = Pool::builder(config).max_conns(16).max_wait(Duration::from_millis(250)).build()?;
///
/// let mut session = pool.acquire().await?;
/// let (now,): (molt_db::types::TimestampTz,) = session.query("select now()").one().await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Pool {
    inner: molt_db_pool::Pool<Connector>,
    warden: Arc<Warden>,
}

impl Pool {
    /// Begins to configure a pool. What is not set here comes from `config`, whose text may hold `min_conns`,
    /// `max_conns`, `max_wait_ms`, `max_idle_ms` and `health_check_interval_ms`.
    pub fn builder(config: Config) -> PoolBuilder {
        PoolBuilder::new(config)
    }

    /// Takes a connection: an idle one, a returned one or a new one, whichever comes first.
    ///
    /// An idle connection is looked at before it is handed out, without a round trip: one that the server has closed
    /// is replaced, and so is one whose server has reported another role than
    /// [`target_session_attrs`](crate::config::TargetSessionAttrs) asks for.
    ///
    /// # Errors
    ///
    /// [`Error::is_pool_exhausted`] after `max_wait`; [`Error::is_connect`] if the server did not let us in, while this was
    /// the oldest waiter; the pool is closed. A server that cannot be reached or is not ready is tried again until
    /// `max_wait` is over, and [`PoolExhausted::latest_failure`](crate::PoolExhausted::latest_failure) says why that was in vain.
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves nothing behind: its place is given up, and a connection that was just given to it goes
    /// on to the next.
    #[track_caller]
    pub fn acquire(&self) -> impl Future<Output = Result<Session, Error>> + Send + '_ {
        self.acquire_with(Request::new())
    }

    /// Takes a connection as [`Pool::acquire`] does, in a lane, with a limit or a name of its own.
    ///
    /// # Errors
    ///
    /// Those of [`Pool::acquire`], and that the pool has no such lane. [`Error::is_pool_exhausted`] at once if as many wait
    /// in the lane as it allows.
    ///
    /// # Cancel safety
    ///
    /// As [`Pool::acquire`].
    #[track_caller]
    pub fn acquire_with<'p>(
        &'p self,
        request: Request<'_>,
    ) -> impl Future<Output = Result<Session, Error>> + Send + use<'p> {
        let acquiring = self.inner.acquire_with(request);
        async {
            let wait = self.inner.manager().observer().map(Wait::begin);
            let acquired = acquiring.await.map_err(from_acquire);
            let time = wait.and_then(|wait| wait.over(&acquired));
            Ok(Session::new(acquired?, time))
        }
    }

    /// Takes a connection as [`Pool::acquire`] does, for work within a scope: the wait obeys it, in its lane, and so does
    /// everything that is done in the session.
    ///
    /// The end of the scope holds even if nobody polls the session: half a second later the pool cancels what runs in
    /// it and closes the connection, and the server rolls back what is open. A session at rest stays as it is. Where the scope
    /// has limits this takes a second file descriptor for the socket.
    ///
    /// # Errors
    ///
    /// Those of [`Pool::acquire`]; [`Error::is_timeout`] or [`Error::is_cancelled`] if the scope ends first.
    ///
    /// # Cancel safety
    ///
    /// As [`Pool::acquire`].
    #[track_caller]
    pub fn session(&self, scope: Scope) -> impl Future<Output = Result<Session, Error>> + Send + '_ {
        let acquiring = self.acquire_with(scope.request());
        async move {
            let mut watch = ScopeWatch::new(scope);
            let mut session = watch.bound(acquiring).await?;
            session.set_watch(watch);
            session.watched_by(&self.warden)?;
            Ok(session)
        }
    }

    /// Begins a query that takes a connection for itself and gives it back with its result.
    ///
    /// ```no_run
    /// # async fn example(pool: &molt_db::Pool) -> Result<(), molt_db::Error> {
    /// let (total,): (i64,) = pool.query("select total from orders where id = $1").bind(7_i64).one().await?;
    /// # Ok(()) }
    /// ```
    pub fn query<'s>(&self, sql: impl Sql<'s>) -> PoolQuery<'_, 's> {
        PoolQuery::new(self, sql)
    }

    /// Runs a statement on a connection of its own and returns the number of rows that it touched, or returned.
    ///
    /// # Errors
    ///
    /// Those of [`PoolQuery::execute`].
    ///
    /// # Cancel safety
    ///
    /// As [`PoolQuery::execute`].
    pub async fn execute<'s>(&self, sql: impl Sql<'s>, parameters: impl Parameters) -> Result<u64, Error> {
        self.query(sql).bind_all(parameters).execute().await
    }

    /// Returns what the pool looks like at this moment.
    pub fn status(&self) -> Status {
        self.inner.status()
    }

    /// Returns what the pool has counted since it was made.
    pub fn metrics(&self) -> Metrics {
        self.inner.metrics()
    }

    /// Returns what the pool looks like and what it has counted, queries included where
    /// [`Config::observe`] asks for that.
    pub fn stats(&self) -> Stats {
        let connector = self.inner.manager();
        Stats {
            name: connector.pool_name(),
            status: self.status(),
            metrics: self.metrics(),
            traffic: connector.traffic(),
        }
    }

    /// Returns what each lane looks like at this moment, that of callers that name none first.
    pub fn lanes(&self) -> Vec<LaneStatus> {
        self.inner.lanes()
    }

    /// Returns who has a session at this moment, who has had it for longest first.
    pub fn holders(&self) -> Vec<Holder> {
        self.inner.holders()
    }

    /// Changes how many connections there may be, and how many are kept open. What is too many is closed, that which is in
    /// use when it comes back.
    ///
    /// # Errors
    ///
    /// [`Error::is_config`]: `max_conns` is 0, or below `min_conns`. Nothing is changed then.
    pub fn resize(&self, min_conns: u32, max_conns: u32) -> Result<(), Error> {
        let size = |conns| usize::try_from(conns).unwrap_or(usize::MAX);
        self.inner.resize(size(min_conns), size(max_conns)).map_err(|error| Kind::PoolSettings(error).into())
    }

    /// Replaces every connection by a new one, as they are wanted: for when roles, settings or the server have changed.
    /// Those that are idle are closed at once, those in use when they come back.
    pub fn drain(&self) {
        self.inner.drain();
    }

    /// Closes the pool as [`Pool::close`] does, and waits for at most `limit`. After that, what settles or is being opened
    /// is closed as it is, and what is in use when it comes back. Returns how many are in use still.
    ///
    /// # Cancel safety
    ///
    /// As [`Pool::close`]: dropped before its limit, it forces nothing.
    pub async fn close_within(&self, limit: Duration) -> usize {
        self.inner.close_within(limit).await
    }

    /// Closes the pool: waiters are refused, idle connections closed, and those in use when they are returned, which
    /// this waits for. One that is returned in the middle of a query or of a transaction is brought to rest first, so
    /// that nothing goes on running in the server.
    ///
    /// # Cancel safety
    ///
    /// The pool is closed even if the future is dropped; only the waiting ends.
    pub async fn close(&self) {
        self.inner.close().await;
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("status", &self.status()).finish_non_exhaustive()
    }
}

fn from_acquire(error: AcquireError<Error>) -> Error {
    match error {
        AcquireError::Connect(error) => error,
        AcquireError::Exhausted(state) => Kind::Exhausted(state).into(),
        AcquireError::QueueFull(full) => Kind::QueueFull(full).into(),
        AcquireError::Closed => Kind::PoolClosed.into(),
        AcquireError::NoRuntime => Kind::NoRuntime.into(),
        other => Kind::Pool(other.to_string()).into(),
    }
}
