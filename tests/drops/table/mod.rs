//! Every public operation that can be dropped half-way.

mod connections;
mod copies;
#[cfg(feature = "ipc")]
mod ipc;
mod listeners;
mod pools;
mod queries;
mod replication;
mod several;
mod transactions;

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::Pin;

use futures_core::Stream;
use molt_db::{Canceller, Connection, Pool};

use crate::place::Place;

/// Returns all of them.
pub(crate) fn operations() -> impl Iterator<Item = &'static Operation> {
    let tables = [
        connections::OPERATIONS,
        queries::OPERATIONS,
        several::OPERATIONS,
        transactions::OPERATIONS,
        pools::OPERATIONS,
        listeners::OPERATIONS,
        copies::OPERATIONS,
        #[cfg(feature = "ipc")]
        ipc::OPERATIONS,
        replication::OPERATIONS,
    ];
    tables.into_iter().flatten()
}

/// An operation, and how it is run up to its end.
pub(crate) struct Operation {
    /// As the documentation has it.
    pub(crate) name: &'static str,
    pub(crate) run: Run,
    /// How many rows are stored when it has come to its end. Dropped before, it has stored all of them or none.
    pub(crate) stores: i64,
    /// Whether it can be run with a command that does not end by itself.
    pub(crate) pace: Pace,
    pub(crate) reach: Reach,
    /// How many drop points it has at least where one byte moves with each poll.
    pub(crate) floor: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    Any,
    /// What it waits for ends by itself.
    Quick,
}

/// Where an operation can be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    Anywhere,
    /// It takes more than the server in memory knows.
    Servers,
    /// It takes a server with `wal_level=logical`.
    LogicalServers,
}

/// What an operation is done on. It calls [`Mark::here`] when what comes before it is done.
#[derive(Clone, Copy)]
pub(crate) enum Run {
    /// A connection, which is used again.
    Connection(OnConnection),
    /// A connection, which is gone then.
    Last(OnLast),
    Place(OnPlace),
    Pool(OnPool),
    /// A request to cancel that is dropped may still hit what runs next.
    Canceller(OnCanceller),
}

pub(crate) type OnConnection = for<'a> fn(&'a mut Connection, On<'a>) -> Doing<'a>;
pub(crate) type OnLast = for<'a> fn(Connection, On<'a>) -> Doing<'a>;
pub(crate) type OnPlace = for<'a> fn(&'a Place, On<'a>) -> Doing<'a>;
pub(crate) type OnPool = for<'a> fn(&'a Pool, On<'a>) -> Doing<'a>;
pub(crate) type OnCanceller = for<'a> fn(Canceller, On<'a>) -> Doing<'a>;
pub(crate) type Doing<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// What an operation is run with.
#[derive(Clone, Copy)]
pub(crate) struct On<'a> {
    /// Stores three rows, and returns them.
    pub(crate) sql: &'static str,
    pub(crate) place: &'a Place,
    pub(crate) mark: &'a Mark,
}

impl On<'_> {
    /// Everything before this is not what is dropped.
    async fn begins(&self) {
        self.mark.here().await;
    }
}

/// Where the operation begins.
#[derive(Default)]
pub(crate) struct Mark {
    is_reached: Cell<bool>,
}

impl Mark {
    pub(crate) fn is_reached(&self) -> bool {
        self.is_reached.get()
    }

    async fn here(&self) {
        self.is_reached.set(true);
        tokio::task::yield_now().await;
    }
}

impl Operation {
    const fn new(name: &'static str, stores: i64, floor: usize, run: Run) -> Self {
        Self { name, run, stores, pace: Pace::Any, reach: Reach::Anywhere, floor }
    }

    const fn on_servers(self) -> Self {
        Self { reach: Reach::Servers, ..self }
    }

    const fn on_logical_servers(self) -> Self {
        Self { reach: Reach::LogicalServers, ..self }
    }

    const fn quick(self) -> Self {
        Self { pace: Pace::Quick, ..self }
    }
}

/// Stores three rows and returns them. The text of each tells what it belongs to.
pub(crate) const QUICK: &str = "insert into drops select generate_series(1, 3) returning id, name";
/// The same, when nobody waits for it any more.
pub(crate) const SLOW: &str =
    "insert into drops select generate_series(1, 3) from pg_sleep(60) returning id, name";
/// How many rows either stores.
const STORED: i64 = 3;

/// What is returned.
type Stored = (i32, String);

/// Takes all of a stream.
async fn count<T>(stream: &mut (impl Stream<Item = Result<T, molt_db::Error>> + Unpin)) -> usize {
    let mut count = 0;
    while let Some(item) = poll_fn(|cx| Pin::new(&mut *stream).poll_next(cx)).await {
        item.unwrap();
        count += 1;
    }
    count
}
