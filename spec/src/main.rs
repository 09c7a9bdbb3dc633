//! `pgspec`: the command.

mod cli;

use std::error::Error;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::process::{ExitCode, Stdio};

use cli::{Command, Options, Suite};
use molt_db_spec::client::{self, Action, Call, Exit, listen, run_client};
use molt_db_spec::report::{Format, Listed};
use molt_db_spec::report::{Style, list, list_json, list_markdown, matrix, matrix_markdown, read_json};
use molt_db_spec::{ExpectedFailures, Outcome, Report, Selection, Target, Unreachable, run, server};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

const FAILURES: u8 = 1;
const USAGE: u8 = 2;
const UNREACHABLE: u8 = 3;

/// What a command exits with that cannot do what it is asked for.
const UNABLE: i32 = 77;

/// What a shell exits with, at least, when a signal ended its command.
const BY_SIGNAL: i32 = 128;

fn main() -> ExitCode {
    let done = match cli::parse(std::env::args().skip(1)) {
        Ok(Command::Help) => print(cli::HELP),
        Ok(Command::List(suite, options)) => print_list(suite, &options),
        Ok(Command::Server(target, options)) => test_server(&target, &options),
        Ok(Command::Client(command, options)) => test_client(&command, &options),
        Ok(Command::Listen(address)) => wait_for_clients(&address),
        Ok(Command::Matrix(files, format)) => print_matrix(&files, format),
        Err(error) => {
            eprintln!("pgspec: {error}\nTry: pgspec help");
            return ExitCode::from(USAGE);
        }
    };
    done.unwrap_or_else(|error| {
        eprintln!("pgspec: {error}");
        ExitCode::from(if error.is::<Unreachable>() { UNREACHABLE } else { USAGE })
    })
}

type Done = Result<ExitCode, Box<dyn Error>>;

fn print_list(suite: Suite, options: &Options) -> Done {
    let cases: Vec<Listed> = match suite {
        Suite::Server => server::cases().iter().map(Listed::from).collect(),
        Suite::Client => client::cases().iter().map(Listed::from).collect(),
    };
    let cases = selected(cases, |case| &case.id, &options.selection)?;
    match options.format {
        Format::Human => print(&list(&cases)),
        Format::Json => print(&list_json(&cases)),
        Format::Markdown => print(&list_markdown(&cases)),
        Format::Junit | Format::Html => Err("a list is human, json or markdown".into()),
    }
}

fn print_matrix(files: &[String], format: Format) -> Done {
    let mut columns = Vec::new();
    for file in files {
        let text = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
        columns.push(read_json(&text).map_err(|error| format!("{file}: {error}"))?);
    }
    print(&if format == Format::Markdown { matrix_markdown(&columns) } else { matrix(&columns) })
}

fn test_server(target: &Target, options: &Options) -> Done {
    let known = known(options)?;
    let cases = selected(server::cases(), |case| &case.id, &options.selection)?;
    let progress = Progress::new(cases.len());
    let report = runtime()?.block_on(run(target, cases, &options.settings, |outcome| progress.tell(outcome)));
    progress.clear();
    conclude(report?, &known, options)
}

fn test_client(command: &str, options: &Options) -> Done {
    let known = known(options)?;
    let cases = selected(client::cases(), |case| case.id, &options.selection)?;
    let progress = Progress::new(cases.len());
    let program = |call| run_program(command, call);
    let tell = |outcome: &Outcome| progress.tell(outcome);
    let report = runtime()?.block_on(run_client(command, cases, options.settings.timeout, program, tell));
    progress.clear();
    conclude(report, &known, options)
}

/// Runs a command by the shell; its last words are on its standard error. A command that does not take an action can ask.
async fn run_program(command: &str, call: Call) -> Exit {
    if call.action != Action::Ask && !command.contains("{action}") {
        return Exit::Unable;
    }
    let command = command.replace("{url}", &call.url).replace("{action}", &call.action.to_string());
    let mut shell = tokio::process::Command::new("sh");
    shell.args(["-c", &command]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    shell.process_group(0).kill_on_drop(true);
    let child = shell.spawn();
    let _family = child.as_ref().ok().and_then(tokio::process::Child::id).map(Family);
    let ended = match child {
        Ok(child) => child.wait_with_output().await,
        Err(error) => Err(error),
    };
    match ended {
        Err(error) => Exit::Died(format!("it cannot be run: {error}")),
        Ok(output) if output.status.success() => Exit::Succeeded,
        Ok(output) if output.status.code() == Some(UNABLE) => Exit::Unable,
        Ok(output) if output.status.code().is_none_or(|code| code > BY_SIGNAL) => {
            Exit::Died(output.status.to_string())
        }
        Ok(output) => {
            let words = String::from_utf8_lossy(&output.stderr);
            Exit::Failed(format!("{}: {}", output.status, words.lines().last().unwrap_or_default()))
        }
    }
}

/// A command and all that it started, which end when this is dropped: one that hangs would go on for ever.
struct Family(u32);

impl Drop for Family {
    fn drop(&mut self) {
        let all = format!("-{}", self.0);
        let _ = std::process::Command::new("kill").args(["-KILL", "--", &all]).stderr(Stdio::null()).status();
    }
}

fn wait_for_clients(address: &str) -> Done {
    runtime()?.block_on(async {
        let listener = TcpListener::bind(address).await?;
        eprintln!("pgspec: postgresql://pgspec:pgspec@{}/CASE", listener.local_addr()?);
        listen(listener).await
    })?;
    Ok(ExitCode::SUCCESS)
}

fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

fn known(options: &Options) -> Result<ExpectedFailures, Box<dyn Error>> {
    let Some(file) = &options.expect_failures else { return Ok(ExpectedFailures::default()) };
    let text = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    Ok(ExpectedFailures::parse(&text))
}

fn conclude(mut report: Report, known: &ExpectedFailures, options: &Options) -> Done {
    report.target = options.name.clone().unwrap_or(report.target);
    let style = if io::stdout().is_terminal() { Style::Coloured } else { Style::Plain };
    print(&options.format.write(&report, known, style))?;
    Ok(if known.conforms(&report) { ExitCode::SUCCESS } else { ExitCode::from(FAILURES) })
}

/// Returns the cases to run. A selector that names none is most likely a typo, and no test that passes.
fn selected<T>(
    mut cases: Vec<T>,
    id: impl Fn(&T) -> &str,
    selection: &Selection,
) -> Result<Vec<T>, Box<dyn Error>> {
    if let Some(selector) = selection.first_without_a_case(cases.iter().map(&id)) {
        return Err(format!("no case is named {selector:?}; --list shows them").into());
    }
    cases.retain(|case| selection.has(id(case)));
    if cases.is_empty() { Err("all cases are left out".into()) } else { Ok(cases) }
}

/// Whoever reads a pipe may stop early, which is no failure of ours.
fn print(text: &str) -> Done {
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
