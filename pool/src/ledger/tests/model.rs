//! A model of the ledger that is too simple to be wrong, beside the ledger itself.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, LazyLock};
use std::task::Wake;
use std::time::Duration;

use tokio::runtime;

use super::super::*;
use super::ops::Op;
use crate::request::Origin;

/// Where waiters wait.
pub(super) static RUNTIMES: LazyLock<[RuntimeId; 2]> = LazyLock::new(|| {
    let runtimes = [(); 2].map(|()| runtime::Builder::new_current_thread().build().unwrap());
    runtimes.each_ref().map(|runtime| runtime.handle().id())
});

/// Scatters waiters over the runtimes.
fn runtime_of(number: u64) -> RuntimeId {
    RUNTIMES[usize::from(number.count_ones().is_multiple_of(2))]
}

pub(super) fn claim(lane: usize, now: Instant, patience: Duration) -> Claim {
    let origin = Origin { location: Location::caller(), tag: None };
    Claim { lane, arrived: now, max_wait: patience, origin }
}

/// A connection, by its number.
pub(super) type Conn = u32;
/// A failed connect, by its number.
pub(super) type Failure = u32;

#[derive(Default)]
pub(super) struct Flag(AtomicBool);

impl Flag {
    pub(super) fn is_set(&self) -> bool {
        self.0.load(SeqCst)
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, SeqCst);
    }
}

/// What lies ready for a waiter, in the model.
#[derive(Debug, PartialEq)]
pub(super) enum Ready {
    Conn(Conn),
    Failure(Failure),
}

/// A caller with a ticket, served or not, who did not come back for it yet.
pub(super) struct Caller {
    pub(super) flag: Arc<Flag>,
    claim: Claim,
}

/// What the model knows of a connection.
#[derive(Clone, Copy, Debug)]
struct Life {
    born: Instant,
    used: Instant,
    seen: Instant,
}

/// A keeper.
pub(super) struct OnDuty {
    badge: Badge,
    /// Whether it was woken.
    flag: Arc<Flag>,
    until: Option<Instant>,
}

impl OnDuty {
    pub(super) fn runs_by(&self, at: Instant) -> bool {
        self.flag.is_set() || self.until.is_some_and(|until| until <= at)
    }
}

/// The settings of a pool that leaves its connections alone.
pub(super) fn plain(max_conns: usize) -> Settings {
    Settings {
        max_conns,
        max_connecting: usize::MAX,
        max_idle: None,
        max_lifetime: None,
        health_check_interval: None,
        grant_timeout: Duration::from_secs(1_000_000),
        ..Settings::default()
    }
}

/// The ledger beside the model.
pub(super) struct World {
    pub(super) ledger: Ledger<Conn, Failure>,
    settings: Settings,
    pub(super) now: Instant,
    pub(super) permits: Vec<ConnectPermit>,
    held: Vec<(Loan<Conn>, Instant)>,
    pub(super) keepers: Vec<OnDuty>,
    unsettled: VecDeque<Conn>,
    pub(super) wards: Vec<Ward<Conn>>,
    pub(super) callers: BTreeMap<Ticket, Caller>,
    /// A queue for each lane.
    queues: Vec<VecDeque<Ticket>>,
    pub(super) ready: BTreeMap<Ticket, (Ready, Instant)>,
    /// By when they were used.
    idle: Vec<Conn>,
    lives: BTreeMap<Conn, Life>,
    drained: BTreeSet<Conn>,
    closed: bool,
    numbers: u32,
    arrivals: u64,
}

impl World {
    pub(super) fn new(max: usize) -> Self {
        Self::with(plain(max))
    }

    pub(super) fn with(settings: Settings) -> Self {
        let queues = settings.lanes.iter().map(|_| VecDeque::new()).collect();
        Self {
            ledger: Ledger::new(settings.clone(), Dice::new(7)),
            settings,
            now: Instant::now(),
            permits: Vec::new(),
            held: Vec::new(),
            keepers: Vec::new(),
            unsettled: VecDeque::new(),
            wards: Vec::new(),
            callers: BTreeMap::new(),
            queues,
            ready: BTreeMap::new(),
            idle: Vec::new(),
            lives: BTreeMap::new(),
            drained: BTreeSet::new(),
            closed: false,
            numbers: 0,
            arrivals: 0,
        }
    }

