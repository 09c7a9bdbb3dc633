//! What a keeper has to do, and when.

use std::collections::VecDeque;
use std::task::Waker;
use std::time::{Duration, Instant};

use super::{Badge, ConnectPermit, Grant, Granted, Ledger, Loan, SHORTENED, Settings, Times, Wakes, Ward};
use crate::Holder;

/// What a keeper is told when it looks.
#[must_use]
pub(crate) enum Shift<C> {
    /// There is this to be done; then it is to look again.
    Work(Box<Chores<C>>),
    /// There is nothing to be done until then, unless it is woken.
    Sleep(Option<Instant>),
    /// Its duty ends: the ledger is closed and every slot free.
    Over,
}

/// Work for a keeper.
#[must_use]
pub(crate) struct Chores<C> {
    /// Connections to look after.
    pub(crate) wards: VecDeque<Ward<C>>,
    pub(crate) connects: Vec<ConnectPermit>,
    /// Connections to drop: they were not used for too long, or are too old.
    pub(crate) unused: Vec<Loan<C>>,
    pub(crate) expired: Vec<Loan<C>>,
    /// How many grants were taken back.
    pub(crate) revoked: usize,
    /// Those who were given them instead, and those whose time is over.
    pub(crate) wakes: Wakes,
    pub(crate) leaked: Vec<Holder>,
}

impl<C, F> Ledger<C, F> {
    /// Tells a keeper what to do. The waker is swapped as in [`turn`](Self::turn).
    pub(crate) fn poll_shift(&mut self, badge: &Badge, waker: &mut Option<Waker>, now: Instant) -> Shift<C> {
        if self.is_empty() {
            return Shift::Over;
        }
        let chores = self.chores(now);
        if !chores.is_empty() {
            return Shift::Work(Box::new(chores));
        }
        let until = Times::first([self.next_chore(now), self.next_look(now)]);
        self.roster.sleep(badge, waker, until);
        Shift::Sleep(until)
    }

    fn chores(&mut self, now: Instant) -> Chores<C> {
        let (revoked, mut wakes) = self.revoke(now);
        wakes.others.extend(self.lanes.rouse_late(now));
        let expired = self.shelf.take_if(|idle| idle.is_expired(now));
        let expired = expired.into_iter().map(|idle| self.withdraw(idle, now)).collect();
        let unused = self.take_unused(now);
        let mut wards = self.care.take();
        let unchecked = self.shelf.take_if(|idle| idle.is_to_be_checked(now));
        wards.extend(unchecked.into_iter().map(|idle| self.care.check(idle, now)));
        let leaked = self.settings.leak_after.map(|bound| self.leases.leaked(bound, now)).unwrap_or_default();
        Chores { wards, connects: self.permits(now), unused, expired, revoked, wakes, leaked }
    }

    /// Takes back what was granted and not taken for too long, and passes it on.
    fn revoke(&mut self, now: Instant) -> (usize, Wakes) {
        let bound = self.settings.grant_timeout;
        let is_late = |granted: &Granted<C, F>| {
            matches!(granted.grant, Grant::Connection(_))
                && now.saturating_duration_since(granted.since) >= bound
        };
        let late = self.granted.iter().filter(|(_, granted)| is_late(granted));
        let late: Vec<_> = late.map(|(&ticket, _)| ticket).collect();
        let mut wakes = Wakes::default();
        for ticket in &late {
            if let Some(Granted { grant: Grant::Connection(loan), .. }) = self.granted.remove(ticket) {
                let papers = self.end_lease(loan.lease, now);
                wakes = wakes.and(self.offer(loan.conn, papers, now));
            }
        }
        (late.len(), wakes)
    }

    /// Takes those that were not used for too long, down to the minimum.
    fn take_unused(&mut self, now: Instant) -> Vec<Loan<C>> {
        let Some(limit) = self.settings.max_idle else { return Vec::new() };
        let mut surplus = self.in_existence().saturating_sub(self.settings.min_conns);
        let unused = self.shelf.take_if(|idle| {
            let taken = surplus > 0 && now.saturating_duration_since(idle.since) >= limit;
            surplus -= usize::from(taken);
            taken
        });
        unused.into_iter().map(|idle| self.withdraw(idle, now)).collect()
    }

    /// Returns when to look again at the latest, while there are connections. None that is lent or put down from here on
    /// falls due before that, so that needs no keeper to be called.
    fn next_look(&self, now: Instant) -> Option<Instant> {
        if self.total() == 0 {
            return None;
        }
        let Settings { max_idle, health_check_interval, leak_after, .. } = self.settings;
        let soonest_check = health_check_interval.map(|interval| interval - interval / SHORTENED);
        let shortest = [max_idle, soonest_check, leak_after].into_iter().flatten().min();
        shortest.and_then(|shortest| now.checked_add(shortest))
    }

