use super::Config;
use super::error::ConfigError;
use super::given::Given;
use super::piece::{Piece, is_blank};

/// Reads `name=value name='quoted value'`. Of an option that is given twice the last value counts.
// PG docs: libpq-connect, "Keyword/Value Connection Strings"
pub(super) fn parse_keyword(text: &str) -> Result<Config, ConfigError> {
    let mut given = Given::default();
    let mut rest = Piece::whole(text).trim_start();
    while !rest.is_empty() {
        let (name, after_name) = rest.split_before(|c| c == '=' || is_blank(c));
        let value = after_name.trim_start().strip("=");
        let value =
            value.ok_or_else(|| ConfigError::syntax("no `=` follows the name of an option", name.place()))?;
        let (value, after_value) = read_value(value.trim_start())?;
        given.put(name.text.as_bytes(), value.into_bytes(), name.place())?;
        rest = after_value.trim_start();
    }
    given.into_config()
}

/// Returns the value without its quotes and backslashes, and what follows it.
fn read_value(piece: Piece<'_>) -> Result<(String, Piece<'_>), ConfigError> {
    let Some(quoted) = piece.strip("'") else {
        return Ok(unescape(piece, is_blank));
    };
    let (value, rest) = unescape(quoted, |c| c == '\'');
    let rest =
        rest.strip("'").ok_or_else(|| ConfigError::syntax("a quoted value is not closed", piece.place()))?;
    Ok((value, rest))
}

fn unescape(piece: Piece<'_>, ends: impl Fn(char) -> bool) -> (String, Piece<'_>) {
    let mut value = String::with_capacity(piece.text.len());
    let mut chars = piece.text.char_indices();
    while let Some((at, c)) = chars.next() {
        if ends(c) {
            return (value, piece.split_at(at).1);
        }
        let literal = if c == '\\' { chars.next().map(|(_, escaped)| escaped) } else { Some(c) };
        value.extend(literal);
    }
    (value, piece.split_at(piece.text.len()).1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn application_name(text: &str) -> String {
        parse_keyword(text).unwrap().get_application_name().unwrap_or_default().to_owned()
    }

    #[test]
    fn values_are_read_as_libpq_reads_them() {
        for (text, expected) in [
            ("application_name=x", "x"),
            ("  application_name \t=\n x  ", "x"),
            ("application_name=", ""),
            ("application_name='' user=u", ""),
            ("application_name='a b'", "a b"),
            (r"application_name=it\'s", "it's"),
            (r"application_name='it\'s'", "it's"),
            (r"application_name=a\ b", "a b"),
            (r"application_name='a\\b'", r"a\b"),
            (r"application_name=a\", "a"),
            (r"application_name=\n", "n"),
            ("application_name=a'b", "a'b"),
            ("application_name=a=b", "a=b"),
            ("application_name='a'user=u", "a"),
            ("application_name=first application_name=last", "last"),
            ("application_name=ä\u{a0}ö", "ä\u{a0}ö"),
            ("application_name=a\u{b}user=u", "a"),
        ] {
            assert_eq!(application_name(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_string_without_options_is_the_default() {
        assert_eq!(parse_keyword(""), Ok(Config::new()));
        assert_eq!(parse_keyword(" \t\n"), Ok(Config::new()));
    }

    #[test]
    fn mistakes_are_located() {
        for (text, offset) in [
            ("user", 0),
            ("user=u host", 7),
            ("user=u host port=1", 7),
            ("user=u =x", 7),
            ("user='u", 5),
            (r"user='u\'", 5),
            (r"user='u\", 5),
            ("user=u ä=x", 7),
        ] {
            assert_eq!(parse_keyword(text).unwrap_err().offset(), Some(offset), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_quoted_value_comes_back(value in "[^\0]*") {
            let quoted = value.replace('\\', r"\\").replace('\'', r"\'");
            prop_assert_eq!(application_name(&format!("application_name='{quoted}' user=u")), value);
        }

        #[test]
        fn a_value_with_every_character_escaped_comes_back(value in "[^\0]*") {
            let escaped: String = value.chars().flat_map(|c| ['\\', c]).collect();
            prop_assert_eq!(application_name(&format!("user=u application_name={escaped}")), value);
        }
    }
}
