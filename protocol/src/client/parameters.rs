use crate::message::ParameterStatus;

/// The settings that the server has reported, with their latest values.
#[derive(Debug, Clone, Default)]
pub struct Parameters {
    reported: Vec<(String, String)>,
    foreign_encoding: bool,
}

impl Parameters {
    /// Returns the value of a setting, if the server reports it: `server_version`, `TimeZone`, `search_path` (18).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.reported.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Walks all of them, in the order of their first report.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.reported.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Tells whether text travels as UTF-8. It does from the start, until somebody changes `client_encoding`.
    pub fn is_utf8(&self) -> bool {
        !self.foreign_encoding
    }

    pub(super) fn report(&mut self, status: ParameterStatus<'_>) {
        if status.name == "client_encoding" {
            self.foreign_encoding = !matches!(status.value, "UTF8" | "UNICODE");
        }
        if let Some((_, value)) = self.reported.iter_mut().find(|(known, _)| known == status.name) {
            status.value.clone_into(value);
        } else if self.reported.len() < MOST {
            self.reported.push((status.name.to_owned(), status.value.to_owned()));
        }
    }
}

/// PostgreSQL 18 reports 15 settings. A peer that makes them up does not get more memory than these take.
const MOST: usize = 64;

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
