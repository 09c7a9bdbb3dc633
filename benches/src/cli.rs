//! The arguments of the command.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::job::{
    Acquires, Batches, Cancels, Connects, Encryption, Job, Load, Route, Scan, Selects, Victim, Way, Workload,
};
use crate::lanes::{Check, Lane};
use crate::tables::{DEFAULT_ROWS, Table};

/// What the command is to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Help,
    Run(Run),
    Load {
        url: Option<String>,
        rows: u64,
    },
    Serve {
        rows: u64,
    },
    /// What `--delay-ms` starts; the help does not name it.
    Proxy {
        port: u16,
        delay_ms: u64,
    },
    Compare(Comparison),
    /// What pools do with those who wait.
    Fair {
        url: Option<String>,
    },
}

/// One lane of one job.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) lane: Lane,
    pub(crate) workload: Workload,
    pub(crate) check: Check,
    pub(crate) url: Option<String>,
}

/// All lanes of one job.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Comparison {
    pub(crate) workload: Workload,
    pub(crate) runs: usize,
    pub(crate) url: Option<String>,
}

/// Arguments that make no sense.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UsageError(String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads the arguments, without the program's name. An option that its command does not take is an error.
pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Command, UsageError> {
    let mut arguments = Arguments::split(arguments)?;
    if arguments.options.contains_key("--help") {
        return Ok(Command::Help);
    }
    let command = match arguments.word("a command")?.as_str() {
        "help" => Command::Help,
        "run" => Command::Run(arguments.run()?),
        "load" => Command::Load { rows: arguments.table_rows()?, url: arguments.take("--url") },
        "serve" => Command::Serve { rows: arguments.table_rows()? },
        "proxy" => arguments.proxy()?,
        "compare" => Command::Compare(Comparison {
            workload: arguments.workload()?,
            runs: arguments.number("--runs", 1..=1000)?.unwrap_or(9),
            url: arguments.take("--url"),
        }),
        "fair" => Command::Fair { url: arguments.take("--url") },
        other => return Err(UsageError(format!("there is no command {other}"))),
    };
    arguments.finish()?;
    Ok(command)
}

/// Returns what `--help` prints.
pub(crate) fn help() -> String {
    let mut text = USAGE.to_owned();
    text += "\nLanes\n";
    for lane in Lane::ALL {
        text +=
            &format!("  {:<17} {}\n", lane.name(), lane.summary().replace('\n', "\n                    "));
    }
    if cfg!(not(feature = "peers")) {
        text += "  More of them, of other drivers, come with the feature `peers`.\n";
    }
    text + NOTES
}

/// Words and options, as they were given.
struct Arguments {
    words: VecDeque<String>,
    options: BTreeMap<&'static str, String>,
}

impl Arguments {
    fn split(arguments: impl IntoIterator<Item = String>) -> Result<Self, UsageError> {
        let mut arguments = arguments.into_iter();
        let mut split = Self { words: VecDeque::new(), options: BTreeMap::new() };
        while let Some(argument) = arguments.next() {
            if !argument.starts_with('-') {
                split.words.push_back(argument);
                continue;
            }
            let (name, value) = match argument.split_once('=') {
                Some((name, value)) => (option(name)?, Some(value.to_owned())),
                None => (option(&argument)?, None),
            };
            let value = match (FLAGS.contains(&name), value) {
                (true, None) => String::new(),
                (true, Some(_)) => return Err(UsageError(format!("{name} takes no value"))),
                (false, Some(value)) => value,
                (false, None) => {
                    arguments.next().ok_or_else(|| UsageError(format!("{name} takes a value")))?
                }
            };
            if split.options.insert(name, value).is_some() {
                return Err(UsageError(format!("{name} is given twice")));
            }
        }
        Ok(split)
    }

    fn word(&mut self, what: &str) -> Result<String, UsageError> {
        self.words.pop_front().ok_or_else(|| UsageError(format!("{what} is missing")))
    }

    fn take(&mut self, option: &str) -> Option<String> {
        self.options.remove(option)
    }

