//! The pool's settings.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::{Manager, Pool};

/// The settings of a [`Pool`], from [`Pool::builder`].
#[derive(Debug)]
#[must_use]
pub struct Builder<M> {
    manager: M,
    max_conns: usize,
    max_wait: Duration,
}

impl<M: Manager> Builder<M> {
    pub(crate) fn new(manager: M) -> Self {
        Self { manager, max_conns: DEFAULT_MAX_CONNS, max_wait: DEFAULT_MAX_WAIT }
    }

    /// Sets the most connections there may be, those in use and those being opened included. Default 10.
    ///
    /// At the limit, callers wait for a connection to come back. A connection that is dropped keeps its slot until its
    /// `Drop` has run.
    pub fn max_conns(mut self, max_conns: usize) -> Self {
        self.max_conns = max_conns;
        self
    }

    /// Sets how long an acquire may take in all, waiting and connecting included. Default 5 seconds.
    ///
    /// At the limit, the caller gets [`PoolExhausted`](crate::PoolExhausted). The default is shorter than what most
    /// clients of a service wait, so an overload shows as errors that say so rather than as a queue of callers that
    /// have gone. Its cost: a burst that takes longer than this to work off, or a connect that takes longer, fails
    /// although patience would have helped. Such a connect still completes, for the next caller. Batch jobs may want
    /// minutes. The timer's grain is a millisecond. To not wait at all, use [`Pool::try_acquire`].
    pub fn max_wait(mut self, max_wait: Duration) -> Self {
        self.max_wait = max_wait;
        self
    }

    /// Builds the pool. Opens no connection and needs no runtime.
    ///
    /// # Errors
    ///
    /// [`BuildError::NoConnections`] if `max_conns` is zero, [`BuildError::NoWait`] if `max_wait` is.
    pub fn build(self) -> Result<Pool<M>, BuildError> {
        if self.max_conns == 0 {
            return Err(BuildError::NoConnections);
        }
        if self.max_wait.is_zero() {
            return Err(BuildError::NoWait);
        }
        Ok(Pool::new(self.manager, self.max_conns, self.max_wait))
    }
}

/// Why [`Builder::build`] refused the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// `max_conns` is zero: nobody could ever be served.
    NoConnections,
    /// `max_wait` is zero: nobody would ever wait for a connection to be opened.
    NoWait,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoConnections => f.write_str("max_conns must be at least 1"),
            Self::NoWait => f.write_str("max_wait must be longer than zero"),
        }
    }
}

impl Error for BuildError {}

const DEFAULT_MAX_CONNS: usize = 10;
const DEFAULT_MAX_WAIT: Duration = Duration::from_secs(5);
