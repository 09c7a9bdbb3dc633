//! Those who wait: in their lane, in the order of their arrival.

use std::collections::BTreeMap;
use std::mem;
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::histogram::nanos;
use crate::request::Origin;
use crate::{Lane, LaneStatus};

/// The lanes of a pool, served by deficit round robin. What a lane pays with is the time its callers have connections
/// while others wait.
///
/// Each lane has a balance. While anyone waits, it falls by a second for every second of every connection in use by the
/// lane. A lane is served while its balance is above zero, and those that are take turns; when none of those that wait
/// has any left, all get another quantum, times their weight. A lane in which nobody waits saves nothing up, and pays
/// off its debts. When a connection lies idle everyone has what they want: all balances are forgotten.
///
/// Shreedhar and Varghese, "Efficient Fair Queueing using Deficit Round Robin" (1995); here the cost of serving is
/// known only afterwards, so it is charged as it arises.
#[derive(Debug)]
pub(super) struct Lanes {
    lanes: Vec<Track>,
    /// Whose turn it is.
    next: usize,
    /// Until when balances have been charged; `None` while there is no competition.
    charged: Option<Instant>,
    drawn: u64,
}

/// A place in the order of arrival. It is drawn once per acquire and kept until that acquire ends, so whoever has to
/// queue again stands where it stood before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket {
    pub(crate) number: u64,
    lane: usize,
}

/// What a caller wants, and how long it waits for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    /// A number below that of the lanes.
    pub(crate) lane: usize,
    pub(crate) arrived: Instant,
    pub(crate) max_wait: Duration,
    pub(crate) origin: Origin,
}

impl Claim {
    /// Returns when its time is over; `None` is never.
    pub(crate) fn until(&self) -> Option<Instant> {
        self.arrived.checked_add(self.max_wait)
    }

    /// Returns what is left of its time.
    pub(crate) fn left(&self, now: Instant) -> Duration {
        self.max_wait.saturating_sub(now.saturating_duration_since(self.arrived))
    }
}

/// A caller in its lane.
#[derive(Debug)]
pub(crate) struct Waiter {
    /// `None` once it was used: the waiter is about to run, and leaves a new one if it goes on waiting.
    pub(crate) waker: Option<Waker>,
    pub(crate) claim: Claim,
}

/// A lane, the waiters in it oldest first. Joining, leaving and serving cost O(log n), and nothing stays of those who left.
#[derive(Debug)]
struct Track {
    lane: Lane,
    waiters: BTreeMap<Ticket, Waiter>,
    in_use: usize,
    /// In nanoseconds.
    balance: i64,
    grants: u64,
    held_nanos: u64,
}

impl Lanes {
    pub(super) fn new(lanes: Vec<Lane>) -> Self {
        let lanes = lanes.into_iter().map(Track::new).collect();
        Self { lanes, next: 0, charged: None, drawn: 0 }
    }

    /// Draws a place behind all who came before.
    pub(super) fn draw(&mut self, lane: usize) -> Ticket {
        self.drawn += 1;
        Ticket { number: self.drawn, lane }
    }

    pub(super) fn is_full(&self, lane: usize) -> bool {
        self.lanes[lane].waiters.len() >= self.lanes[lane].lane.max_waiting
    }

    pub(super) fn len(&self) -> usize {
        self.lanes.iter().map(|track| track.waiters.len()).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lanes.iter().all(|track| track.waiters.is_empty())
    }

    /// Enqueues the holder of `ticket`, if it is not in the queue yet, and swaps its waker for the one given. What
    /// `waker` holds afterwards is for the caller to drop, outside the lock.
    pub(super) fn join(&mut self, ticket: Ticket, claim: Claim, waker: &mut Option<Waker>, now: Instant) {
        self.charge(now);
        let waiters = &mut self.lanes[ticket.lane].waiters;
        let waiter = waiters.entry(ticket).or_insert(Waiter { waker: None, claim });
        mem::swap(&mut waiter.waker, waker);
    }

    /// Removes the waiter whose turn it is, to be served.
    pub(super) fn pop(&mut self, now: Instant) -> Option<(Ticket, Waiter)> {
        if let [only] = &mut self.lanes[..] {
            return only.waiters.pop_first();
        }
        let lane = self.choose(now)?;
        self.next = (lane + 1) % self.lanes.len();
        self.lanes[lane].waiters.pop_first()
    }

    /// Removes the one who came first, whatever its lane.
    pub(super) fn pop_oldest(&mut self) -> Option<(Ticket, Waiter)> {
        let oldest = self.lanes.iter_mut().filter(|track| !track.waiters.is_empty());
        let oldest = oldest.min_by_key(|track| track.waiters.keys().next().copied());
        oldest?.waiters.pop_first()
    }

    /// Removes a waiter that gave up.
    pub(super) fn remove(&mut self, ticket: Ticket) -> Option<Waiter> {
        self.lanes[ticket.lane].waiters.remove(&ticket)
    }