    fn number<T: FromStr + PartialOrd + fmt::Display>(
        &mut self,
        option: &str,
        range: RangeInclusive<T>,
    ) -> Result<Option<T>, UsageError> {
        let Some(text) = self.take(option) else { return Ok(None) };
        match text.parse() {
            Ok(number) if range.contains(&number) => Ok(Some(number)),
            _ => Err(UsageError(format!("{option} is a number from {} to {}", range.start(), range.end()))),
        }
    }

    fn table_rows(&mut self) -> Result<u64, UsageError> {
        Ok(self.number("--rows", 1..=MOST_ROWS)?.unwrap_or(DEFAULT_ROWS))
    }

    fn check(&mut self) -> Check {
        self.take("--check").map_or(Check::Skip, |_| Check::Hash)
    }

    fn lane(&mut self) -> Result<Lane, UsageError> {
        let name = self.word("the lane")?;
        let lane = Lane::ALL.iter().copied().find(|lane| lane.name() == name);
        lane.ok_or_else(|| UsageError(format!("there is no lane {name}")))
    }

    fn run(&mut self) -> Result<Run, UsageError> {
        let (lane, workload) = (self.lane()?, self.workload()?);
        if !lane.does(&workload.job) {
            let (lane, job) = (lane.name(), workload.job.name());
            return Err(UsageError(format!("the lane {lane} does not do the job {job}")));
        }
        Ok(Run { lane, workload, check: self.check(), url: self.take("--url") })
    }

    fn proxy(&mut self) -> Result<Command, UsageError> {
        let port = self.number("--port", 1..=u16::MAX)?;
        let port = port.ok_or_else(|| UsageError("the port is missing".to_owned()))?;
        Ok(Command::Proxy { port, delay_ms: self.delay_ms()? })
    }

    fn workload(&mut self) -> Result<Workload, UsageError> {
        let name = self.word("the job")?;
        let (job, threads) = match name.as_str() {
            "arrow" => (Job::Arrow(self.scan(&Table::SCANNED)?), 1),
            "rows" => (Job::Rows(self.scan(&[Table::Fixed])?), 1),
            "copy-out" => (Job::CopyOut(self.scan(&[Table::Fixed])?), 1),
            "copy-in" => (Job::CopyIn(Load { rows: self.count(1_000_000)? }), 1),
            "qps" => (Job::Qps(self.selects()?), 2),
            "batch" => (Job::Batch(self.batches()?), 1),
            "acquire" => (Job::Acquire(self.acquires()?), 2),
            "connect" => (Job::Connect(self.connects()?), 1),
            "cancel" => (Job::Cancel(self.cancels()?), 1),
            "notify" => (Job::Notify(self.count(100_000)?), 1),
            "replication" => (Job::Replication(self.count(500_000)?), 2),
            "lag" => (Job::Lag(self.count(5_000)?), 2),
            _ => return Err(UsageError(format!("there is no job {name}"))),
        };
        let threads = self.number("--threads", 1..=1024)?.unwrap_or(threads);
        let route = if matches!(job, Job::Connect(_)) { Route::default() } else { self.route()? };
        Ok(Workload { job, route, threads })
    }

    fn route(&mut self) -> Result<Route, UsageError> {
        let encryption = self.take("--tls").map_or(Encryption::None, |_| Encryption::Tls);
        Ok(Route { encryption, delay_ms: self.delay_ms()? })
    }

    fn delay_ms(&mut self) -> Result<u64, UsageError> {
        Ok(self.number("--delay-ms", 0..=10_000)?.unwrap_or(0))
    }

    fn scan(&mut self, tables: &[Table]) -> Result<Scan, UsageError> {
        let name = self.take("--table").unwrap_or_else(|| Table::Fixed.name().to_owned());
        let table = tables.iter().copied().find(|table| table.name() == name);
        let table = table.ok_or_else(|| UsageError(format!("this job does not read a table {name}")))?;
        Ok(Scan { table, rows: self.number("--n", 1..=MOST_ROWS)? })
    }

    fn selects(&mut self) -> Result<Selects, UsageError> {
        let (connections, tasks) = self.shared_connections()?;
        Ok(Selects { count: self.count(100_000)?, connections, tasks })
    }

