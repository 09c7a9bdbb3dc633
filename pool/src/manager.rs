//! What the pool must be told about the connections it keeps.

use std::error::Error;
use std::future::Future;

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
    /// The connection is dropped and its slot is freed.
    Discard,
}
