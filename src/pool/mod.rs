//! Connections that many tasks share.

mod builder;
mod manager;
mod session;

use std::fmt;
use std::sync::Arc;

use molt_db_pool::{AcquireError, Metrics, Status};

pub use builder::PoolBuilder;
pub(crate) use manager::Quiet;
pub use session::Session;

use crate::config::Config;
use crate::connection::Connector;
use crate::error::{Error, Kind};
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
    /// Begins to configure a pool. What is not set here comes from `config`, whose text may hold `max_conns` and
    /// `max_wait_ms`.
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
    /// [`Error::is_pool_exhausted`] after `max_wait`; [`Error::is_connect`] if connecting failed while this was the
    /// oldest waiter; the pool is closed.
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves nothing behind: its place is given up, and a connection that was just given to it goes
    /// on to the next.
    pub async fn acquire(&self) -> Result<Session, Error> {
        Ok(Session::new(self.inner.acquire().await.map_err(from_acquire)?))
    }

    /// Takes a connection as [`Pool::acquire`] does, for work within a scope: the wait obeys it, and so does everything that
    /// is done in the session.
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
    pub async fn session(&self, scope: Scope) -> Result<Session, Error> {
        let mut watch = ScopeWatch::new(scope);
        let mut session = watch.bound(self.acquire()).await?;
        session.set_watch(watch);
        session.watched_by(&self.warden)?;
        Ok(session)
    }

    /// Returns what the pool looks like at this moment.
    pub fn status(&self) -> Status {
        self.inner.status()
    }

    /// Returns what the pool has counted since it was made.
    pub fn metrics(&self) -> Metrics {
        self.inner.metrics()
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
        AcquireError::Closed => Kind::PoolClosed.into(),
        AcquireError::NoRuntime => Kind::NoRuntime.into(),
        other => Kind::Pool(other.to_string()).into(),
    }
}
