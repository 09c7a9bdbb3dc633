//! What is to be done, the same for every lane.

use std::time::Duration;

use molt_db::Connection;

use crate::failure::Failure;
use crate::tables::{DEFAULT_ROWS, KEYS, Table};

/// Work for a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Job {
    /// Read a table into Arrow record batches.
    Arrow(Scan),
    /// Read a table into typed values, row by row.
    Rows(Scan),
    /// Read a table into typed values by a binary COPY, row by row.
    CopyOut(Scan),
    /// Write typed values into a temporary table by a binary COPY, row by row.
    CopyIn(Load),
    /// Select single rows by their key, through a pool.
    Qps(Selects),
    /// Select single rows by their key, many under one Sync.
    Batch(Batches),
    /// Take a connection from a pool and give it back, again and again.
    Acquire(Acquires),
    /// Connect, authenticate and close, again and again.
    Connect(Connects),
    /// Give a query up, and use its connection again, again and again.
    Cancel(Cancels),
    /// Hear notifications, so many.
    Notify(u64),
    /// Read so many rows that have been written, out of a replication slot.
    Replication(u64),
    /// Follow so many transactions as they are committed.
    Lag(u64),
}

/// A job, the way to the server, and the runtime that it runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Workload {
    pub(crate) job: Job,
    pub(crate) route: Route,
    /// 1 is tokio's runtime of the current thread, more are workers of the runtime of many threads.
    pub(crate) threads: usize,
}

/// The way to the server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Route {
    /// Of the job `connect`, its own way decides.
    pub(crate) encryption: Encryption,
    /// How much later bytes arrive, each way, in milliseconds.
    pub(crate) delay_ms: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Encryption {
    #[default]
    None,
    /// TLS with a verified certificate.
    Tls,
}

/// A table to be read once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scan {
    pub(crate) table: Table,
    /// How many of its rows, the first ones; all if it is not said.
    pub(crate) rows: Option<u64>,
}

/// Rows to be made up and written, of the columns of `w_fixed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) rows: u64,
}

/// Point selects on the table `kv`, by tasks that share connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Selects {
    pub(crate) count: u64,
    pub(crate) connections: usize,
    pub(crate) tasks: usize,
}

/// Point selects on the table `kv`, in batches; each connection has a task of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Batches {
    /// Selects, in all batches together.
    pub(crate) count: u64,
    pub(crate) connections: usize,
    /// How many selects are in a batch; the last one may have fewer.
    pub(crate) size: usize,
}

/// Connections to be taken from a pool and given back, by tasks that share them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Acquires {
    pub(crate) count: u64,
    pub(crate) connections: usize,
    pub(crate) tasks: usize,
}

/// Connections to be opened and closed, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Connects {
    pub(crate) count: u64,
    pub(crate) way: Way,
}

/// Queries to be given up while they run, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cancels {
    pub(crate) count: u64,
    pub(crate) victim: Victim,
}

/// What is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Victim {
    /// A query that sleeps.
    Sleep,
    /// A query that computes.
    Busy,
}

impl Victim {
    pub(crate) const ALL: [Self; 2] = [Self::Sleep, Self::Busy];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sleep => "sleep",
            Self::Busy => "busy",
        }
    }

    /// Returns the query, which takes minutes.
    pub(crate) fn sql(self) -> &'static str {
        match self {
            Self::Sleep => "select 1 from pg_sleep(600)",
            // Among the columns the series is made row by row, and nothing is written down.
            Self::Busy => {
                "select 1 from (select generate_series(1, 9000000000) as g) as numbers having max(g) = 0"
            }
        }
    }
}

impl Cancels {
    /// How long a query runs before it is given up.
    pub(crate) const HEAD_START: Duration = Duration::from_millis(5);
    /// How long a request to cancel is given before there is another.
    pub(crate) const PATIENCE: Duration = Duration::from_millis(200);
    /// How many are given up before that counts.
    pub(crate) const WARM_UP: u64 = 10;
    /// Answered, it shows that the connection is usable.
    pub(crate) const NEXT: &'static str = "select 1";
}

/// How a connection is opened, where the URL does not say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Over a Unix socket, without a password.
    Socket,
    /// Over TLS with a verified certificate, without a password.
    Tls,
    /// Over TLS with a verified certificate, with a password by SCRAM.
    Scram,
}

impl Way {
    pub(crate) const ALL: [Self; 3] = [Self::Socket, Self::Tls, Self::Scram];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Socket => "socket",
            Self::Tls => "tls",
            Self::Scram => "scram",
        }
    }
}

