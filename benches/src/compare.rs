use std::env;
use std::process::{Command, Stdio};

use crate::cli::Comparison;
use crate::failure::Failure;
use crate::job::{Connects, Job, Workload};
use crate::lanes::Lane;
use crate::report::{Report, Times};
use crate::server::{Site, VARIABLE};
use crate::server_cpu::ServerCpu;

/// Runs all lanes of a job in turn, each in a process of its own, and returns a table of medians. The single reports
/// go to stderr.
///
/// Lanes take turns, so that whatever else the machine does hits all of them; every other round they do so in reverse,
/// so that none always follows the same one. The first round is not counted.
pub(crate) fn compare(comparison: &Comparison) -> Result<String, Failure> {
    let job = &comparison.workload.job;
    let site = Site::find(comparison.url.as_deref(), job)?;
    let (url, server) = (site.url(job), site.cpu()?);
    let lanes: Vec<_> = Lane::ALL.iter().copied().filter(|lane| lane.does(job)).collect();
    let mut rounds = vec![Vec::new(); lanes.len()];
    for round in 0..=comparison.runs {
        let mut turns: Vec<_> = lanes.iter().zip(&mut rounds).collect();
        if round % 2 == 1 {
            turns.reverse();
        }
        for (lane, rounds) in turns {
            let before = read(server.as_ref())?;
            let report = run_apart(*lane, &comparison.workload, &url)?;
            eprintln!("{report}");
            let server = before.zip(read(server.as_ref())?).map(|(before, after)| after - before);
            if round > 0 {
                rounds.push(Round { report, server });
            }
        }
    }
    Ok(table(job, &rounds))
}

/// What a lane has cost once.
#[derive(Debug, Clone)]
struct Round {
    report: Report,
    /// Seconds of CPU that the server has had in the meantime, warming up included.
    server: Option<f64>,
}

fn read(server: Option<&ServerCpu>) -> Result<Option<f64>, Failure> {
    server.map(ServerCpu::read).transpose()
}

/// The URL goes by the environment: arguments can be seen by every user of the machine.
fn run_apart(lane: Lane, workload: &Workload, url: &str) -> Result<Report, Failure> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["run", lane.name()]).args(workload.arguments()).env(VARIABLE, url);
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("the lane {} failed: {}", lane.name(), output.status).into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse()?)
}

fn table(job: &Job, rounds: &[Vec<Round>]) -> String {
    let (scale, unit) = match job {
        Job::Arrow(_) | Job::Rows(_) | Job::CopyOut(_) | Job::CopyIn(_) => (1e9, "ns/row"),
        Job::Qps(_) | Job::Batch(_) => (1e6, "us/select"),
        Job::Acquire(_) => (1e9, "ns/acquire"),
        Job::Connect(_) => (1e6, "us/connect"),
        Job::Cancel(_) => (1e6, "us/query"),
        Job::Notify(_) => (1e9, "ns/notification"),
        Job::Replication(_) => (1e9, "ns/row"),
        Job::Lag(_) => (1e6, "us/transaction"),
    };
    let mut text = rounds.first().and_then(|rounds| title(rounds, unit)).unwrap_or_default();
    let lines: Vec<_> = rounds.iter().filter_map(|rounds| Line::new(job, rounds, scale)).collect();
    let measures = measures(&lines);
    let [lane, wall, cpu, least, most] = ["lane", "wall", "cpu", "least", "most"];
    text += &format!("{lane:<18}{wall:>10}{cpu:>10}{least:>10}{most:>10}");
    for (name, _) in &measures {
        text += &format!("{:>14}{:>13}", format!("wall x {name}"), format!("cpu x {name}"));
    }
    text += &format!("{:>10}{:>10}", "sleeps", "peak MiB");
    let has_server = lines.iter().any(|line| line.server.is_some());
    text += if has_server { "    server\n" } else { "\n" };
    lines.iter().for_each(|line| text += &line.text(&measures));
    rounds.iter().filter_map(|rounds| times(rounds, scale)).for_each(|times| text += &times);
    text + "least and most: of cpu; sleeps: of a thousand\n" + &lacking(job)
}