    /// Returns when there will be something to do, if nothing happens before.
    pub(super) fn next_chore(&self, now: Instant) -> Option<Instant> {
        let may_shrink = self.in_existence() > self.settings.min_conns;
        let max_idle = self.settings.max_idle.filter(|_| may_shrink);
        let idle = self.shelf.iter().map(|idle| idle.due(max_idle));
        let connections =
            self.granted.values().filter(|granted| matches!(granted.grant, Grant::Connection(_)));
        let grants = connections.map(|granted| granted.since.checked_add(self.settings.grant_timeout));
        let bound = self.settings.leak_after;
        let leaks = bound.and_then(|bound| self.leases.oldest_unreported()?.checked_add(bound));
        let expiries = self.leases.expiries(now);
        let others = [leaks, self.lanes.ends_at(), self.wanted_at(now)];
        Times::first(idle.chain(grants).chain(expiries).chain(others))
    }

    /// Counts the connects worth starting.
    pub(super) fn wanted(&self, now: Instant) -> usize {
        let free = self.settings.max_conns.saturating_sub(self.total());
        if free == 0 || self.is_closed() {
            return 0;
        }
        let room = free.min(self.opening.room(self.settings.max_connecting, now));
        self.growth(now).max(self.refill(now)).min(room)
    }

    /// Returns when to look whether connects are worth starting, if nothing happens before.
    pub(super) fn wanted_at(&self, now: Instant) -> Option<Instant> {
        if self.wanted(now) > 0 {
            return Some(now);
        }
        let is_short = !self.lanes.is_empty() || self.total() < self.settings.min_conns;
        if !is_short || self.total() >= self.settings.max_conns || self.is_closed() {
            return None;
        }
        let watched = !self.lanes.is_empty() && !self.opening.is_paused_for_waiters(now);
        let closely = watched.then(|| now + self.watch_interval());
        Times::first([self.opening.opens_at(now), closely])
    }

    /// How often to look whether waiters are served as soon as it seemed.
    pub(super) fn watch_interval(&self) -> Duration {
        (self.opening.usual() / 8).max(GRAIN)
    }

    pub(super) fn permits(&mut self, now: Instant) -> Vec<ConnectPermit> {
        (0..self.wanted(now)).map(|_| self.opening.begin(now)).collect()
    }

    /// Counts the connections, without those that are being opened.
    fn in_existence(&self) -> usize {
        self.total() - self.opening.len()
    }

    /// Counts the connects that are missing to the minimum.
    fn refill(&self, now: Instant) -> usize {
        if self.opening.is_paused(now) { 0 } else { self.settings.min_conns.saturating_sub(self.total()) }
    }

    /// Counts the connects that waiters want, beyond those in progress: one for each that would be served later without
    /// it.
    ///
    /// It is not started for one that will have gone by then; nor, at first, for one that the connections in use will
    /// serve before, by the look of how long they are used. Whoever has waited for longer than a connect takes has shown
    /// that to be wrong. A connection in care is for no waiter: it may take longer than a connect, and may be given up.
    fn growth(&self, now: Instant) -> usize {
        if self.lanes.is_empty() || self.opening.is_paused_for_waiters(now) {
            return 0;
        }
        let (takes, takes_surely) = (self.opening.usual(), self.opening.sure(now));
        let doomed = self.lanes.count_first(|claim| claim.left(now) <= takes_surely);
        let deceived = self.lanes.count_first(|claim| now.saturating_duration_since(claim.arrived) > takes);
        let unserved = (self.lanes.len() - doomed).saturating_sub(self.returns_within(takes, now));
        let first = usize::from(self.in_existence() == 0);
        let wanted = unserved.max(deceived.saturating_sub(doomed)).max(first);
        wanted.saturating_sub(self.opening.hopeful(now))
    }

    /// Estimates how often the connections in use will come back within a time. One that is used for longer than usual
    /// is believed to go on like that.
    fn returns_within(&self, time: Duration, now: Instant) -> usize {
        let usual = self.usual_use.get().unwrap_or_default().max(GRAIN / 1000);
        let returns = self.leases.begun().map(|begun| {
            let use_time = usual.max(now.saturating_duration_since(begun));
            usize::try_from(time.as_nanos() / use_time.as_nanos()).unwrap_or(usize::MAX)
        });
        returns.fold(0, usize::saturating_add)
    }
}

impl<C> Chores<C> {
    fn is_empty(&self) -> bool {
        self.wards.is_empty()
            && self.connects.is_empty()
            && self.unused.is_empty()
            && self.expired.is_empty()
            && self.revoked == 0
            && self.wakes.is_empty()
            && self.leaked.is_empty()
    }
}

/// The grain of timers.
const GRAIN: Duration = Duration::from_millis(1);