impl Workload {
    /// Returns the arguments of `run` that ask for this.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![self.job.name().to_owned()];
        let mut option = |name: &str, value: String| arguments.extend([name.to_owned(), value]);
        match &self.job {
            Job::Arrow(scan) | Job::Rows(scan) | Job::CopyOut(scan) => {
                option("--table", scan.table.name().to_owned());
                scan.rows.into_iter().for_each(|rows| option("--n", rows.to_string()));
            }
            Job::CopyIn(load) => option("--n", load.rows.to_string()),
            Job::Qps(selects) => {
                option("--n", selects.count.to_string());
                option("--conc", selects.connections.to_string());
                option("--tasks", selects.tasks.to_string());
            }
            Job::Batch(batches) => {
                option("--n", batches.count.to_string());
                option("--conc", batches.connections.to_string());
                option("--size", batches.size.to_string());
            }
            Job::Acquire(acquires) => {
                option("--n", acquires.count.to_string());
                option("--conc", acquires.connections.to_string());
                option("--tasks", acquires.tasks.to_string());
            }
            Job::Connect(connects) => {
                option("--n", connects.count.to_string());
                option("--way", connects.way.name().to_owned());
            }
            Job::Cancel(cancels) => {
                option("--n", cancels.count.to_string());
                option("--victim", cancels.victim.name().to_owned());
            }
            Job::Notify(count) | Job::Replication(count) | Job::Lag(count) => {
                option("--n", count.to_string());
            }
        }
        if self.route.delay_ms > 0 {
            option("--delay-ms", self.route.delay_ms.to_string());
        }
        option("--threads", self.threads.to_string());
        if self.route.encryption == Encryption::Tls {
            arguments.push("--tls".to_owned());
        }
        arguments
    }
}

impl Job {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Arrow(_) => "arrow",
            Self::Rows(_) => "rows",
            Self::CopyOut(_) => "copy-out",
            Self::CopyIn(_) => "copy-in",
            Self::Qps(_) => "qps",
            Self::Batch(_) => "batch",
            Self::Acquire(_) => "acquire",
            Self::Connect(_) => "connect",
            Self::Cancel(_) => "cancel",
            Self::Notify(_) => "notify",
            Self::Replication(_) => "replication",
            Self::Lag(_) => "lag",
        }
    }

    /// Returns what the job is done on: a table, a pool, a way to connect, or a kind of query.
    pub(crate) fn subject(&self) -> &'static str {
        match self {
            Self::Arrow(scan) | Self::Rows(scan) | Self::CopyOut(scan) => scan.table.name(),
            Self::CopyIn(_) => "temporary",
            Self::Qps(_) | Self::Batch(_) => Table::Kv.name(),
            Self::Acquire(_) => "pool",
            Self::Connect(connects) => connects.way.name(),
            Self::Cancel(cancels) => cancels.victim.name(),
            Self::Notify(_) => "channel",
            Self::Replication(_) | Self::Lag(_) => "slot",
        }
    }

    /// Returns how many connections there are at a time.
    pub(crate) fn connections(&self) -> usize {
        match self {
            Self::Arrow(_) | Self::Rows(_) | Self::CopyOut(_) | Self::CopyIn(_) => 1,
            Self::Connect(_) | Self::Cancel(_) | Self::Notify(_) | Self::Replication(_) | Self::Lag(_) => 1,
            Self::Qps(selects) => selects.connections,
            Self::Batch(batches) => batches.connections,
            Self::Acquire(acquires) => acquires.connections,
        }
    }

    /// Returns how many rows the tables need, where they are made for this job alone.
    pub(crate) fn rows_needed(&self) -> u64 {
        match self {
            Self::Arrow(scan) | Self::Rows(scan) | Self::CopyOut(scan) => {
                scan.rows.map_or(DEFAULT_ROWS, |rows| scan.table.long_rows(rows))
            }
            _ => 1,
        }
    }
}

/// A scan as the lanes run it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScanQuery {
    pub(crate) sql: String,
    /// The same on few rows, to be run first.
    pub(crate) warm_up: String,
    /// How many rows `sql` returns.
    pub(crate) rows: u64,
}

impl ScanQuery {
    /// Has the server begin a scan at the start of the table, and not where another scan happens to be.
    // PG docs: runtime-config-compatible, synchronize_seqscans
    #[cfg(feature = "peers")]
    pub(crate) const FIRST_ROWS_FIRST: &'static str = "set synchronize_seqscans = off";
}

impl Scan {
    /// Writes the query. It asks how long the table is: a limit that does nothing would cost the server a node of its
    /// plan.
    pub(crate) async fn query(&self, connection: &mut Connection) -> Result<ScanQuery, Failure> {
        let name = self.table.name();
        let (there,): (i64,) = connection.query(&format!("select count(*) from {name}")).one().await?;
        self.query_of(u64::try_from(there)?)
    }

    fn query_of(&self, there: u64) -> Result<ScanQuery, Failure> {
        let name = self.table.name();
        let all = format!("select * from {name}");
        let rows = self.rows.unwrap_or(there);
        if rows > there || there == 0 {
            return Err(format!("{name} has {there} rows: load more, or ask for fewer").into());
        }
        Ok(ScanQuery {
            warm_up: format!("{all} limit {WARM_UP_ROWS}"),
            sql: if rows == there { all } else { format!("{all} limit {rows}") },
            rows,
        })
    }
}

