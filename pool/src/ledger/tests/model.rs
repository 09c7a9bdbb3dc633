//! A model of the ledger that is too simple to be wrong, beside the ledger itself.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, LazyLock};
use std::task::Wake;
use std::time::Duration;

use proptest::prelude::*;
use tokio::runtime;

use super::super::*;

/// Where waiters wait.
pub(super) static RUNTIMES: LazyLock<[RuntimeId; 2]> = LazyLock::new(|| {
    let runtimes = [(); 2].map(|()| runtime::Builder::new_current_thread().build().unwrap());
    runtimes.each_ref().map(|runtime| runtime.handle().id())
});

/// Scatters waiters over the runtimes.
fn runtime_of(ticket: Ticket) -> RuntimeId {
    RUNTIMES[usize::from(ticket.0.count_ones().is_multiple_of(2))]
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

/// Something to do. Numbers choose among those there are.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Arrive,
    TakeIdle,
    Poll(usize),
    Leave(usize),
    Release(usize),
    Vacate(usize),
    ReleaseUnsettled(usize),
    RunSettler(usize),
    DismissSettler(usize),
    Settled(usize),
    GiveUp(usize),
    Connected,
    ConnectFailed,
    ConnectAbandoned,
    Close,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => Just(Op::Arrive),
        1 => Just(Op::TakeIdle),
        6 => any::<usize>().prop_map(Op::Poll),
        2 => any::<usize>().prop_map(Op::Leave),
        6 => any::<usize>().prop_map(Op::Release),
        2 => any::<usize>().prop_map(Op::Vacate),
        4 => any::<usize>().prop_map(Op::ReleaseUnsettled),
        4 => any::<usize>().prop_map(Op::RunSettler),
        1 => any::<usize>().prop_map(Op::DismissSettler),
        3 => any::<usize>().prop_map(Op::Settled),
        1 => any::<usize>().prop_map(Op::GiveUp),
        4 => Just(Op::Connected),
        1 => Just(Op::ConnectFailed),
        1 => Just(Op::ConnectAbandoned),
    ]
}

pub(super) fn ops() -> impl Strategy<Value = Vec<Op>> {
    let close = prop::option::weighted(0.2, Just(Op::Close));
    (prop::collection::vec(op(), 1..120), close, prop::collection::vec(op(), 0..40)).prop_map(
        |(mut ops, close, rest)| {
            ops.extend(close);
            ops.extend(rest);
            ops
        },
    )
}

/// What lies ready for a waiter, in the model.
#[derive(Debug, PartialEq)]
pub(super) enum Ready {
    Conn(Conn),
    Failure(Failure),
}

/// The ledger beside the model.
pub(super) struct World {
    pub(super) ledger: Ledger<Conn, Failure>,
    max: usize,
    pub(super) now: Instant,
    pub(super) permits: Vec<ConnectPermit>,
    held: Vec<Loan<Conn>>,
    /// Those on duty, each with whether it is about to run.
    pub(super) settlers: Vec<(Badge, Arc<Flag>)>,
    unsettled: VecDeque<Conn>,
    pub(super) settling: Vec<Unsettled<Conn>>,
    /// Everyone with a ticket, served or not, who did not come back for it yet.
    pub(super) flags: BTreeMap<Ticket, Arc<Flag>>,
    queue: VecDeque<Ticket>,
    pub(super) ready: BTreeMap<Ticket, Ready>,
    idle: Vec<Conn>,
    closed: bool,
    numbers: u32,
}

impl World {
    pub(super) fn new(max: usize) -> Self {
        Self {
            ledger: Ledger::new(max),
            max,
            now: Instant::now(),
            permits: Vec::new(),
            held: Vec::new(),
            settlers: Vec::new(),
            unsettled: VecDeque::new(),
            settling: Vec::new(),
            flags: BTreeMap::new(),
            queue: VecDeque::new(),
            ready: BTreeMap::new(),
            idle: Vec::new(),
            closed: false,
            numbers: 0,
        }
    }

