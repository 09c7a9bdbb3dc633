//! JSON: `{"target", "version", "cases": [{"id", "verdict", "level", ...}]}`.

use std::error::Error;
use std::fmt;

use serde_json::{Map, Value, json as object};

use crate::expected::ExpectedFailures;
use crate::outcome::{Outcome, Report, Standing, Verdict};

/// Returns the report as one object.
pub fn json(report: &Report, known: &ExpectedFailures) -> String {
    let cases: Vec<Value> = report.outcomes.iter().map(|outcome| case(outcome, known)).collect();
    let all = object!({"target": report.target, "version": report.version, "cases": cases});
    format!("{all:#}\n")
}

/// One target in a matrix: what came of each case, by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The target.
    pub name: String,
    /// For each case its id, its verdict, its level and a remark.
    pub cells: Vec<Cell>,
}

/// What came of a case, as far as a matrix shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// The case.
    pub id: String,
    /// `pass`, `fail`, `skip`, `crash` or `hang`.
    pub verdict: String,
    /// `MUST`, `REFERENCE` or `INFO`.
    pub level: String,
    /// What it demands.
    pub requirement: String,
    /// What happened instead, or why it was skipped.
    pub remark: String,
}

impl Column {
    /// Returns the column of a report.
    pub fn of(report: &Report) -> Self {
        let cells = report.outcomes.iter().map(|outcome| Cell {
            id: outcome.id.clone(),
            verdict: outcome.verdict.name().to_owned(),
            level: outcome.level.to_string(),
            requirement: outcome.requirement.clone(),
            remark: remark(&outcome.verdict),
        });
        Self { name: format!("{} ({})", report.target, report.version), cells: cells.collect() }
    }
}

/// Why a file is no report in JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportError(String);

/// Reads what [`json`] wrote, for a matrix.
///
/// # Errors
///
/// A text that is not a report.
pub fn read_json(text: &str) -> Result<Column, ReportError> {
    let refuse = |problem: &str| ReportError(problem.to_owned());
    let value: Value = serde_json::from_str(text).map_err(|error| ReportError(error.to_string()))?;
    let word = |value: &Value, key: &str| value[key].as_str().map(str::to_owned);
    let target = word(&value, "target").ok_or_else(|| refuse("it names no target"))?;
    let name =
        word(&value, "version").map_or_else(|| target.clone(), |version| format!("{target} ({version})"));
    let cases = value["cases"].as_array().ok_or_else(|| refuse("it has no cases"))?;
    let cells = cases.iter().map(|case| {
        Some(Cell {
            id: word(case, "id")?,
            verdict: word(case, "verdict")?,
            level: word(case, "level")?,
            requirement: word(case, "requirement").unwrap_or_default(),
            remark: word(case, "actual").or_else(|| word(case, "reason")).unwrap_or_default(),
        })
    });
    let cells: Option<Vec<Cell>> = cells.collect();
    Ok(Column { name, cells: cells.ok_or_else(|| refuse("a case lacks its id, verdict or level"))? })
}

impl fmt::Display for ReportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it is no report of pgspec: {}", self.0)
    }
}

impl Error for ReportError {}

fn case(outcome: &Outcome, known: &ExpectedFailures) -> Value {
    let mut case = Map::new();
    let mut put = |key: &str, value: Value| case.insert(key.to_owned(), value);
    put("id", object!(outcome.id));
    put("verdict", object!(outcome.verdict.name()));
    put("level", object!(outcome.level.to_string()));
    put("requirement", object!(outcome.requirement));
    put("source", object!(outcome.source));
    put("milliseconds", object!(u64::try_from(outcome.duration.as_millis()).unwrap_or(u64::MAX)));
    if matches!(known.standing(outcome), Standing::Expected | Standing::Surprise) {
        put("expected_to_fail", object!(true));
    }
    if let Verdict::Skip(reason) = &outcome.verdict {
        put("reason", object!(reason));
    }
    if let Some(difference) = outcome.verdict.difference() {
        put("expected", object!(difference.expected));
        put("actual", object!(difference.actual));
        put("bytes", object!(difference.bytes));
    }
    Value::Object(case)
}

fn remark(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Skip(reason) => reason.clone(),
        other => other.difference().map(|difference| difference.actual.clone()).unwrap_or_default(),
    }
}
