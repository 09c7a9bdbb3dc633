//! The arguments of the command.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::job::{Connects, Job, Scan, Selects, Way, Workload};
use crate::lanes::{Check, Lane};
use crate::tables::{DEFAULT_ROWS, Table};

/// What the command is to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Help,
    Run(Run),
    Load { url: Option<String>, rows: u64 },
    Serve { rows: u64 },
    Compare(Comparison),
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
        "compare" => Command::Compare(Comparison {
            workload: arguments.workload()?,
            runs: arguments.number("--runs", 1..=1000)?.unwrap_or(9),
            url: arguments.take("--url"),
        }),
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
        text += &format!("  {:<14} {}\n", lane.name(), lane.summary().replace('\n', "\n                 "));
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

    fn workload(&mut self) -> Result<Workload, UsageError> {
        let name = self.word("the job")?;
        let (job, threads) = match name.as_str() {
            "arrow" => (Job::Arrow(self.scan(&[Table::Fixed, Table::Lineitem, Table::Nulls])?), 1),
            "rows" => (Job::Rows(self.scan(&[Table::Fixed])?), 1),
            "qps" => (Job::Qps(self.selects()?), 2),
            "connect" => (Job::Connect(self.connects()?), 1),
            _ => return Err(UsageError(format!("there is no job {name}"))),
        };
        let threads = self.number("--threads", 1..=1024)?.unwrap_or(threads);
        Ok(Workload { job, threads })
    }

    fn scan(&mut self, tables: &[Table]) -> Result<Scan, UsageError> {
        let name = self.take("--table").unwrap_or_else(|| Table::Fixed.name().to_owned());
        let table = tables.iter().copied().find(|table| table.name() == name);
        let table = table.ok_or_else(|| UsageError(format!("this job does not read a table {name}")))?;
        Ok(Scan { table, rows: self.number("--n", 1..=MOST_ROWS)? })
    }

    fn selects(&mut self) -> Result<Selects, UsageError> {
        let connections = self.number("--conc", 1..=10_000)?.unwrap_or(16);
        Ok(Selects {
            count: self.number("--n", 1..=MOST_ROWS)?.unwrap_or(100_000),
            connections,
            tasks: self.number("--tasks", 1..=1_000_000)?.unwrap_or(connections),
        })
    }

    fn connects(&mut self) -> Result<Connects, UsageError> {
        let name = self.take("--way").unwrap_or_else(|| Way::Scram.name().to_owned());
        let way = Way::ALL.into_iter().find(|way| way.name() == name);
        let way = way.ok_or_else(|| UsageError(format!("there is no way {name}")))?;
        Ok(Connects { count: self.number("--n", 1..=MOST_ROWS)?.unwrap_or(500), way })
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

const FLAGS: [&str; 2] = ["--help", "--check"];
const OPTIONS: [&str; 9] =
    ["--table", "--n", "--conc", "--tasks", "--way", "--threads", "--url", "--rows", "--runs"];

/// `generate_series` of the script and the lanes' counts stay far from their ends.
const MOST_ROWS: u64 = 2_000_000_000;

const USAGE: &str = "\
Measures what jobs on PostgreSQL cost a client, lane by lane.

  molt-db-bench run LANE JOB [options]   runs one lane of one job; prints one line of JSON
  molt-db-bench compare JOB [options]    runs all lanes in turn, each in its own process; prints medians
  molt-db-bench load --url URL           makes the tables; skips what is there, drops only its own
  molt-db-bench serve                    starts a server with the tables; prints its URL; ends when stdin does

Jobs
  arrow   read a table into Arrow record batches
  rows    read w_fixed into typed values, row by row
  qps     select single rows of kv by random keys, on several connections at once
  connect connect, authenticate and close, one connection after the other

Options
  --table T      arrow: w_fixed (default), w_lineitem or w_nulls
  --n N          arrow, rows: the first N rows (default: the whole table); qps: selects (default 100000);
                 connect: connections (default 500)
  --conc C       qps: connections (default 16)
  --tasks T      qps: tasks that share them (default: as many as connections)
  --way W        connect: socket (a Unix socket, no password), tls (a verified certificate, no password) or scram (TLS
                 and SCRAM; default). A URL that is given has to fit
  --threads T    1 is tokio's current_thread, more are workers of multi_thread (default: 1; qps: 2)
  --url URL      the server (default: DATABASE_URL; without it run and compare start one and fill it, which takes
                 a while). All lanes connect without TLS, but for the job connect
  --check        run: reads everything once more, untimed, and adds a hash of the decoded values
  --rows N       load, serve: the length of the tables (default 1000000; kv always has 100000)
  --runs N       compare: runs that count, after one that does not (default 9)
";

const NOTES: &str = "
The line of JSON
  lane, job, table, n, conc   what was asked for; of connect, table is the way
  wall, cpu                   seconds for the job alone: connecting and a warm-up come before. cpu is user and system
                              time of all threads of the process
  rows                        rows received; connect: connections
  nbytes                      arrow: bytes of the arrays' values, offsets and validity, without spare capacity;
                              rows, qps: bytes of the decoded values; floor: bytes read from the socket;
                              connect: 0
  peak_mb                     the most memory the process had resident, in 1000000 bytes
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

    #[test]
    fn defaults_are_those_of_the_help() {
        let scan = Scan { table: Table::Fixed, rows: None };
        let arrow = run("run ours arrow");
        assert_eq!(arrow.workload, Workload { job: Job::Arrow(scan), threads: 1 });
        assert_eq!((arrow.lane, arrow.check, arrow.url), (Lane::Ours, Check::Skip, None));
        let selects = Selects { count: 100_000, connections: 16, tasks: 16 };
        assert_eq!(run("run floor qps").workload, Workload { job: Job::Qps(selects), threads: 2 });
        assert_eq!(parsed("load --url u"), Ok(Command::Load { url: Some("u".into()), rows: 1_000_000 }));
        let connects = Connects { count: 500, way: Way::Scram };
        assert_eq!(run("run ours connect").workload, Workload { job: Job::Connect(connects), threads: 1 });
        let Ok(Command::Compare(comparison)) = parsed("compare rows") else { panic!() };
        assert_eq!((comparison.workload.job, comparison.runs), (Job::Rows(scan), 9));
    }

    #[test]
    fn options_are_read_wherever_they_stand() {
        let line = "--check run ours --url=postgres://a@b/c?x=y arrow --table w_nulls --n 5 --threads 2";
        let run = run(line);
        let scan = Scan { table: Table::Nulls, rows: Some(5) };
        assert_eq!(run.workload, Workload { job: Job::Arrow(scan), threads: 2 });
        assert_eq!((run.check, run.url.as_deref()), (Check::Hash, Some("postgres://a@b/c?x=y")));
    }

    #[test]
    fn a_workload_is_read_back_from_its_arguments() {
        for line in [
            "arrow --table w_lineitem --n 7",
            "rows",
            "qps --n 9 --conc 4 --tasks 8 --threads 1",
            "connect --n 3 --way socket --threads 2",
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
            "run floor connect",
            "run ours connect --conc 2",
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
            ("compare qps --runs 1", "compare qps --runs 0"),
        ] {
            assert!(parsed(good).is_ok(), "{good}");
            assert!(parsed(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn help_names_every_lane_and_option() {
        assert_eq!(parsed("run --help"), Ok(Command::Help));
        let help = help();
        assert!(Lane::ALL.iter().copied().all(|lane| help.contains(lane.summary().lines().next().unwrap())));
        assert!(OPTIONS.into_iter().chain(["--check"]).all(|option| help.contains(option)));
    }
}
