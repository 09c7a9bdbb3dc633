//! An async PostgreSQL driver, written from the wire up.
//!
//! - [`Connection`] is a session with a server: typed rows, Arrow record batches, prepared statements, transactions,
//!   batches, COPY both ways, native cancel.
//! - [`Pool`] gives many tasks a connection each, first in, first out, within the [`Scope`] of a request.
//! - [`Listener`] hears notifications for as long as it lives, and [`replication`] what is written to a database.
//! - [`Config`] says where to connect, in libpq's URLs and key/value strings.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use molt_db::{Config, FromRow, Pool, Scope};
//!
//! #[derive(FromRow)]
//! struct Order {
//!     id: i64,
//!     customer: String,
//! }
//!
//! # async fn example() -> Result<(), molt_db::Error> {
//! let config: Config = "postgres://app:secret@db.example/shop?sslmode=verify-full".parse()?;
//! let pool = Pool::builder(config).max_conns(16).build()?;
//!
//! let mut session = pool.session(Scope::within(Duration::from_secs(2))).await?;
//! let order: Order = session.query("select id, customer from orders where id = $1").bind(7_i64).one().await?;
//! let mut tx = session.begin().await?;
//! tx.execute("update orders set seen = true where id = $1", (order.id,)).await?;
//! tx.commit().await?;
//!
//! let mut batches = session.query("select * from lineitem where order_id = $1").bind(order.id).arrow().await?;
//! while let Some(batch) = batches.next().await? {
//!     println!("{} rows for {}", batch.num_rows(), order.customer);
//! }
//! # Ok(()) }
//! ```
//!
//! None of the features is on by default: `metrics` and `tracing` pass what [`config::Observe`] asks for to the
//! facade of that name, and `ipc` makes Arrow IPC streams of results (`Batches::into_ipc`).
//! `chrono`, `ipnet`, `jiff`, `rust_decimal`, `serde_json`, `time` and `uuid` have values of the crate of that name read and
//! sent: [`types`] says which.
//!
//! The layers below are crates of their own, for those who bring their own IO: [`protocol`] is the wire protocol as
//! bytes and states, [`decode`] turns row bytes into values and Arrow buffers.

pub mod config;
mod connection;
mod error;
mod listener;
mod net;
mod observe;
mod pool;
mod scope;
mod warden;

pub use config::{Config, ConfigError};
#[cfg(feature = "ipc")]
pub use connection::IpcStream;
pub use connection::replication;
pub use connection::{
    Batch, BatchResults, Batches, Begin, Canceller, Connection, Connector, CopyChunks, CopyIn, CopyInRows,
    CopyOut, CopyOutRows, IsolationLevel, Notification, Notifications, Outcome, OwnedRows, Portal, Query,
    RowSet, Rows, Savepoint, ScriptItem, ScriptResults, SlowStatement, Sql, Statement, Transaction,
    TypedRows,
};
pub use error::{ConnectAttempt, Error};
pub use listener::{Listener, ListenerEvent};
pub use observe::{Durations, Stats, Traffic};
pub use pool::{Pool, PoolBuilder, PoolQuery, Session};
pub use scope::Scope;

pub use molt_db_decode as decode;
pub use molt_db_decode::{
    Column, Columns, FromRow, FromSql, Oid, OwnedRow, Parameters, Params, Row, ToSql, TypeName, arrow, types,
};
pub use molt_db_pool::{Histogram, Holder, Lane, LaneStatus, Metrics, PoolExhausted, Request, Status};
pub use molt_db_protocol as protocol;
pub use molt_db_protocol::client::AuthMethod;
pub use molt_db_protocol::message::{CommandTag, ServerError, SqlState, TransactionStatus};
pub use rustls;
pub use tokio_util::sync::CancellationToken;

/// The example of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