    pub(super) fn apply(&mut self, op: &Op) {
        self.now += Duration::from_millis(1);
        match *op {
            Op::Arrive => self.arrive(0),
            Op::ArriveIn(n) => self.arrive(n % self.queues.len()),
            Op::TakeIdle => self.take_idle(),
            Op::Poll(n) => {
                if let Some(ticket) = self.pick_caller(n) {
                    self.poll(ticket);
                }
            }
            Op::Leave(n) => {
                if let Some(ticket) = self.pick_caller(n) {
                    self.leave(ticket);
                }
            }
            Op::Release(n) => {
                if let Some((loan, _)) = pick(&mut self.held, n) {
                    self.release(loan);
                }
            }
            Op::Vacate(n) => {
                if let Some((loan, _)) = pick(&mut self.held, n) {
                    self.vacate(loan);
                }
            }
            Op::ReleaseUnsettled(n) => {
                if let Some((loan, _)) = pick(&mut self.held, n) {
                    self.release_unsettled(loan);
                }
            }
            Op::RunKeeper(n) => {
                if let Some(keeper) = pick(&mut self.keepers, n) {
                    self.run_keeper(keeper);
                }
            }
            Op::DismissKeeper(n) => {
                if let Some(OnDuty { badge, .. }) = pick(&mut self.keepers, n) {
                    self.dismiss(badge);
                }
            }
            Op::CaredFor(n) => {
                if let Some(ward) = pick(&mut self.wards, n) {
                    self.cared_for(ward);
                }
            }
            Op::GiveUp(n) => {
                if let Some(ward) = pick(&mut self.wards, n) {
                    self.lives.remove(&ward.conn);
                    self.ledger.given_up(ward.permit, self.now).wake();
                }
            }
            Op::Connected | Op::ConnectFailed | Op::ConnectFailedForNow | Op::ConnectAbandoned => {
                self.end_connect(op);
            }
            Op::Wait(millis) => self.now += Duration::from_millis(millis),
            Op::Resize { min, max } => self.resize(min.min(max), max),
            Op::Drain => self.drain_connections(),
            Op::Close => self.close(),
        }
        self.check();
    }

    fn pick_caller(&self, n: usize) -> Option<Ticket> {
        self.callers.keys().nth(n.checked_rem(self.callers.len())?).copied()
    }

    fn number(&mut self) -> u32 {
        self.numbers += 1;
        self.numbers
    }

    fn is_wanted(&self, conn: Conn) -> bool {
        let is_young = self.settings.max_lifetime.is_none_or(|limit| self.age(conn) < limit - limit / 10);
        !self.closed && !self.drained.contains(&conn) && is_young
    }

    fn age(&self, conn: Conn) -> Duration {
        self.now - self.lives[&conn].born
    }

    fn take_idle(&mut self) {
        let claim = claim(0, self.now, PATIENCE);
        let taken = self.ledger.take_idle(&claim, self.now);
        assert_eq!(taken.as_ref().map(|loan| loan.conn), self.idle.pop());
        self.held.extend(taken.map(|loan| (loan, self.now)));
    }

    fn arrive(&mut self, lane: usize) {
        let claim = claim(lane, self.now, PATIENCE);
        let flag = Arc::new(Flag::default());
        let mut waker = Some(Waker::from(flag.clone()));
        self.arrivals += 1;
        let runtime = runtime_of(2 * self.arrivals - 1);
        let is_full = self.queues[lane].len() >= self.settings.lanes[lane].max_waiting;
        let is_refused = is_full && self.idle.is_empty() && !self.closed;
        let (ticket, turn) = self.ledger.arrive(&claim, &mut waker, runtime, self.now);
        assert_eq!(matches!(turn, Turn::Full(_)), is_refused);
        if !is_refused {
            self.follow(ticket, Caller { flag, claim }, turn, runtime);
        }
    }

