use super::Config;
use super::error::{ConfigError, Place};
use super::option::{self, ConnectionOption};

/// What a connection string says, each option once: of one that is given twice the last value counts, and only that is
/// looked at.
// PG source: fe-connect.c, conninfo_storeval
#[derive(Default)]
pub(super) struct Given {
    options: Vec<(&'static ConnectionOption, Vec<u8>, Place)>,
}

impl Given {
    pub(super) fn put(&mut self, name: &[u8], value: Vec<u8>, place: Place) -> Result<(), ConfigError> {
        if name == b"requiressl" {
            // What `sslmode` was called long ago.
            let mode: &[u8] = if value.starts_with(b"1") { b"require" } else { b"prefer" };
            return self.put(b"sslmode", mode.to_vec(), place);
        }
        let option = option::find(name, &place)?;
        self.options.retain(|(given, _, _)| given.name != option.name);
        self.options.push((option, value, place));
        Ok(())
    }

    pub(super) fn into_config(self) -> Result<Config, ConfigError> {
        let mut config = Config::new();
        for (option, value, place) in self.options {
            option.set(&mut config, value, place)?;
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let mut given = Given::default();
        for (offset, (name, value)) in pairs.iter().enumerate() {
            given.put(name.as_bytes(), value.as_bytes().to_vec(), Place::Byte(offset))?;
        }
        given.into_config()
    }

    #[test]
    fn the_last_value_counts_and_only_that_is_looked_at() {
        assert_eq!(
            config(&[("port", "bad"), ("user", "u"), ("port", "1")]),
            Ok(Config::new().user("u").port(1))
        );
        assert_eq!(config(&[("port", "1"), ("port", "bad")]).unwrap_err().offset(), Some(1));
        assert_eq!(config(&[("sslmode", "bad"), ("requiressl", "1")]), config(&[("sslmode", "require")]));
        assert_eq!(
            config(&[("requiressl", ""), ("user", "u")]),
            config(&[("sslmode", "prefer"), ("user", "u")])
        );
    }

    #[test]
    fn of_two_units_for_one_setting_the_last_counts_too() {
        let timeout = |pairs| config(pairs).unwrap().get_connect_timeout().unwrap().as_millis();
        assert_eq!(timeout(&[("connect_timeout", "1"), ("connect_timeout_ms", "2")]), 2);
        assert_eq!(timeout(&[("connect_timeout_ms", "2"), ("connect_timeout", "1")]), 1000);
    }
}
