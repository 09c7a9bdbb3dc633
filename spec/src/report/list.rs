//! The cases themselves.

use std::fmt::Write as _;
use std::ops::RangeInclusive;

use serde_json::{Value, json as object};

use super::markdown::cell;
use crate::case::Case;

/// Returns a line for each case.
pub fn list(cases: &[Case]) -> String {
    let mut out = String::new();
    for case in cases {
        let _ = writeln!(out, "{:<9}  {:<40}  {}", case.level, case.id, case.requirement);
    }
    out
}

/// Returns the cases as a list in JSON.
pub fn list_json(cases: &[Case]) -> String {
    let cases: Vec<Value> = cases
        .iter()
        .map(|case| {
            object!({
                "id": case.id,
                "level": case.level.to_string(),
                "requirement": case.requirement,
                "source": case.source,
                "versions": versions(&case.versions),
            })
        })
        .collect();
    format!("{:#}\n", Value::Array(cases))
}

/// Returns a table for each group: the rules of the protocol, to read.
pub fn list_markdown(cases: &[Case]) -> String {
    let mut out = String::from(INTRODUCTION);
    for group in cases.chunk_by(|one, next| one.group() == next.group()) {
        let name = group.first().map_or("", Case::group);
        let _ = writeln!(
            out,
            "\n## {name}\n\n| case | level | versions | what has to hold | source |\n|---|---|---|---|---|"
        );
        for case in group {
            let (id, level, versions) = (&case.id, case.level, versions(&case.versions));
            let _ = writeln!(
                out,
                "| `{id}` | {level} | {versions} | {} | {} |",
                cell(case.requirement),
                source(case.source)
            );
        }
    }
    out
}

fn versions(versions: &RangeInclusive<u32>) -> String {
    match (*versions.start(), *versions.end()) {
        (0, u32::MAX) => "all".to_owned(),
        (0, last) => format!("up to {last}"),
        (first, u32::MAX) => format!("from {first}"),
        (first, last) => format!("{first} to {last}"),
    }
}

/// A page of PostgreSQL's documentation becomes a link to it.
fn source(source: &str) -> String {
    match source.split_once(".html#") {
        Some((page, _)) => format!("[{page}](https://www.postgresql.org/docs/current/{source})"),
        None => source.to_owned(),
    }
}

const INTRODUCTION: &str = "\
# What the protocol demands of a server

Each row is a case of `pgspec server`. MUST: PostgreSQL's documentation or an RFC says so. REFERENCE: PostgreSQL does so,
and nobody wrote it down. INFO: PostgreSQL does one thing and its documentation says another, or leaves it open.

This file is written by `pgspec server --list --format markdown`; `tests/cases.rs` fails when it is not.
";
