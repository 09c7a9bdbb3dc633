use std::fmt;

use super::error::Problem;
use super::value::{FromValue, Value};
use super::word;

/// Whether queries are measured, for [`Pool::stats`](crate::Pool::stats) and, with the features of these names, for the facades
/// `metrics` and `tracing`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Observe {
    /// Nothing is measured, and nothing of it costs anything.
    #[default]
    Off,
    /// Each command is measured: the clock is read twice, and a handful of counters rise.
    On,
    /// As `On`, and spans have the text of queries in them, without parameters. A text that was put together by hand has its
    /// values in it.
    WithText,
}

impl Observe {
    const WORDS: [(&str, Self); 3] = [("off", Self::Off), ("on", Self::On), ("text", Self::WithText)];
}

impl FromValue for Observe {
    fn from_value(value: Value) -> Result<Self, Problem> {
        value.word(&Self::WORDS, "`off`, `on` or `text`")
    }
}

impl fmt::Display for Observe {
    /// Writes the name that connection strings use.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(word::of(&Self::WORDS, self))
    }
}
