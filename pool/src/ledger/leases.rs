use std::time::Instant;

/// The leases that run, each in a place of its own. Places are used again: beginning and ending one allocates nothing.
#[derive(Debug, Default)]
pub(super) struct Leases {
    /// When the lease in each place began; `None` of a free place.
    begun: Vec<Option<Instant>>,
    free: Vec<usize>,
}

/// The right to use one connection. It ends in [`Ledger::release`], [`Ledger::release_unsettled`] or
/// [`Ledger::vacate`].
///
/// [`Ledger::release`]: super::Ledger::release
/// [`Ledger::release_unsettled`]: super::Ledger::release_unsettled
/// [`Ledger::vacate`]: super::Ledger::vacate
#[derive(Debug)]
#[must_use]
pub(crate) struct Lease(usize);

impl Leases {
    pub(super) fn begin(&mut self, now: Instant) -> Lease {
        let place = self.free.pop().unwrap_or_else(|| {
            self.begun.push(None);
            self.begun.len() - 1
        });
        self.begun[place] = Some(now);
        Lease(place)
    }

    pub(super) fn end(&mut self, Lease(place): Lease) {
        self.begun[place] = None;
        self.free.push(place);
    }

    pub(super) fn len(&self) -> usize {
        self.begun.len() - self.free.len()
    }

    /// Returns when the one began that runs for longest.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.begun.iter().flatten().min().copied()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn places_are_used_again_and_the_oldest_is_known() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let mut leases = Leases::default();
        assert_eq!((leases.len(), leases.oldest()), (0, None));
        let first = leases.begin(at(1));
        let second = leases.begin(at(2));
        assert_eq!((leases.len(), leases.oldest()), (2, Some(at(1))));
        leases.end(first);
        assert_eq!((leases.len(), leases.oldest()), (1, Some(at(2))));
        let third = leases.begin(at(3));
        assert_eq!((leases.len(), leases.oldest(), leases.begun.len()), (2, Some(at(2)), 2));
        leases.end(second);
        assert_eq!(leases.oldest(), Some(at(3)));
        leases.end(third);
        assert_eq!((leases.len(), leases.oldest()), (0, None));
    }
}
