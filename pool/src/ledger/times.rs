//! Moments and estimates.

use std::time::{Duration, Instant};

use crate::histogram::nanos;

/// Moments, some of which never come.
pub(super) struct Times;

impl Times {
    /// Returns the first.
    pub(super) fn first(moments: impl IntoIterator<Item = Option<Instant>>) -> Option<Instant> {
        moments.into_iter().flatten().min()
    }
}

/// How long something usually takes, in nanoseconds: each new measure counts for an eighth.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usual(Option<u64>);

impl Usual {
    pub(super) fn observe(&mut self, took: Duration) {
        let took = nanos(took);
        self.0 = Some(self.0.map_or(took, |usual| usual - usual / 8 + took / 8));
    }

    pub(super) fn get(self) -> Option<Duration> {
        self.0.map(Duration::from_nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_usual_follows_what_is_measured() {
        let mut usual = Usual::default();
        assert_eq!(usual.get(), None);
        usual.observe(Duration::from_millis(8));
        assert_eq!(usual.get(), Some(Duration::from_millis(8)));
        usual.observe(Duration::from_millis(16));
        assert_eq!(usual.get(), Some(Duration::from_millis(9)));
        usual.observe(Duration::MAX);
        (0..500).for_each(|_| usual.observe(Duration::ZERO));
        assert!(usual.get() < Some(Duration::from_micros(1)));
    }

    #[test]
    fn the_first_of_no_moments_never_comes() {
        let now = Instant::now();
        let later = now + Duration::from_secs(1);
        assert_eq!(Times::first([Some(later), None, Some(now)]), Some(now));
        assert_eq!(Times::first([None, None]), None);
    }
}
