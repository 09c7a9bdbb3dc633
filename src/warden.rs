//! Who sees to it that a scope ends its session even when nobody polls it.
//!
//! A session notices the end of its scope by itself when it is polled. One that is not polled, because its holder waits
//! for something else or has forgotten it, may keep a query running, or a transaction open with its locks. The warden
//! goes through the sessions of a pool that have scopes, ten times a second as long as there are any, and ends those that
//! are overdue: it cancels what runs, and closes the socket. The next poll reports it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::{Handle, Id as RuntimeId};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use crate::connection::Canceller;
use crate::net::Hangup;
use crate::scope::Scope;

/// The warden of a pool. It works in every runtime in which sessions with a scope are taken, and ends with the pool.
#[derive(Default)]
pub(crate) struct Warden {
    books: Mutex<Books>,
    /// Rouses those on duty: there is a scope to see to, or the pool is gone.
    rouse: Arc<Notify>,
}

#[derive(Default)]
struct Books {
    on_duty: Vec<RuntimeId>,
    wards: Vec<Weak<Ward>>,
}

/// What a session and the warden know of each other.
pub(crate) struct Ward {
    hangup: Arc<Hangup>,
    canceller: Option<Canceller>,
    is_known: AtomicBool,
    /// A command is under way, or a transaction is open.
    is_busy: AtomicBool,
    /// How often the session was polled and had to wait.
    polls: AtomicU64,
    sight: Mutex<Sight>,
}

#[derive(Default)]
struct Sight {
    scope: Scope,
    /// Since when the scope has been over and nobody has polled: the time, and the polls until then.
    overdue: Option<(Instant, u64)>,
}

impl Warden {
    /// Watches over a session from here on, and has somebody do so in this runtime.
    pub(crate) fn admit(self: &Arc<Self>, ward: &Arc<Ward>) {
        let Ok(runtime) = Handle::try_current() else { return };
        let mut books = self.books();
        if !ward.is_known.swap(true, Ordering::Relaxed) {
            books.wards.push(Arc::downgrade(ward));
        }
        if !books.on_duty.contains(&runtime.id()) {
            books.on_duty.push(runtime.id());
            let duty = Duty { warden: Arc::downgrade(self), runtime: runtime.id() };
            drop(runtime.spawn(duty.run(Arc::clone(&self.rouse))));
        }
        drop(books);
        self.rouse.notify_waiters();
    }

    /// Goes through all sessions. Returns those that are to be ended, `None` if there is no scope to see to.
    fn inspect(&self) -> Option<Vec<Arc<Ward>>> {
        let mut books = self.books();
        books.wards.retain(|ward| ward.strong_count() > 0);
        let scoped: Vec<_> =
            books.wards.iter().filter_map(Weak::upgrade).filter(|ward| ward.has_scope()).collect();
        drop(books);
        let now = Instant::now();
        (!scoped.is_empty()).then(|| scoped.into_iter().filter(|ward| ward.hangs_up(now)).collect())
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Warden {
    fn drop(&mut self) {
        self.rouse.notify_waiters();
    }
}

/// A task of the warden. Signed off on drop, so one that ends with its runtime is missed.
struct Duty {
    warden: Weak<Warden>,
    runtime: RuntimeId,
}

impl Duty {
    async fn run(self, rouse: Arc<Notify>) {
        loop {
            let roused = rouse.notified();
            let Some(warden) = self.warden.upgrade() else { return };
            let overdue = warden.inspect();
            drop(warden);
            match overdue {
                Some(overdue) => {
                    overdue.into_iter().for_each(|ward| drop(tokio::spawn(async move { ward.end().await })));
                    sleep(ROUND).await;
                }
                None => roused.await,
            }
        }
    }
}

impl Drop for Duty {
    fn drop(&mut self) {
        if let Some(warden) = self.warden.upgrade() {
            warden.books().on_duty.retain(|runtime| *runtime != self.runtime);
        }
    }
}

impl Ward {
    pub(crate) fn new(hangup: Arc<Hangup>, canceller: Option<Canceller>) -> Self {
        Self {
            hangup,
            canceller,
            is_known: AtomicBool::new(false),
            is_busy: AtomicBool::new(false),
            polls: AtomicU64::new(0),
            sight: Mutex::default(),
        }
    }

    pub(crate) fn set_scope(&self, scope: Scope) {
        *self.sight() = Sight { scope, overdue: None };
    }

    /// Notes whether there is something that the end of the scope has to end.
    pub(crate) fn set_busy(&self, is_busy: bool) {
        self.is_busy.store(is_busy, Ordering::Relaxed);
    }

    /// Notes that the session was polled.
    pub(crate) fn polled(&self) {
        self.polls.fetch_add(1, Ordering::Relaxed);
    }

    fn has_scope(&self) -> bool {
        self.sight().scope.has_limits()
    }

    /// Hangs up if the scope has been over for a while in which nobody has polled. Returns whether it did.
    ///
    /// It is one step with the decision: a session that comes back meanwhile gives up its scope first, and then either is
    /// not overdue any more, or finds that its connection is gone. The next user's never is.
    fn hangs_up(&self, now: Instant) -> bool {
        let mut sight = self.sight();
        if !self.is_busy.load(Ordering::Relaxed) || sight.scope.end().is_none() {
            sight.overdue = None;
            return false;
        }
        let polls = self.polls.load(Ordering::Relaxed);
        match sight.overdue {
            Some((since, until)) if until == polls => {
                now.saturating_duration_since(since) >= PATIENCE && self.hangup.hang_up()
            }
            _ => {
                sight.overdue = Some((now, polls));
                false
            }
        }
    }

    /// Cancels what runs and closes the socket. The server rolls back what is open.
    async fn end(&self) {
        let ending = async {
            if let Some(canceller) = &self.canceller {
                canceller.attempt().await;
            }
            self.hangup.see_out().await
        };
        // It is closed whatever becomes of that.
        drop(timeout(LONGEST_END, ending).await);
        self.hangup.shut();
    }

    fn sight(&self) -> MutexGuard<'_, Sight> {
        self.sight.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How often the sessions are gone through.
const ROUND: Duration = Duration::from_millis(100);
/// How long a scope is over before a session that nobody polls is ended: whoever is merely late has this long.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long the server has to come to an end.
const LONGEST_END: Duration = Duration::from_secs(5);
