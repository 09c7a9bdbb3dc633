use std::path::Path;

use super::Config;
use super::error::{ConfigError, Place, Problem};
use super::option;
use super::piece::is_blank;

/// Fills in what a section of a service file says and the configuration does not. Returns whether there is such a
/// section.
// PG docs: libpq-pgservice; PG source: fe-connect.c, parseServiceFile
pub(super) fn fill_in(
    config: &mut Config,
    service: &str,
    path: &Path,
    text: &[u8],
) -> Result<bool, ConfigError> {
    let mut is_in_section = false;
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let line = trim(line);
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        if let Some(section) = line.strip_prefix(b"[") {
            if is_in_section {
                break;
            }
            is_in_section = section.strip_prefix(service.as_bytes()).is_some_and(|end| end.starts_with(b"]"));
        } else if is_in_section {
            read_line(config, line, Place::Line(path.to_owned(), index + 1))?;
        }
    }
    Ok(is_in_section)
}

fn read_line(config: &mut Config, line: &[u8], place: Place) -> Result<(), ConfigError> {
    if line.starts_with(b"ldap") {
        return Err(ConfigError::syntax("options are not fetched by LDAP", place));
    }
    let Some(equals) = line.iter().position(|byte| *byte == b'=') else {
        return Err(ConfigError::syntax("no `=` follows the name of an option", place));
    };
    let (name, value) = (&line[..equals], &line[equals + 1..]);
    let option = option::find(name, &place)?;
    if matches!(option.name, "service" | "servicefile") {
        let problem = Problem::Refused("a service cannot refer to another");
        return Err(ConfigError::of_option(option.name, problem, Some(place)));
    }
    if option.is_set(config) { Ok(()) } else { option.set(config, value.to_vec(), place) }
}

/// Cuts off what C's `isspace` takes for a blank: `trim_ascii` leaves the vertical tab.
fn trim(line: &[u8]) -> &[u8] {
    let is_text = |byte: &u8| !is_blank(char::from(*byte));
    let start = line.iter().position(is_text).unwrap_or(line.len());
    let end = line.iter().rposition(is_text).map_or(start, |last| last + 1);
    &line[start..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn filled(config: Config, text: &str) -> Result<Option<Config>, ConfigError> {
        let mut config = config;
        let is_found = fill_in(&mut config, "orders", Path::new("/f"), text.as_bytes())?;
        Ok(is_found.then_some(config))
    }

    #[test]
    fn a_section_ends_where_the_next_begins() {
        let text = "# services\nuser=nobody\n[order]\nuser=a\n \u{b}[orders] of the shop\r\n\n  host=db \n# x\nport=1\n\
                    dbname=a b\n[orders]\nuser=b\n";
        let expected = Config::new().host("db").port(1).dbname("a b");
        assert_eq!(filled(Config::new(), text), Ok(Some(expected)));
        assert_eq!(filled(Config::new(), "[orders"), Ok(None));
        assert_eq!(filled(Config::new(), "[other]\nnonsense\n"), Ok(None));
        assert_eq!(filled(Config::new(), "[orders]"), Ok(Some(Config::new())));
    }

    #[test]
    fn what_is_set_stays_and_the_first_of_two_lines_counts() {
        let text = "[orders]\nuser=a\nuser=b\nhost=x\nport=bad\n";
        let given = Config::new().host("db").port(1);
        assert_eq!(filled(given.clone(), text), Ok(Some(given.user("a"))));
        let given: Config = "host='' port=''".parse().unwrap();
        let filled = filled(given, text).unwrap().unwrap();
        assert_eq!((filled.get_hosts(), filled.get_ports()), (&[][..], &[][..]));
    }

    #[test]
    fn values_are_taken_as_they_are() {
        let text = "[orders]\nuser='a'\npassword=it's = \\ #1\n";
        let config = filled(Config::new(), text).unwrap().unwrap();
        assert_eq!(config.get_user(), Some("'a'"));
        assert_eq!(config.get_password().unwrap().expose(), b"it's = \\ #1");
    }

    #[test]
    fn mistakes_are_located_and_not_repeated() {
        for (text, option) in [
            ("[orders]\n\ns3cr3t", None),
            ("[orders]\n\ns3cr3t=x", None),
            ("[orders]\n\nuser =s3cr3t", None),
            ("[orders]\n\nport=s3cr3t", Some("port")),
            ("[orders]\n\nservice=s3cr3t", Some("service")),
            ("[orders]\n\nldap://s3cr3t?x=y", None),
        ] {
            let error = filled(Config::new(), text).unwrap_err();
            assert_eq!((error.option(), error.line()), (option, Some(3)), "{text}");
            assert_eq!(error.file(), Some(Path::new("/f")));
            assert!(!format!("{error} {error:?}").contains("s3cr3t"), "{error:?}");
        }
    }

    proptest! {
        #[test]
        fn any_file_is_read_or_refused(text in "(\\[orders\\]\n)?[\\[\\]a-z=#\n ]{0,60}") {
            let _ = filled(Config::new(), &text);
        }
    }
}
