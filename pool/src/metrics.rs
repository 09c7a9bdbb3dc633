//! What the pool counts.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// What a pool has counted since it was built. Counters only rise.
///
/// They are read one after the other, not together: under load, two of them may differ by the events in between.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// Connections handed to a caller.
    pub acquired: u64,
    /// Those of them that had to wait, for a connection to come free or to be opened.
    pub waited: u64,
    /// The time all of those waited, in sum.
    pub wait_sum: Duration,
    /// The longest of those waits.
    pub wait_max: Duration,
    /// How those waits were distributed.
    pub wait_histogram: WaitHistogram,
    /// Acquires that ended in [`PoolExhausted`](crate::PoolExhausted).
    pub timeouts: u64,
    /// Acquires dropped while they waited.
    pub cancelled: u64,
    /// Connects that succeeded.
    pub connects: u64,
    /// Connects that failed.
    pub connects_failed: u64,
    /// Connections that came back unfinished and came to rest.
    pub settles: u64,
    /// Connections that came back unfinished, settled in vain, and were dropped.
    pub settles_failed: u64,
    /// The time from the return of all of those to the end of their settling, in sum.
    pub settle_sum: Duration,
    /// Connections the pool dropped: found dead, refused on return, settled in vain, or left over when it closed.
    /// Detached ones are not counted.
    pub discarded: u64,
}

/// How long callers waited, in fixed buckets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WaitHistogram {
    counts: [u64; BUCKETS],
}

impl WaitHistogram {
    /// Returns the buckets, shortest waits first: the longest wait that falls into it (`None` = no limit), and how
    /// many did. A wait is counted in one bucket only.
    pub fn buckets(&self) -> impl Iterator<Item = (Option<Duration>, u64)> + '_ {
        let bounds = BOUNDS.iter().copied().map(Some).chain([None]);
        bounds.zip(self.counts.iter().copied())
    }
}

/// The counters behind [`Metrics`]. Each is its own truth; none guards other memory, so relaxed order is enough.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    acquired: AtomicU64,
    waited: AtomicU64,
    wait_sum_nanos: AtomicU64,
    wait_max_nanos: AtomicU64,
    wait_counts: [AtomicU64; BUCKETS],
    timeouts: AtomicU64,
    cancelled: AtomicU64,
    connects: AtomicU64,
    connects_failed: AtomicU64,
    settles: AtomicU64,
    settles_failed: AtomicU64,
    settle_sum_nanos: AtomicU64,
    discarded: AtomicU64,
}

impl Counters {
    /// Counts a connection handed out at once.
    pub(crate) fn acquired(&self) {
        self.acquired.fetch_add(1, Relaxed);
    }

    /// Counts a connection handed out after a wait.
    pub(crate) fn waited(&self, wait: Duration) {
        let nanos = nanos(wait);
        self.acquired();
        self.waited.fetch_add(1, Relaxed);
        self.wait_sum_nanos.fetch_add(nanos, Relaxed);
        self.wait_max_nanos.fetch_max(nanos, Relaxed);
        self.wait_counts[BOUNDS.partition_point(|&bound| bound < wait)].fetch_add(1, Relaxed);
    }

    pub(crate) fn timed_out(&self) {
        self.timeouts.fetch_add(1, Relaxed);
    }

    pub(crate) fn cancelled(&self) {
        self.cancelled.fetch_add(1, Relaxed);
    }

    pub(crate) fn connected(&self) {
        self.connects.fetch_add(1, Relaxed);
    }

    pub(crate) fn connect_failed(&self) {
        self.connects_failed.fetch_add(1, Relaxed);
    }

    /// Counts a connection that came to rest.
    pub(crate) fn settled(&self, took: Duration) {
        self.settles.fetch_add(1, Relaxed);
        self.settle_sum_nanos.fetch_add(nanos(took), Relaxed);
    }

    pub(crate) fn settle_failed(&self, took: Duration) {
        self.settles_failed.fetch_add(1, Relaxed);
        self.settle_sum_nanos.fetch_add(nanos(took), Relaxed);
    }

    pub(crate) fn discarded(&self) {
        self.discarded.fetch_add(1, Relaxed);
    }

    pub(crate) fn snapshot(&self) -> Metrics {
        Metrics {
            acquired: self.acquired.load(Relaxed),
            waited: self.waited.load(Relaxed),
            wait_sum: Duration::from_nanos(self.wait_sum_nanos.load(Relaxed)),
            wait_max: Duration::from_nanos(self.wait_max_nanos.load(Relaxed)),
            wait_histogram: WaitHistogram {
                counts: self.wait_counts.each_ref().map(|count| count.load(Relaxed)),
            },
            timeouts: self.timeouts.load(Relaxed),
            cancelled: self.cancelled.load(Relaxed),
            connects: self.connects.load(Relaxed),
            connects_failed: self.connects_failed.load(Relaxed),
            settles: self.settles.load(Relaxed),
            settles_failed: self.settles_failed.load(Relaxed),
            settle_sum: Duration::from_nanos(self.settle_sum_nanos.load(Relaxed)),
            discarded: self.discarded.load(Relaxed),
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

const BOUNDS: [Duration; 12] = [
    Duration::from_micros(100),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(60),
];
/// One per bound, and one for what lies beyond.
const BUCKETS: usize = BOUNDS.len() + 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_falls_into_the_bucket_whose_bound_it_does_not_exceed() {
        let counters = Counters::default();
        let edge = Duration::from_millis(5);
        for wait in [Duration::ZERO, edge, edge + Duration::from_nanos(1), Duration::from_secs(61)] {
            counters.waited(wait);
        }
        let filled: Vec<_> = counters
            .snapshot()
            .wait_histogram
            .buckets()
            .filter(|(_, count)| *count > 0)
            .map(|(b, _)| b)
            .collect();
        let expected = [Some(Duration::from_micros(100)), Some(edge), Some(Duration::from_millis(10)), None];
        assert_eq!(filled, expected);
    }

    #[test]
    fn waits_are_summed_and_the_longest_is_kept() {
        let counters = Counters::default();
        counters.waited(Duration::from_millis(3));
        counters.waited(Duration::from_millis(2));
        counters.acquired();
        let metrics = counters.snapshot();
        assert_eq!((metrics.acquired, metrics.waited), (3, 2));
        assert_eq!(
            (metrics.wait_sum, metrics.wait_max),
            (Duration::from_millis(5), Duration::from_millis(3))
        );
    }
}
