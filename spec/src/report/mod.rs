//! Reports, for people and for machines.

mod html;
mod human;
mod json;
mod junit;
mod list;
mod markdown;

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use crate::expected::ExpectedFailures;
use crate::outcome::Report;

pub use html::matrix;
pub use human::{Style, human, line};
pub use json::{Cell, Column, ReportError, json, read_json};
pub use junit::junit;
pub use list::{Listed, list, list_json, list_markdown};
pub use markdown::{markdown, matrix_markdown};

/// The shape of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Lines for people.
    Human,
    /// What CI systems read.
    Junit,
    /// One object.
    Json,
    /// A table.
    Markdown,
    /// A page with a matrix of targets by cases.
    Html,
}

/// A name that is none of a format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownFormat(String);

impl Format {
    /// Writes the report.
    pub fn write(self, report: &Report, known: &ExpectedFailures, style: Style) -> String {
        match self {
            Self::Human => human(report, known, style),
            Self::Junit => junit(report, known),
            Self::Json => json(report, known),
            Self::Markdown => markdown(report, known),
            Self::Html => matrix(&[Column::of(report)]),
        }
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        Ok(match name {
            "human" => Self::Human,
            "junit" => Self::Junit,
            "json" => Self::Json,
            "markdown" => Self::Markdown,
            "html" => Self::Html,
            other => return Err(UnknownFormat(other.to_owned())),
        })
    }
}

impl fmt::Display for UnknownFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no format {:?}: it is human, junit, json, markdown or html", self.0)
    }
}

impl Error for UnknownFormat {}

/// Replaces what means something in XML and HTML, and what neither may contain.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\n' | '\t' => out.push(c),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
