//! How operations are dropped, and what is asked of what they leave behind.

use std::fmt;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use molt_db::{Connection, TransactionStatus};
use tokio::time::timeout;

use crate::common::within;
use crate::place::Place;
use crate::table::{
    Doing, Mark, On, OnCanceller, OnConnection, OnLast, OnPlace, OnPool, Operation, Pace, QUICK, Run, SLOW,
};
use crate::trickle::Gauge;

/// Where a connection comes from that is used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holder {
    /// It is settled by whoever has dropped something. At all points it is the same, and knows the statements.
    Caller,
    /// As that, but another one at each point.
    Newcomer,
    /// It goes back to a pool, and comes from there again.
    Pool,
}

/// What the points at which an operation is dropped are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Axis {
    /// How often it was polled.
    Polls,
    /// How many bytes have come.
    Read,
    /// How many bytes have gone.
    Written,
}

/// Drops the operation at each point there is, with a command that ends and with one that does not, and returns how
/// many there were.
pub(crate) async fn walk(place: &Place, operation: &Operation, holder: Holder) -> usize {
    let axes = if place.gauge.is_some() { &[Axis::Read, Axis::Written][..] } else { &[Axis::Polls] };
    let mut points = 0;
    for axis in axes {
        for sql in [QUICK, SLOW] {
            if sql == QUICK || operation.pace == Pace::Any {
                let mut walk = Walk::new(place, operation, sql, *axis, holder);
                walk.all(holder).await;
                points += walk.visited;
            }
        }
    }
    points
}

/// Lets a future run for a moment and drops it.
pub(crate) async fn walk_away<T>(future: impl Future<Output = T>) {
    assert!(timeout(Duration::from_millis(30), future).await.is_err(), "it should have taken longer");
}

/// One operation with one command in one place.
struct Walk<'p> {
    place: &'p Place,
    operation: &'p Operation,
    sql: &'static str,
    axis: Axis,
    /// The next one.
    point: usize,
    step: usize,
    visited: usize,
    latest: End,
}

/// How an operation has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Completed,
    Dropped,
    /// It waited for what does not come by itself, and was dropped.
    Waiting,
}

impl<'p> Walk<'p> {
    /// New connections see every byte; the others, which do the same with less to send, every third.
    fn new(
        place: &'p Place,
        operation: &'p Operation,
        sql: &'static str,
        axis: Axis,
        holder: Holder,
    ) -> Self {
        let step = if axis == Axis::Polls || holder == Holder::Newcomer { 1 } else { 3 };
        Self { place, operation, sql, axis, point: 0, step, visited: 0, latest: End::Dropped }
    }

    async fn all(&mut self, holder: Holder) {
        match (self.operation.run, holder) {
            (Run::Connection(run), Holder::Caller) => self.on_one_connection(run).await,
            (Run::Connection(run), Holder::Newcomer) => self.on_new_connections(run).await,
            (Run::Connection(run), Holder::Pool) => self.on_sessions(run).await,
            (Run::Last(run), _) => self.on_last(run).await,
            (Run::Place(run), _) => self.on_place(run).await,
            (Run::Pool(run), _) => self.on_pools(run).await,
            (Run::Canceller(run), _) => self.on_canceller(run).await,
        }
    }

    async fn on_one_connection(&mut self, run: OnConnection) {
        let mut connection = self.place.connect().await;
        self.point = usize::MAX;
        self.on_connection(run, &mut connection).await;
        self.begins_anew();
        while self.goes_on() {
            self.on_connection(run, &mut connection).await;
        }
    }

    async fn on_new_connections(&mut self, run: OnConnection) {
        while self.goes_on() {
            self.on_connection(run, &mut self.place.connect().await).await;
        }
    }

    async fn on_connection(&mut self, run: OnConnection, connection: &mut Connection) {
        let mark = Mark::default();
        self.drop_one(&mark, run(connection, self.on(&mark))).await;
        within(connection.settle()).await.unwrap_or_else(|error| panic!("{self}: {error}"));
        self.assert_next_is_served(connection).await;
    }

    async fn on_sessions(&mut self, run: OnConnection) {
        let pool = self.place.pool();
        self.point = usize::MAX;
        self.on_connection(run, &mut within(pool.acquire()).await.unwrap()).await;
        self.begins_anew();
        while self.goes_on() {
            let mark = Mark::default();
            let mut session = within(pool.acquire()).await.unwrap();
            self.drop_one(&mark, run(&mut session, self.on(&mark))).await;
            drop(session);
            let mut next = within(pool.acquire()).await.unwrap();
            self.assert_next_is_served(&mut next).await;
            drop(next);
            let status = pool.status();
            assert_eq!((status.total, status.idle, status.waiting), (1, 1, 0), "{self}");
        }
        let metrics = pool.metrics();
        assert_eq!((metrics.connects, metrics.discarded, metrics.settles_failed), (1, 0, 0), "{self}");
        drop(pool);
        self.place.until_empty().await;
    }

    /// What closing is dropped may leave the command running until its session notices.
    async fn on_last(&mut self, run: OnLast) {
        while self.goes_on() {
            let mark = Mark::default();
            let connection = self.place.connect().await;
            self.drop_one(&mark, run(connection, self.on(&mark))).await;
            if self.latest == End::Completed {
                self.assert_nothing_runs().await;
            } else {
                self.place.end_all().await;
            }
            self.assert_another_is_served().await;
        }
    }

