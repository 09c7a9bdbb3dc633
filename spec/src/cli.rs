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
    List(Suite, Options),
    Server(Box<Target>, Options),
    /// Runs a program for each case, with `{url}` replaced in it.
    Client(String, Options),
    /// Serves the cases for clients, by the name of the database.
    Listen(String),
    /// Joins reports in JSON into a page, or a table.
    Matrix(Vec<String>, Format),
}

/// Which cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Suite {
    Server,
    Client,
}

/// What servers and clients have in common.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) selection: Selection,
    pub(crate) settings: Settings,
    pub(crate) format: Format,
    /// What the target is called in reports, if not by its address or command.
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
    pgspec client --command COMMAND [SELECTOR...] [OPTION...]
    pgspec client --listen ADDRESS:PORT
    pgspec server|client --list [SELECTOR...] [--format human|json|markdown]
    pgspec matrix REPORT.json... [--format html|markdown]

`server` runs cases against the server, pooler or proxy at postgresql://user:password@host:port/database?sslmode=require.
`client` runs COMMAND for each case, by the shell, with a URL in place of {url}. It has to connect there, ask anything that
returns rows, and exit with 0 if it got one row of one text, 42, and with something else if not. If there is {action} in it,
that is replaced by what else is to be done, and 77 is the exit of a command that cannot do that:
    ask         as above
    copy        sends 1,000 rows by `copy pgspec from stdin`; 0 if that is complete
    cancel      asks `select pg_sleep(60)` and cancels it; 0 if that ends with the error 57014
    parameters  asks with 65,536 parameters; 0 if it got its row
    zero-byte   asks with a zero byte in the text; 0 if it got its row
    token       logs in by the OAuth token pgspec-token, and asks; 0 if it got its row
With --listen it runs nothing: the name of the database chooses the case, the user and the password are pgspec.
`matrix` joins reports in JSON into one page of HTML, or a table of what is not the same everywhere.
A SELECTOR is a case (simple.empty), a group (simple) or a pattern (*.empty-*); without any, all cases run.

    --account USER:PASSWORD  a further account, for the cases about ways to log in; may be given several times. The
                             password of one that logs in by OAuth is a token that is good
    --exclude SELECTOR       leaves cases out; may be given several times
    --expect-failures FILE   cases that are known to fail, one a line; one of them that passes is a failure
    --format FORMAT          human (default), junit, json, markdown or html
    --jobs N                 cases at a time (default 4); clients are run one at a time
    --list                   prints the cases and runs none
    --name NAME              what the target is called in the report
    --restart COMMAND        brings a server back that gives no session any more after a case (ten seconds to come back)
    --timeout SECONDS        how long to wait for each answer, or for a client to end (default 5)

It exits with 0 when the target conforms, 1 when it does not, 2 when the arguments make no sense or name no case, and 3
when the target cannot be reached.
";

/// Reads the arguments, without the program's name.
pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Command, UsageError> {
    let mut arguments: VecDeque<String> = arguments.into_iter().collect();
    let Some(command) = arguments.pop_front() else { return Ok(Command::Help) };
    match command.as_str() {
        "help" | "--help" | "-h" => Ok(Command::Help),
        "server" => suite(Suite::Server, arguments),
        "client" => suite(Suite::Client, arguments),
        "matrix" => matrix(arguments),
        other => Err(UsageError(format!("there is no command {other}"))),
    }
}

/// Reads `--format html|markdown` in front of the files.
fn matrix(arguments: VecDeque<String>) -> Result<Command, UsageError> {
    let (words, options) = split(arguments)?;
    let format = match options.format {
        Format::Human | Format::Html => Format::Html,
        Format::Markdown => Format::Markdown,
        Format::Junit | Format::Json => return Err(UsageError("a matrix is html or markdown".to_owned())),
    };
    if words.words.is_empty() {
        return Err(UsageError("which reports?".to_owned()));
    }
    Ok(Command::Matrix(words.words, format))
}

/// What stands in the arguments, before it is known whether it makes sense.
#[derive(Default)]
struct Words {
    words: Vec<String>,
    accounts: Vec<String>,
    command: Option<String>,
    listen: Option<String>,
    lists: bool,
    asks_for_help: bool,
}