    fn acquires(&mut self) -> Result<Acquires, UsageError> {
        let (connections, tasks) = self.shared_connections()?;
        Ok(Acquires { count: self.count(100_000)?, connections, tasks })
    }

    fn batches(&mut self) -> Result<Batches, UsageError> {
        Ok(Batches {
            count: self.count(100_000)?,
            connections: self.connections(1)?,
            size: self.number("--size", 1..=LARGEST_BATCH)?.unwrap_or(100),
        })
    }

    /// Reads how many connections and tasks there are.
    fn shared_connections(&mut self) -> Result<(usize, usize), UsageError> {
        let connections = self.connections(16)?;
        Ok((connections, self.number("--tasks", 1..=1_000_000)?.unwrap_or(connections)))
    }

    fn connections(&mut self, default: usize) -> Result<usize, UsageError> {
        Ok(self.number("--conc", 1..=10_000)?.unwrap_or(default))
    }

    fn count(&mut self, default: u64) -> Result<u64, UsageError> {
        Ok(self.number("--n", 1..=MOST_ROWS)?.unwrap_or(default))
    }

    fn connects(&mut self) -> Result<Connects, UsageError> {
        let name = self.take("--way").unwrap_or_else(|| Way::Scram.name().to_owned());
        let way = Way::ALL.into_iter().find(|way| way.name() == name);
        let way = way.ok_or_else(|| UsageError(format!("there is no way {name}")))?;
        Ok(Connects { count: self.count(500)?, way })
    }

    fn cancels(&mut self) -> Result<Cancels, UsageError> {
        let name = self.take("--victim").unwrap_or_else(|| Victim::Sleep.name().to_owned());
        let victim = Victim::ALL.into_iter().find(|victim| victim.name() == name);
        let victim = victim.ok_or_else(|| UsageError(format!("there is no victim {name}")))?;
        Ok(Cancels { count: self.count(500)?, victim })
    }

    fn finish(self) -> Result<(), UsageError> {
        match (self.words.front(), self.options.keys().next()) {
            (Some(word), _) => Err(UsageError(format!("{word} is one word too many"))),
            (None, Some(option)) => {
                Err(UsageError(format!("{option} does not go with this command and job")))
            }
            (None, None) => Ok(()),
        }
    }
}

fn option(name: &str) -> Result<&'static str, UsageError> {
    let name = if name == "-h" { "--help" } else { name };
    let mut options = FLAGS.into_iter().chain(OPTIONS);
    options.find(|option| *option == name).ok_or_else(|| UsageError(format!("there is no option {name}")))
}

const FLAGS: [&str; 3] = ["--help", "--check", "--tls"];
const OPTIONS: [&str; 13] = [
    "--table",
    "--n",
    "--conc",
    "--tasks",
    "--size",
    "--way",
    "--victim",
    "--delay-ms",
    "--threads",
    "--url",
    "--rows",
    "--runs",
    "--port",
];

/// The floor writes a batch before it reads: as long as the answers fit into the buffers of the sockets, nobody waits for
/// the other.
const LARGEST_BATCH: usize = 1000;

/// `generate_series` of the script and the lanes' counts stay far from their ends.
const MOST_ROWS: u64 = 2_000_000_000;

const USAGE: &str = "\
Measures what jobs on PostgreSQL cost a client, lane by lane.

  molt-db-bench run LANE JOB [options]   runs one lane of one job; prints one line of JSON
  molt-db-bench compare JOB [options]    runs all lanes in turn, each in its own process; prints medians
  molt-db-bench fair                     prints how each pool treats those who wait, and when it grows
  molt-db-bench load --url URL           makes the tables; skips what is there, drops only its own
  molt-db-bench serve                    starts a server with the tables; prints its URL; ends when stdin does

Drivers in Python have their lanes in benches/peers: arrow_python (ADBC and connectorx, in turn with ours) and
cancel_asyncpg, each of which takes the URL of `serve`.

