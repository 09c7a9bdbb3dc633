use std::cmp::Reverse;
use std::time::{Duration, Instant};

use super::idle::Papers;
use super::places::Places;
use crate::Holder;
use crate::request::Origin;

/// The leases that run.
#[derive(Debug, Default)]
pub(super) struct Leases {
    running: Places<Running>,
}

/// What is known of a lease.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) begun: Instant,
    /// The user's lane, and where it acquired. `None` of a lease that is the pool's own.
    pub(super) user: Option<(usize, Origin)>,
    leak: Leak,
    /// Those of the connection.
    pub(super) papers: Papers,
}

#[derive(Debug, PartialEq, Eq)]
enum Leak {
    Unreported,
    Reported,
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
    pub(super) fn begin(&mut self, user: Option<(usize, Origin)>, papers: Papers, now: Instant) -> Lease {
        Lease(self.running.take(Running { begun: now, user, leak: Leak::Unreported, papers }))
    }

    pub(super) fn end(&mut self, Lease(place): Lease) -> Running {
        self.running.leave(place)
    }

    /// Returns what is known of a connection that is lent.
    pub(super) fn papers(&self, &Lease(place): &Lease) -> &Papers {
        &self.running.get(place).papers
    }

    pub(super) fn len(&self) -> usize {
        self.running.len()
    }

    /// Returns when each began.
    pub(super) fn begun(&self) -> impl Iterator<Item = Instant> {
        self.running.iter().map(|running| running.begun)
    }

    /// Returns when each connection that is not yet too old will be.
    pub(super) fn expiries(&self, now: Instant) -> impl Iterator<Item = Option<Instant>> {
        self.running.iter().map(move |running| running.papers.expires.filter(|expires| *expires > now))
    }

    /// Returns the users, those who have had their connection for longest first.
    pub(super) fn holders(&self, now: Instant) -> Vec<Holder> {
        let mut holders: Vec<_> = self.running.iter().filter_map(|running| running.holder(now)).collect();
        holders.sort_by_key(|holder| Reverse(holder.age));
        holders
    }

    /// Returns the users that have had their connection for `bound`, each once.
    pub(super) fn leaked(&mut self, bound: Duration, now: Instant) -> Vec<Holder> {
        let mut unreported: Vec<_> = self
            .running
            .iter_mut()
            .filter(|running| running.leak == Leak::Unreported && running.age(now) >= bound)
            .collect();
        unreported.iter_mut().for_each(|running| running.leak = Leak::Reported);
        unreported.into_iter().filter_map(|running| running.holder(now)).collect()
    }

    /// Returns when the oldest began that was not reported.
    pub(super) fn oldest_unreported(&self) -> Option<Instant> {
        let unreported = self.running.iter().filter(|running| running.leak == Leak::Unreported);
        unreported.map(|running| running.begun).min()
    }
}

impl Running {
    pub(super) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.begun)
    }

    fn holder(&self, now: Instant) -> Option<Holder> {
        let (_, origin) = self.user?;
        Some(Holder::new(self.age(now), origin))
    }
}
