//! The pool's books: who has what, who is next, and what to do about it.
//!
//! Pure and synchronous. Nothing in here runs a user's code: wakers, connections and errors that are done with are
//! returned, to be woken and dropped once the lock is released.

mod care;
mod idle;
mod lanes;
mod leases;
mod opening;
mod outcome;
mod places;
mod roster;
mod shift;
mod times;

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use tokio::runtime::Id as RuntimeId;

use crate::dice::Dice;
use crate::histogram::Histogram;
use crate::settings::Settings;
use crate::{Holder, LaneStatus, Status, Verdict};
use care::Care;
pub(crate) use care::{CarePermit, Need, Ward};
use idle::{Idle, Papers, Shelf};
use lanes::Lanes;
pub(crate) use lanes::{Claim, Ticket};
pub(crate) use leases::Lease;
use leases::Leases;
pub(crate) use opening::ConnectPermit;
use opening::Opening;
pub(crate) use outcome::{Closing, Departure, Dismissal, Errands, Grant, Late, Loan, Turn, Wakes};
pub(crate) use roster::Badge;
use roster::Roster;
pub(crate) use shift::{Chores, Shift};
use times::{Times, Usual};

/// The state of a pool of connections `C`, whose connects fail with `F`.
///
/// Three things hold between any two calls:
///
/// 1. `idle + leased + in care + connecting <= max`, unless that was made smaller; a connection handed over to a waiter is
///    leased from that moment on.
/// 2. If anyone queues, nothing is idle.
/// 3. If there is something to do for a keeper, every keeper is about to run; if there will be, every keeper will run by
///    then.
pub(crate) struct Ledger<C, F> {
    settings: Settings,
    phase: Phase,
    shelf: Shelf<C>,
    lanes: Lanes,
    /// What lies ready for waiters that have not run since.
    granted: BTreeMap<Ticket, Granted<C, F>>,
    leases: Leases,
    care: Care<C>,
    opening: Opening,
    roster: Roster,
    /// Those who wait for a closed pool to be empty, by their number.
    closers: BTreeMap<u64, Option<Waker>>,
    closers_drawn: u64,
    /// How often the pool was drained.
    generation: u64,
    /// Why the last connect failed, if none has succeeded since.
    latest_failure: Option<Arc<F>>,
    dice: Dice,
    usual_use: Usual,
    use_times: Histogram,
}

impl<C, F> Ledger<C, F> {
    pub(crate) fn new(settings: Settings, dice: Dice) -> Self {
        Self {
            phase: Phase::Open,
            shelf: Shelf::new(),
            lanes: Lanes::new(settings.lanes.clone()),
            granted: BTreeMap::new(),
            leases: Leases::default(),
            care: Care::new(),
            opening: Opening::new(settings.backoff),
            roster: Roster::default(),
            closers: BTreeMap::new(),
            closers_drawn: 0,
            generation: 0,
            latest_failure: None,
            dice,
            usual_use: Usual::default(),
            use_times: Histogram::default(),
            settings,
        }
    }

    /// Takes an idle connection, if there is one.
    pub(crate) fn take_idle(&mut self, claim: &Claim, now: Instant) -> Option<Loan<C>> {
        let Idle { conn, papers, .. } = self.shelf.pop()?;
        Some(self.lend(conn, papers, claim, now))
    }

    /// Takes what there is for someone new, or else lets it wait, and tells which tasks it is to start in `runtime`, its
    /// own.
    pub(crate) fn arrive(
        &mut self,
        claim: &Claim,
        waker: &mut Option<Waker>,
        runtime: RuntimeId,
        now: Instant,
    ) -> (Ticket, Turn<C, F>) {
        let ticket = self.lanes.draw(claim.lane);
        let is_full = self.lanes.is_full(claim.lane) && self.shelf.len() == 0;
        if is_full && !self.is_closed() {
            return (ticket, Turn::Full(self.status(now)));
        }
        (ticket, self.turn(ticket, claim, waker, runtime, now))
    }

    /// Takes what there is for the holder of `ticket`, or else lets it wait, as [`arrive`](Self::arrive) does.
    pub(crate) fn turn(
        &mut self,
        ticket: Ticket,
        claim: &Claim,
        waker: &mut Option<Waker>,
        runtime: RuntimeId,
        now: Instant,
    ) -> Turn<C, F> {
        if let Some(Granted { grant, .. }) = self.granted.remove(&ticket) {
            return Turn::Granted(grant);
        }
        if self.is_closed() {
            return Turn::Closed;
        }
        if let Some(loan) = self.take_idle(claim, now) {
            return Turn::Granted(Grant::Connection(loan));
        }
        self.lanes.join(ticket, *claim, waker, now);
        if claim.left(now).is_zero() {
            return Turn::Late(self.late(ticket, now));
        }
        let connects = self.permits(now);
        let keeper = self.enlist(runtime);
        let wakes = self.call_by(Times::first([claim.until(), self.wanted_at(now)]));
        Turn::Wait(Errands { connects, keeper, wakes })
    }

