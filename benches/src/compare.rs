use std::env;
use std::process::{Command, Stdio};

use crate::cli::Comparison;
use crate::failure::Failure;
use crate::job::{Job, Workload};
use crate::lanes::Lane;
use crate::report::Report;
use crate::server::{Site, VARIABLE};

/// Runs all lanes of a job in turn, each in a process of its own, and returns a table of medians. The single reports
/// go to stderr.
///
/// Lanes take turns, so that whatever else the machine does hits all of them. The first round is not counted.
pub(crate) fn compare(comparison: &Comparison) -> Result<String, Failure> {
    let workload = &comparison.workload;
    let site = Site::find(comparison.url.as_deref(), workload.job.rows_needed())?;
    let mut reports = Lane::ALL.map(|_| Vec::new());
    for round in 0..=comparison.runs {
        for (lane, reports) in Lane::ALL.into_iter().zip(&mut reports) {
            let report = run_apart(lane, workload, &site.url())?;
            eprintln!("{report}");
            if round > 0 {
                reports.push(report);
            }
        }
    }
    Ok(table(&workload.job, &reports))
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

fn table(job: &Job, reports: &[Vec<Report>]) -> String {
    let (scale, unit) = match job {
        Job::Arrow(_) | Job::Rows(_) => (1e9, "ns/row"),
        Job::Qps(_) => (1e6, "us/select"),
    };
    let lines: Vec<_> = reports.iter().filter_map(|reports| Line::new(reports, scale)).collect();
    let floor = lines.iter().find(|line| line.lane == Lane::Floor.name());
    let mut text = String::new();
    if let Some([first, ..]) = reports.first().map(Vec::as_slice) {
        let Report { job, table, n, conc, .. } = first;
        let runs = reports.iter().map(Vec::len).max().unwrap_or(0);
        text += &format!("{job} {table}, n {n}, conc {conc}: medians of {runs}, times in {unit}\n");
    }
    let [lane, wall, cpu, least, most] = ["lane", "wall", "cpu", "least", "most"];
    text += &format!("{lane:<8}{wall:>10}{cpu:>10}{least:>10}{most:>10}{:>9}{:>10}\n", "x floor", "peak MB");
    for line in &lines {
        let ratio = floor.map_or(f64::NAN, |floor| line.cpu / floor.cpu);
        let Line { lane, wall, cpu, least, most, peak_mb } = line;
        text += &format!(
            "{lane:<8}{wall:>10.2}{cpu:>10.2}{least:>10.2}{most:>10.2}{ratio:>9.2}{peak_mb:>10.1}\n"
        );
    }
    text + "least, most, x floor: of cpu\n"
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
}

impl Line {
    /// Returns `None` if there is no report. Times are per row, in seconds times `scale`.
    fn new(reports: &[Report], scale: f64) -> Option<Self> {
        let lane = reports.first()?.lane.clone();
        let per_row = |seconds: f64, report: &Report| seconds * scale / report.rows as f64;
        let cpu = sorted(reports, |report| per_row(report.cpu, report));
        let (least, most) = (*cpu.first()?, *cpu.last()?);
        let wall = median(&sorted(reports, |report| per_row(report.wall, report)))?;
        let peak_mb = median(&sorted(reports, |report| report.peak_mb))?;
        Some(Self { lane, wall, cpu: median(&cpu)?, least, most, peak_mb })
    }
}

fn sorted(reports: &[Report], figure: impl Fn(&Report) -> f64) -> Vec<f64> {
    let mut figures: Vec<_> = reports.iter().map(figure).collect();
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
    use crate::job::Scan;
    use crate::tables::Table;

    fn reports(lane: Lane, cpu: [f64; 3]) -> Vec<Report> {
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
        cpu.map(report).into()
    }

    #[test]
    fn figures_are_medians_per_row() {
        let line = Line::new(&reports(Lane::Ours, [9e-6, 1e-6, 2e-6]), 1e9).unwrap();
        let rounded = [line.wall, line.cpu, line.least, line.most].map(f64::round);
        assert_eq!(rounded, [1e6, 2.0, 1.0, 9.0]);
        assert_eq!(Line::new(&[], 1e9), None);
    }

    #[test]
    fn lanes_are_compared_with_the_floor() {
        let job = Job::Arrow(Scan { table: Table::Fixed, rows: None });
        let table = table(&job, &[reports(Lane::Ours, [3e-6; 3]), reports(Lane::Floor, [2e-6; 3])]);
        let ours = table.lines().find(|line| line.starts_with("ours")).unwrap();
        assert!(ours.split_whitespace().any(|word| word == "1.50"), "{table}");
        assert!(table.starts_with("arrow w_fixed, n 1000, conc 1: medians of 3, times in ns/row"), "{table}");
    }
}
