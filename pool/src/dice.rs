//! Chance, from a seed: enough to spread what would otherwise happen all at once.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// A generator of numbers that nobody should rely on to be secret (SplitMix64).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Makes one whose seed differs from pool to pool and from process to process.
    pub(crate) fn seeded() -> Self {
        Self::new(RandomState::new().hash_one(0))
    }

    /// Returns a duration from zero to `most`, all equally likely.
    pub(crate) fn up_to(&mut self, most: Duration) -> Duration {
        let share = u32::try_from(self.roll() >> 32).unwrap_or(u32::MAX);
        most.mul_f64(f64::from(share) / f64::from(u32::MAX))
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throws_are_spread_over_the_whole_range_and_stay_in_it() {
        let most = Duration::from_secs(8);
        let mut dice = Dice::new(1);
        let mut eighths = [0; 8];
        for _ in 0..8000 {
            let thrown = dice.up_to(most);
            assert!(thrown <= most);
            eighths[usize::try_from(thrown.as_secs()).unwrap().min(7)] += 1;
        }
        assert!(eighths.iter().all(|count| (800..1200).contains(count)), "{eighths:?}");
    }

    #[test]
    fn seeds_decide() {
        let most = Duration::from_secs(1);
        let throw = |seed| Dice::new(seed).up_to(most);
        assert_eq!(throw(7), throw(7));
        assert_ne!(throw(7), throw(8));
        assert_ne!(Dice::seeded().up_to(most), Dice::seeded().up_to(most));
        assert_eq!(Dice::new(1).up_to(Duration::ZERO), Duration::ZERO);
    }
}
