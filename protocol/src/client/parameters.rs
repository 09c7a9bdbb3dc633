use std::fmt;

use crate::message::ParameterStatus;

/// The settings that the server has reported, with their latest values.
#[derive(Debug, Clone, Default)]
pub struct Parameters {
    reported: Vec<Setting>,
    foreign_encoding: bool,
}

impl Parameters {
    /// Returns the value of a setting, if the server reports it: `server_version`, `TimeZone`, `search_path` (18).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Walks all of them, in the order of their first report.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.reported.iter().map(Setting::parts)
    }

    /// Tells whether text travels as UTF-8. It does from the start, until somebody changes `client_encoding`.
    pub fn is_utf8(&self) -> bool {
        !self.foreign_encoding
    }

    pub(super) fn report(&mut self, status: ParameterStatus<'_>) {
        if status.name == "client_encoding" {
            self.foreign_encoding = !matches!(status.value, "UTF8" | "UNICODE");
        }
        if let Some(known) = self.reported.iter_mut().find(|known| known.parts().0 == status.name) {
            *known = Setting::new(status);
        } else if self.reported.len() < MOST {
            if self.reported.is_empty() {
                self.reported.reserve(USUAL);
            }
            self.reported.push(Setting::new(status));
        }
    }
}

/// Name and value, in one allocation: every session has a dozen.
#[derive(Clone)]
struct Setting {
    /// The value follows the name.
    text: String,
    name_length: usize,
}

impl Setting {
    fn new(ParameterStatus { name, value }: ParameterStatus<'_>) -> Self {
        Self { text: [name, value].concat(), name_length: name.len() }
    }

    fn parts(&self) -> (&str, &str) {
        self.text.split_at_checked(self.name_length).unwrap_or_default()
    }
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts().fmt(f)
    }
}

/// PostgreSQL 18 reports 15 settings. A peer that makes them up does not get more memory than these take.
const MOST: usize = 64;
const USUAL: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn report(parameters: &mut Parameters, name: &str, value: &str) {
        parameters.report(ParameterStatus { name, value });
    }

    #[test]
    fn the_latest_value_counts() {
        let mut parameters = Parameters::default();
        report(&mut parameters, "TimeZone", "UTC");
        report(&mut parameters, "TimeZone", "Europe/Paris");
        assert_eq!(parameters.get("TimeZone"), Some("Europe/Paris"));
        assert_eq!(parameters.get("DateStyle"), None);
    }

    #[test]
    fn another_encoding_is_noticed_and_so_is_its_end() {
        let mut parameters = Parameters::default();
        assert!(parameters.is_utf8());
        report(&mut parameters, "client_encoding", "LATIN1");
        assert!(!parameters.is_utf8());
        report(&mut parameters, "client_encoding", "UTF8");
        assert!(parameters.is_utf8());
    }

    #[test]
    fn made_up_settings_take_bounded_memory_and_do_not_hide_the_encoding() {
        let mut parameters = Parameters::default();
        (0..1000).for_each(|n| report(&mut parameters, &format!("made_up_{n}"), "x"));
        report(&mut parameters, "client_encoding", "LATIN1");
        assert_eq!(parameters.iter().count(), MOST);
        assert!(!parameters.is_utf8());
    }
}
