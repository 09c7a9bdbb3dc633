//! The sources that the documents speak of, and the tests in them.

use std::fs;
use std::path::{Path, PathBuf};

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Tells whether the file is there and has a test of this name.
pub(crate) fn is_proved_by(file: &str, test: &str) -> bool {
    fs::read_to_string(root().join(file)).is_ok_and(|source| has_test(&source, test))
}

/// Tells whether the source has this function and it is a test: an attribute right above it says so.
pub(crate) fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let declared =
        |line: &str| line.split("fn ").nth(1).is_some_and(|rest| rest.starts_with(&format!("{name}(")));
    let is_test = |line: &&str| line.starts_with("#[test]") || line.starts_with("#[tokio::test");
    lines.iter().enumerate().filter(|(_, line)| declared(line)).any(|(at, _)| {
        lines[..at].iter().rev().take_while(|line| !line.is_empty() && !line.ends_with('}')).any(is_test)
    })
}
