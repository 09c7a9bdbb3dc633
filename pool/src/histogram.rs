//! How long things took.

use std::time::Duration;

/// How long something took, each time it was done: in fixed buckets, in sum, and at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: [u64; BUCKETS],
    sum_nanos: u64,
    max_nanos: u64,
}

impl Histogram {
    /// Returns how often it was done.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Returns how long that took in all.
    pub fn sum(&self) -> Duration {
        Duration::from_nanos(self.sum_nanos)
    }

    /// Returns how long it took when it took longest.
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.max_nanos)
    }

    /// Returns the buckets, shortest times first: the longest time that falls into it (`None` = no limit), and how many
    /// did. A time is counted in one bucket only.
    pub fn buckets(&self) -> impl Iterator<Item = (Option<Duration>, u64)> + '_ {
        let bounds = BOUNDS.iter().copied().map(Some).chain([None]);
        bounds.zip(self.counts.iter().copied())
    }

    pub(crate) fn observe(&mut self, took: Duration) {
        let bucket = BOUNDS.iter().position(|&bound| took <= bound).unwrap_or(BOUNDS.len());
        let took = nanos(took);
        self.counts[bucket] += 1;
        self.sum_nanos = self.sum_nanos.saturating_add(took);
        self.max_nanos = self.max_nanos.max(took);
    }
}

/// Counts nanoseconds: of 584 years at most.
pub(crate) fn nanos(duration: Duration) -> u64 {
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
    fn a_time_falls_into_the_bucket_whose_bound_it_does_not_exceed() {
        let mut histogram = Histogram::default();
        let edge = Duration::from_millis(5);
        for took in [Duration::ZERO, edge, edge + Duration::from_nanos(1), Duration::from_secs(61)] {
            histogram.observe(took);
        }
        let filled: Vec<_> =
            histogram.buckets().filter(|(_, count)| *count > 0).map(|(bound, _)| bound).collect();
        let expected = [Some(Duration::from_micros(100)), Some(edge), Some(Duration::from_millis(10)), None];
        assert_eq!(filled, expected);
    }

    #[test]
    fn times_are_summed_and_the_longest_is_kept() {
        let mut histogram = Histogram::default();
        histogram.observe(Duration::from_millis(3));
        histogram.observe(Duration::from_millis(2));
        assert_eq!(
            (histogram.count(), histogram.sum(), histogram.max()),
            (2, Duration::from_millis(5), Duration::from_millis(3))
        );
        histogram.observe(Duration::MAX);
        histogram.observe(Duration::MAX);
        assert_eq!(histogram.sum(), Duration::from_nanos(u64::MAX));
    }
}