    /// Ends the wait of the holder of `ticket`. Returns `None` if it neither queued nor had anything lying ready.
    pub(crate) fn leave(&mut self, ticket: Ticket) -> Option<Departure<C, F>> {
        if let Some(waiter) = self.lanes.remove(ticket) {
            return Some(Departure::Queued(waiter.waker));
        }
        self.granted.remove(&ticket).map(|granted| Departure::Granted(granted.grant))
    }

    fn late(&mut self, ticket: Ticket, now: Instant) -> Late<F> {
        let status = self.status(now);
        let waker = self.lanes.remove(ticket).and_then(|waiter| waiter.waker);
        Late { status, latest_failure: self.latest_failure.clone(), waker }
    }

    /// Takes a connection back: for the waiter whose turn it is, or else to lie idle. One that is not wanted any more is
    /// refused; the caller drops it and then vacates its lease.
    pub(crate) fn release(&mut self, loan: Loan<C>, now: Instant) -> Result<Wakes, Loan<C>> {
        if !self.is_wanted(self.leases.papers(&loan.lease), now) {
            return Err(loan);
        }
        let papers = self.end_lease(loan.lease, now);
        Ok(self.offer(loan.conn, papers, now))
    }

    /// Takes a connection back that has to settle first. Without a keeper it is refused, as by
    /// [`release`](Self::release).
    pub(crate) fn release_unsettled(&mut self, loan: Loan<C>, now: Instant) -> Result<Wakes, Loan<C>> {
        if self.roster.is_empty() || matches!(self.phase, Phase::Forced) {
            return Err(loan);
        }
        let papers = self.end_lease(loan.lease, now);
        self.care.join(loan.conn, papers, now);
        Ok(Wakes { others: self.roster.rouse(), ..Wakes::default() })
    }

    /// Frees the slot of a connection that is gone.
    pub(crate) fn vacate(&mut self, lease: Lease, now: Instant) -> Wakes {
        let _ = self.end_lease(lease, now);
        self.wakes(None, now)
    }

    /// Books a connection that was cared for, and is fit, like [`release`](Self::release).
    pub(crate) fn cared_for(&mut self, permit: CarePermit, conn: C, now: Instant) -> Result<Wakes, Loan<C>> {
        self.care.end(&permit);
        let CarePermit { need, papers, .. } = permit;
        if !self.is_wanted(&papers, now) {
            return Err(Loan { lease: self.leases.begin(None, papers, now), conn });
        }
        let since = match need {
            Need::Settling => now,
            Need::Check { idle_since } => idle_since,
        };
        let wakes = self.offer_idle(Idle { conn, papers, since, seen: now }, now);
        Ok(wakes.and(self.call_by(self.next_chore(now))))
    }

    /// Books a connection that was cared for in vain, and is gone.
    pub(crate) fn given_up(&mut self, permit: CarePermit, now: Instant) -> Wakes {
        self.care.end(&permit);
        self.wakes(None, now)
    }

    /// Books a connect that succeeded, like [`release`](Self::release). What failed before is for the caller to drop.
    pub(crate) fn connected(
        &mut self,
        permit: ConnectPermit,
        conn: C,
        now: Instant,
    ) -> (Result<Wakes, Loan<C>>, Option<Arc<F>>) {
        let took = self.opening.end(permit, now);
        self.opening.succeed(took, now);
        let papers = self.papers(now);
        let offered = if self.is_wanted(&papers, now) {
            let wakes = self.offer(conn, papers, now);
            Ok(wakes.and(self.call_by(self.next_chore(now))))
        } else {
            Err(Loan { lease: self.leases.begin(None, papers, now), conn })
        };
        (offered, self.latest_failure.take())
    }

    /// Books a connect that failed. For good: the oldest waiter gets the failure. For now: it is remembered. What nobody
    /// gets comes back.
    pub(crate) fn connect_failed(
        &mut self,
        permit: ConnectPermit,
        failure: F,
        verdict: Verdict,
        now: Instant,
    ) -> (Wakes, Option<Arc<F>>) {
        self.opening.end(permit, now);
        self.opening.fail(verdict, &mut self.dice, now);
        if verdict == Verdict::Permanent
            && let Some((ticket, waiter)) = self.lanes.pop_oldest()
        {
            self.granted.insert(ticket, Granted { grant: Grant::Failure(failure), since: now });
            return (self.wakes(waiter.waker, now), None);
        }
        let replaced = self.latest_failure.replace(Arc::new(failure));
        (self.wakes(None, now), replaced)
    }

