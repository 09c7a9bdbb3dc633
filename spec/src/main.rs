//! `pgspec`: the command.

mod cli;

use std::error::Error;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use cli::{Command, Server};
use molt_db_spec::report::{Format, Style, list, list_json, list_markdown, matrix, read_json};
use molt_db_spec::{ExpectedFailures, Outcome, Selection, run, server};

const FAILURES: u8 = 1;
const USAGE: u8 = 2;
const UNREACHABLE: u8 = 3;

fn main() -> ExitCode {
    let done = match cli::parse(std::env::args().skip(1)) {
        Ok(Command::Help) => print(cli::HELP),
        Ok(Command::List { selection, format }) => print_list(&selection, format),
        Ok(Command::Server(server)) => test(*server),
        Ok(Command::Matrix(files)) => print_matrix(&files),
        Err(error) => {
            eprintln!("pgspec: {error}\nTry: pgspec help");
            return ExitCode::from(USAGE);
        }
    };
    done.unwrap_or_else(|error| {
        eprintln!("pgspec: {error}");
        ExitCode::from(USAGE)
    })
}

fn print_list(selection: &Selection, format: Format) -> Result<ExitCode, Box<dyn Error>> {
    let cases = selected(selection)?;
    match format {
        Format::Human => print(&list(&cases)),
        Format::Json => print(&list_json(&cases)),
        Format::Markdown => print(&list_markdown(&cases)),
        Format::Junit | Format::Html => Err("a list is human, json or markdown".into()),
    }
}

fn print_matrix(files: &[String]) -> Result<ExitCode, Box<dyn Error>> {
    let mut columns = Vec::new();
    for file in files {
        let text = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
        columns.push(read_json(&text).map_err(|error| format!("{file}: {error}"))?);
    }
    print(&matrix(&columns))
}

fn test(server: Server) -> Result<ExitCode, Box<dyn Error>> {
    let known = match &server.expect_failures {
        Some(file) => {
            ExpectedFailures::parse(&fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?)
        }
        None => ExpectedFailures::default(),
    };
    let cases = selected(&server.selection)?;
    let progress = Progress::new(cases.len());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ended =
        runtime.block_on(run(&server.target, cases, &server.settings, |outcome| progress.tell(outcome)));
    progress.clear();
    let mut report = match ended {
        Ok(report) => report,
        Err(error) => {
            eprintln!("pgspec: {error}");
            return Ok(ExitCode::from(UNREACHABLE));
        }
    };
    report.target = server.name.unwrap_or(report.target);
    let style = if io::stdout().is_terminal() { Style::Coloured } else { Style::Plain };
    print(&server.format.write(&report, &known, style))?;
    Ok(if known.conforms(&report) { ExitCode::SUCCESS } else { ExitCode::from(FAILURES) })
}

/// Returns the cases to run. A selector that names none is most likely a typo, and no test that passes.
fn selected(selection: &Selection) -> Result<Vec<molt_db_spec::Case>, Box<dyn Error>> {
    let cases = server::cases();
    if let Some(selector) = selection.first_without_a_case(&cases) {
        return Err(format!("no case is named {selector:?}; `pgspec server --list` shows them").into());
    }
    let cases = selection.of(cases);
    if cases.is_empty() { Err("all cases are left out".into()) } else { Ok(cases) }
}

/// Whoever reads a pipe may stop early, which is no failure of ours.
fn print(text: &str) -> Result<ExitCode, Box<dyn Error>> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// A line on the terminal that tells how far the run has come.
struct Progress {
    all: usize,
    ended: std::cell::Cell<usize>,
}

impl Progress {
    fn new(all: usize) -> Self {
        Self { all, ended: std::cell::Cell::new(0) }
    }

    fn tell(&self, outcome: &Outcome) {
        self.ended.set(self.ended.get() + 1);
        self.show(&format!("{} of {}  {}", self.ended.get(), self.all, outcome.id));
    }

    fn clear(&self) {
        self.show("");
    }

    fn show(&self, text: &str) {
        if io::stderr().is_terminal() {
            eprint!("\r\x1b[K{text}");
        }
    }
}
