//! Why an acquire failed.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::Status;
use crate::status::Rounded;

/// Why [`Pool::acquire`](crate::Pool::acquire) returned no connection. `E` is the manager's error.
#[derive(Debug)]
#[non_exhaustive]
pub enum AcquireError<E> {
    /// No connection came within `max_wait`.
    Exhausted(PoolExhausted),
    /// A connect failed, and this caller was the oldest waiter.
    Connect(E),
    /// [`Manager::connect`](crate::Manager::connect) panicked, and this caller was the oldest waiter.
    ConnectPanicked,
    /// The pool is closed.
    Closed,
    /// There was no idle connection, and no tokio runtime to wait or connect in.
    NoRuntime,
}

impl<E: fmt::Display> fmt::Display for AcquireError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exhausted(exhausted) => exhausted.fmt(f),
            Self::Connect(error) => write!(f, "connecting failed: {error}"),
            Self::ConnectPanicked => f.write_str("connecting panicked"),
            Self::Closed => f.write_str("the pool is closed"),
            Self::NoRuntime => f.write_str("no idle connection, and no tokio runtime to wait or connect in"),
        }
    }
}

impl<E: Error + 'static> Error for AcquireError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            // `Display` shows the error itself, so the chain goes on with what is behind it.
            Self::Exhausted(exhausted) => exhausted.source(),
            Self::Connect(error) => error.source(),
            Self::ConnectPanicked | Self::Closed | Self::NoRuntime => None,
        }
    }
}

/// No connection came within `max_wait`: the pool is too small, or its connections are held too long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolExhausted {
    max_wait: Duration,
    status: Status,
}

impl PoolExhausted {
    pub(crate) fn new(max_wait: Duration, status: Status) -> Self {
        Self { max_wait, status }
    }

    /// Returns the limit that was reached.
    pub fn max_wait(&self) -> Duration {
        self.max_wait
    }

    /// Returns the pool's figures at the moment of giving up. The caller that gave up is counted as waiting.
    pub fn status(&self) -> Status {
        self.status
    }
}

impl fmt::Display for PoolExhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no connection within {}: {}", Rounded(self.max_wait), self.status)
    }
}

impl Error for PoolExhausted {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exhaustion_tells_the_whole_story() {
        let oldest_use = Some(Duration::from_millis(3200));
        let status = Status {
            max: 8,
            total: 8,
            idle: 0,
            in_use: 7,
            settling: 1,
            connecting: 0,
            waiting: 12,
            oldest_use,
        };
        assert_eq!(
            PoolExhausted::new(Duration::from_millis(250), status).to_string(),
            "no connection within 250ms: 7 of 8 in use (oldest for 3.2s), 0 idle, 1 settling, 0 connecting, \
             12 waiting",
        );
    }
}
