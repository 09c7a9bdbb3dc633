//! A connection pool that hands over instead of waking up.
//!
//! The pool is generic over a [`Manager`], which knows how to open a connection and how to tell a good one from a bad
//! one. The pool knows the rest: who is next, how many there may be, and what a cancelled caller leaves behind.
//!
//! - **First in, first out.** A connection that comes free is moved to the oldest waiter under the pool's lock. Nobody
//!   races for it, and newcomers cannot overtake.
//! - **Connects belong to the pool.** A connect runs in a task of its own. A waiter takes whichever comes first, a
//!   freed connection or a new one; a connect whose waiter went away is not wasted, it ends up idle.
//! - **Cancelling is free.** Dropping an [`acquire`](Pool::acquire) at any point loses no connection and no slot. If a
//!   connection had been handed over already, it goes on to the next waiter.
//! - **Dropping never blocks and never spawns.** A [`Guard`] may be dropped on any thread, during a panic, and after
//!   the runtime has gone.
//! - **Unfinished business is settled.** A connection that comes back in the middle of something is brought to rest by
//!   a task of the pool, [as its manager knows to](Manager::settle), and then handed over like any other. It keeps its
//!   slot meanwhile; others do not wait behind it.
//! - **Waiting ends.** [`Builder::max_wait`] bounds it, and [`PoolExhausted`] says what the pool looked like.
//!
//! ```
//! use molt_db_pool::{Disposition, Liveness, Manager, Pool};
//! use std::{convert::Infallible, time::Duration};
//!
//! /// Opens "connections" that count how often they were used.
//! struct Counters;
//!
//! impl Manager for Counters {
//!     type Connection = u32;
//!     type Error = Infallible;
//!
//!     async fn connect(&self) -> Result<u32, Infallible> {
//!         Ok(0)
//!     }
//!
//!     fn is_alive(&self, _: &mut u32) -> Liveness {
//!         Liveness::Alive
//!     }
//!
//!     fn on_release(&self, uses: &mut u32) -> Disposition {
//!         if *uses < 1_000 { Disposition::Keep } else { Disposition::Discard }
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let pool = Pool::builder(Counters).max_conns(4).max_wait(Duration::from_millis(250)).build()?;
//!
//! let mut conn = pool.acquire().await?;
//! *conn += 1;
//! drop(conn);
//!
//! assert_eq!(*pool.acquire().await?, 1);
//! assert_eq!(pool.status().idle, 1);
//! pool.close().await;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Runtimes
//!
//! Waiting and connecting need a tokio runtime with its timer enabled; taking an idle connection and returning one
//! need none. Several runtimes may share a pool: a connect runs in the runtime of the waiter that started it, and if
//! that runtime shuts down, another waiter starts another one. A runtime that is neither driven nor shut down keeps
//! the slots of its connects.
//!
//! Settling needs a runtime too. Whoever waits for a connection leaves a task behind in its runtime, one for each pool
//! and runtime, that sleeps until there is something to settle. It ends when the pool is gone, or closed and empty.
//! When the last of them has been shut down with its runtime, connections that would have to settle are dropped.

mod acquire;
mod bounded;
mod builder;
mod care;
mod connect;
mod dice;
mod error;
mod guard;
mod held;
mod histogram;
mod holder;
mod keeper;
mod lane;
mod ledger;
mod manager;
mod metrics;
mod pool;
mod request;
mod seams;
mod settings;
mod status;

pub use builder::{BuildError, Builder};
pub use error::{AcquireError, PoolExhausted, QueueFull};
pub use guard::Guard;
pub use histogram::Histogram;
pub use holder::Holder;
pub use lane::{Lane, LaneStatus};
pub use manager::{Disposition, Liveness, Manager, Verdict};
pub use metrics::Metrics;
pub use pool::Pool;
pub use request::Request;
pub use status::Status;