    /// Removes everyone.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Waiter> {
        self.lanes.iter_mut().flat_map(|track| mem::take(&mut track.waiters).into_values())
    }

    /// Takes the wakers of everyone.
    pub(super) fn rouse(&mut self) -> impl Iterator<Item = Waker> {
        let waiters = self.lanes.iter_mut().flat_map(|track| track.waiters.values_mut());
        waiters.filter_map(|waiter| waiter.waker.take())
    }

    /// Returns when the time of the first is over whose time is.
    pub(super) fn ends_at(&self) -> Option<Instant> {
        let waiters = self.lanes.iter().flat_map(|track| track.waiters.values());
        waiters.filter(|waiter| waiter.waker.is_some()).filter_map(|waiter| waiter.claim.until()).min()
    }

    /// Takes the wakers of those whose time is over.
    pub(super) fn rouse_late(&mut self, now: Instant) -> Vec<Waker> {
        let waiters = self.lanes.iter_mut().flat_map(|track| track.waiters.values_mut());
        let late = waiters.filter(|waiter| waiter.claim.left(now).is_zero());
        late.filter_map(|waiter| waiter.waker.take()).collect()
    }

    /// Counts those at the heads of the lanes, one behind the other, that are so.
    pub(super) fn count_first(&self, are_so: impl Fn(&Claim) -> bool) -> usize {
        let first = |track: &Track| track.waiters.values().take_while(|waiter| are_so(&waiter.claim)).count();
        self.lanes.iter().map(first).sum()
    }

    /// Books that a caller of a lane has a connection.
    pub(super) fn begin(&mut self, lane: usize, now: Instant) {
        self.charge_on(now);
        self.lanes[lane].in_use += 1;
        self.lanes[lane].grants += 1;
    }

    /// Books that it has it no longer.
    pub(super) fn end(&mut self, lane: usize, held: Duration, now: Instant) {
        self.charge_on(now);
        let track = &mut self.lanes[lane];
        track.in_use -= 1;
        track.held_nanos = track.held_nanos.saturating_add(nanos(held));
    }

    /// Forgets all balances: nobody wants more than they have.
    pub(super) fn forgive(&mut self) {
        if self.charged.take().is_some() {
            self.lanes.iter_mut().for_each(|track| track.balance = 0);
        }
    }

    pub(super) fn status(&self) -> Vec<LaneStatus> {
        self.lanes.iter().map(Track::status).collect()
    }

    /// Chooses the lane to serve.
    fn choose(&mut self, now: Instant) -> Option<usize> {
        self.charge(now);
        let waiting = || self.lanes.iter().filter(|track| !track.waiters.is_empty());
        let rounds = waiting().map(Track::rounds).min()?;
        if rounds > 0 {
            self.lanes.iter_mut().for_each(|track| track.pay_in(rounds));
        }
        let count = self.lanes.len();
        let mut in_turn = (0..count).map(|step| (self.next + step) % count);
        in_turn.find(|&lane| self.lanes[lane].balance > 0 && !self.lanes[lane].waiters.is_empty())
    }

    /// Charges every lane for the time since this was done last. Begins to, if nobody competed before.
    fn charge(&mut self, now: Instant) {
        if self.lanes.len() < 2 {
            return;
        }
        let since = self.charged.replace(now).unwrap_or(now);
        let time = nanos(now.saturating_duration_since(since)).try_into().unwrap_or(i64::MAX);
        self.lanes.iter_mut().for_each(|track| track.charge(time));
    }

    /// Charges as [`charge`](Self::charge) does, if anyone competes.
    fn charge_on(&mut self, now: Instant) {
        if self.charged.is_some() {
            self.charge(now);
        }
    }
}

impl Track {
    fn new(lane: Lane) -> Self {
        let waiters = BTreeMap::new();
        Self { lane, waiters, in_use: 0, balance: 0, grants: 0, held_nanos: 0 }
    }

    fn charge(&mut self, time: i64) {
        let in_use = i64::try_from(self.in_use).unwrap_or(i64::MAX);
        self.balance = self.balance.saturating_sub(time.saturating_mul(in_use));
    }

    /// Counts the quanta it takes to be served.
    fn rounds(&self) -> i64 {
        if self.balance > 0 { 0 } else { self.balance.saturating_neg() / self.quantum() + 1 }
    }

    fn pay_in(&mut self, rounds: i64) {
        let paid = self.balance.saturating_add(rounds.saturating_mul(self.quantum()));
        self.balance = if self.waiters.is_empty() { paid.min(0) } else { paid };
    }

    fn quantum(&self) -> i64 {
        QUANTUM * i64::from(self.lane.weight)
    }

    fn status(&self) -> LaneStatus {
        LaneStatus {
            name: self.lane.name.clone(),
            weight: self.lane.weight,
            waiting: self.waiters.len(),
            in_use: self.in_use,
            grants: self.grants,
            held: Duration::from_nanos(self.held_nanos),
        }
    }
}

/// What a lane of weight 1 gets at a time, in nanoseconds: less than most uses take, so that lanes alternate.
const QUANTUM: i64 = 100_000;