/// Says how long each took in a lane, in the medians of its rounds.
fn times(rounds: &[Round], scale: f64) -> Option<String> {
    let lane = &rounds.first()?.report.lane;
    let of = |figure: fn(&Times) -> f64| {
        let mut figures: Vec<_> =
            rounds.iter().filter_map(|round| round.report.times.as_ref().map(figure)).collect();
        figures.sort_by(f64::total_cmp);
        median(&figures)
    };
    let (middle, p99) = (of(|times| times.median)? * scale, of(|times| times.p99)? * scale);
    Some(format!("{lane:<18} each: median {middle:.0}, p99 {p99:.0}\n"))
}

/// Says what was asked for.
fn title(rounds: &[Round], unit: &str) -> Option<String> {
    let Report { job, table, n, conc, tls, delay_ms, .. } = &rounds.first()?.report;
    let tls = if *tls { ", TLS" } else { "" };
    let delay = if *delay_ms > 0 { format!(", {delay_ms} ms each way") } else { String::new() };
    let runs = rounds.len();
    Some(format!("{job} {table}, n {n}, conc {conc}{tls}{delay}: medians of {runs}, times in {unit}\n"))
}

/// Says which lanes do not do the job.
fn lacking(job: &Job) -> String {
    let lacking = Lane::ALL.iter().filter(|lane| !lane.does(job)).map(|lane| lane.name());
    let mut lacking: Vec<_> = lacking.collect();
    if cfg!(not(feature = "peers")) {
        lacking.push("those of the feature `peers`");
    }
    if lacking.is_empty() { String::new() } else { format!("lacking: {}\n", lacking.join(", ")) }
}

/// Returns what the lanes are measured by: the floor, or the best of the other drivers; and ours.
fn measures(lines: &[Line]) -> Vec<(&'static str, &Line)> {
    let find = |lane: Lane| lines.iter().find(|line| line.lane == lane.name());
    let own = [Lane::Ours, Lane::OursViews, Lane::Hash].map(Lane::name);
    let peers = lines.iter().filter(|line| !own.contains(&line.lane.as_str()));
    let best = peers.min_by(|one, other| one.cpu.total_cmp(&other.cpu));
    let least = find(Lane::Floor).map(|floor| ("floor", floor)).or_else(|| best.map(|best| ("best", best)));
    least.into_iter().chain(find(Lane::Ours).map(|ours| ("ours", ours))).collect()
}

/// A lane's line of the table: medians.
#[derive(Debug, PartialEq)]
struct Line {
    lane: String,
    wall: f64,
    cpu: f64,
    /// Of the CPU time, as is `most`.
    least: f64,
    most: f64,
    /// Of a thousand rows.
    sleeps: f64,
    peak_mib: f64,
    /// Of a job that does the same while it warms up.
    server: Option<f64>,
}

impl Line {
    /// Returns `None` if there is no round. Times are per row, in seconds times `scale`.
    fn new(job: &Job, rounds: &[Round], scale: f64) -> Option<Self> {
        let lane = rounds.first()?.report.lane.clone();
        let per_row = |seconds: f64, round: &Round| seconds * scale / round.report.rows as f64;
        let cpu = sorted(rounds, |round| per_row(round.report.cpu, round));
        let (least, most) = (*cpu.first()?, *cpu.last()?);
        let wall = median(&sorted(rounds, |round| per_row(round.report.wall, round)))?;
        let sleeps =
            median(&sorted(rounds, |round| round.report.sleeps as f64 * 1000.0 / round.report.rows as f64))?;
        let peak_mib = median(&sorted(rounds, |round| round.report.peak_mib))?;
        let server = match job {
            Job::Connect(connects) => server_share(rounds, connects).map(|share| share * scale),
            _ => None,
        };
        Some(Self { lane, wall, cpu: median(&cpu)?, least, most, sleeps, peak_mib, server })
    }

    /// Writes it, with its ratios to the measures.
    fn text(&self, measures: &[(&str, &Self)]) -> String {
        let Self { lane, wall, cpu, least, most, sleeps, peak_mib, server } = self;
        let mut text = format!("{lane:<18}{wall:>10.2}{cpu:>10.2}{least:>10.2}{most:>10.2}");
        for (_, measure) in measures {
            text += &format!("{:>14.2}{:>13.2}", wall / measure.wall, cpu / measure.cpu);
        }
        text += &format!("{sleeps:>10.1}{peak_mib:>10.1}");
        server.iter().for_each(|server| text += &format!("{server:>10.2}"));
        text + "\n"
    }
}