    /// Books a connect that was given up before it had an outcome.
    pub(crate) fn connect_abandoned(&mut self, permit: ConnectPermit, now: Instant) -> Wakes {
        self.opening.end(permit, now);
        self.wakes(None, now)
    }

    /// Puts a keeper on duty in a runtime that has none, if the pool is to keep connections that nobody has asked for.
    pub(crate) fn enlist_early(&mut self, runtime: RuntimeId) -> Option<Badge> {
        if self.settings.min_conns > 0 { self.enlist(runtime) } else { None }
    }

    /// Ends the duty of a keeper. When the last one goes, what waits for care goes with it, and whoever waits is woken, to
    /// put another one on duty.
    pub(crate) fn dismiss(&mut self, badge: Badge) -> Dismissal<C> {
        let mut wakers: Vec<_> = self.roster.dismiss(badge).into_iter().collect();
        if !self.roster.is_empty() {
            return Dismissal { wakers, orphans: VecDeque::new() };
        }
        wakers.extend(self.lanes.rouse());
        Dismissal { wakers, orphans: self.care.take() }
    }

    /// Returns the wakers of the keepers that sleep.
    pub(crate) fn rouse_keepers(&mut self) -> Vec<Waker> {
        self.roster.rouse()
    }

    /// Stops handing out. What was granted before stays granted.
    pub(crate) fn close(&mut self, now: Instant) -> Closing<C> {
        if matches!(self.phase, Phase::Open) {
            self.phase = Phase::Closed;
        }
        let waiters = self.lanes.drain().filter_map(|waiter| waiter.waker);
        let wakers = waiters.chain(self.roster.rouse()).collect();
        Closing { wakers, idle: self.clear_shelf(now) }
    }

    /// Waits for nobody any more, once closed. Returns the connections that wait for care.
    pub(crate) fn force(&mut self) -> VecDeque<Ward<C>> {
        self.phase = Phase::Forced;
        self.care.take()
    }

    /// Ends the life of every connection there is: of those that are idle at once, of the others when they come back.
    pub(crate) fn drain(&mut self, now: Instant) -> Vec<Loan<C>> {
        self.generation += 1;
        self.clear_shelf(now)
    }

    /// Changes how many connections there may be. Returns those that are too many, and whom to wake.
    pub(crate) fn resize(
        &mut self,
        min_conns: usize,
        max_conns: usize,
        now: Instant,
    ) -> (Vec<Loan<C>>, Wakes) {
        self.settings.min_conns = min_conns;
        self.settings.max_conns = max_conns;
        let surplus = self.total().saturating_sub(max_conns).min(self.shelf.len());
        let idle: Vec<_> = (0..surplus).filter_map(|_| self.shelf.pop_oldest()).collect();
        let loans = idle.into_iter().map(|idle| self.withdraw(idle, now)).collect();
        let wakes = self.wakes(None, now);
        (loans, wakes.and(self.call_by(self.next_chore(now))))
    }

    /// Draws a number for someone who waits for the ledger to be empty.
    pub(crate) fn draw_closer(&mut self) -> u64 {
        self.closers_drawn += 1;
        self.closers_drawn
    }

    /// Waits until every slot of a closed ledger is free. The waker is swapped as in [`turn`](Self::turn).
    pub(crate) fn poll_empty(&mut self, closer: u64, waker: &mut Option<Waker>) -> Poll<()> {
        if self.total() == 0 {
            return Poll::Ready(());
        }
        mem::swap(self.closers.entry(closer).or_default(), waker);
        Poll::Pending
    }

    /// Ends a wait for the ledger to be empty.
    pub(crate) fn forget_closer(&mut self, closer: u64) -> Option<Waker> {
        self.closers.remove(&closer).flatten()
    }

    pub(crate) fn is_closed(&self) -> bool {
        !matches!(self.phase, Phase::Open)
    }

    pub(crate) fn latest_failure(&self) -> Option<Arc<F>> {
        self.latest_failure.clone()
    }

    pub(crate) fn use_times(&self) -> &Histogram {
        &self.use_times
    }

    pub(crate) fn holders(&self, now: Instant) -> Vec<Holder> {
        self.leases.holders(now)
    }

    pub(crate) fn lane_status(&self) -> Vec<LaneStatus> {
        self.lanes.status()
    }

    pub(crate) fn status(&self, now: Instant) -> Status {
        Status {
            max: self.settings.max_conns,
            total: self.total(),
            idle: self.shelf.len(),
            in_use: self.leases.len(),
            settling: self.care.len(),
            connecting: self.opening.len(),
            waiting: self.lanes.len(),
            oldest_use: self.leases.begun().min().map(|begun| now.saturating_duration_since(begun)),
        }
    }

