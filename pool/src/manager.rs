//! What the pool must be told about the connections it keeps.

use std::error::Error;
use std::future::{Future, ready};

/// Opens connections and judges them.
///
/// The pool calls these methods outside its lock. A panic in one of them costs the connection at hand and nothing
/// else: the slot is freed and the pool stays usable.
pub trait Manager: Send + Sync + 'static {
    /// What the pool keeps. Dropping it must close it.
    type Connection: Send + 'static;

    /// Why a connect failed.
    type Error: Error + Send + 'static;

    /// Opens a connection.
    ///
    /// Runs in a task of its own, in the runtime of a waiter, and holds one of the pool's slots until it ends. It must
    /// end in bounded time: the pool does not interrupt it. It is dropped when its runtime shuts down.
    ///
    /// # Errors
    ///
    /// An error goes to the oldest waiter as [`AcquireError::Connect`](crate::AcquireError::Connect).
    fn connect(&self) -> impl Future<Output = Result<Self::Connection, Self::Error>> + Send;

    /// Tells whether a connection about to be handed out is worth handing out.
    ///
    /// Called at every acquire, so it must neither block nor ask the other side. The pool drops a dead connection and
    /// goes on looking, within the acquire's `max_wait`.
    fn is_alive(&self, conn: &mut Self::Connection) -> Liveness;

    /// Tells whether a connection that comes back is fit for the next user.
    ///
    /// Called when a [`Guard`](crate::Guard) is dropped, on whatever thread that happens, with or without a runtime,
    /// perhaps during a panic. It must neither block nor panic.
    fn on_release(&self, conn: &mut Self::Connection) -> Disposition;

    /// Brings a connection to rest that [`on_release`](Self::on_release) found to be in need of it. Returns `None` if
    /// that cannot be done, which is what happens by default: the connection is dropped.
    ///
    /// Runs in a task of its own, in a runtime where somebody has waited for a connection, and holds one of the pool's
    /// slots until it ends. It must end in bounded time: the pool does not interrupt it. It is dropped when its
    /// runtime shuts down.
    fn settle(&self, conn: Self::Connection) -> impl Future<Output = Option<Self::Connection>> + Send {
        drop(conn);
        ready(None)
    }
}

/// The answer of [`Manager::is_alive`].
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
