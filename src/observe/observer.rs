use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::Traffic;
use super::durations::Timings;
use super::errors::Errors;
use super::labels::Labels;
use crate::config::{Config, Observe};

/// Something that is worth counting.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Event<'a> {
    Operation(Operation<'a>),
    Moved {
        sent: u64,
        received: u64,
    },
    CancelSent,
    Reset,
    Transaction(Duration),
    RolledBack,
    /// A connection was opened, which took this long.
    Created(Duration),
    /// A caller got a connection of a pool after this long.
    #[cfg_attr(not(feature = "metrics"), expect(dead_code, reason = "the pool counts it itself"))]
    Waited(Duration),
    /// A caller waited for one in vain.
    WaitedInVain,
    /// A caller gave one back after this long.
    #[cfg_attr(not(feature = "metrics"), expect(dead_code, reason = "the pool counts it itself"))]
    Used(Duration),
}

/// A command that is over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operation<'a> {
    pub(crate) time: Duration,
    /// What the server calls it.
    #[cfg_attr(
        not(any(feature = "metrics", feature = "tracing")),
        expect(dead_code, reason = "only the facades are told")
    )]
    pub(crate) name: Option<&'static str>,
    /// The SQLSTATE, or the name, of what it failed of.
    pub(crate) error: Option<&'a str>,
}

#[cfg(any(feature = "metrics", feature = "tracing"))]
impl<'a> Operation<'a> {
    /// Returns the server's own code, if it failed of that.
    pub(super) fn sqlstate(self) -> Option<&'a str> {
        // Names are in small letters.
        self.error.filter(|error| error.len() == 5 && !error.contains(|c: char| c.is_ascii_lowercase()))
    }
}

/// Who counts what happens on the connections of a pool.
pub(crate) struct Observer {
    pub(super) labels: Labels,
    #[cfg(feature = "tracing")]
    pub(super) observe: Observe,
    connects: Timings,
    operations: Timings,
    errors: Errors,
    bytes_sent: AtomicU64,
    bytes_received: AtomicU64,
    cancels: AtomicU64,
    resets: AtomicU64,
    transactions: Timings,
    rollbacks: AtomicU64,
}

impl Observer {
    /// Makes an observer, if the configuration asks for one.
    pub(crate) fn new(config: &Config) -> Option<Arc<Self>> {
        let observe = config.get_observe();
        let observer = || Self {
            labels: Labels::new(config),
            #[cfg(feature = "tracing")]
            observe,
            connects: Timings::default(),
            operations: Timings::default(),
            errors: Errors::default(),
            bytes_sent: AtomicU64::new(0),
            bytes_received: AtomicU64::new(0),
            cancels: AtomicU64::new(0),
            resets: AtomicU64::new(0),
            transactions: Timings::default(),
            rollbacks: AtomicU64::new(0),
        };
        #[cfg(feature = "metrics")]
        super::emit::describe();
        (observe != Observe::Off).then(|| Arc::new(observer()))
    }

    /// Returns the name that the pool of this configuration goes by.
    pub(crate) fn pool_name(config: &Config) -> String {
        Labels::new(config).pool_name
    }

    pub(crate) fn note(&self, event: Event<'_>) {
        let one = |counter: &AtomicU64| {
            counter.fetch_add(1, Relaxed);
        };
        match event {
            Event::Operation(operation) => {
                self.operations.add(operation.time);
                operation.error.into_iter().for_each(|error| self.errors.add(error));
            }
            Event::Moved { sent, received } => {
                self.bytes_sent.fetch_add(sent, Relaxed);
                self.bytes_received.fetch_add(received, Relaxed);
            }
            Event::CancelSent => one(&self.cancels),
            Event::Reset => one(&self.resets),
            Event::Transaction(time) => self.transactions.add(time),
            Event::RolledBack => one(&self.rollbacks),
            Event::Created(time) => self.connects.add(time),
            // The pool counts these itself.
            Event::Waited(_) | Event::WaitedInVain | Event::Used(_) => {}
        }
        #[cfg(feature = "metrics")]
        super::emit::emit(&self.labels, event);
    }

    pub(crate) fn snapshot(&self) -> Traffic {
        Traffic {
            connects: self.connects.snapshot(),
            operations: self.operations.snapshot(),
            errors: self.errors.snapshot(),
            bytes_sent: self.bytes_sent.load(Relaxed),
            bytes_received: self.bytes_received.load(Relaxed),
            cancels: self.cancels.load(Relaxed),
            resets: self.resets.load(Relaxed),
            transactions: self.transactions.snapshot(),
            rollbacks: self.rollbacks.load(Relaxed),
        }
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observer").field("pool_name", &self.labels.pool_name).finish_non_exhaustive()
    }
}
