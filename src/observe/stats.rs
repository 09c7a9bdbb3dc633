use std::collections::BTreeMap;
use std::time::Duration;

use molt_db_pool::{Metrics, Status};

use super::Durations;

/// What is known of a pool: how it looks, and what it has counted.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Stats {
    /// Its name: [`Config::pool_name`](crate::Config::pool_name), or else the server's address, its port and the database.
    pub name: String,
    /// How it looks at this moment.
    pub status: Status,
    /// What it has counted of callers and connections.
    pub metrics: Metrics,
    /// What was counted of queries; `None` where [`Config::observe`](crate::Config::observe) does not ask for it.
    pub traffic: Option<Traffic>,
}

/// What was counted of the queries of all connections of a pool or a [`Connector`](crate::Connector). All of it only rises.
///
/// The figures are read one after the other, not together: under load, two of them may differ by the events in between.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Traffic {
    /// How long it took to connect, where that succeeded.
    pub connects: Durations,
    /// How long operations took, from the call to the final answer, failed ones too. A batch is one, and so is a script. Of
    /// rows that are taken one by one it has the caller's own time in it.
    pub operations: Durations,
    /// How many of them failed, by the server's SQLSTATE, or `timeout`, `cancelled`, `connection_lost`, `abandoned` of those
    /// that nobody waited for any more, and `other`. At most 128 codes are counted each, and those beyond by their class: `40000`.
    pub errors: BTreeMap<String, u64>,
    /// Bytes that were sent, before their encryption.
    pub bytes_sent: u64,
    /// Bytes that were received, after their decryption.
    pub bytes_received: u64,
    /// Requests to cancel that were sent, to end what was walked away from or as a caller asked.
    pub cancels: u64,
    /// Sessions that were reset for their next user.
    pub resets: u64,
    /// How long transactions took from the start of the first command in them. Those that one command begins and ends are not seen.
    pub transactions: Durations,
    /// How many of them were rolled back.
    pub rollbacks: u64,
}

impl Traffic {
    /// Returns how many operations failed with a SQLSTATE of a class, `"40"` for example.
    pub fn errors_of_class(&self, class: &str) -> u64 {
        let of_class = |code: &&String| code.len() == 5 && code.starts_with(class);
        self.errors.iter().filter(|(code, _)| of_class(code)).map(|(_, count)| count).sum()
    }

    /// Returns how long an operation took on average; zero if there was none.
    pub fn mean(&self) -> Duration {
        let count = u32::try_from(self.operations.count()).unwrap_or(u32::MAX);
        self.operations.sum().checked_div(count).unwrap_or_default()
    }
}
