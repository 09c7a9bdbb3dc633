use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use molt_db_pool::{Holder, Lane};

use super::Pool;
use crate::config::{Config, Hook, ResetPolicy, SessionHook};
use crate::connection::{Connection, Connector};
use crate::error::{Error, Kind};

/// Puts a [`Pool`] together.
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it builds"]
pub struct PoolBuilder {
    config: Config,
    /// What is not in a configuration's text.
    settings: molt_db_pool::Builder<()>,
}

impl PoolBuilder {
    pub(super) fn new(config: Config) -> Self {
        Self { config, settings: molt_db_pool::Builder::default() }
    }

    /// Sets how many connections are kept open, used or not, 0 to `max_conns`. Default 0.
    ///
    /// They are opened in parallel, and replaced when they are lost. That begins when the pool is built, if this is in a
    /// tokio runtime, or else when somebody waits for a connection in one.
    pub fn min_conns(mut self, min_conns: u32) -> Self {
        self.config = self.config.min_conns(min_conns);
        self
    }

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

    /// Sets what becomes of the state of a session that comes back. Default [`ResetPolicy::Cheap`]: it is reset where a
    /// command ran that leaves something behind by its name.
    pub fn reset(mut self, policy: ResetPolicy) -> Self {
        self.config = self.config.reset(policy);
        self
    }

    /// Sets how long a connection may be idle before it is closed, if there are more than `min_conns`. `None` is for
    /// ever. Default 10 minutes.
    pub fn max_idle(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.config = self.config.max_idle(limit);
        self
    }

    /// Sets how long a connection may be idle before the server is asked for a sign of life, which costs a round trip.
    /// `None` never asks. Default 30 seconds, up to a tenth less by chance.
    pub fn health_check_interval(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.config = self.config.health_check_interval(interval);
        self
    }

    /// Sets how old a connection may become. `None` is for ever. Default 30 minutes, up to a tenth less by chance.
    ///
    /// It is closed when it is idle then, or else when it comes back.
    pub fn max_lifetime(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.settings = self.settings.max_lifetime(limit);
        self
    }

    /// Sets how many connections may be in the middle of being opened. Default 8.
    pub fn max_connecting(mut self, connects: u32) -> Self {
        self.settings = self.settings.max_connecting(usize::try_from(connects).unwrap_or(usize::MAX));
        self
    }

    /// Sets how long to wait after a failed connect before the next, at first and at most: the time doubles with each
    /// failure, and is up to half as long, by chance. Default 50 milliseconds and 5 seconds.
    pub fn connect_backoff(mut self, min: Duration, max: Duration) -> Self {
        self.settings = self.settings.connect_backoff(min, max);
        self
    }

    /// Sets how long a connection lies ready for a caller whose future nobody polls, before the next one gets it. Default
    /// 1 second.
    pub fn grant_timeout(mut self, limit: Duration) -> Self {
        self.settings = self.settings.grant_timeout(limit);
        self
    }

    /// Sets how long a caller may have a session before [`Metrics::leaked`](crate::Metrics::leaked) counts it.
    /// [`Pool::holders`] tells where it was acquired. `None`, the default, counts none.
    pub fn leak_after(mut self, bound: impl Into<Option<Duration>>) -> Self {
        self.settings = self.settings.leak_after(bound);
        self
    }

    /// Sets who is told of a caller that has had a session for [`PoolBuilder::leak_after`], once, with where it
    /// acquired it. Default: nobody.
    ///
    /// A task of the pool calls it, so it must not block.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use molt_db::{Config, Pool};
    ///
    /// let config: Config = "postgres://app@db.example/app".parse()?;
    /// let pool = Pool::builder(config).leak_after(Duration::from_secs(60)).on_leak(|holder| eprintln!("{holder}"));
    /// # Ok::<(), molt_db::ConfigError>(())
    /// ```
    pub fn on_leak(mut self, hook: impl Fn(&Holder) + Send + Sync + 'static) -> Self {
        self.config.set_leak_hook(Hook(Arc::new(hook)));
        self
    }

    /// Sets what is done with a session before a caller gets it. Default: nothing.
    ///
    /// It has what is left of the caller's `max_wait`. An error turns the connection down: it is closed, and the
    /// caller goes on waiting. A panic is the caller's, and costs the connection.
    ///
    /// ```
    /// use molt_db::{Config, Error, Pool};
    ///
    /// let config: Config = "postgres://app@db.example/app".parse()?;
    /// let pool = Pool::builder(config).before_acquire(|session| {
    ///     Box::pin(async move { session.script("set app.seen = 'yes'").await.map(drop) })
    /// });
    /// # Ok::<(), molt_db::ConfigError>(())
    /// ```
    pub fn before_acquire<F, E>(mut self, hook: F) -> Self
    where
        F: for<'c> Fn(&'c mut Connection) -> Pin<Box<dyn Future<Output = Result<(), E>> + Send + 'c>>
            + Send
            + Sync
            + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
    {
        self.config.set_acquire_hook(SessionHook::new(hook));
        self
    }

    /// Sets what is done with a session that has come back, when it is at rest and before it is reset. Default:
    /// nothing. It is written as that of [`PoolBuilder::before_acquire`].
    ///
    /// A task of the pool does it, for every session, and has a bounded time for it: nobody waits for it who finds
    /// another connection. After an error, or a panic, the connection is closed.
    pub fn after_release<F, E>(mut self, hook: F) -> Self
    where
        F: for<'c> Fn(&'c mut Connection) -> Pin<Box<dyn Future<Output = Result<(), E>> + Send + 'c>>
            + Send
            + Sync
            + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
    {
        self.config.set_release_hook(SessionHook::new(hook));
        self
    }

    /// Adds a lane to wait in, beside that of callers that name none. While there are not enough connections, lanes share
    /// their time by weight, however many callers stand in each.
    pub fn lane(mut self, lane: Lane) -> Self {
        self.settings = self.settings.lane(lane);
        self
    }

    /// Makes the pool. It opens no connection but those that are kept; root certificates are read here.
    ///
    /// # Errors
    ///
    /// A size or a limit makes no sense; no user is named; the root certificates cannot be read.
    pub fn build(self) -> Result<Pool, Error> {
        let connector = Connector::new(&self.config)?;
        let size = |conns| usize::try_from(conns).unwrap_or(usize::MAX);
        let inner = self
            .settings
            .manager(connector)
            .min_conns(size(self.config.get_min_conns()))
            .max_conns(size(self.config.get_max_conns()))
            .max_wait(self.config.get_max_wait())
            .max_idle(self.config.get_max_idle())
            .health_check_interval(self.config.get_health_check_interval())
            .build()
            .map_err(Kind::PoolSettings)?;
        Ok(Pool { inner, warden: Arc::default() })
    }
}