Jobs
  arrow   read a table into Arrow record batches
  rows    read w_fixed into typed values, row by row
  copy-out  the same, by a binary COPY
  copy-in write typed values into a temporary table by a binary COPY, row by row
  qps     select single rows of kv by random keys, on several connections at once
  batch   select single rows of kv by random keys, many under one Sync
  acquire take a connection from a pool and give it back, without a query
  connect connect, authenticate and close, one connection after the other
  cancel  give a query up after five milliseconds and use its connection again, one query after the other
  notify  hear what another connection tells a channel, all of it in one transaction
  replication  read rows that have been written, in transactions of 100, out of a replication slot
  lag     follow a replication slot while another connection commits a row at a time, as fast as it can; wall is the sum
          of the times from each commit to its arrival

Options
  --table T      arrow: w_fixed (default), w_lineitem, w_nulls, w_random_nulls, w_text, w_arrays or w_wide; what is in
                 them is told in workloads.sql
  --n N          arrow, rows, copy-out: the first N rows (default: the whole table); copy-in: rows (default 1000000);
                 qps, batch: selects (default 100000); acquire: how often (default 100000);
                 connect: connections, cancel: queries (default 500); notify: notifications (default 100000);
                 replication: rows (default 500000); lag: transactions (default 5000)
  --conc C       qps, acquire: connections (default 16); batch: connections, each with a task (default 1)
  --tasks T      qps, acquire: tasks that share the connections (default: as many)
  --size S       batch: selects under one Sync (default 100, at most 1000)
  --way W        connect: socket (a Unix socket, no password), tls (a verified certificate, no password) or scram (TLS
                 and SCRAM; default). A URL that is given has to fit
  --victim V     cancel: sleep (a query that sleeps; default) or busy (one that computes)
  --threads T    1 is tokio's current_thread, more are workers of multi_thread (default: 1; qps, acquire,
                 replication, lag: 2)
  --url URL      the server (default: DATABASE_URL; without it run and compare start one and fill it, which takes
                 a while)
  --tls          all jobs but connect: over TLS with a verified certificate. A URL that is given has to say
                 sslmode=verify-full and sslrootcert; without --tls its sslmode is not looked at
  --delay-ms N   all jobs but connect: through a proxy that adds N milliseconds each way (at most 10000), in a process
                 of its own. The server has to be on 127.0.0.1
  --check        run: reads everything once more, untimed, and adds a hash of the decoded values
  --rows N       load, serve: the length of the tables (default 1000000; w_text and w_arrays have a quarter, w_wide a
                 twentieth, kv always 100000)
  --runs N       compare: runs that count, after one that does not (default 9)
";

const NOTES: &str = "
The line of JSON
  lane, job, table, n, conc,  what was asked for; of connect, table is the way
  tls, delay_ms
  wall, cpu                   seconds for the job alone: connecting and a warm-up come before. cpu is user and system
                              time of all threads of the process
  rows                        rows received; acquire, connect: connections; cancel: queries
  nbytes                      arrow: bytes of the arrays' values, offsets and validity, without spare capacity;
                              rows, copy-out, copy-in, qps, batch: bytes of the values; floor: bytes of the socket;
                              acquire, connect, cancel: 0
  peak_mib                    the most memory the process had resident, in MiB
  sleeps                      how often a thread gave the CPU up to wait: about once for each read that found nothing
  median, p99                 cancel: seconds from giving a query up to the answer of the next one on the connection
  hash                        with --check, in lanes that decode: a sum over the rows, whatever their order