    pub(super) fn poll(&mut self, ticket: Ticket) {
        let Some(caller) = self.callers.remove(&ticket) else { return };
        let flag = Arc::new(Flag::default());
        let mut waker = Some(Waker::from(flag.clone()));
        let runtime = runtime_of(ticket.number);
        let turn = self.ledger.turn(ticket, &caller.claim, &mut waker, runtime, self.now);
        self.follow(ticket, Caller { flag, ..caller }, turn, runtime);
    }

    fn follow(&mut self, ticket: Ticket, caller: Caller, turn: Turn<Conn, Failure>, runtime: RuntimeId) {
        match turn {
            Turn::Granted(Grant::Connection(loan)) => {
                let ready = self.ready.remove(&ticket);
                let since = ready.as_ref().map_or(self.now, |(_, since)| *since);
                let expected = ready.map(|(ready, _)| ready).or_else(|| self.idle.pop().map(Ready::Conn));
                assert_eq!(expected, Some(Ready::Conn(loan.conn)));
                self.held.push((loan, since));
            }
            Turn::Granted(Grant::Failure(failure)) => {
                assert_eq!(self.ready.remove(&ticket).map(|(ready, _)| ready), Some(Ready::Failure(failure)));
            }
            Turn::Closed => assert!(self.closed && !self.ready.contains_key(&ticket)),
            Turn::Late(late) => {
                assert!(self.now - caller.claim.arrived >= PATIENCE && late.status.waiting > 0);
                assert!(self.idle.is_empty() && !self.ready.contains_key(&ticket));
                self.unqueue(ticket);
            }
            Turn::Full(_) => panic!("whoever has a place keeps it"),
            Turn::Wait(Errands { connects, keeper, wakes }) => {
                assert!(!self.closed && self.idle.is_empty() && !self.ready.contains_key(&ticket));
                let queue = &mut self.queues[caller.claim.lane];
                if !queue.contains(&ticket) {
                    let place = queue.partition_point(|other| *other < ticket);
                    queue.insert(place, ticket);
                }
                self.callers.insert(ticket, caller);
                self.permits.extend(connects);
                wakes.wake();
                // A task that was just started is about to run.
                let flag = Arc::new(Flag(true.into()));
                self.keepers.extend(keeper.map(|badge| OnDuty { badge, flag, until: None }));
                assert!(self.ledger.roster.enlist(runtime).is_none(), "whoever waits has a keeper");
                assert_eq!(self.ledger.wanted(self.now), 0, "whoever polls starts all that is wanted");
            }
        }
    }

    fn leave(&mut self, ticket: Ticket) {
        let Some(caller) = self.callers.remove(&ticket) else { return };
        let queue = &mut self.queues[caller.claim.lane];
        let queued = queue.iter().position(|&other| other == ticket).map(|at| queue.remove(at));
        match self.ledger.leave(ticket) {
            Some(Departure::Queued(_)) => assert!(queued.is_some()),
            Some(Departure::Granted(Grant::Connection(loan))) => {
                let ready = self.ready.remove(&ticket).map(|(ready, _)| ready);
                assert_eq!(ready, Some(Ready::Conn(loan.conn)));
                self.release(loan);
            }
            Some(Departure::Granted(Grant::Failure(failure))) => {
                assert_eq!(self.ready.remove(&ticket).map(|(ready, _)| ready), Some(Ready::Failure(failure)));
            }
            None => assert!(queued.is_none() && !self.ready.contains_key(&ticket)),
        }
    }

    fn vacate(&mut self, loan: Loan<Conn>) {
        self.lives.remove(&loan.conn);
        self.ledger.vacate(loan.lease, self.now).wake();
    }

    fn release(&mut self, loan: Loan<Conn>) {
        let conn = loan.conn;
        let released = self.ledger.release(loan, self.now);
        self.offered(conn, released, self.now);
    }

    fn release_unsettled(&mut self, loan: Loan<Conn>) {
        let conn = loan.conn;
        match self.ledger.release_unsettled(loan, self.now) {
            Ok(wakes) => {
                assert!(!self.keepers.is_empty());
                wakes.wake();
                self.unsettled.push_back(conn);
            }
            Err(refused) => {
                assert!(self.keepers.is_empty() && refused.conn == conn);
                self.vacate(refused);
            }
        }
    }

