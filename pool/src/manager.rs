//! What the pool must be told about the connections it keeps.

use std::error::Error;
use std::future::{Future, ready};

use crate::Holder;

/// Opens connections and judges them.
///
/// The pool calls these methods outside its lock. A panic in one of them costs the connection at hand and nothing
/// else: the slot is freed and the pool stays usable. What is async is bounded in time by the pool.
pub trait Manager: Send + Sync + 'static {
    /// What the pool keeps. Dropping it must close it.
    type Connection: Send + 'static;

    /// Why a connect failed.
    type Error: Error + Send + Sync + 'static;

    /// Opens a connection, and makes it ready for its first user.
    ///
    /// Runs in a task of its own, in a runtime where somebody has waited, and holds one of the pool's slots until it
    /// ends. It is dropped after [`connect_timeout`](crate::Builder::connect_timeout), and when its runtime shuts down.
    ///
    /// # Errors
    ///
    /// What follows from an error is for [`verdict`](Self::verdict) to say.
    fn connect(&self) -> impl Future<Output = Result<Self::Connection, Self::Error>> + Send;

    /// Tells whether a connect that failed is worth trying again. By default it is not.
    fn verdict(&self, error: &Self::Error) -> Verdict {
        let _ = error;
        Verdict::Permanent
    }

    /// Tells whether a connection about to be handed out is worth handing out.
    ///
    /// Called at every acquire, so it must neither block nor ask the other side. The pool drops a dead connection and
    /// goes on looking, within the acquire's `max_wait`.
    fn is_alive(&self, conn: &mut Self::Connection) -> Liveness;

    /// Prepares a connection for the caller about to get it, or turns it down: then it is dropped, and the pool goes on
    /// looking. By default there is nothing to prepare.
    ///
    /// Runs in the caller's own future, within its `max_wait`. If that passes or the caller is dropped, the connection
    /// goes to [`on_release`](Self::on_release) like one that was used.
    fn before_acquire(&self, conn: &mut Self::Connection) -> impl Future<Output = Liveness> + Send {
        let _ = conn;
        ready(Liveness::Alive)
    }

    /// Tells whether a connection that comes back is fit for the next user.
    ///
    /// Called when a [`Guard`](crate::Guard) is dropped, on whatever thread that happens, with or without a runtime,
    /// perhaps during a panic. It must neither block nor panic.
    fn on_release(&self, conn: &mut Self::Connection) -> Disposition;

    /// Brings a connection to rest that [`on_release`](Self::on_release) found to be in need of it. Returns `None` if
    /// that cannot be done, which is what happens by default: the connection is dropped.
    ///
    /// Runs in a task of its own, in a runtime where somebody has waited for a connection, and holds one of the pool's
    /// slots until it ends. It is dropped after [`settle_timeout`](crate::Builder::settle_timeout), and when its runtime
    /// shuts down.
    fn settle(&self, conn: Self::Connection) -> impl Future<Output = Option<Self::Connection>> + Send {
        drop(conn);
        ready(None)
    }

    /// Asks the other side of an idle connection for a sign of life. By default nobody is asked.
    ///
    /// Runs as [`settle`](Self::settle) does, when a connection has been idle for
    /// [`health_check_interval`](crate::Builder::health_check_interval).
    fn check(&self, conn: &mut Self::Connection) -> impl Future<Output = Liveness> + Send {
        ready(self.is_alive(conn))
    }

    /// Hears of a caller that has had a connection for [`leak_after`](crate::Builder::leak_after). It hears of each once.
    /// By default nothing is done but counting. Called by a task of the pool, which it must not block.
    fn leaked(&self, holder: &Holder) {
        let _ = holder;
    }
}

/// The answer of [`Manager::verdict`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Trying again would fail again, until somebody does something about it. The oldest waiter gets the error at once,
    /// as [`AcquireError::Connect`](crate::AcquireError::Connect).
    Permanent,
    /// Trying again may help. The pool does, with growing pauses, and waiters go on waiting. Who waits in vain gets the
    /// latest error with [`PoolExhausted`](crate::PoolExhausted).
    Transient,
}

/// The answer of [`Manager::is_alive`], and of those that take more time to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// The connection can be handed out.
    Alive,
    /// The connection is of no use any more.
    Dead,
}

/// The answer of [`Manager::on_release`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// The connection goes to the next user.
    Keep,
    /// The connection goes to [`Manager::settle`], and then to the next user. It is dropped at once if no task of the
    /// pool is there to do that.
    Settle,
    /// The connection is dropped and its slot is freed.
    Discard,
}
