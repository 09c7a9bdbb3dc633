use std::time::Duration;

use crate::connection::random_u64;

/// How long to wait before the next attempt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Backoff {
    first: Duration,
    most: Duration,
    failed: u32,
}

impl Backoff {
    pub(super) fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, failed: 0 }
    }

    /// An attempt has succeeded.
    pub(super) fn reset(&mut self) {
        self.failed = 0;
    }

    /// Returns the next delay. Between a half and all of it: many who lost the same server do not come back together.
    pub(super) fn delay(&mut self) -> Duration {
        let factor = 1_u32.checked_shl(self.failed).unwrap_or(u32::MAX);
        self.failed = self.failed.saturating_add(1);
        let whole = self.first.saturating_mul(factor).min(self.most);
        let half = whole / 2;
        let part = u32::try_from(random_u64() % 1024).unwrap_or_default();
        half.saturating_add(half.saturating_mul(part) / 1024)
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new(Duration::from_millis(100), Duration::from_secs(10))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_maximum_and_begin_again() {
        let mut backoff = Backoff::default();
        for whole in [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000] {
            let (delay, whole) = (backoff.delay(), Duration::from_millis(whole));
            assert!(delay >= whole / 2 && delay <= whole, "{delay:?} of {whole:?}");
        }
        (0..100).for_each(|_| assert!(backoff.delay() <= Duration::from_secs(10)));
        backoff.reset();
        assert!(backoff.delay() <= Duration::from_millis(100));
    }

    #[test]
    fn no_two_wait_alike() {
        let delays: Vec<_> = (0..20).map(|_| Backoff::default().delay()).collect();
        assert!(delays.iter().any(|delay| *delay != delays[0]));
        let mut none = Backoff::new(Duration::ZERO, Duration::ZERO);
        assert_eq!(none.delay(), Duration::ZERO);
    }
}
