/// A moment, in microseconds since 2000-01-01 00:00:00 UTC; before that it is negative.
// PG docs: protocol-replication
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PgTimestamp(i64);

impl PgTimestamp {
    /// Takes microseconds since 2000-01-01.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Returns microseconds since 2000-01-01.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Takes microseconds since 1970-01-01, `None` of those that have no place here.
    pub const fn from_unix_micros(micros: i64) -> Option<Self> {
        match micros.checked_sub(EPOCH) {
            Some(micros) => Some(Self(micros)),
            None => None,
        }
    }

    /// Returns microseconds since 1970-01-01, `None` where they do not fit.
    pub const fn unix_micros(self) -> Option<i64> {
        self.0.checked_add(EPOCH)
    }
}

/// From 1970-01-01 to 2000-01-01: 10,957 days.
const EPOCH: i64 = 10_957 * 86_400 * 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_epochs_are_30_years_apart() {
        assert_eq!(PgTimestamp::from_micros(0).unix_micros(), Some(946_684_800_000_000));
        assert_eq!(PgTimestamp::from_unix_micros(0).map(PgTimestamp::micros), Some(-946_684_800_000_000));
    }

    #[test]
    fn moments_that_do_not_fit_are_none() {
        assert_eq!(PgTimestamp::from_unix_micros(i64::MIN + EPOCH).map(PgTimestamp::micros), Some(i64::MIN));
        assert_eq!(PgTimestamp::from_unix_micros(i64::MIN + EPOCH - 1), None);
        assert_eq!(PgTimestamp::from_micros(i64::MAX - EPOCH).unix_micros(), Some(i64::MAX));
        assert_eq!(PgTimestamp::from_micros(i64::MAX - EPOCH + 1).unix_micros(), None);
    }
}