    pub(super) fn apply(&mut self, op: &Op) {
        self.now += Duration::from_millis(1);
        match *op {
            Op::Arrive => {
                let ticket = self.ledger.draw_ticket();
                self.poll(ticket);
            }
            Op::TakeIdle => self.take_idle(),
            Op::Poll(n) => {
                if let Some(ticket) = self.pick_waiter(n) {
                    self.poll(ticket);
                }
            }
            Op::Leave(n) => {
                if let Some(ticket) = self.pick_waiter(n) {
                    self.leave(ticket);
                }
            }
            Op::Release(n) => {
                if let Some(loan) = self.pick_held(n) {
                    self.release(loan);
                }
            }
            Op::Vacate(n) => {
                if let Some(loan) = self.pick_held(n) {
                    self.ledger.vacate(loan.lease).wake();
                }
            }
            Op::ReleaseUnsettled(n) => {
                if let Some(loan) = self.pick_held(n) {
                    self.release_unsettled(loan);
                }
            }
            Op::RunSettler(n) => {
                if let Some(settler) = pick(&mut self.settlers, n) {
                    self.run_settler(settler);
                }
            }
            Op::DismissSettler(n) => {
                if let Some((badge, _)) = pick(&mut self.settlers, n) {
                    self.dismiss(badge);
                }
            }
            Op::Settled(n) => {
                if let Some(Unsettled { permit, conn }) = pick(&mut self.settling, n) {
                    let settled = self.ledger.settled(permit, conn, self.now);
                    self.offered(conn, settled);
                }
            }
            Op::GiveUp(n) => {
                if let Some(unsettled) = pick(&mut self.settling, n) {
                    self.ledger.given_up(unsettled.permit).wake();
                }
            }
            Op::Connected | Op::ConnectFailed | Op::ConnectAbandoned => self.end_connect(op),
            Op::Close => self.close(),
        }
        self.check();
    }

    fn pick_waiter(&self, n: usize) -> Option<Ticket> {
        self.flags.keys().nth(n.checked_rem(self.flags.len())?).copied()
    }

    fn pick_held(&mut self, n: usize) -> Option<Loan<Conn>> {
        pick(&mut self.held, n)
    }

    fn number(&mut self) -> u32 {
        self.numbers += 1;
        self.numbers
    }

    fn take_idle(&mut self) {
        let taken = self.ledger.take_idle(self.now);
        assert_eq!(taken.as_ref().map(|loan| loan.conn), self.idle.pop());
        self.held.extend(taken);
    }

    fn poll(&mut self, ticket: Ticket) {
        let flag = Arc::new(Flag::default());
        let mut waker = Some(Waker::from(flag.clone()));
        self.flags.remove(&ticket);
        match self.ledger.turn(ticket, &mut waker, runtime_of(ticket), self.now) {
            Turn::Granted(Grant::Connection(loan)) => {
                let expected = self.ready.remove(&ticket).or_else(|| self.idle.pop().map(Ready::Conn));
                assert_eq!(expected, Some(Ready::Conn(loan.conn)));
                self.held.push(loan);
            }
            Turn::Granted(Grant::Failure(failure)) => {
                assert_eq!(self.ready.remove(&ticket), Some(Ready::Failure(failure)));
            }
            Turn::Closed => assert!(self.closed && !self.ready.contains_key(&ticket)),
            Turn::Wait(errands) => {
                assert!(!self.closed && self.idle.is_empty() && !self.ready.contains_key(&ticket));
                if !self.queue.contains(&ticket) {
                    self.queue.push_back(ticket);
                }
                self.flags.insert(ticket, flag);
                self.permits.extend(errands.connects);
                // A task that was just started is about to run.
                self.settlers.extend(errands.settler.map(|badge| (badge, Arc::new(Flag(true.into())))));
                assert!(self.ledger.settling.is_served_in(runtime_of(ticket)));
                assert_eq!(self.ledger.wanted(), 0, "whoever polls starts all that is wanted");
            }
        }
    }