Exit codes: 0; 1 when it failed; 2 when the arguments make no sense.
";

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, UsageError> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    fn run(line: &str) -> Run {
        match parsed(line) {
            Ok(Command::Run(run)) => run,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn workload(job: Job, threads: usize) -> Workload {
        Workload { job, route: Route::default(), threads }
    }

    #[test]
    fn defaults_are_those_of_the_help() {
        let scan = Scan { table: Table::Fixed, rows: None };
        let arrow = run("run ours arrow");
        assert_eq!(arrow.workload, workload(Job::Arrow(scan), 1));
        assert_eq!((arrow.lane, arrow.check, arrow.url), (Lane::Ours, Check::Skip, None));
        let selects = Selects { count: 100_000, connections: 16, tasks: 16 };
        assert_eq!(run("run floor qps").workload, workload(Job::Qps(selects), 2));
        assert_eq!(parsed("load --url u"), Ok(Command::Load { url: Some("u".into()), rows: 1_000_000 }));
        let batches = Batches { count: 100_000, connections: 1, size: 100 };
        assert_eq!(run("run ours batch").workload, workload(Job::Batch(batches), 1));
        let acquires = Acquires { count: 100_000, connections: 16, tasks: 16 };
        assert_eq!(run("run ours acquire").workload, workload(Job::Acquire(acquires), 2));
        let connects = Connects { count: 500, way: Way::Scram };
        assert_eq!(run("run ours connect").workload, workload(Job::Connect(connects), 1));
        let Ok(Command::Compare(comparison)) = parsed("compare rows") else { panic!() };
        assert_eq!((comparison.workload.job, comparison.runs), (Job::Rows(scan), 9));
    }

    #[test]
    fn options_are_read_wherever_they_stand() {
        let line = "--check run ours --url=postgres://a@b/c?x=y arrow --table w_nulls --n 5 --threads 2";
        let run = run(line);
        let scan = Scan { table: Table::Nulls, rows: Some(5) };
        assert_eq!(run.workload, workload(Job::Arrow(scan), 2));
        assert_eq!((run.check, run.url.as_deref()), (Check::Hash, Some("postgres://a@b/c?x=y")));
    }

    #[test]
    fn a_workload_is_read_back_from_its_arguments() {
        for line in [
            "arrow --table w_lineitem --n 7",
            "rows",
            "rows --tls --delay-ms 2",
            "qps --n 9 --conc 4 --tasks 8 --threads 1",
            "batch --n 9 --conc 2 --size 4",
            "acquire --n 9 --conc 4 --tasks 8",
            "connect --n 3 --way socket --threads 2",
            "cancel --n 3 --victim busy --tls",
            "notify --n 7",
            "replication --n 7 --tls",
            "lag --n 7",
        ] {
            let workload = run(&format!("run ours {line}")).workload;
            let again = run(&format!("run ours {}", workload.arguments().join(" "))).workload;
            assert_eq!(again, workload);
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for line in [
            "",
            "fly",
            "run",
            "run ours",
            "run theirs arrow",
            "run ours fly",
            "run ours arrow again",
            "run ours arrow --table kv",
            "run ours rows --table w_nulls",
            "run ours arrow --table",
            "run ours arrow --conc 2",
            "run ours qps --table kv",
            "run ours qps --way tls",
            "run ours connect --way md5",
            "run ours qps --size 4",
            "run ours batch --tasks 4",
            "run floor acquire",
            "run floor connect",
            "run floor cancel",
            "run ours cancel --victim way",
            "run floor notify",
            "run ours notify --conc 2",
            "run ours connect --conc 2",
            "run ours connect --tls",
            "run ours connect --delay-ms 1",
            "proxy --delay-ms 1",
            "run ours arrow --fast",
            "run ours arrow --check=yes",
            "run ours arrow --n 1 --n 2",
            "run ours arrow --n -1",
            "load --runs 3",
        ] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }

    #[test]
    fn numbers_are_held_to_their_ranges() {
        for (good, bad) in [
            ("run ours arrow --n 1", "run ours arrow --n 0"),
            ("run ours arrow --n 2000000000", "run ours arrow --n 2000000001"),
            ("run ours qps --conc 10000", "run ours qps --conc 10001"),
            ("run ours qps --threads 1", "run ours qps --threads 0"),
            ("run ours batch --size 1000", "run ours batch --size 1001"),
            ("compare qps --runs 1", "compare qps --runs 0"),
        ] {
            assert!(parsed(good).is_ok(), "{good}");
            assert!(parsed(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn help_names_every_lane_and_option() {
        const HIDDEN: [&str; 2] = ["--port", "--help"];
        assert_eq!(parsed("run --help"), Ok(Command::Help));
        let help = help();
        assert!(Lane::ALL.iter().copied().all(|lane| help.contains(lane.summary().lines().next().unwrap())));
        assert!(
            OPTIONS
                .into_iter()
                .chain(FLAGS)
                .filter(|option| !HIDDEN.contains(option))
                .all(|option| help.contains(option))
        );
    }
}