const WARM_UP_ROWS: u64 = 1000;

impl Selects {
    pub(crate) const SQL: &'static str = "select v, t from kv where id = $1";

    /// How often each connection runs the statement first. A server plans the first five runs of a prepared statement
    /// anew.
    pub(crate) const WARM_UP: u64 = 20;

    /// Divides the selects among the tasks.
    pub(crate) fn shares(&self) -> impl Iterator<Item = Share> + use<> {
        Share::all(self.count, self.tasks)
    }
}

impl Batches {
    /// Divides the selects among the connections.
    pub(crate) fn shares(&self) -> impl Iterator<Item = Share> + use<> {
        Share::all(self.count, self.connections)
    }
}

impl Acquires {
    /// Divides them among the tasks.
    pub(crate) fn shares(&self) -> impl Iterator<Item = u64> + use<> {
        divide(self.count, self.tasks)
    }
}

/// Divides a whole among workers, as evenly as it goes.
fn divide(count: u64, workers: usize) -> impl Iterator<Item = u64> {
    let workers = u64::try_from(workers).unwrap_or(u64::MAX).max(1);
    let (each, rest) = (count / workers, count % workers);
    (0..workers).map(move |worker| each + u64::from(worker < rest))
}

impl Connects {
    /// How often a lane connects before that counts.
    pub(crate) const WARM_UP: u64 = 20;
}

/// What one worker selects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) ids: Ids,
    pub(crate) count: u64,
}

impl Share {
    fn all(count: u64, workers: usize) -> impl Iterator<Item = Self> {
        (0..).zip(divide(count, workers)).map(|(state, count)| Self { ids: Ids { state }, count })
    }

    /// Returns the keys to select.
    pub(crate) fn keys(self) -> impl Iterator<Item = i32> {
        let Self { mut ids, count } = self;
        (0..count).map(move |_| ids.next())
    }

    /// Puts the next `size` keys into `keys`, or those that are left. Tells whether there were any.
    pub(crate) fn next_keys(&mut self, size: usize, keys: &mut Vec<i32>) -> bool {
        let size = u64::try_from(size).unwrap_or(u64::MAX).min(self.count);
        self.count -= size;
        keys.clear();
        keys.extend((0..size).map(|_| self.ids.next()));
        !keys.is_empty()
    }
}

/// Random keys of `kv`, the same ones in every run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ids {
    state: u64,
}

impl Ids {
    fn next(&mut self) -> i32 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let key = mix(self.state) % u64::from(KEYS.unsigned_abs());
        i32::try_from(key).unwrap_or(0) + 1
    }
}

/// Turns every input into another number that looks random: the last step of SplitMix64.
pub(crate) fn mix(state: u64) -> u64 {
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(rows: Option<u64>) -> Scan {
        Scan { table: Table::Fixed, rows }
    }

    #[test]
    fn a_limit_is_written_only_where_it_cuts() {
        assert_eq!(scan(None).query_of(10).unwrap().sql, "select * from w_fixed");
        assert_eq!(scan(Some(10)).query_of(10).unwrap().sql, "select * from w_fixed");
        assert_eq!(scan(Some(9)).query_of(10).unwrap().sql, "select * from w_fixed limit 9");
    }

    #[test]
    fn rows_that_are_not_there_are_refused() {
        assert!(scan(Some(11)).query_of(10).is_err());
        assert!(scan(None).query_of(0).is_err());
    }

    #[test]
    fn shares_add_up_to_the_whole() {
        let selects = Selects { count: 10, connections: 3, tasks: 4 };
        let counts: Vec<_> = selects.shares().map(|share| share.count).collect();
        assert_eq!(counts, [3, 3, 2, 2]);
        let acquires = Acquires { count: 5, connections: 1, tasks: 2 };
        assert_eq!(acquires.shares().collect::<Vec<_>>(), [3, 2]);
    }

    #[test]
    fn batches_are_full_but_for_the_last() {
        let mut shares = Batches { count: 7, connections: 1, size: 3 }.shares();
        let mut share = shares.next().unwrap();
        let all: Vec<_> = share.clone().keys().collect();
        let (mut keys, mut batches) = (Vec::new(), Vec::new());
        while share.next_keys(3, &mut keys) {
            batches.push(keys.clone());
        }
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 1]);
        assert_eq!((batches.concat(), shares.next()), (all, None));
    }

    #[test]
    fn keys_are_in_the_table_and_the_same_in_every_run() {
        let selects = Selects { count: 10_000, connections: 1, tasks: 1 };
        let keys = || selects.shares().flat_map(Share::keys);
        assert!(keys().all(|key| (1..=KEYS).contains(&key)));
        assert!(keys().any(|key| key > KEYS / 2) && keys().any(|key| key < KEYS / 2));
        assert!(keys().eq(keys()));
    }
}