fn suite(suite: Suite, arguments: VecDeque<String>) -> Result<Command, UsageError> {
    let (mut words, mut options) = split(arguments)?;
    if words.asks_for_help {
        return Ok(Command::Help);
    }
    if suite == Suite::Server && (words.command.is_some() || words.listen.is_some()) {
        return Err(UsageError("--command and --listen are for clients".to_owned()));
    }
    let target = if suite == Suite::Server && !words.lists {
        let url = (!words.words.is_empty()).then(|| words.words.remove(0));
        let target: Target =
            read(&url.ok_or_else(|| UsageError("which server? It takes a URL".to_owned()))?)?;
        for account in &words.accounts {
            let account = Account::parse(account, &target.account.database);
            options.settings.accounts.push(account.map_err(|error| UsageError(error.to_string()))?);
        }
        Some(target)
    } else {
        None
    };
    options.selection.only = words.words;
    Ok(match (target, words.command, words.listen) {
        _ if words.lists => Command::List(suite, options),
        (Some(target), ..) => Command::Server(Box::new(target), options),
        (None, Some(command), None) => Command::Client(command, options),
        (None, None, Some(address)) => Command::Listen(address),
        (None, ..) => return Err(UsageError("a client takes --command or --listen".to_owned())),
    })
}

fn split(mut arguments: VecDeque<String>) -> Result<(Words, Options), UsageError> {
    let mut words = Words::default();
    let mut options = Options {
        selection: Selection::default(),
        settings: Settings::default(),
        format: Format::Human,
        name: None,
        expect_failures: None,
    };
    while let Some(argument) = arguments.pop_front() {
        let (option, value) = match argument.split_once('=') {
            Some((option, value)) if option.starts_with("--") => (option.to_owned(), Some(value.to_owned())),
            _ => (argument, None),
        };
        let mut value = || value.clone().or_else(|| arguments.pop_front()).ok_or_else(|| missing(&option));
        match option.as_str() {
            "--help" | "-h" => words.asks_for_help = true,
            "--list" => words.lists = true,
            "--account" => words.accounts.push(value()?),
            "--command" => words.command = Some(value()?),
            "--listen" => words.listen = Some(value()?),
            "--exclude" => options.selection.without.push(value()?),
            "--expect-failures" => options.expect_failures = Some(value()?),
            "--format" => options.format = read(&value()?)?,
            "--jobs" => options.settings.jobs = jobs(&value()?)?,
            "--name" => options.name = Some(value()?),
            "--restart" => options.settings.restart = Some(value()?),
            "--timeout" => options.settings.timeout = seconds(&value()?)?,
            unknown if unknown.starts_with('-') => {
                return Err(UsageError(format!("there is no option {unknown}")));
            }
            _ => words.words.push(option),
        }
    }
    Ok((words, options))
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
                    --account b:c --name here --expect-failures known.txt --restart=./again";
        let Ok(Command::Server(target, server)) = words(text) else { panic!() };
        assert_eq!(target.host, "h");
        assert_eq!((server.selection.only.len(), server.selection.without.len()), (2, 1));
        assert_eq!((server.settings.jobs.get(), server.settings.timeout), (2, Duration::from_millis(500)));
        assert_eq!(server.format, Format::Json);
        assert_eq!(server.settings.restart.as_deref(), Some("./again"));
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
            "server postgres://h --command psql",
            "client",
            "client --command a --listen 127.0.0.1:1",
            "matrix",
            "matrix a.json --format junit",
        ] {
            assert!(words(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_client_is_a_command_or_comes_by_itself() {
        let Ok(Command::Client(command, options)) = words("client --command=x client-scram") else {
            panic!()
        };
        assert_eq!((command.as_str(), options.selection.only), ("x", vec!["client-scram".to_owned()]));
        assert!(
            matches!(words("client --listen 127.0.0.1:1"), Ok(Command::Listen(address)) if address == "127.0.0.1:1")
        );
        assert!(matches!(words("client --list"), Ok(Command::List(Suite::Client, _))));
    }

    #[test]
    fn help_is_there_for_whoever_asks_or_says_nothing() {
        for text in ["", "help", "--help", "server --help"] {
            assert!(matches!(words(text), Ok(Command::Help)), "{text}");
        }
    }
}