    fn cared_for(&mut self, Ward { permit, conn }: Ward<Conn>) {
        let used = match permit.need {
            Need::Settling => self.now,
            Need::Check { idle_since } => idle_since,
        };
        let cared_for = self.ledger.cared_for(permit, conn, self.now);
        self.offered(conn, cared_for, used);
    }

    fn run_keeper(&mut self, OnDuty { badge, .. }: OnDuty) {
        let flag = Arc::new(Flag::default());
        let mut waker = Some(Waker::from(flag.clone()));
        match self.ledger.poll_shift(&badge, &mut waker, self.now) {
            Shift::Work(chores) => {
                self.take_chores(*chores);
                flag.0.store(true, SeqCst);
                self.keepers.push(OnDuty { badge, flag, until: None });
            }
            Shift::Over => {
                assert!(self.closed && self.ledger.total() == 0);
                self.dismiss(badge);
            }
            Shift::Sleep(until) => {
                assert!(self.unsettled.is_empty());
                assert!(until.is_none_or(|until| until > self.now), "it sleeps, and something is due");
                self.keepers.push(OnDuty { badge, flag, until });
            }
        }
    }

    fn take_chores(&mut self, chores: Chores<Conn>) {
        let Chores { wards, connects, unused, expired, revoked, wakes, leaked: _ } = chores;
        wakes.wake();
        self.take_back(revoked);
        self.permits.extend(connects);
        for loan in expired {
            let limit = self.settings.max_lifetime.unwrap();
            assert!(self.age(loan.conn) >= limit - limit / 10);
            self.drop_idle(loan);
        }
        for loan in unused {
            assert!(self.now - self.lives[&loan.conn].used >= self.settings.max_idle.unwrap());
            self.drop_idle(loan);
        }
        for ward in wards {
            match ward.permit.need {
                Need::Settling => assert_eq!(self.unsettled.pop_front(), Some(ward.conn)),
                Need::Check { idle_since } => {
                    let interval = self.settings.health_check_interval.unwrap();
                    let life = self.lives[&ward.conn];
                    assert!(idle_since == life.used && self.now - life.seen >= interval - interval / 10);
                    self.idle.retain(|&idle| idle != ward.conn);
                }
            }
            self.wards.push(ward);
        }
        assert!(self.unsettled.is_empty(), "a keeper takes all");
        if let Some(interval) = self.settings.health_check_interval {
            assert!(self.idle.iter().all(|idle| self.now - self.lives[idle].seen < interval));
        }
    }

    /// What was granted and not taken goes on to others.
    fn take_back(&mut self, revoked: usize) {
        let bound = self.settings.grant_timeout;
        let is_late =
            |(ready, since): &(Ready, Instant)| matches!(ready, Ready::Conn(_)) && self.now - *since >= bound;
        let late: Vec<_> = self.ready.iter().filter(|(_, ready)| is_late(ready)).map(|(&t, _)| t).collect();
        assert_eq!(late.len(), revoked);
        for ticket in late {
            if let Some((Ready::Conn(conn), _)) = self.ready.remove(&ticket) {
                self.passed_on(conn, self.now);
            }
        }
    }

    fn drop_idle(&mut self, loan: Loan<Conn>) {
        assert!(self.idle.contains(&loan.conn));
        self.idle.retain(|&idle| idle != loan.conn);
        self.vacate(loan);
    }

    fn dismiss(&mut self, badge: Badge) {
        let expected = if self.keepers.is_empty() { mem::take(&mut self.unsettled) } else { VecDeque::new() };
        let Dismissal { wakers, orphans } = self.ledger.dismiss(badge);
        wakers.into_iter().for_each(Waker::wake);
        assert!(orphans.iter().map(|orphan| orphan.conn).eq(expected));
        for orphan in orphans {
            self.lives.remove(&orphan.conn);
            self.ledger.given_up(orphan.permit, self.now).wake();
        }
    }

