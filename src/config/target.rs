use std::fmt;

use super::error::Problem;
use super::value::{FromValue, Value};
use super::word;

/// Which kind of server a session is wanted with.
///
/// It is looked at when a session is opened, and by a [`Pool`](crate::Pool) whenever it hands one out: a connection to a
/// server that has changed its role is replaced, by the first host that fits. A server reports a change with its answer
/// to the next command, so the command that is the first to meet a primary that turned read-only may fail (25006).
/// Servers before 14 report neither `in_hot_standby` nor `default_transaction_read_only`: they are asked once, when a
/// session is opened, and a session that is open stays.
// PG docs: libpq-connect, "target_session_attrs"
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TargetSessionAttrs {
    /// Any.
    #[default]
    Any,
    /// One where a session may write, by default.
    ReadWrite,
    /// One where a session may only read, by default.
    ReadOnly,
    /// One that is not in recovery.
    Primary,
    /// One that is in recovery.
    Standby,
    /// One that is in recovery, or any if none of the hosts is. A pool keeps either.
    PreferStandby,
}

impl TargetSessionAttrs {
    const WORDS: [(&str, Self); 6] = [
        ("any", Self::Any),
        ("read-write", Self::ReadWrite),
        ("read-only", Self::ReadOnly),
        ("primary", Self::Primary),
        ("standby", Self::Standby),
        ("prefer-standby", Self::PreferStandby),
    ];
}

impl FromValue for TargetSessionAttrs {
    fn from_value(value: Value) -> Result<Self, Problem> {
        let expected = "`any`, `read-write`, `read-only`, `primary`, `standby` or `prefer-standby`";
        value.word(&Self::WORDS, expected)
    }
}

impl fmt::Display for TargetSessionAttrs {
    /// Writes the name that connection strings use.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(word::of(&Self::WORDS, self))
    }
}

/// In which order hosts and their addresses are tried.
// PG docs: libpq-connect, "load_balance_hosts"
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LoadBalanceHosts {
    /// As they are given.
    #[default]
    Disable,
    /// At random.
    Random,
}

impl LoadBalanceHosts {
    const WORDS: [(&str, Self); 2] = [("disable", Self::Disable), ("random", Self::Random)];
}

impl FromValue for LoadBalanceHosts {
    fn from_value(value: Value) -> Result<Self, Problem> {
        value.word(&Self::WORDS, "`disable` or `random`")
    }
}

impl fmt::Display for LoadBalanceHosts {
    /// Writes the name that connection strings use.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(word::of(&Self::WORDS, self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_as_it_is_written() {
        for (word, attrs) in TargetSessionAttrs::WORDS {
            assert_eq!(TargetSessionAttrs::from_value(Value(word.into())), Ok(attrs));
            assert_eq!(attrs.to_string(), word);
        }
        for (word, order) in LoadBalanceHosts::WORDS {
            assert_eq!(LoadBalanceHosts::from_value(Value(word.into())), Ok(order));
            assert_eq!(order.to_string(), word);
        }
    }

    #[test]
    fn other_words_are_refused() {
        for bad in ["", "master", "Any", "prefer_standby"] {
            assert!(TargetSessionAttrs::from_value(Value(bad.into())).is_err(), "{bad}");
        }
        for bad in ["", "true", "Random"] {
            assert!(LoadBalanceHosts::from_value(Value(bad.into())).is_err(), "{bad}");
        }
    }
}
