//! JUnit's XML, as CI systems read it: a suite for each group.

use std::fmt::Write as _;

use super::escaped;
use crate::expected::ExpectedFailures;
use crate::outcome::{Outcome, Report, Standing, Verdict};

/// Returns the report. What fails as expected, and what binds nobody, is no failure there.
pub fn junit(report: &Report, known: &ExpectedFailures) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(out, "<testsuites name=\"pgspec {}\">", escaped(&report.target));
    for suite in report.outcomes.chunk_by(|one, next| one.group() == next.group()) {
        out += &self::suite(suite, known);
    }
    out += "</testsuites>\n";
    out
}

fn suite(outcomes: &[Outcome], known: &ExpectedFailures) -> String {
    let name = outcomes.first().map_or("", Outcome::group);
    let count =
        |wanted: fn(Standing) -> bool| outcomes.iter().filter(|one| wanted(known.standing(one))).count();
    let failures = count(is_failure);
    let skipped = count(|standing| standing == Standing::Skipped);
    let tests = outcomes.len();
    let mut out = format!(
        "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" skipped=\"{skipped}\">\n"
    );
    outcomes.iter().for_each(|outcome| out += &case(outcome, known.standing(outcome)));
    out += "  </testsuite>\n";
    out
}

fn case(outcome: &Outcome, standing: Standing) -> String {
    let (group, time) = (outcome.group(), outcome.duration.as_secs_f64());
    let head = format!("    <testcase classname=\"{group}\" name=\"{}\" time=\"{time:.3}\"", outcome.id);
    let requirement = escaped(&outcome.requirement);
    match &outcome.verdict {
        Verdict::Skip(reason) => format!("{head}><skipped message=\"{}\"/></testcase>\n", escaped(reason)),
        _ if standing == Standing::Surprise => {
            format!(
                "{head}><failure message=\"it was expected to fail\">{requirement}</failure></testcase>\n"
            )
        }
        verdict if is_failure(standing) => {
            let (expected, actual, bytes) = verdict.difference().map_or(("", "", ""), |difference| {
                (&difference.expected, &difference.actual, &difference.bytes)
            });
            format!(
                "{head}><failure type=\"{}\" message=\"{requirement}\">expected {}\nactual {}\n{}</failure></testcase>\n",
                verdict.name(),
                escaped(expected),
                escaped(actual),
                escaped(bytes),
            )
        }
        _ => format!("{head}/>\n"),
    }
}

fn is_failure(standing: Standing) -> bool {
    matches!(standing, Standing::Bad | Standing::Surprise)
}