    fn end_connect(&mut self, op: &Op) {
        let Some(permit) = self.permits.pop() else { return };
        let number = self.number();
        match op {
            Op::Connected => {
                self.lives.insert(number, Life { born: self.now, used: self.now, seen: self.now });
                let (connected, _) = self.ledger.connected(permit, number, self.now);
                self.offered(number, connected, self.now);
            }
            Op::ConnectFailed => {
                let oldest = self.queues.iter().filter_map(|queue| queue.front()).min().copied();
                let verdict = Verdict::Permanent;
                let (wakes, _) = self.ledger.connect_failed(permit, number, verdict, self.now);
                wakes.wake();
                if let Some(oldest) = oldest {
                    self.unqueue(oldest);
                    self.ready.insert(oldest, (Ready::Failure(number), self.now));
                }
            }
            Op::ConnectFailedForNow => {
                let verdict = Verdict::Transient;
                let (wakes, _) = self.ledger.connect_failed(permit, number, verdict, self.now);
                wakes.wake();
                assert_eq!(self.ledger.latest_failure().as_deref(), Some(&number));
            }
            _ => self.ledger.connect_abandoned(permit, self.now).wake(),
        }
    }

    fn offered(&mut self, conn: Conn, offered: Result<Wakes, Loan<Conn>>, used: Instant) {
        match offered {
            Err(refused) => {
                let is_surplus = self.ledger.total() > self.settings.max_conns;
                assert!(refused.conn == conn && (!self.is_wanted(conn) || is_surplus));
                self.vacate(refused);
            }
            Ok(wakes) => {
                assert!(!self.closed && !self.drained.contains(&conn));
                wakes.wake();
                self.passed_on(conn, used);
            }
        }
    }

    /// Finds out to whom a connection went: the first of a lane, or else nobody.
    fn passed_on(&mut self, conn: Conn, used: Instant) {
        let life = self.lives.get_mut(&conn).unwrap();
        (life.used, life.seen) = (used, self.now);
        let has_it = |granted: &Granted<Conn, Failure>| matches!(&granted.grant, Grant::Connection(loan) if loan.conn == conn);
        let granted = self.ledger.granted.iter().find(|(_, granted)| has_it(granted)).map(|(&t, _)| t);
        match granted {
            Some(ticket) => {
                let is_first = self.queues.iter().any(|queue| queue.front() == Some(&ticket));
                assert!(is_first, "whoever is served came first in its lane");
                self.unqueue(ticket);
                self.ready.insert(ticket, (Ready::Conn(conn), self.now));
            }
            None => {
                let place = self.idle.partition_point(|idle| self.lives[idle].used <= used);
                self.idle.insert(place, conn);
            }
        }
    }

    fn unqueue(&mut self, ticket: Ticket) {
        self.queues.iter_mut().for_each(|queue| queue.retain(|&other| other != ticket));
    }

    fn resize(&mut self, min: usize, max: usize) {
        (self.settings.min_conns, self.settings.max_conns) = (min, max);
        let (surplus, wakes) = self.ledger.resize(min, max, self.now);
        wakes.wake();
        surplus.into_iter().for_each(|loan| self.drop_idle(loan));
        assert!(self.ledger.total() <= max || self.idle.is_empty());
    }

    fn drain_connections(&mut self) {
        let idle = self.ledger.drain(self.now);
        self.drained.extend(self.lives.keys());
        idle.into_iter().for_each(|loan| self.drop_idle(loan));
        assert!(self.idle.is_empty());
    }

    fn close(&mut self) {
        let closing = self.ledger.close(self.now);
        closing.wakers.into_iter().for_each(Waker::wake);
        let idle: Vec<_> = closing.idle.iter().map(|loan| loan.conn).collect();
        assert_eq!(idle, mem::take(&mut self.idle));
        closing.idle.into_iter().for_each(|loan| self.ledger.vacate(loan.lease, self.now).wake());
        for ticket in self.queues.iter_mut().flat_map(|queue| queue.drain(..)) {
            assert!(self.callers[&ticket].flag.is_set(), "closing wakes everyone");
        }
        self.closed = true;
    }