    fn total(&self) -> usize {
        self.shelf.len() + self.leases.len() + self.care.len() + self.opening.len()
    }

    /// Tells whether the ledger is closed and nothing is left in it.
    fn is_empty(&self) -> bool {
        self.is_closed() && self.total() == 0
    }

    /// Tells whether a connection that is there may go on.
    fn is_wanted(&self, papers: &Papers, now: Instant) -> bool {
        let is_current = papers.generation == self.generation && !papers.is_expired(now);
        is_current && !self.is_closed() && self.total() <= self.settings.max_conns
    }

    /// Writes the papers of a new connection. Lives and intervals are up to a tenth shorter than was set, each by chance,
    /// so that connections of one age do not end, or ask, at one moment.
    fn papers(&mut self, now: Instant) -> Papers {
        let dice = &mut self.dice;
        let mut shortened = |time: Duration| time - dice.up_to(time / SHORTENED);
        let lifetime = self.settings.max_lifetime.map(&mut shortened);
        let check_after = self.settings.health_check_interval.map(&mut shortened);
        let expires = lifetime.and_then(|lifetime| now.checked_add(lifetime));
        Papers { expires, check_after, generation: self.generation }
    }

    /// Moves a connection to the waiter whose turn it is, or else lets it lie idle.
    fn offer(&mut self, conn: C, papers: Papers, now: Instant) -> Wakes {
        self.offer_idle(Idle { conn, papers, since: now, seen: now }, now)
    }

    fn offer_idle(&mut self, idle: Idle<C>, now: Instant) -> Wakes {
        if let Some((ticket, waiter)) = self.lanes.pop(now) {
            let Idle { conn, papers, .. } = idle;
            let loan = self.lend(conn, papers, &waiter.claim, now);
            return self.grant(ticket, loan, waiter.waker, now);
        }
        self.lanes.forgive();
        self.shelf.put(idle);
        Wakes::default()
    }

    fn grant(&mut self, ticket: Ticket, loan: Loan<C>, waker: Option<Waker>, now: Instant) -> Wakes {
        self.granted.insert(ticket, Granted { grant: Grant::Connection(loan), since: now });
        let watch = self.call_by(now.checked_add(self.settings.grant_timeout));
        watch.and(self.wakes(waker, now))
    }

    fn lend(&mut self, conn: C, papers: Papers, claim: &Claim, now: Instant) -> Loan<C> {
        self.lanes.begin(claim.lane, now);
        let lease = self.leases.begin(Some((claim.lane, claim.origin)), papers, now);
        Loan { lease, conn }
    }

    fn end_lease(&mut self, lease: Lease, now: Instant) -> Papers {
        let running = self.leases.end(lease);
        if let Some((lane, _)) = running.user {
            let used = running.age(now);
            self.lanes.end(lane, used, now);
            self.usual_use.observe(used);
            self.use_times.observe(used);
        }
        running.papers
    }

    /// Leases an idle connection to the pool itself, to be dropped.
    fn withdraw(&mut self, Idle { conn, papers, .. }: Idle<C>, now: Instant) -> Loan<C> {
        Loan { lease: self.leases.begin(None, papers, now), conn }
    }

    fn clear_shelf(&mut self, now: Instant) -> Vec<Loan<C>> {
        self.shelf.take_if(|_| true).into_iter().map(|idle| self.withdraw(idle, now)).collect()
    }

    fn enlist(&mut self, runtime: RuntimeId) -> Option<Badge> {
        self.roster.enlist(runtime)
    }

    fn call_by(&mut self, at: Option<Instant>) -> Wakes {
        let others = at.map(|at| self.roster.call_by(at)).unwrap_or_default();
        Wakes { others, ..Wakes::default() }
    }

    /// Collects who is to be woken after a change: the waiter just served, the keepers, if there is something to do for
    /// them, and, if that was the last slot of a closed ledger, those who wait for it, and the keepers, to end.
    fn wakes(&mut self, served: Option<Waker>, now: Instant) -> Wakes {
        if self.is_empty() {
            let closers = mem::take(&mut self.closers).into_values().flatten();
            let others = closers.chain(self.roster.rouse()).collect();
            return Wakes { served, others };
        }
        Wakes { served, ..self.call_by(self.wanted_at(now)) }
    }
}

/// By which part of it a life or an interval may be shorter than was set.
const SHORTENED: u32 = 10;

/// What lies ready, and since when.
#[derive(Debug)]
struct Granted<C, F> {
    grant: Grant<C, F>,
    since: Instant,
}

/// Whether the pool hands out connections.
#[derive(Clone, Copy, Debug)]
enum Phase {
    Open,
    Closed,
    /// Closed, and not waiting for anyone.
    Forced,
}

#[cfg(test)]
mod tests;
