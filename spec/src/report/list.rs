//! The cases themselves.

use std::fmt::Write as _;
use std::ops::RangeInclusive;

use serde_json::{Value, json as object};

use super::markdown::cell;
use crate::case::{Case, Level};
use crate::client::ClientCase;

/// What a list tells of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The case.
    pub id: String,
    /// What makes it binding.
    pub level: Level,
    /// What has to hold.
    pub requirement: &'static str,
    /// Where that is written.
    pub source: &'static str,
    /// Of which versions of PostgreSQL it is true: `all`.
    pub versions: String,
}

impl From<&Case> for Listed {
    fn from(case: &Case) -> Self {
        let (id, level, requirement, source) = (case.id.clone(), case.level, case.requirement, case.source);
        Self { id, level, requirement, source, versions: versions(&case.versions) }
    }
}

impl From<&ClientCase> for Listed {
    fn from(case: &ClientCase) -> Self {
        let (id, level, requirement, source) =
            (case.id.to_owned(), case.level, case.requirement, case.source);
        Self { id, level, requirement, source, versions: "all".to_owned() }
    }
}

impl Listed {
    fn group(&self) -> &str {
        self.id.split_once('.').map_or(&*self.id, |(group, _)| group)
    }
}

/// Returns a line for each case.
pub fn list(cases: &[Listed]) -> String {
    let mut out = String::new();
    for case in cases {
        let _ = writeln!(out, "{:<9}  {:<40}  {}", case.level, case.id, case.requirement);
    }
    out
}

/// Returns the cases as a list in JSON.
pub fn list_json(cases: &[Listed]) -> String {
    let cases: Vec<Value> = cases
        .iter()
        .map(|case| {
            object!({
                "id": case.id,
                "level": case.level.to_string(),
                "requirement": case.requirement,
                "source": case.source,
                "versions": case.versions,
            })
        })
        .collect();
    format!("{:#}\n", Value::Array(cases))
}

/// Returns a table for each group: the rules of the protocol, to read.
pub fn list_markdown(cases: &[Listed]) -> String {
    let mut out = String::from(INTRODUCTION);
    for group in cases.chunk_by(|one, next| one.group() == next.group()) {
        let name = group.first().map_or("", Listed::group);
        let _ = writeln!(
            out,
            "\n## {name}\n\n| case | level | versions | what has to hold | source |\n|---|---|---|---|---|"
        );
        for case in group {
            let (id, level, versions) = (&case.id, case.level, &case.versions);
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
# What the protocol demands

Each row is a case of `pgspec`. MUST: PostgreSQL's documentation or an RFC says so. REFERENCE: PostgreSQL does so,
and nobody wrote it down. INFO: PostgreSQL does one thing and its documentation says another, or leaves it open.

This file is written by `pgspec server --list --format markdown`, or `client`; `tests/cases.rs` fails when it is not.
";
