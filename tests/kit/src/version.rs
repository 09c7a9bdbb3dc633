//! Which PostgreSQL a test asks for, and which one it got.

use std::env;
use std::fmt;
use std::str::FromStr;

use crate::error::KitError;

/// A PostgreSQL major version that the kit can start: 13 to 18.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Major(u32);

impl Major {
    /// PostgreSQL 13.
    pub const V13: Self = Self(13);
    /// PostgreSQL 14.
    pub const V14: Self = Self(14);
    /// PostgreSQL 15.
    pub const V15: Self = Self(15);
    /// PostgreSQL 16.
    pub const V16: Self = Self(16);
    /// PostgreSQL 17.
    pub const V17: Self = Self(17);
    /// PostgreSQL 18.
    pub const V18: Self = Self(18);

    /// All of them, oldest first.
    pub const ALL: [Self; 6] = [Self::V13, Self::V14, Self::V15, Self::V16, Self::V17, Self::V18];

    /// Returns the number: 13 to 18.
    pub fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Major {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for Major {
    type Err = KitError;

    fn from_str(text: &str) -> Result<Self, KitError> {
        let known = Self::ALL.into_iter().find(|major| major.to_string() == text.trim());
        known.ok_or_else(|| KitError::Setting(format!("{text:?} is not a major version from 13 to 18")))
    }
}

/// The version a test asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Wanted {
    /// The first one named in `MOLT_DB_TEST_SERVERS`; without it the server of `MOLT_DB_PG_BIN`; without that the
    /// newest one installed; without any, PostgreSQL 18 from npm.
    #[default]
    Default,
    /// This major version, from wherever it can be had.
    Major(Major),
}

impl From<Major> for Wanted {
    fn from(major: Major) -> Self {
        Self::Major(major)
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("any PostgreSQL from 13 on"),
            Self::Major(major) => write!(f, "PostgreSQL {major}"),
        }
    }
}

/// Returns the versions that tests are to run against.
///
/// They are read from the environment variable `MOLT_DB_TEST_SERVERS`: majors with commas between them (`13,15,18`), or
/// `all` for 13 to 18. Unset or empty means the default server alone.
///
/// # Panics
///
/// When the variable holds anything else: a run against the wrong servers must not look like a pass.
pub fn servers_under_test() -> Vec<Wanted> {
    let value = env::var(SERVERS_VARIABLE).unwrap_or_default();
    parse_servers(&value).unwrap_or_else(|error| panic!("{SERVERS_VARIABLE}={value:?}: {error}"))
}

fn parse_servers(value: &str) -> Result<Vec<Wanted>, KitError> {
    match value.trim() {
        "" => Ok(vec![Wanted::Default]),
        "all" => Ok(Major::ALL.map(Wanted::Major).to_vec()),
        list => {
            let mut servers = Vec::new();
            for part in list.split(',') {
                let server = Wanted::Major(part.parse()?);
                if servers.contains(&server) {
                    return Err(KitError::Setting(format!("{part} is named twice")));
                }
                servers.push(server);
            }
            Ok(servers)
        }
    }
}

/// The version that a server binary reports about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) major: u32,
    /// As reported, without the product name: `15.18 (Debian 15.18-0+deb12u1)`.
    pub(crate) full: String,
}

impl Version {
    /// Parses what `postgres --version` prints.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let full = line.trim().strip_prefix("postgres (PostgreSQL) ")?.to_owned();
        let digits: String = full.chars().take_while(char::is_ascii_digit).collect();
        Some(Self { major: digits.parse().ok()?, full })
    }

    /// Returns the number alone: `15.18`, `19beta1`.
    pub(crate) fn number(&self) -> &str {
        self.full.split_whitespace().next().unwrap_or(&self.full)
    }
}

const SERVERS_VARIABLE: &str = "MOLT_DB_TEST_SERVERS";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_servers_keeps_its_order() {
        let servers = parse_servers("18, 13").unwrap();
        assert_eq!(servers, [Wanted::Major(Major::V18), Wanted::Major(Major::V13)]);
    }

    #[test]
    fn all_means_13_to_18_and_nothing_means_the_default() {
        assert_eq!(parse_servers("all").unwrap().len(), 6);
        assert_eq!(parse_servers("").unwrap(), [Wanted::Default]);
    }

    #[test]
    fn a_malformed_list_of_servers_is_an_error() {
        for bad in ["12", "19", "13,,15", "13;15", "All", "15,15", "15.2", "13,", "+13", "013"] {
            assert!(parse_servers(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn versions_are_read_from_what_the_binary_prints() {
        let debian = Version::parse("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n").unwrap();
        assert_eq!((debian.major, debian.number()), (15, "15.18"));
        assert_eq!(Version::parse("postgres (PostgreSQL) 19beta1\n").unwrap().major, 19);
        assert_eq!(Version::parse("psql (PostgreSQL) 15.18"), None);
        assert_eq!(Version::parse("postgres (PostgreSQL) devel"), None);
    }
}
