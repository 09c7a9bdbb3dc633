//! A manager that does as it is told, and counts.

use std::fmt;
use std::future::{Future, pending};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use molt_db_pool::{AcquireError, Builder, Disposition, Guard, Liveness, Manager, Pool, Status};

/// How a connect goes.
#[derive(Clone, Copy)]
pub(crate) enum Plan {
    Open(Duration),
    /// Opens a connection that is found dead at once.
    OpenDead,
    Refuse(Duration),
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
pub(crate) struct Refused;

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
                return Err(Refused);
            }
            Plan::Panic => panic!("as told"),
            Plan::Never => pending().await,
        };
        Ok(Conn { fate, presence })
    }

    fn is_alive(&self, conn: &mut Conn) -> Liveness {
        assert_ne!(conn.fate, Fate::PanicsWhenChecked, "as told");
        if conn.fate == Fate::Dead { Liveness::Dead } else { Liveness::Alive }
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

pub(crate) type Acquired = Result<Guard<Fake>, AcquireError<Refused>>;

pub(crate) const AT_ONCE: Plan = Plan::Open(Duration::ZERO);

/// Starts a pool whose nth connect (from 1) goes as `plan(n)` says.
pub(crate) fn planned(plan: impl Fn(usize) -> Plan + Send + Sync + 'static) -> Builder<Fake> {
    Pool::builder(Fake { census: Arc::default(), plan: Box::new(plan) })
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

pub(crate) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
