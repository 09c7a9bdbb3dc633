//! A table of what is not as it should be.

use std::fmt::Write as _;

use crate::expected::ExpectedFailures;
use crate::outcome::{Report, Standing};

/// Returns a table of the groups with their numbers, and one of the cases that did not pass.
pub fn markdown(report: &Report, known: &ExpectedFailures) -> String {
    let mut out = format!("# {}, PostgreSQL {}\n\n", report.target, report.version);
    out += "| group | passed | failed | skipped |\n|---|---|---|---|\n";
    for group in report.outcomes.chunk_by(|one, next| one.group() == next.group()) {
        let count =
            |wanted: &[Standing]| group.iter().filter(|one| wanted.contains(&known.standing(one))).count();
        let passed = count(&[Standing::Good, Standing::Surprise]);
        let skipped = count(&[Standing::Skipped]);
        let name = group.first().map_or("", |outcome| outcome.group());
        let _ = writeln!(out, "| {name} | {passed} | {} | {skipped} |", group.len() - passed - skipped);
    }
    let wrong: Vec<_> =
        report.outcomes.iter().filter(|outcome| outcome.verdict.difference().is_some()).collect();
    if wrong.is_empty() {
        return out;
    }
    out += "\n| case | level | verdict | expected | actual |\n|---|---|---|---|---|\n";
    for outcome in wrong {
        let Some(difference) = outcome.verdict.difference() else { continue };
        let remark = if known.standing(outcome) == Standing::Expected { " (known)" } else { "" };
        let (id, level, verdict) = (&outcome.id, outcome.level, outcome.verdict.name());
        let (expected, actual) = (cell(&difference.expected), cell(&difference.actual));
        let _ = writeln!(out, "| `{id}` | {level} | {verdict}{remark} | {expected} | {actual} |");
    }
    out
}

/// What stands in a cell has no line breaks and no bars.
pub(super) fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
