//! Why an acquire failed.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::Status;
use crate::status::Rounded;

/// Why [`Pool::acquire`](crate::Pool::acquire) returned no connection. `E` is the manager's error.
#[derive(Debug)]
#[non_exhaustive]
pub enum AcquireError<E> {
    /// No connection came within `max_wait`.
    Exhausted(PoolExhausted),
    /// As many callers wait in the lane as it allows.
    QueueFull(QueueFull),
    /// A connect failed [for good](crate::Verdict::Permanent), and this caller was the oldest waiter.
    Connect(E),
    /// [`Manager::connect`](crate::Manager::connect) panicked, and this caller was the oldest waiter.
    ConnectPanicked,
    /// [`Manager::connect`](crate::Manager::connect) took longer than
    /// [`connect_timeout`](crate::Builder::connect_timeout). No caller gets this but as the cause of the latest failure.
    ConnectTimedOut,
    /// The pool has no lane of that name.
    UnknownLane,
    /// The pool is closed.
    Closed,
    /// There was no idle connection, and no tokio runtime to wait or connect in.
    NoRuntime,
}

impl<E: fmt::Display> fmt::Display for AcquireError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exhausted(exhausted) => exhausted.fmt(f),
            Self::QueueFull(full) => full.fmt(f),
            Self::Connect(error) => write!(f, "connecting failed: {error}"),
            Self::ConnectPanicked => f.write_str("connecting panicked"),
            Self::ConnectTimedOut => f.write_str("connecting took too long"),
            Self::UnknownLane => f.write_str("the pool has no such lane"),
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
            Self::QueueFull(_)
            | Self::ConnectPanicked
            | Self::ConnectTimedOut
            | Self::UnknownLane
            | Self::Closed
            | Self::NoRuntime => None,
        }
    }
}

/// No connection came within `max_wait`: the pool is too small, its connections are held too long, or none could be
/// opened.
#[derive(Clone, Debug)]
pub struct PoolExhausted {
    max_wait: Duration,
    status: Status,
    latest_failure: Option<Arc<dyn Error + Send + Sync>>,
}

impl PoolExhausted {
    pub(crate) fn new<E: Error + Send + Sync + 'static>(
        max_wait: Duration,
        status: Status,
        latest_failure: Option<Arc<E>>,
    ) -> Self {
        Self { max_wait, status, latest_failure: latest_failure.map(|failure| failure as _) }
    }

    /// Returns the limit that was reached.
    pub fn max_wait(&self) -> Duration {
        self.max_wait
    }

    /// Returns the pool's figures at the moment of giving up. The caller that gave up is counted as waiting.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Returns why the last connect failed, if none has succeeded since.
    pub fn latest_failure(&self) -> Option<&(dyn Error + Send + Sync + 'static)> {
        self.latest_failure.as_deref()
    }
}

impl fmt::Display for PoolExhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no connection within {}: {}", Rounded(self.max_wait), self.status)?;
        match &self.latest_failure {
            Some(failure) => write!(f, "; {failure}"),
            None => Ok(()),
        }
    }
}

impl Error for PoolExhausted {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        // `Display` shows the failure itself.
        self.latest_failure.as_ref()?.source()
    }
}

/// As many callers wait in a lane as [it allows](crate::Lane::max_waiting).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueFull {
    lane: Cow<'static, str>,
    status: Status,
}

impl QueueFull {
    pub(crate) fn new(lane: Cow<'static, str>, status: Status) -> Self {
        Self { lane, status }
    }

    /// Returns the name of the lane. It is empty for the lane of callers that name none.
    pub fn lane(&self) -> &str {
        &self.lane
    }

    /// Returns the pool's figures at that moment.
    pub fn status(&self) -> Status {
        self.status
    }
}

impl fmt::Display for QueueFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.lane {
            "" => write!(f, "too many wait already: {}", self.status),
            lane => write!(f, "too many wait already in lane {lane}: {}", self.status),
        }
    }
}

impl Error for QueueFull {}

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
        let exhausted = PoolExhausted::new(Duration::from_millis(250), status, None::<Arc<fmt::Error>>);
        assert_eq!(
            exhausted.to_string(),
            "no connection within 250ms: 7 of 8 in use (oldest for 3.2s), 0 idle, 1 settling, 0 connecting, \
             12 waiting",
        );
    }
}
