//! A manager that does as it is told, and counts.

use std::fmt;
use std::future::{Future, pending};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use molt_db_pool::{
    AcquireError, Builder, Disposition, Guard, Holder, Liveness, Manager, Pool, Status, Verdict,
};

/// How a connect goes.
#[derive(Clone, Copy)]
pub(crate) enum Plan {
    Open(Duration),
    /// Opens a connection that is found dead at once.
    OpenDead,
    Refuse(Duration),
    /// Refuses as one does who may not later.
    RefuseForNow(Duration),
    Panic,
    Never,
}

/// How a connection answers that is asked something.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Answer {
    Fine,
    Later(Duration),
    Dead,
    Panic,
    Never,
}

/// What a connection does when it is judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fate {
    Healthy,
    Dead,
    Unfit,
    /// Has to settle when it comes back.
    Unfinished(Ending),
    PanicsWhenChecked,
    PanicsWhenReleased,
    PanicsWhenDropped,
}

/// How settling a connection goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Ending {
    Rest(Duration),
    GiveUp(Duration),
    Panic,
    Never,
}

#[derive(Debug)]
pub(crate) struct Refused(Verdict);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("refused")
    }
}

impl std::error::Error for Refused {}

/// Counts connections from the start of their connect until they are gone.
#[derive(Default)]
pub(crate) struct Census {
    started: AtomicUsize,
    present: AtomicUsize,
    peak: AtomicUsize,
    settlings: AtomicUsize,
    checks: AtomicUsize,
}

impl Census {
    pub(crate) fn started(&self) -> usize {
        self.started.load(SeqCst)
    }

    pub(crate) fn present(&self) -> usize {
        self.present.load(SeqCst)
    }

    pub(crate) fn peak(&self) -> usize {
        self.peak.load(SeqCst)
    }

    /// Counts the settlings that were begun.
    pub(crate) fn settlings(&self) -> usize {
        self.settlings.load(SeqCst)
    }

    /// Counts the checks that were begun.
    pub(crate) fn checks(&self) -> usize {
        self.checks.load(SeqCst)
    }

    fn enter(self: &Arc<Self>) -> Presence {
        let present = self.present.fetch_add(1, SeqCst) + 1;
        self.peak.fetch_max(present, SeqCst);
        Presence { number: self.started.fetch_add(1, SeqCst) + 1, census: self.clone() }
    }
}

struct Presence {
    number: usize,
    census: Arc<Census>,
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.census.present.fetch_sub(1, SeqCst);
    }
}

pub(crate) struct Conn {
    pub(crate) fate: Fate,
    /// To whoever is about to get it.
    pub(crate) greeting: Answer,
    /// To the pool, while it is idle.
    pub(crate) sign_of_life: Answer,
    presence: Presence,
}

impl Conn {
    /// Returns which connect this came from, from 1.
    pub(crate) fn number(&self) -> usize {
        self.presence.number
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        assert_ne!(self.fate, Fate::PanicsWhenDropped, "as told");
    }
}

pub(crate) struct Fake {
    pub(crate) census: Arc<Census>,
    pub(crate) leaks: Mutex<Vec<Holder>>,
    plan: Box<dyn Fn(usize) -> Plan + Send + Sync>,
}

impl Manager for Fake {
    type Connection = Conn;
    type Error = Refused;

    async fn connect(&self) -> Result<Conn, Refused> {
        let presence = self.census.enter();
        let fate = match (self.plan)(presence.number) {
            Plan::Open(latency) => {
                tokio::time::sleep(latency).await;
                Fate::Healthy
            }
            Plan::OpenDead => Fate::Dead,
            Plan::Refuse(latency) => {
                tokio::time::sleep(latency).await;
                return Err(Refused(Verdict::Permanent));
            }
            Plan::RefuseForNow(latency) => {
                tokio::time::sleep(latency).await;
                return Err(Refused(Verdict::Transient));
            }
            Plan::Panic => panic!("as told"),
            Plan::Never => pending().await,
        };
        Ok(Conn { fate, greeting: Answer::Fine, sign_of_life: Answer::Fine, presence })
    }

    fn verdict(&self, error: &Refused) -> Verdict {
        error.0
    }

    fn is_alive(&self, conn: &mut Conn) -> Liveness {
        assert_ne!(conn.fate, Fate::PanicsWhenChecked, "as told");
        if conn.fate == Fate::Dead { Liveness::Dead } else { Liveness::Alive }
    }

    async fn before_acquire(&self, conn: &mut Conn) -> Liveness {
        conn.greeting.give().await
    }

    async fn check(&self, conn: &mut Conn) -> Liveness {
        self.census.checks.fetch_add(1, SeqCst);
        conn.sign_of_life.give().await
    }

    fn leaked(&self, holder: &Holder) {
        self.leaks.lock().unwrap().push(holder.clone());
        assert_ne!(holder.tag, Some("panics"), "as told");
    }

    fn on_release(&self, conn: &mut Conn) -> Disposition {
        assert_ne!(conn.fate, Fate::PanicsWhenReleased, "as told");
        match conn.fate {
            Fate::Unfit => Disposition::Discard,
            Fate::Unfinished(_) => Disposition::Settle,
            _ => Disposition::Keep,
        }
    }

    async fn settle(&self, mut conn: Conn) -> Option<Conn> {
        self.census.settlings.fetch_add(1, SeqCst);
        let Fate::Unfinished(ending) = conn.fate else { panic!("it had not to settle") };
        match ending {
            Ending::Rest(latency) => tokio::time::sleep(latency).await,
            Ending::GiveUp(latency) => {
                tokio::time::sleep(latency).await;
                return None;
            }
            Ending::Panic => panic!("as told"),
            Ending::Never => pending().await,
        }
        conn.fate = Fate::Healthy;
        Some(conn)
    }
}

impl Answer {
    async fn give(self) -> Liveness {
        match self {
            Self::Fine => Liveness::Alive,
            Self::Later(latency) => {
                tokio::time::sleep(latency).await;
                Liveness::Alive
            }
            Self::Dead => Liveness::Dead,
            Self::Panic => panic!("as told"),
            Self::Never => pending().await,
        }
    }
}

pub(crate) type Acquired = Result<Guard<Fake>, AcquireError<Refused>>;

pub(crate) const AT_ONCE: Plan = Plan::Open(Duration::ZERO);

/// Starts a pool whose nth connect (from 1) goes as `plan(n)` says.
pub(crate) fn planned(plan: impl Fn(usize) -> Plan + Send + Sync + 'static) -> Builder<Fake> {
    Pool::builder(Fake { census: Arc::default(), leaks: Mutex::default(), plan: Box::new(plan) })
}

/// Makes a pool of `max_conns` connections that open at once.
pub(crate) fn pool_of(max_conns: usize) -> Pool<Fake> {
    planned(|_| AT_ONCE).max_conns(max_conns).build().unwrap()
}

/// Polls once, waking nobody.
pub(crate) fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Asserts that nothing is left but idle connections, and that the pool's figures are true.
pub(crate) fn assert_at_rest(pool: &Pool<Fake>) {
    let Status { total, idle, in_use, settling, connecting, waiting, .. } = pool.status();
    assert_eq!((in_use, settling, connecting, waiting), (0, 0, 0, 0));
    assert_eq!((total, idle), (pool.manager().census.present(), pool.manager().census.present()));
    assert!(pool.manager().census.peak() <= pool.status().max);
}

/// Waits until it is so.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::time::sleep(millis(1)).await;
    }
}

pub(crate) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
