//! What the crate's own tests replace: the lock, by one whose every order of taking can be tried out, and the clock, by one
//! that stands still.

#[cfg(not(test))]
pub(crate) use std::sync::{Mutex, MutexGuard};

#[cfg(test)]
pub(crate) use shuttle::sync::{Mutex, MutexGuard};

use std::time::Instant;

/// Reads tokio's clock, which tests of others can pause; outside of a runtime it is the system's. Both are monotonic.
#[cfg(not(test))]
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

#[cfg(test)]
pub(crate) fn now() -> Instant {
    static NOW: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    *NOW
}