    fn leave(&mut self, ticket: Ticket) {
        self.flags.remove(&ticket);
        let queued = self.queue.iter().position(|&other| other == ticket).map(|at| self.queue.remove(at));
        match self.ledger.leave(ticket) {
            Some(Departure::Queued { waker: _, wakes }) => {
                assert!(queued.is_some());
                wakes.wake();
            }
            Some(Departure::Granted(Grant::Connection(loan))) => {
                assert_eq!(self.ready.remove(&ticket), Some(Ready::Conn(loan.conn)));
                self.release(loan);
            }
            Some(Departure::Granted(Grant::Failure(failure))) => {
                assert_eq!(self.ready.remove(&ticket), Some(Ready::Failure(failure)));
            }
            None => assert!(self.closed && queued.is_none() && !self.ready.contains_key(&ticket)),
        }
    }

    fn release(&mut self, loan: Loan<Conn>) {
        let conn = loan.conn;
        let released = self.ledger.release(loan, self.now);
        self.offered(conn, released);
    }

    fn release_unsettled(&mut self, loan: Loan<Conn>) {
        let conn = loan.conn;
        match self.ledger.release_unsettled(loan, self.now) {
            Ok(wakes) => {
                assert!(!self.settlers.is_empty());
                wakes.wake();
                self.unsettled.push_back(conn);
            }
            Err(refused) => {
                assert!(self.settlers.is_empty() && refused.conn == conn);
                self.ledger.vacate(refused.lease).wake();
            }
        }
    }

    fn run_settler(&mut self, (badge, _): (Badge, Arc<Flag>)) {
        let flag = Arc::new(Flag::default());
        let mut waker = Some(Waker::from(flag.clone()));
        match self.ledger.poll_unsettled(&badge, &mut waker) {
            Poll::Ready(Some(unsettled)) => {
                assert_eq!(self.unsettled.pop_front(), Some(unsettled.conn));
                self.settling.push(unsettled);
                flag.0.store(true, SeqCst);
                self.settlers.push((badge, flag));
            }
            Poll::Ready(None) => {
                assert!(self.closed && self.ledger.total() == 0);
                self.dismiss(badge);
            }
            Poll::Pending => {
                assert!(self.unsettled.is_empty());
                self.settlers.push((badge, flag));
            }
        }
    }

    fn dismiss(&mut self, badge: Badge) {
        let expected =
            if self.settlers.is_empty() { mem::take(&mut self.unsettled) } else { VecDeque::new() };
        let orphans = self.ledger.dismiss(badge).orphans;
        assert!(orphans.iter().map(|orphan| orphan.conn).eq(expected));
        orphans.into_iter().for_each(|orphan| self.ledger.given_up(orphan.permit).wake());
    }

    fn end_connect(&mut self, op: &Op) {
        let Some(permit) = self.permits.pop() else { return };
        let number = self.number();
        match op {
            Op::Connected => {
                let connected = self.ledger.connected(permit, number, self.now);
                self.offered(number, connected);
            }
            Op::ConnectFailed => {
                let (wakes, unclaimed) = self.ledger.connect_failed(permit, number);
                wakes.wake();
                match self.queue.pop_front() {
                    Some(oldest) => drop(self.ready.insert(oldest, Ready::Failure(number))),
                    None => assert_eq!(unclaimed, Some(number)),
                }
            }
            _ => self.ledger.connect_abandoned(permit).wake(),
        }
    }

    fn offered(&mut self, conn: Conn, offered: Result<Wakes, Loan<Conn>>) {
        match offered {
            Err(refused) => {
                assert!(self.closed && refused.conn == conn);
                self.ledger.vacate(refused.lease).wake();
            }
            Ok(wakes) => {
                assert!(!self.closed);
                wakes.wake();
                match self.queue.pop_front() {
                    Some(oldest) => drop(self.ready.insert(oldest, Ready::Conn(conn))),
                    None => self.idle.push(conn),
                }
            }
        }
    }

