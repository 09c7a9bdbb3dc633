//! A table of what is not as it should be.

use std::fmt::Write as _;

use super::html::rows;
use super::json::Column;
use crate::expected::ExpectedFailures;
use crate::outcome::{Report, Standing};

/// Returns a table of targets with their numbers, and one of the cases that some of them do not pass, by targets.
pub fn matrix_markdown(columns: &[Column]) -> String {
    let mut out =
        "| target | passed | failed | differs, and may | skipped |\n|---|---|---|---|---|\n".to_owned();
    for column in columns {
        let count = |wanted: &str| {
            column.cells.iter().filter(|cell| mark(&cell.level, &cell.verdict) == wanted).count()
        };
        let (passed, may, skipped) = (count(""), count("may"), count("skip"));
        let failed = column.cells.len() - passed - may - skipped;
        let _ = writeln!(out, "| {} | {passed} | {failed} | {may} | {skipped} |", cell(&column.name));
    }
    let names: Vec<_> = columns.iter().map(|column| cell(&column.name)).collect();
    let _ =
        writeln!(out, "\n| case | level | {} |\n|---|---|{}", names.join(" | "), "---|".repeat(names.len()));
    for row in rows(columns) {
        let verdicts = columns.iter().map(|column| {
            let found = column.cells.iter().find(|other| other.id == row.id);
            found.map_or("", |found| mark(&found.level, &found.verdict))
        });
        let verdicts: Vec<_> = verdicts.collect();
        if verdicts.iter().any(|verdict| !["", "skip"].contains(verdict)) {
            let _ = writeln!(out, "| `{}` | {} | {} |", row.id, row.level, verdicts.join(" | "));
        }
    }
    out
}

/// What passes needs no word.
fn mark<'v>(level: &str, verdict: &'v str) -> &'v str {
    match (level, verdict) {
        (_, "pass") => "",
        ("INFO", "fail") => "may",
        (_, other) => other,
    }
}

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
