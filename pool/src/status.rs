//! What the pool looks like at one moment.

use std::fmt;
use std::time::Duration;

/// The pool's figures at one moment, taken together under its lock.
///
/// `total = idle + in_use + settling + connecting`, and `total <= max`, always. `Display` writes the sentence that
/// [`PoolExhausted`](crate::PoolExhausted) ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// The most connections there may be.
    pub max: usize,
    /// The slots taken: connections that exist, and connects in progress.
    pub total: usize,
    /// The connections that wait for a user.
    pub idle: usize,
    /// The connections handed out, including those handed over to a waiter that has not run since.
    pub in_use: usize,
    /// The connections that came back unfinished and are being brought to rest.
    pub settling: usize,
    /// The connects in progress.
    pub connecting: usize,
    /// The callers that wait for a connection.
    pub waiting: usize,
    /// How long the longest of the current users has had its connection. `None` if none is in use.
    pub oldest_use: Option<Duration>,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { max, idle, in_use, settling, connecting, waiting, .. } = self;
        write!(f, "{in_use} of {max} in use")?;
        if let Some(age) = self.oldest_use {
            write!(f, " (oldest for {})", Rounded(age))?;
        }
        write!(f, ", {idle} idle, {settling} settling, {connecting} connecting, {waiting} waiting")
    }
}

/// A duration as a reader of logs wants it: whole milliseconds below a second, tenths of a second above.
pub(crate) struct Rounded(pub(crate) Duration);

impl fmt::Display for Rounded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < Duration::from_secs(1) {
            return write!(f, "{}ms", self.0.as_millis());
        }
        let tenths = self.0.as_millis() / 100;
        match tenths % 10 {
            0 => write!(f, "{}s", tenths / 10),
            tenth => write!(f, "{}.{tenth}s", tenths / 10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_rounded_down() {
        let shown = |millis| Rounded(Duration::from_millis(millis)).to_string();
        assert_eq!(
            ["0ms", "250ms", "999ms"],
            [shown(0), shown(250), shown(999)].each_ref().map(String::as_str)
        );
        assert_eq!(
            ["1s", "3.2s", "90s"],
            [shown(1000), shown(3299), shown(90_000)].each_ref().map(String::as_str)
        );
    }

    #[test]
    fn an_unused_pool_names_no_oldest_user() {
        let status = Status {
            max: 2,
            total: 2,
            idle: 0,
            in_use: 0,
            settling: 1,
            connecting: 1,
            waiting: 1,
            oldest_use: None,
        };
        assert_eq!(status.to_string(), "0 of 2 in use, 0 idle, 1 settling, 1 connecting, 1 waiting");
    }
}