    fn close(&mut self) {
        let closing = self.ledger.close(self.now);
        closing.wakers.into_iter().for_each(Waker::wake);
        let idle: Vec<_> = closing.idle.iter().map(|loan| loan.conn).collect();
        assert_eq!(idle, mem::take(&mut self.idle));
        closing.idle.into_iter().for_each(|loan| self.ledger.vacate(loan.lease).wake());
        for ticket in self.queue.drain(..) {
            assert!(self.flags[&ticket].is_set(), "closing wakes everyone");
        }
        self.closed = true;
    }

    fn check(&self) {
        let ready = self.ready.values().filter(|ready| matches!(ready, Ready::Conn(_))).count();
        let status = self.ledger.status(self.now);
        assert_eq!(status.in_use, self.held.len() + ready);
        assert_eq!(status.idle, self.idle.len());
        assert_eq!(status.settling, self.unsettled.len() + self.settling.len());
        assert_eq!(status.connecting, self.permits.len());
        assert_eq!(status.waiting, self.queue.len());
        assert_eq!(status.total, status.idle + status.in_use + status.settling + status.connecting);
        assert!(status.total <= self.max);
        assert_eq!(status.oldest_use.is_some(), status.in_use > 0);
        assert!(self.queue.is_empty() || self.idle.is_empty(), "nothing is idle while someone waits");
        self.check_wakes();
        self.check_settlers();
    }

    fn check_wakes(&self) {
        for ticket in self.ready.keys() {
            assert!(self.flags[ticket].is_set(), "whoever was served is woken");
        }
        if self.ledger.wanted() > 0 {
            assert!(self.ledger.queue.is_roused());
            assert!(self.flags[&self.queue[0]].is_set(), "someone is about to start connects");
        }
    }

    fn check_settlers(&self) {
        let roused = || self.settlers.iter().all(|(_, flag)| flag.is_set());
        if !self.unsettled.is_empty() {
            assert!(!self.settlers.is_empty(), "what is in the queue will be taken from it");
            assert!(self.ledger.settling.is_roused() && roused(), "by whichever settler runs first");
        }
        if self.closed && self.ledger.total() == 0 {
            assert!(roused(), "settlers of an empty, closed ledger are about to end");
        }
    }

    /// Lets every settler run that was woken, and every settling end.
    fn settle_all(&mut self) {
        let all = mem::take(&mut self.settlers);
        let (woken, asleep): (Vec<_>, _) = all.into_iter().partition(|(_, flag)| flag.is_set());
        self.settlers = asleep;
        woken.into_iter().for_each(|settler| self.run_settler(settler));
        while !self.settling.is_empty() {
            self.apply(&Op::Settled(0));
        }
    }

    fn is_busy(&self) -> bool {
        let unsettled = !self.unsettled.is_empty() || !self.settling.is_empty();
        unsettled || !self.held.is_empty() || !self.flags.is_empty() || !self.permits.is_empty()
    }

    /// Lets everyone finish. Nothing may stay behind but idle connections.
    pub(super) fn drain(&mut self) {
        while self.is_busy() {
            self.settle_all();
            let woken: Vec<_> =
                self.flags.iter().filter(|(_, f)| f.is_set()).map(|(&ticket, _)| ticket).collect();
            let idle = self.held.is_empty() && self.permits.is_empty() && self.unsettled.is_empty();
            assert!(
                !(self.is_busy() && woken.is_empty() && idle),
                "waiters wait, and nothing will wake them"
            );
            woken.into_iter().for_each(|ticket| self.poll(ticket));
            self.apply(&Op::Release(0));
            self.apply(&Op::Connected);
        }
        assert_eq!(self.ledger.total(), self.ledger.idle.len());
        assert!(self.ledger.granted.is_empty() && self.ledger.queue.len() == 0);
    }
}

/// Takes the one that a number chooses.
fn pick<T>(from: &mut Vec<T>, n: usize) -> Option<T> {
    let chosen = n.checked_rem(from.len())?;
    Some(from.swap_remove(chosen))
}