/// Returns the server's seconds per connection.
fn server_share(rounds: &[Round], connects: &Connects) -> Option<f64> {
    let seconds: Option<Vec<_>> = rounds.iter().map(|round| round.server).collect();
    let mut seconds = seconds?;
    seconds.sort_by(f64::total_cmp);
    Some(median(&seconds)? / (connects.count + Connects::WARM_UP) as f64)
}

fn sorted(rounds: &[Round], figure: impl Fn(&Round) -> f64) -> Vec<f64> {
    let mut figures: Vec<_> = rounds.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    figures
}

/// Returns the middle of figures in order; of an even number the upper one.
fn median(sorted: &[f64]) -> Option<f64> {
    sorted.get(sorted.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Scan, Way};
    use crate::tables::Table;

    const SCAN: Job = Job::Arrow(Scan { table: Table::Fixed, rows: None });

    fn rounds(lane: Lane, cpu: [f64; 3], server: Option<f64>) -> Vec<Round> {
        let report = |cpu| Report {
            lane: lane.name().to_owned(),
            job: "arrow".to_owned(),
            table: "w_fixed".to_owned(),
            n: 1000,
            conc: 1,
            tls: false,
            delay_ms: 0,
            wall: 1.0,
            cpu,
            rows: 1000,
            nbytes: 1,
            sleeps: 20,
            peak_mib: 5.0,
            hash: None,
            times: None,
        };
        cpu.map(|cpu| Round { report: report(cpu), server }).into()
    }

    fn words<'t>(table: &'t str, lane: &str) -> Vec<&'t str> {
        let line = table.lines().find(|line| line.starts_with(lane)).unwrap();
        line.split_whitespace().collect()
    }

    #[test]
    fn figures_are_medians_per_row() {
        let line = Line::new(&SCAN, &rounds(Lane::Ours, [9e-6, 1e-6, 2e-6], None), 1e9).unwrap();
        let rounded = [line.wall, line.cpu, line.least, line.most].map(f64::round);
        assert_eq!(rounded, [1e6, 2.0, 1.0, 9.0]);
        assert_eq!(Line::new(&SCAN, &[], 1e9), None);
    }

    #[test]
    fn lanes_are_compared_with_the_floor_and_with_ours() {
        let lanes = [rounds(Lane::Ours, [3e-6; 3], Some(1.0)), rounds(Lane::Floor, [2e-6; 3], None)];
        let table = table(&SCAN, &lanes);
        assert_eq!(words(&table, "ours")[5..9], ["1.00", "1.50", "1.00", "1.00"], "{table}");
        assert_eq!(words(&table, "floor")[5..9], ["1.00", "1.00", "1.00", "0.67"], "{table}");
        assert!(table.starts_with("arrow w_fixed, n 1000, conc 1: medians of 3, times in ns/row"), "{table}");
        assert!(table.contains(" cpu x floor ") && !table.contains("server"), "{table}");
    }

    #[test]
    fn the_way_to_the_server_and_lanes_that_lack_are_named() {
        let mut rounds = rounds(Lane::Ours, [3e-6; 3], None);
        rounds[0].report.tls = true;
        rounds[0].report.delay_ms = 2;
        let table = table(&SCAN, &[rounds]);
        assert!(table.contains("conc 1, TLS, 2 ms each way: medians"), "{table}");
        assert!(table.lines().any(|line| line.starts_with("lacking: ") && line.contains(" hash")), "{table}");
    }

    #[test]
    fn connecting_has_the_servers_share_beside_it() {
        let job = Job::Connect(Connects { count: 1000, way: Way::Tls });
        let table = table(&job, &[rounds(Lane::Ours, [0.3; 3], Some(1.02))]);
        assert_eq!(words(&table, "ours").last(), Some(&"1000.00"), "{table}");
        assert_eq!(words(&table, "ours")[2], "300.00", "{table}");
    }
}
