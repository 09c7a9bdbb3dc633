use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// How long things took, in fixed buckets: those that OpenTelemetry has for operations of databases.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Durations {
    counts: [u64; BUCKETS],
    sum: Duration,
}

impl Durations {
    /// Returns how many there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Returns what they took together.
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// Returns the buckets, shortest times first: the longest time that falls into it (`None` = no limit), and how many
    /// did. Each is counted in one bucket only.
    pub fn buckets(&self) -> impl Iterator<Item = (Option<Duration>, u64)> + '_ {
        BOUNDS.map(Some).into_iter().chain([None]).zip(self.counts)
    }
}

/// The counters behind [`Durations`]. None guards other memory, so relaxed order is enough.
#[derive(Debug, Default)]
pub(super) struct Timings {
    counts: [AtomicU64; BUCKETS],
    nanos: AtomicU64,
}

impl Timings {
    pub(super) fn add(&self, time: Duration) {
        let bucket = BOUNDS.partition_point(|bound| *bound < time);
        self.counts[bucket].fetch_add(1, Relaxed);
        self.nanos.fetch_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    pub(super) fn snapshot(&self) -> Durations {
        let counts = self.counts.each_ref().map(|count| count.load(Relaxed));
        Durations { counts, sum: Duration::from_nanos(self.nanos.load(Relaxed)) }
    }
}

/// OpenTelemetry's semantic conventions, "db.client.operation.duration".
const BOUNDS: [Duration; 9] = [
    Duration::from_millis(1),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(10),
];
const BUCKETS: usize = BOUNDS.len() + 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_falls_into_the_first_bucket_that_is_long_enough() {
        let timings = Timings::default();
        for micros in [0, 1_000, 1_001, 10_000_000, 10_000_001] {
            timings.add(Duration::from_micros(micros));
        }
        let durations = timings.snapshot();
        let filled: Vec<_> = durations.buckets().filter(|(_, count)| *count > 0).collect();
        let millis = |millis| Some(Duration::from_millis(millis));
        assert_eq!(filled, [(millis(1), 2), (millis(5), 1), (millis(10_000), 1), (None, 1)]);
        assert_eq!((durations.count(), durations.sum()), (5, Duration::from_micros(20_002_002)));
    }
}
