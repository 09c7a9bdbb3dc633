use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a configuration cannot be used: what is wrong, with which option, and where it came from.
///
/// It never repeats anything of a connection string or of a value, because a misplaced quote or slash can turn a
/// password into what looks like a host, a port or the name of an option. Of files it names the path, if there is such
/// a file, and the line.
///
/// ```
/// use molt_db::config::Config;
///
/// let error = "host=db port=0".parse::<Config>().unwrap_err();
/// assert_eq!(error.option(), Some("port"));
/// assert_eq!(error.offset(), Some(8));
/// assert_eq!(error.to_string(), "connection option `port`, at byte 8: expected a whole number from 1 to 65535");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    problem: Problem,
    option: Option<&'static str>,
    place: Option<Place>,
}

impl ConfigError {
    /// Returns the option that is wrong, or `None` if the text cannot be split into options or names one that does not
    /// exist.
    pub fn option(&self) -> Option<&'static str> {
        self.option
    }

    /// Returns where in the connection string the mistake or the option with the wrong value starts, in bytes. `None`
    /// if it came by other ways than a string.
    pub fn offset(&self) -> Option<usize> {
        match self.place {
            Some(Place::Byte(offset)) => Some(offset),
            _ => None,
        }
    }

    /// Returns the environment variable that is wrong, `None` if it came by other ways.
    pub fn variable(&self) -> Option<&'static str> {
        match self.place {
            Some(Place::Variable(name)) => Some(name),
            _ => None,
        }
    }

    /// Returns the service or password file that is wrong, `None` if it came by other ways.
    pub fn file(&self) -> Option<&Path> {
        match &self.place {
            Some(Place::File(path) | Place::Line(path, _)) => Some(path),
            _ => None,
        }
    }

    /// Returns the line of [`ConfigError::file`], counted from 1, `None` if it is not about a line.
    pub fn line(&self) -> Option<usize> {
        match self.place {
            Some(Place::Line(_, line)) => Some(line),
            _ => None,
        }
    }

    /// Tells whether the option, or this value of it, is known to libpq but not supported here.
    pub fn is_unsupported(&self) -> bool {
        matches!(self.problem, Problem::Unsupported(_))
    }

    /// Tells whether there is no option of this name.
    pub fn is_unknown(&self) -> bool {
        matches!(self.problem, Problem::Unknown { .. })
    }

    pub(super) fn syntax(problem: &'static str, place: Place) -> Self {
        Self { problem: Problem::Syntax(problem), option: None, place: Some(place) }
    }

    pub(super) fn unknown(nearest: Option<&'static str>, place: Place) -> Self {
        Self { problem: Problem::Unknown { nearest }, option: None, place: Some(place) }
    }

    pub(super) fn of_option(option: &'static str, problem: Problem, place: Option<Place>) -> Self {
        Self { problem, option: Some(option), place }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.option, &self.place) {
            (Some(option), Some(place)) => write!(f, "connection option `{option}`, {place}")?,
            (Some(option), None) => write!(f, "connection option `{option}`")?,
            (None, Some(place @ Place::Byte(_))) => write!(f, "connection string, {place}")?,
            (None, Some(place)) => write!(f, "configuration, {place}")?,
            (None, None) => f.write_str("configuration")?,
        }
        write!(f, ": {}", self.problem)
    }
}

impl Error for ConfigError {}

/// Where a mistake is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// The offset in a connection string.
    Byte(usize),
    /// The name of an environment variable.
    Variable(&'static str),
    /// A file as a whole.
    File(PathBuf),
    /// A line of a file, the first is 1.
    Line(PathBuf, usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Byte(offset) => write!(f, "at byte {offset}"),
            Self::Variable(name) => write!(f, "in the environment as {name}"),
            Self::File(path) => write!(f, "in {}", path.display()),
            Self::Line(path, line) => write!(f, "in {}, line {line}", path.display()),
        }
    }
}

/// What is wrong. It carries no text of the user's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Problem {
    Syntax(&'static str),
    Unknown { nearest: Option<&'static str> },
    Unsupported(&'static str),
    Expected(&'static str),
    Refused(&'static str),
    Unreadable(io::ErrorKind),
    Exposed { mode: u32 },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(problem) => f.write_str(problem),
            Self::Unknown { nearest: None } => f.write_str("there is no option of this name"),
            Self::Unknown { nearest: Some(nearest) } => {
                write!(f, "there is no option of this name; did you mean `{nearest}`?")
            }
            Self::Unsupported(reason) => write!(f, "not supported: {reason}"),
            Self::Expected(what) => write!(f, "expected {what}"),
            Self::Refused(reason) => f.write_str(reason),
            Self::Unreadable(kind) => write!(f, "the file cannot be read: {kind}"),
            Self::Exposed { mode } => write!(
                f,
                "the file is refused, as its mode {mode:04o} lets others than its owner at the passwords; \
                 0600 does not"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_says_where_and_what() {
        let of_port =
            |place| ConfigError::of_option("port", Problem::Expected("a number"), place).to_string();
        assert_eq!(of_port(None), "connection option `port`: expected a number");
        assert_eq!(of_port(Some(Place::Byte(7))), "connection option `port`, at byte 7: expected a number");
        let variable = Some(Place::Variable("PGPORT"));
        assert_eq!(
            of_port(variable),
            "connection option `port`, in the environment as PGPORT: expected a number"
        );
        let line = Some(Place::Line("/f".into(), 3));
        assert_eq!(of_port(line), "connection option `port`, in /f, line 3: expected a number");
        let syntax = ConfigError::syntax("no `=`", Place::Line("/f".into(), 3));
        assert_eq!(syntax.to_string(), "configuration, in /f, line 3: no `=`");
        let unknown = ConfigError::unknown(Some("port"), Place::Byte(0)).to_string();
        assert_eq!(
            unknown,
            "connection string, at byte 0: there is no option of this name; did you mean `port`?"
        );
        let exposed = ConfigError::of_option("passfile", Problem::Exposed { mode: 0o644 }, None);
        assert!(exposed.to_string().contains("its mode 0644"), "{exposed}");
    }

    #[test]
    fn the_place_can_be_asked_for() {
        let at = |place| ConfigError::syntax("", place);
        assert_eq!(at(Place::Byte(7)).offset(), Some(7));
        assert_eq!(at(Place::Variable("PGPORT")).variable(), Some("PGPORT"));
        assert_eq!(at(Place::File("/f".into())).file(), Some(Path::new("/f")));
        let line = at(Place::Line("/f".into(), 3));
        assert_eq!((line.file(), line.line()), (Some(Path::new("/f")), Some(3)));
        assert_eq!((line.offset(), line.variable(), at(Place::Byte(7)).line()), (None, None, None));
    }
}
