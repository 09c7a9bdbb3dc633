use std::error::Error;
use std::fmt;

/// Why a configuration cannot be used: what is wrong, with which option, and where in the connection string.
///
/// It never repeats anything of the string itself, because a misplaced quote or slash can turn a password into what
/// looks like a host, a port or the name of an option.
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
    offset: Option<usize>,
}

impl ConfigError {
    /// Returns the option that is wrong, or `None` if the string cannot be split into options or names one that does
    /// not exist.
    pub fn option(&self) -> Option<&'static str> {
        self.option
    }

    /// Returns where in the connection string the mistake or the option with the wrong value starts, in bytes. `None`
    /// if it came by other ways than a string.
    pub fn offset(&self) -> Option<usize> {
        self.offset
    }

    /// Tells whether the option, or this value of it, is known to libpq but not supported here.
    pub fn is_unsupported(&self) -> bool {
        matches!(self.problem, Problem::Unsupported(_))
    }

    /// Tells whether there is no option of this name.
    pub fn is_unknown(&self) -> bool {
        matches!(self.problem, Problem::Unknown { .. })
    }

    pub(super) fn syntax(problem: &'static str, offset: usize) -> Self {
        Self { problem: Problem::Syntax(problem), option: None, offset: Some(offset) }
    }

    pub(super) fn unknown(nearest: Option<&'static str>, offset: usize) -> Self {
        Self { problem: Problem::Unknown { nearest }, option: None, offset: Some(offset) }
    }

    pub(super) fn of_option(option: &'static str, problem: Problem, offset: Option<usize>) -> Self {
        Self { problem, option: Some(option), offset }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.option {
            Some(option) => write!(f, "connection option `{option}`")?,
            None => f.write_str("connection string")?,
        }
        if let Some(offset) = self.offset {
            write!(f, ", at byte {offset}")?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl Error for ConfigError {}

/// What is wrong. It carries no text of the user's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Problem {
    Syntax(&'static str),
    Unknown { nearest: Option<&'static str> },
    Unsupported(&'static str),
    Expected(&'static str),
    Refused(&'static str),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(problem) => f.write_str(problem),
            Self::Unknown { nearest: None } => f.write_str("there is no option of this name"),
            Self::Unknown { nearest: Some(nearest) } => {
                write!(f, "there is no option of this name; did you mean `{nearest}`?")
            }
            Self::Unsupported(reason) => write!(f, "not supported yet: {reason}"),
            Self::Expected(what) => write!(f, "expected {what}"),
            Self::Refused(reason) => f.write_str(reason),
        }
    }
}
