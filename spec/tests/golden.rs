//! Every shape of report, to the byte.

use std::fs;
use std::path::Path;
use std::time::Duration;

use molt_db_spec::report::{Column, Format, Style, json, matrix, matrix_markdown, read_json};
use molt_db_spec::{Difference, ExpectedFailures, Level, Outcome, Report, Verdict};

fn report() -> Report {
    let wrong = |expected: &str, actual: &str| Difference {
        expected: expected.to_owned(),
        actual: actual.to_owned(),
        bytes: "> 51 00  Q.\n< 5a     Z\n".to_owned(),
    };
    let outcome = |id: &str, level, verdict| Outcome {
        id: id.to_owned(),
        requirement: format!("The rule of <{id}>."),
        source: "protocol-flow.html#X".to_owned(),
        level,
        verdict,
        duration: Duration::from_millis(12),
    };
    let outcomes = vec![
        outcome("startup.ok", Level::Must, Verdict::Pass),
        outcome("startup.known", Level::Must, Verdict::Fail(wrong("Ready(I)", "End"))),
        outcome("startup.better", Level::Must, Verdict::Pass),
        outcome("simple.fails", Level::Must, Verdict::Fail(wrong("Row(1) Ready(I)", "Row(a|b) & \"more\""))),
        outcome("simple.hangs", Level::Reference, Verdict::Hang(wrong("Ready(I)", "nothing"))),
        outcome("simple.differs", Level::Info, Verdict::Fail(wrong("Ready(I)", "Ready(T)"))),
        outcome("tls.session", Level::Must, Verdict::Skip("TLS is not offered".to_owned())),
    ];
    Report { target: "127.0.0.1:5432/app".to_owned(), version: "18.4".to_owned(), outcomes }
}

fn known() -> ExpectedFailures {
    ExpectedFailures::parse("startup.known\nstartup.better")
}

/// Compares with the file; `PGSPEC_GOLDEN=write` writes it.
fn assert_golden(name: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("PGSPEC_GOLDEN").is_some() {
        fs::write(&file, text).unwrap();
    }
    assert_eq!(text, fs::read_to_string(&file).unwrap(), "{name}");
}

#[test]
fn every_format_is_as_it_was() {
    for (format, file) in [
        (Format::Human, "report.txt"),
        (Format::Junit, "report.xml"),
        (Format::Json, "report.json"),
        (Format::Markdown, "report.md"),
        (Format::Html, "report.html"),
    ] {
        assert_golden(file, &format.write(&report(), &known(), Style::Plain));
    }
}

#[test]
fn colours_are_for_terminals() {
    let text = Format::Human.write(&report(), &known(), Style::Coloured);
    assert!(text.contains("\x1b[31mFAIL\x1b[0m simple.fails"));
    assert!(!Format::Human.write(&report(), &known(), Style::Plain).contains('\x1b'));
}

#[test]
fn reports_in_json_are_joined_to_a_matrix() {
    let one = read_json(&json(&report(), &known())).unwrap();
    assert_eq!(one, Column::of(&report()));
    let other = Column { name: "other".to_owned(), cells: one.cells[2..].to_vec() };
    let columns = [one, other];
    assert_golden("matrix.html", &matrix(&columns));
    assert_golden("matrix.md", &matrix_markdown(&columns));
}

#[test]
fn what_is_no_report_is_refused() {
    for bad in ["", "[]", "{}", r#"{"target": "x"}"#, r#"{"target": "x", "cases": [{"id": "a"}]}"#] {
        assert!(read_json(bad).is_err(), "{bad}");
    }
}
