//! The arguments of the command.

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

use molt_db_spec::report::Format;
use molt_db_spec::{Account, Selection, Settings, Target};

/// What the command is to do.
#[derive(Debug)]
pub(crate) enum Command {
    Help,
    List {
        selection: Selection,
        format: Format,
    },
    Server(Box<Server>),
    /// Joins reports in JSON into a page.
    Matrix(Vec<String>),
}

/// A run against a server.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) target: Target,
    pub(crate) selection: Selection,
    pub(crate) settings: Settings,
    pub(crate) format: Format,
    /// What the target is called in reports, if not by its address.
    pub(crate) name: Option<String>,
    pub(crate) expect_failures: Option<String>,
}

/// Arguments that make no sense.
#[derive(Debug)]
pub(crate) struct UsageError(String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(crate) const HELP: &str = "\
pgspec tests what speaks the PostgreSQL protocol.

    pgspec server URL [SELECTOR...] [OPTION...]
    pgspec server --list [SELECTOR...] [--format human|json|markdown]
    pgspec matrix REPORT.json...

`server` runs cases against the server, pooler or proxy at postgresql://user:password@host:port/database?sslmode=require.
A SELECTOR is a case (simple.empty), a group (simple) or a pattern (*.empty-*); without any, all cases run.
`matrix` joins reports in JSON into one page of HTML.

    --account USER:PASSWORD  a further account, for the cases about ways to log in; may be given several times
    --exclude SELECTOR       leaves cases out; may be given several times
    --expect-failures FILE   cases that are known to fail, one a line; one of them that passes is a failure
    --format FORMAT          human (default), junit, json, markdown or html
    --jobs N                 cases at a time (default 4)
    --list                   prints the cases and runs none
    --name NAME              what the target is called in the report
    --timeout SECONDS        how long to wait for each answer (default 5)

It exits with 0 when the target conforms, 1 when it does not, 2 when the arguments make no sense or name no case, and 3
when the target cannot be reached.
";

/// Reads the arguments, without the program's name.
pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Command, UsageError> {
    let mut arguments: VecDeque<String> = arguments.into_iter().collect();
    let Some(command) = arguments.pop_front() else { return Ok(Command::Help) };
    match command.as_str() {
        "help" | "--help" | "-h" => Ok(Command::Help),
        "server" => server(arguments),
        "matrix" if arguments.is_empty() => Err(UsageError("which reports?".to_owned())),
        "matrix" => Ok(Command::Matrix(arguments.into())),
        other => Err(UsageError(format!("there is no command {other}"))),
    }
}

fn server(mut arguments: VecDeque<String>) -> Result<Command, UsageError> {
    let mut words = Vec::new();
    let (mut settings, mut selection) = (Settings::default(), Selection::default());
    let (mut format, mut name, mut expect_failures, mut accounts) = (Format::Human, None, None, Vec::new());
    let mut lists = false;
    while let Some(argument) = arguments.pop_front() {
        let (option, value) = match argument.split_once('=') {
            Some((option, value)) if option.starts_with("--") => (option.to_owned(), Some(value.to_owned())),
            _ => (argument, None),
        };
        let mut value = || value.clone().or_else(|| arguments.pop_front()).ok_or_else(|| missing(&option));
        match option.as_str() {
            "--help" | "-h" => return Ok(Command::Help),
            "--list" => lists = true,
            "--account" => accounts.push(value()?),
            "--exclude" => selection.without.push(value()?),
            "--expect-failures" => expect_failures = Some(value()?),
            "--format" => format = read(&value()?)?,
            "--jobs" => settings.jobs = jobs(&value()?)?,
            "--name" => name = Some(value()?),
            "--timeout" => settings.timeout = seconds(&value()?)?,
            unknown if unknown.starts_with('-') => {
                return Err(UsageError(format!("there is no option {unknown}")));
            }
            _ => words.push(option),
        }
    }
    if lists {
        selection.only = words;
        return Ok(Command::List { selection, format });
    }
    if words.is_empty() {
        return Err(UsageError("which server? It takes a URL".to_owned()));
    }
    let target: Target = read(&words.remove(0))?;
    selection.only = words;
    for account in accounts {
        let account = Account::parse(&account, &target.account.database);
        settings.accounts.push(account.map_err(|error| UsageError(error.to_string()))?);
    }
    Ok(Command::Server(Box::new(Server { target, selection, settings, format, name, expect_failures })))
}

fn missing(option: &str) -> UsageError {
    UsageError(format!("{option} takes a value"))
}

fn read<T: FromStr<Err: fmt::Display>>(text: &str) -> Result<T, UsageError> {
    text.parse().map_err(|error: T::Err| UsageError(error.to_string()))
}

fn jobs(text: &str) -> Result<NonZeroUsize, UsageError> {
    let jobs = text.parse().ok().filter(|jobs: &NonZeroUsize| jobs.get() <= MOST_JOBS);
    jobs.ok_or_else(|| UsageError(format!("--jobs takes a number from 1 to {MOST_JOBS}, not {text:?}")))
}

fn seconds(text: &str) -> Result<Duration, UsageError> {
    let seconds = text.parse().ok().filter(|seconds| (0.1..=3600.0).contains(seconds));
    let seconds =
        seconds.ok_or_else(|| UsageError(format!("--timeout takes 0.1 to 3600 seconds, not {text:?}")))?;
    Ok(Duration::from_secs_f64(seconds))
}

const MOST_JOBS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Result<Command, UsageError> {
        parse(text.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn a_run_is_read_with_all_its_options() {
        let text = "server postgres://a@h/d startup bind.* --exclude startup.http --jobs=2 --timeout 0.5 --format json \
                    --account b:c --name here --expect-failures known.txt";
        let Ok(Command::Server(server)) = words(text) else { panic!() };
        assert_eq!(server.target.host, "h");
        assert_eq!((server.selection.only.len(), server.selection.without.len()), (2, 1));
        assert_eq!((server.settings.jobs.get(), server.settings.timeout), (2, Duration::from_millis(500)));
        assert_eq!(server.format, Format::Json);
        assert_eq!(
            (server.settings.accounts[0].user.as_str(), &*server.settings.accounts[0].database),
            ("b", "d")
        );
        assert_eq!(
            (server.name.as_deref(), server.expect_failures.as_deref()),
            (Some("here"), Some("known.txt"))
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for bad in [
            "serve",
            "server",
            "server h:1",
            "server postgres://h --jobs 0",
            "server postgres://h --jobs 65",
            "server postgres://h --timeout 0",
            "server postgres://h --format xml",
            "server postgres://h --exclude",
            "server postgres://h --strict",
            "server postgres://h --account :x",
            "matrix",
        ] {
            assert!(words(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn help_is_there_for_whoever_asks_or_says_nothing() {
        for text in ["", "help", "--help", "server --help"] {
            assert!(matches!(words(text), Ok(Command::Help)), "{text}");
        }
    }
}