    async fn on_place(&mut self, run: OnPlace) {
        while self.goes_on() {
            let mark = Mark::default();
            self.drop_one(&mark, run(self.place, self.on(&mark))).await;
            self.assert_another_is_served().await;
        }
    }

    async fn on_pools(&mut self, run: OnPool) {
        while self.goes_on() {
            let (mark, pool) = (Mark::default(), self.place.pool());
            self.drop_one(&mark, run(&pool, self.on(&mark))).await;
            match within(pool.acquire()).await {
                Ok(mut next) => {
                    self.assert_next_is_served(&mut next).await;
                    drop(next);
                    let status = pool.status();
                    assert_eq!((status.total, status.idle, status.waiting), (1, 1, 0), "{self}");
                }
                Err(error) => assert!(error.to_string().contains("closed"), "{self}: {error}"),
            }
            drop(pool);
            self.place.until_empty().await;
        }
    }

    /// It may hit what runs next, but nothing twice.
    async fn on_canceller(&mut self, run: OnCanceller) {
        while self.goes_on() {
            let mark = Mark::default();
            let mut connection = self.place.connect().await;
            let canceller = connection.canceller().unwrap();
            self.drop_one(&mark, run(canceller, self.on(&mark))).await;
            let mut hits = 0;
            for number in 0..3_i32 {
                match connection.query("select $1::int4").bind(number).one::<(i32,)>().await {
                    Ok(found) => assert_eq!(found, (number,), "{self}"),
                    Err(error) if error.is_cancelled() => hits += 1,
                    Err(error) => panic!("{self}: {error}"),
                }
            }
            let most = u32::from(self.latest != End::Completed);
            assert!(hits <= most && connection.is_usable(), "{self}: {hits} were hit");
        }
    }

    /// Goes back to the first point, once the statements are known.
    fn begins_anew(&mut self) {
        (self.point, self.visited, self.latest) = (0, 0, End::Dropped);
    }

    fn goes_on(&self) -> bool {
        self.latest == End::Dropped
    }

    fn on<'m>(&self, mark: &'m Mark) -> On<'m>
    where
        'p: 'm,
    {
        On { sql: self.sql, place: self.place, mark }
    }

    /// Drops the operation at the next point, or runs it to its end.
    async fn drop_one(&mut self, mark: &Mark, doing: Doing<'_>) {
        let patience = if self.sql == SLOW { self.place.patience } else { Duration::from_secs(20) };
        let dropped = timeout(patience, self.poll_and_drop(mark, doing)).await;
        if let Some(gauge) = &self.place.gauge {
            gauge.let_all_pass();
        }
        assert!(mark.is_reached(), "{self}: it has not begun");
        assert!(dropped.is_ok() || self.sql == SLOW, "{self}: it hangs");
        self.latest = dropped.unwrap_or(End::Waiting);
        self.point = self.point.saturating_add(self.step);
        self.visited += 1;
    }

    async fn poll_and_drop(&self, mark: &Mark, mut doing: Doing<'_>) -> End {
        let gauge = self.place.gauge.as_deref();
        let (mut polls, mut before) = (0, None);
        poll_fn(|cx| {
            loop {
                if let Some(gauge) = gauge {
                    gauge.let_one_pass(cx);
                }
                if doing.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(End::Completed);
                }
                if mark.is_reached() {
                    let moved = gauge.map(Gauge::moved).unwrap_or_default();
                    let before = *before.get_or_insert(moved);
                    let passed = match self.axis {
                        Axis::Polls => polls,
                        Axis::Read => moved.read - before.read,
                        Axis::Written => moved.written - before.written,
                    };
                    polls += 1;
                    if passed == self.point {
                        return Poll::Ready(End::Dropped);
                    }
                }
                if !gauge.is_some_and(Gauge::is_wanted) {
                    return Poll::Pending;
                }
            }
        })
        .await
    }

    /// Asserts that the next command on a connection is answered, that it sees nothing of the old one, and that this
    /// has happened or not.
    async fn assert_next_is_served(&self, connection: &mut Connection) {
        self.assert_nothing_runs().await;
        for number in [7_i32, 8] {
            let next = connection.query("select $1::int4").bind(number).one();
            let found: (i32,) = within(next).await.unwrap_or_else(|error| panic!("{self}: {error}"));
            assert_eq!(found, (number,), "{self}");
        }
        assert_eq!(connection.transaction_status(), TransactionStatus::Idle, "{self}");
        let (stored,): (i64,) = connection.query("select count(*) from drops").one().await.unwrap();
        let all = self.operation.stores;
        match self.latest {
            End::Completed => assert_eq!(stored, all, "{self}"),
            End::Dropped if self.sql == QUICK => assert!([0, all].contains(&stored), "{self}: {stored} rows"),
            End::Dropped | End::Waiting => assert_eq!(stored, 0, "{self}"),
        }
        connection.execute("delete from drops", ()).await.unwrap();
    }

    /// As that, of a connection that is gone: its session goes too, and a new one is served.
    async fn assert_another_is_served(&self) {
        self.place.until_empty().await;
        self.assert_next_is_served(&mut self.place.connect().await).await;
        self.place.until_empty().await;
    }

    async fn assert_nothing_runs(&self) {
        assert_eq!(self.place.running().await, 0, "{self}: the server goes on with it");
    }
}

impl fmt::Display for Walk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, sql, axis, point, .. } = self;
        write!(f, "{} with {sql:?} at {point} of {axis:?}", operation.name)
    }
}
