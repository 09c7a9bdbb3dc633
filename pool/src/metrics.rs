//! What the pool counts.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use crate::Histogram;

/// What a pool has counted since it was built. Counters only rise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// Connections handed to a caller.
    pub acquired: u64,
    /// How long callers waited that got a connection and had to wait for it, to come free or to be opened.
    pub wait_time: Histogram,
    /// How long callers had connections, from when they were handed over.
    pub use_time: Histogram,
    /// How long connects took that succeeded.
    pub create_time: Histogram,
    /// How long connections took that came back unfinished, to come to rest or to be given up.
    pub settle_time: Histogram,
    /// Acquires that ended in [`PoolExhausted`](crate::PoolExhausted).
    pub timeouts: u64,
    /// Acquires that were refused because their lane was full.
    pub refused: u64,
    /// Acquires dropped while they waited.
    pub cancelled: u64,
    /// Connects that succeeded.
    pub connects: u64,
    /// Connects that failed, those that took too long included.
    pub connects_failed: u64,
    /// Connections that came back unfinished and came to rest.
    pub settles: u64,
    /// Connections that came back unfinished, settled in vain, and were dropped.
    pub settles_failed: u64,
    /// Idle connections that were checked and found alive.
    pub checks: u64,
    /// Idle connections that were checked in vain, and were dropped.
    pub checks_failed: u64,
    /// Connections that [`Manager::before_acquire`](crate::Manager::before_acquire) turned down.
    pub turned_down: u64,
    /// Connections taken back from callers that did not take them, and passed on.
    pub revoked: u64,
    /// Callers that had a connection for longer than [`leak_after`](crate::Builder::leak_after).
    pub leaked: u64,
    /// Connections dropped because nobody had used them for [`max_idle`](crate::Builder::max_idle).
    pub unused: u64,
    /// Connections dropped while idle because their [`max_lifetime`](crate::Builder::max_lifetime) was over.
    pub expired: u64,
    /// Connections the pool dropped for whatever reason, those above included: found dead, refused on return, settled
    /// in vain, too old, or left over when it closed. Detached ones are not counted.
    pub discarded: u64,
}

/// The counters behind [`Metrics`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// On its own, because it is on every caller's way. It guards no other memory.
    acquired: AtomicU64,
    others: Mutex<Metrics>,
}

impl Counters {
    /// Counts a connection handed out.
    pub(crate) fn acquired(&self) {
        self.acquired.fetch_add(1, Relaxed);
    }

    /// Counts anything else.
    pub(crate) fn count(&self, count: impl FnOnce(&mut Metrics)) {
        count(&mut self.others.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Returns all of it. How long connections are used is known to the ledger.
    pub(crate) fn snapshot(&self, use_time: Histogram) -> Metrics {
        let others = self.others.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Metrics { acquired: self.acquired.load(Relaxed), use_time, ..others }
    }
}