    fn check(&self) {
        let ready = self.ready.values().filter(|(ready, _)| matches!(ready, Ready::Conn(_))).count();
        let status = self.ledger.status(self.now);
        assert_eq!(status.in_use, self.held.len() + ready);
        assert_eq!(status.idle, self.idle.len());
        assert!(self.ledger.shelf.iter().map(|idle| idle.conn).eq(self.idle.iter().copied()));
        assert_eq!(status.settling, self.unsettled.len() + self.wards.len());
        assert_eq!(status.connecting, self.permits.len());
        assert_eq!(status.waiting, self.queues.iter().map(VecDeque::len).sum::<usize>());
        assert_eq!(status.total, status.idle + status.in_use + status.settling + status.connecting);
        assert_eq!(status.oldest_use.is_some(), status.in_use > 0);
        assert!(status.waiting == 0 || self.idle.is_empty(), "nothing is idle while someone waits");
        self.check_lanes();
        self.check_wakes();
        self.check_keepers();
    }

    fn check_lanes(&self) {
        for (lane, queue) in self.ledger.lane_status().iter().zip(&self.queues) {
            assert_eq!(lane.waiting, queue.len());
        }
        let in_use: usize = self.ledger.lane_status().iter().map(|lane| lane.in_use).sum();
        assert_eq!(in_use, self.ledger.leases.len());
    }

    fn check_wakes(&self) {
        for ticket in self.ready.keys() {
            assert!(self.callers[ticket].flag.is_set(), "whoever was served is woken");
        }
        if self.keepers.is_empty() {
            let mut waiting = self.queues.iter().flatten();
            assert!(waiting.all(|ticket| self.callers[ticket].flag.is_set()), "someone must call a keeper");
        }
    }

    fn check_keepers(&self) {
        let run_by = |at| self.keepers.iter().all(|keeper| keeper.runs_by(at));
        if !self.unsettled.is_empty() {
            assert!(!self.keepers.is_empty(), "what is in the queue will be taken from it");
            assert!(self.ledger.care.is_wanted() && run_by(self.now), "by whichever keeper runs first");
        }
        if self.closed && self.ledger.total() == 0 {
            assert!(run_by(self.now), "keepers of an empty, closed ledger are about to end");
        }
        // Whether waiters need a connect is an estimate, and looked at now and then.
        let soon = self.now + self.ledger.watch_interval();
        if let Some(at) = self.ledger.next_chore(self.now) {
            assert!(run_by(at.max(soon)), "keepers will run when something is due");
        }
    }

    /// Lets every keeper run that is to, and all care end.
    fn keep_all(&mut self) {
        let all = mem::take(&mut self.keepers);
        let (woken, asleep): (Vec<_>, _) = all.into_iter().partition(|keeper| keeper.runs_by(self.now));
        self.keepers = asleep;
        woken.into_iter().for_each(|keeper| self.run_keeper(keeper));
        while !self.wards.is_empty() {
            self.apply(&Op::CaredFor(0));
        }
    }

    fn is_busy(&self) -> bool {
        let unsettled = !self.unsettled.is_empty() || !self.wards.is_empty();
        unsettled || !self.held.is_empty() || !self.callers.is_empty() || !self.permits.is_empty()
    }

    /// Lets everyone finish. Nothing may stay behind but idle connections.
    pub(super) fn drain(&mut self) {
        for _ in 0..10_000 {
            if !self.is_busy() {
                assert_eq!(self.ledger.total(), self.ledger.shelf.len());
                assert!(self.ledger.granted.is_empty() && self.ledger.lanes.is_empty());
                return;
            }
            self.keep_all();
            let woken: Vec<_> = self
                .callers
                .iter()
                .filter(|(_, caller)| caller.flag.is_set())
                .map(|(&ticket, _)| ticket)
                .collect();
            woken.into_iter().for_each(|ticket| self.poll(ticket));
            self.apply(&Op::Release(0));
            self.apply(&Op::Connected);
        }
        panic!("waiters wait, and nothing will wake them");
    }
}

/// How long callers wait.
const PATIENCE: Duration = Duration::from_millis(1200);

/// Takes the one that a number chooses.
fn pick<T>(from: &mut Vec<T>, n: usize) -> Option<T> {
    let chosen = n.checked_rem(from.len())?;
    Some(from.swap_remove(chosen))
}
