use std::fmt;
use std::future::poll_fn;
use std::ops::{Deref, DerefMut};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use molt_db_pool::{AcquireError, Disposition, Guard, Liveness, Manager, Metrics, Status};

use crate::config::Config;
use crate::connection::{Connection, Connector};
use crate::error::{Error, Fate, Kind};
use crate::scope::{Scope, ScopeWatch};

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
}

impl Pool {
    /// Begins to configure a pool. What is not set here comes from `config`, whose text may hold `max_conns` and
    /// `max_wait_ms`.
    pub fn builder(config: Config) -> PoolBuilder {
        PoolBuilder { config }
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
        Ok(Session { guard: self.inner.acquire().await.map_err(from_acquire)? })
    }

    /// Takes a connection as [`Pool::acquire`] does, for work within a scope: the wait obeys it, and so does everything that
    /// is done in the session.
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
        let over = |end| Err(Kind::ScopeOver { end, outcome: Fate::None }.into());
        if let Some(end) = watch.end() {
            return over(end);
        }
        let mut session = {
            let mut acquiring = pin!(self.acquire());
            poll_fn(|cx| match acquiring.as_mut().poll(cx) {
                Poll::Ready(acquired) => Poll::Ready(acquired),
                Poll::Pending => watch.poll_end(cx).map(over),
            })
            .await?
        };
        session.set_watch(watch);
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

/// Puts a [`Pool`] together.
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it builds"]
pub struct PoolBuilder {
    config: Config,
}

impl PoolBuilder {
    /// Sets how many connections there may be at most. Default 10.
    ///
    /// Those that are being opened count. More than the server has cores and disks for make it slower.
    pub fn max_conns(mut self, max_conns: u32) -> Self {
        self.config = self.config.max_conns(max_conns);
        self
    }

    /// Sets how long a caller waits for a connection at most, connecting included. Default 5 s.
    pub fn max_wait(mut self, max_wait: Duration) -> Self {
        self.config = self.config.max_wait(max_wait);
        self
    }

    /// Makes the pool. It opens no connection yet; root certificates are read here.
    ///
    /// # Errors
    ///
    /// `max_conns` is 0; no user is named; the root certificates cannot be read.
    pub fn build(self) -> Result<Pool, Error> {
        let connector = Connector::new(&self.config)?;
        let inner = molt_db_pool::Pool::builder(connector)
            .max_conns(usize::try_from(self.config.get_max_conns()).unwrap_or(usize::MAX))
            .max_wait(self.config.get_max_wait())
            .build()
            .map_err(Kind::PoolSettings)?;
        Ok(Pool { inner })
    }
}

/// A connection on loan from a [`Pool`]. It goes back when this is dropped.
///
/// A connection that comes back in the middle of a query or of a transaction goes to a task of the pool first, which
/// ends the query (as [`Connection::settle`] does) and rolls the transaction back, within five seconds in all. Then it serves
/// the next caller; until then it counts against `max_conns`. If the server does not come to an end in that time, or
/// the runtime in which the pool was used has gone, the connection is closed instead. A query or a commit that was under
/// way may have taken effect.
///
/// The state of a session that is not a transaction (settings, temporary tables, locks of the session) goes back with
/// it.
pub struct Session {
    guard: Guard<Connector>,
}

impl Session {
    /// Takes the connection out of the pool for good; its place becomes free.
    pub fn detach(self) -> Connection {
        let mut connection = *self.guard.detach();
        connection.set_scope(Scope::default());
        connection
    }
}

impl Deref for Session {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.guard
    }
}

impl DerefMut for Session {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.guard
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl Manager for Connector {
    /// Boxed, because the pool moves it around.
    type Connection = Box<Connection>;
    type Error = Error;

    async fn connect(&self) -> Result<Box<Connection>, Error> {
        Self::connect(self).await.map(Box::new)
    }

    fn is_alive(&self, connection: &mut Box<Connection>) -> Liveness {
        match connection.is_quiet() {
            Quiet::Yes if self.has_wrong_role(connection) => Liveness::Dead,
            Quiet::Yes => Liveness::Alive,
            Quiet::No => Liveness::Dead,
        }
    }

    fn on_release(&self, connection: &mut Box<Connection>) -> Disposition {
        connection.set_scope(Scope::default());
        connection.forget_notifications();
        if connection.is_over() {
            Disposition::Discard
        } else if connection.is_at_rest() {
            Disposition::Keep
        } else {
            Disposition::Settle
        }
    }

    async fn settle(&self, mut connection: Box<Connection>) -> Option<Box<Connection>> {
        connection.roll_back().await.ok()?;
        Some(connection)
    }
}

/// Whether the server has said nothing that ends a session while nobody was looking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quiet {
    Yes,
    No,
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
