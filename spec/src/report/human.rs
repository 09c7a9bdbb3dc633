//! Lines for people.

use std::fmt::Write as _;

use crate::expected::ExpectedFailures;
use crate::outcome::{Outcome, Report, Standing, Verdict};

/// Whether lines have colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// No colours.
    Plain,
    /// Colours of a terminal.
    Coloured,
}

/// Returns the report: a line for each case under the name of its group, details of what went wrong, and a summary.
pub fn human(report: &Report, known: &ExpectedFailures, style: Style) -> String {
    let mut out = format!("{} is PostgreSQL {}\n", report.target, report.version);
    let mut group = "";
    for outcome in &report.outcomes {
        if outcome.group() != group {
            group = outcome.group();
            let _ = writeln!(out, "\n{group}");
        }
        out += &line(outcome, known, style);
    }
    let told = report.outcomes.iter().filter(|outcome| is_told(known.standing(outcome)));
    told.for_each(|outcome| out += &details(outcome));
    let _ = write!(out, "\n{}", summary(report, known));
    out
}

/// Returns the line of one case.
pub fn line(outcome: &Outcome, known: &ExpectedFailures, style: Style) -> String {
    let (mark, colour) = mark(known.standing(outcome));
    let mark = match style {
        Style::Plain => mark.to_owned(),
        Style::Coloured => format!("\x1b[{colour}m{mark}\x1b[0m"),
    };
    let remark = match (&outcome.verdict, known.standing(outcome)) {
        (Verdict::Skip(reason), _) => format!(": {reason}"),
        (_, Standing::Surprise) => ": it was expected to fail".to_owned(),
        (Verdict::Hang(_), _) => ": it hangs".to_owned(),
        (Verdict::Crash(_), _) => ": it crashes".to_owned(),
        (Verdict::Pass | Verdict::Fail(_), _) => String::new(),
    };
    format!("  {mark} {}{remark}\n", outcome.id)
}

fn mark(standing: Standing) -> (&'static str, u8) {
    match standing {
        Standing::Good => ("ok  ", 32),
        Standing::Skipped => ("skip", 90),
        Standing::Told => ("info", 36),
        Standing::Expected => ("know", 33),
        Standing::Bad => ("FAIL", 31),
        Standing::Surprise => ("PASS", 31),
    }
}

fn is_told(standing: Standing) -> bool {
    matches!(standing, Standing::Bad | Standing::Told)
}

fn details(outcome: &Outcome) -> String {
    let Some(difference) = outcome.verdict.difference() else { return String::new() };
    let mut out = format!("\n{} ({}, {})\n", outcome.id, outcome.level, outcome.source);
    let _ = writeln!(out, "  requirement  {}", outcome.requirement);
    let _ = writeln!(out, "  expected     {}", difference.expected);
    let _ = writeln!(out, "  actual       {}", difference.actual);
    difference.bytes.lines().for_each(|line| {
        let _ = writeln!(out, "  {line}");
    });
    out
}

fn summary(report: &Report, known: &ExpectedFailures) -> String {
    let count = |standing| known.count(report, standing);
    let mut out = format!("{} cases: {} passed", report.outcomes.len(), count(Standing::Good));
    for (standing, what) in [
        (Standing::Bad, "failed"),
        (Standing::Surprise, "passed that were expected to fail"),
        (Standing::Expected, "failed as expected"),
        (Standing::Told, "differ where nothing binds"),
        (Standing::Skipped, "skipped"),
    ] {
        if count(standing) > 0 {
            let _ = write!(out, ", {} {what}", count(standing));
        }
    }
    out.push('\n');
    out
}
