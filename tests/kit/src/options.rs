//! What a test asks of its server.

use crate::error::KitError;
use crate::tls::TlsSetup;
use crate::version::{Major, Wanted};

/// Describes a server to start. The default is the default version with valid TLS.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ServerOptions {
    pub(crate) wanted: Wanted,
    pub(crate) tls: TlsSetup,
    pub(crate) asks_for_certificates: bool,
    pub(crate) hba_lines: String,
    settings: Vec<(String, String)>,
}

impl ServerOptions {
    /// Asks for this major version.
    pub fn version(self, major: Major) -> Self {
        self.wanted(Wanted::Major(major))
    }

    /// Asks for what [`servers_under_test`](crate::servers_under_test) names.
    pub fn wanted(mut self, wanted: Wanted) -> Self {
        self.wanted = wanted;
        self
    }

    /// Sets a parameter of `postgresql.conf`; the last value set wins, over the kit's own too.
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Chooses the server's certificate; by default [`TlsSetup::Valid`].
    pub fn tls(mut self, setup: TlsSetup) -> Self {
        self.tls = setup;
        self
    }

    /// Has the server ask clients for certificates, and check those that it gets against
    /// [`Server::ca_file`](crate::Server::ca_file).
    pub fn ask_for_certificates(mut self) -> Self {
        self.asks_for_certificates = true;
        self
    }

    /// Puts a line into `pg_hba.conf`, before those of the kit.
    pub fn hba(mut self, line: &str) -> Self {
        self.hba_lines += &format!("{line}\n");
        self
    }

    /// Adds the test's own parameters to the text of `postgresql.conf`.
    pub(crate) fn append_settings(&self, file: &mut String) -> Result<(), KitError> {
        for (name, value) in &self.settings {
            *file += &line(name, value)?;
        }
        Ok(())
    }
}

/// Returns one line of `postgresql.conf`.
pub(crate) fn line(name: &str, value: &str) -> Result<String, KitError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    if name.is_empty() || !name.chars().all(plain) || value.contains(char::is_control) {
        return Err(KitError::Setting(format!("not a server parameter: {name:?} = {value:?}")));
    }
    // PG docs: config-setting; quotes and backslashes are doubled or escaped.
    let quoted = value.replace('\\', r"\\").replace('\'', "''");
    Ok(format!("{name} = '{quoted}'\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_for_the_configuration_file() {
        assert_eq!(line("search_path", r"it's \ here").unwrap(), "search_path = 'it''s \\\\ here'\n");
    }

    #[test]
    fn names_and_values_that_would_break_the_file_are_refused() {
        for (name, value) in [("", "x"), ("a b", "x"), ("a\nb", "x"), ("a", "x\ny")] {
            assert!(line(name, value).is_err(), "{name:?} {value:?}");
        }
    }
}
