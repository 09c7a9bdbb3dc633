use std::sync::Arc;
use std::time::Duration;

use super::Pool;
use crate::config::Config;
use crate::connection::Connector;
use crate::error::{Error, Kind};

/// Puts a [`Pool`] together.
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it builds"]
pub struct PoolBuilder {
    config: Config,
}

impl PoolBuilder {
    pub(super) fn new(config: Config) -> Self {
        Self { config }
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
        Ok(Pool { inner, warden: Arc::default() })
    }
}
