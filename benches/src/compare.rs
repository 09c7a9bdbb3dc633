use std::env;
use std::process::{Command, Stdio};

use crate::cli::Comparison;
use crate::failure::Failure;
use crate::job::{Connects, Job, Workload};
use crate::lanes::Lane;
use crate::report::Report;
use crate::server::{Site, VARIABLE};
use crate::server_cpu::ServerCpu;

/// Runs all lanes of a job in turn, each in a process of its own, and returns a table of medians. The single reports
/// go to stderr.
///
/// Lanes take turns, so that whatever else the machine does hits all of them. The first round is not counted.
pub(crate) fn compare(comparison: &Comparison) -> Result<String, Failure> {
    let job = &comparison.workload.job;
    let site = Site::find(comparison.url.as_deref(), job)?;
    let (url, server) = (site.url(job), site.cpu()?);
    let lanes: Vec<_> = Lane::ALL.iter().copied().filter(|lane| lane.does(job)).collect();
    let mut rounds = vec![Vec::new(); lanes.len()];
    for round in 0..=comparison.runs {
        for (lane, rounds) in lanes.iter().zip(&mut rounds) {
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
        Job::Arrow(_) | Job::Rows(_) => (1e9, "ns/row"),
        Job::Qps(_) => (1e6, "us/select"),
        Job::Connect(_) => (1e6, "us/connect"),
    };
    let lines: Vec<_> = rounds.iter().filter_map(|rounds| Line::new(job, rounds, scale)).collect();
    let mut text = String::new();
    if let Some([first, ..]) = rounds.first().map(Vec::as_slice) {
        let Report { job, table, n, conc, .. } = &first.report;
        let runs = rounds.iter().map(Vec::len).max().unwrap_or(0);
        text += &format!("{job} {table}, n {n}, conc {conc}: medians of {runs}, times in {unit}\n");
    }
    let (beside, least_cpu) = measure_of(&lines).unzip();
    let [lane, wall, cpu, least, most] = ["lane", "wall", "cpu", "least", "most"];
    let beside = format!("x {}", beside.unwrap_or("nothing"));
    text += &format!("{lane:<15}{wall:>10}{cpu:>10}{least:>10}{most:>10}{beside:>9}{:>10}", "peak MB");
    let has_server = lines.iter().any(|line| line.server.is_some());
    text += if has_server { "    server\n" } else { "\n" };
    for line in &lines {
        let ratio = least_cpu.map_or(f64::NAN, |least| line.cpu / least);
        let Line { lane, wall, cpu, least, most, peak_mb, server } = line;
        text +=
            &format!("{lane:<15}{wall:>10.2}{cpu:>10.2}{least:>10.2}{most:>10.2}{ratio:>9.2}{peak_mb:>10.1}");
        server.iter().for_each(|server| text += &format!("{server:>10.2}"));
        text += "\n";
    }
    text + "least, most and the ratio: of cpu\n"
}

/// Returns what the lanes are measured by: the floor, or the best of the other drivers.
fn measure_of(lines: &[Line]) -> Option<(&'static str, f64)> {
    let floor = lines.iter().find(|line| line.lane == Lane::Floor.name());
    let own = [Lane::Ours.name(), Lane::Hash.name()];
    let peers = lines.iter().filter(|line| !own.contains(&line.lane.as_str())).map(|line| line.cpu);
    match floor {
        Some(floor) => Some(("floor", floor.cpu)),
        None => peers.min_by(f64::total_cmp).map(|best| ("best", best)),
    }
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
    peak_mb: f64,
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
        let peak_mb = median(&sorted(rounds, |round| round.report.peak_mb))?;
        let server = match job {
            Job::Connect(connects) => server_share(rounds, connects).map(|share| share * scale),
            Job::Arrow(_) | Job::Rows(_) | Job::Qps(_) => None,
        };
        Some(Self { lane, wall, cpu: median(&cpu)?, least, most, peak_mb, server })
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
            wall: 1.0,
            cpu,
            rows: 1000,
            nbytes: 1,
            peak_mb: 5.0,
            hash: None,
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
    fn lanes_are_compared_with_the_floor() {
        let lanes = [rounds(Lane::Ours, [3e-6; 3], Some(1.0)), rounds(Lane::Floor, [2e-6; 3], None)];
        let table = table(&SCAN, &lanes);
        assert_eq!(words(&table, "ours")[5], "1.50", "{table}");
        assert!(table.starts_with("arrow w_fixed, n 1000, conc 1: medians of 3, times in ns/row"), "{table}");
        assert!(table.contains(" x floor ") && !table.contains("server"), "{table}");
    }

    #[test]
    fn connecting_has_the_servers_share_beside_it() {
        let job = Job::Connect(Connects { count: 1000, way: Way::Tls });
        let table = table(&job, &[rounds(Lane::Ours, [0.3; 3], Some(1.02))]);
        assert_eq!(words(&table, "ours").last(), Some(&"1000.00"), "{table}");
        assert_eq!(words(&table, "ours")[2], "300.00", "{table}");
    }
}
