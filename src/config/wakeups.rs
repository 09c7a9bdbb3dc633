use super::error::Problem;
use super::value::{FromValue, Value};

/// How often a connection is woken for a large result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Wakeups {
    /// Once one result has brought 8 MiB, when 128 KiB have arrived, or when nothing more has for about a millisecond.
    ///
    /// On Linux and over TCP, with TLS or without; elsewhere it is as `Every`. It needs the timer of the runtime.
    #[default]
    Few,
    /// Whenever something arrives.
    Every,
}

impl FromValue for Wakeups {
    fn from_value(value: Value) -> Result<Self, Problem> {
        value.word(&[("few", Self::Few), ("every", Self::Every)], "`few` or `every`")
    }
}
