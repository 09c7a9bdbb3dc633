use super::error::{ConfigError, Problem};
use super::piece::{Piece, is_blank};
use super::{Config, option};

/// Returns what follows `postgres://` or `postgresql://`.
pub(super) fn strip_scheme(text: &str) -> Option<Piece<'_>> {
    let text = Piece::whole(text);
    text.strip("postgres://").or_else(|| text.strip("postgresql://"))
}

/// Reads `user:password@host:port/dbname?option=value&...`, every part of which may be missing.
// PG docs: libpq-connect, "Connection URIs"
pub(super) fn parse_uri(uri: Piece<'_>) -> Result<Config, ConfigError> {
    let (_, blank) = uri.split_before(is_blank);
    if !blank.is_empty() {
        return Err(ConfigError::syntax("a blank in a URI is written %20", blank.at));
    }
    let mut config = Config::new();
    let rest = read_userinfo(&mut config, uri)?;
    let rest = read_host(&mut config, rest)?;
    let rest = read_dbname(&mut config, rest)?;
    if let Some(query) = rest.strip("?") {
        read_query(&mut config, query)?;
    }
    Ok(config)
}

/// Everything before the first `@`, unless a slash comes first.
fn read_userinfo<'s>(config: &mut Config, piece: Piece<'s>) -> Result<Piece<'s>, ConfigError> {
    let (userinfo, rest) = piece.split_before(|c| matches!(c, '@' | '/'));
    let Some(rest) = rest.strip("@") else { return Ok(piece) };
    let (user, password) = userinfo.split_before(|c| c == ':');
    set_decoded(config, "user", user)?;
    if let Some(password) = password.strip(":") {
        set_decoded(config, "password", password)?;
    }
    Ok(rest)
}

fn read_host<'s>(config: &mut Config, piece: Piece<'s>) -> Result<Piece<'s>, ConfigError> {
    let (host, rest) = match piece.strip("[") {
        Some(inside) => split_brackets(inside)?,
        None => piece.split_before(|c| matches!(c, ':' | '/' | '?' | ',')),
    };
    let (port, rest) = match rest.strip(":") {
        Some(port) => port.split_before(|c| matches!(c, '/' | '?' | ',')),
        None => rest.split_at(0),
    };
    if rest.text.starts_with(',') {
        return Err(ConfigError::of_option(
            "host",
            Problem::Unsupported("more than one host"),
            Some(piece.at),
        ));
    }
    set_decoded(config, "host", host)?;
    set_decoded(config, "port", port)?;
    Ok(rest)
}

/// Splits behind the opening bracket of an IPv6 address.
fn split_brackets(inside: Piece<'_>) -> Result<(Piece<'_>, Piece<'_>), ConfigError> {
    let (host, rest) = inside.split_before(|c| c == ']');
    let rest = rest.strip("]").ok_or_else(|| ConfigError::syntax("a `[` is not closed", inside.at))?;
    if host.is_empty() {
        Err(ConfigError::syntax("the address between `[` and `]` is missing", inside.at))
    } else if rest.text.starts_with([':', '/', '?', ',']) || rest.is_empty() {
        Ok((host, rest))
    } else {
        Err(ConfigError::syntax("`]` is followed by neither port nor path", rest.at))
    }
}

fn read_dbname<'s>(config: &mut Config, piece: Piece<'s>) -> Result<Piece<'s>, ConfigError> {
    let Some(path) = piece.strip("/") else { return Ok(piece) };
    let (dbname, rest) = path.split_before(|c| c == '?');
    if dbname.text.contains('@') {
        // Most likely a password with a slash in it: the pieces must not go to a host of the user's name.
        let problem = "an `@` follows a `/`: write %2F for a slash in a password, %40 for an @ in a name";
        return Err(ConfigError::syntax(problem, piece.at));
    }
    set_decoded(config, "dbname", dbname)?;
    Ok(rest)
}

fn read_query(config: &mut Config, query: Piece<'_>) -> Result<(), ConfigError> {
    let mut rest = query;
    while !rest.is_empty() {
        let (pair, after) = rest.split_before(|c| c == '&');
        read_pair(config, pair)?;
        rest = after.strip("&").unwrap_or(after);
    }
    Ok(())
}

fn read_pair(config: &mut Config, pair: Piece<'_>) -> Result<(), ConfigError> {
    let (name, value) = pair.split_before(|c| c == '=');
    let value = value.strip("=").ok_or_else(|| ConfigError::syntax("an option has no `=`", pair.at))?;
    if value.text.contains('=') {
        return Err(ConfigError::syntax("an option has a second `=`: write %3D", pair.at));
    }
    let decoded_name = decode(name)?;
    let value = decode(value)?;
    match (decoded_name.as_slice(), value.as_slice()) {
        // What JDBC calls it; libpq takes it too, but only in a URI.
        (b"ssl", b"true") => set(config, "sslmode", name, b"require".to_vec()),
        (known, _) => set(config, &String::from_utf8_lossy(known), name, value),
    }
}

/// Sets what a part of the URI says; an empty part says nothing.
fn set_decoded(config: &mut Config, name: &str, piece: Piece<'_>) -> Result<(), ConfigError> {
    if piece.is_empty() { Ok(()) } else { set(config, name, piece, decode(piece)?) }
}

fn set(config: &mut Config, name: &str, place: Piece<'_>, value: Vec<u8>) -> Result<(), ConfigError> {
    option::set(config, Piece { text: name, at: place.at }, value)
}

/// Resolves `%xx`. A plus sign is a plus sign.
// RFC 3986 §2.1
fn decode(piece: Piece<'_>) -> Result<Vec<u8>, ConfigError> {
    let mut decoded = Vec::with_capacity(piece.text.len());
    let mut rest = piece;
    loop {
        let (plain, escape) = rest.split_before(|c| c == '%');
        decoded.extend_from_slice(plain.text.as_bytes());
        if escape.is_empty() {
            return Ok(decoded);
        }
        let byte = escape.text.get(1..3).and_then(hex_byte);
        decoded.push(
            byte.ok_or_else(|| {
                ConfigError::syntax("two hexadecimal digits have to follow a `%`", escape.at)
            })?,
        );
        rest = escape.split_at(3).1;
    }
}

fn hex_byte(digits: &str) -> Option<u8> {
    // `from_str_radix` alone would take a sign for a digit.
    let all_digits = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if all_digits { u8::from_str_radix(digits, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Host, SslMode};
    use proptest::prelude::*;

    fn parsed(uri: &str) -> Config {
        error_or_config(uri).unwrap_or_else(|error| panic!("{uri}: {error}"))
    }

    fn error_or_config(uri: &str) -> Result<Config, ConfigError> {
        parse_uri(strip_scheme(uri).unwrap())
    }

    #[test]
    fn every_part_may_be_missing() {
        let new = Config::new;
        for (uri, expected) in [
            ("postgres://", new()),
            ("postgresql://", new()),
            ("postgresql:///", new()),
            ("postgresql://@", new()),
            ("postgresql://:@:/?", new()),
            ("postgresql://localhost", new().host("localhost")),
            ("postgresql://localhost:5433", new().host("localhost").port(5433)),
            ("postgresql://localhost/mydb", new().host("localhost").dbname("mydb")),
            ("postgresql://user@localhost", new().user("user").host("localhost")),
            ("postgresql://user:secret@localhost", new().user("user").password("secret").host("localhost")),
            (
                "postgresql:///mydb?host=localhost&port=5433",
                new().host("localhost").port(5433).dbname("mydb"),
            ),
            ("postgresql://:5433", new().port(5433)),
            ("postgresql://:pw@h", new().password("pw").host("h")),
            ("postgresql://u:p:w@h", new().user("u").password("p:w").host("h")),
            ("postgresql://h?user=u&", new().host("h").user("u")),
            ("postgresql://h/a?dbname=b", new().host("h").dbname("b")),
            ("postgresql://a@h/d/e", new().user("a").host("h").dbname("d/e")),
        ] {
            assert_eq!(parsed(uri), expected, "{uri}");
        }
    }

    #[test]
    fn hosts_come_in_every_form() {
        for (uri, expected) in [
            ("postgres://[2001:db8::1234]/database", "2001:db8::1234"),
            ("postgres://[::1]:5432?user=u", "::1"),
            ("postgres://[::1]", "::1"),
            ("postgres://%2Fvar%2Frun:5432/dbname", "/var/run"),
            ("postgres:///dbname?host=/tmp", "/tmp"),
            ("postgres://h%6Fst", "host"),
        ] {
            assert_eq!(parsed(uri).get_host(), Some(&Host::from(expected)), "{uri}");
        }
    }

    #[test]
    fn parts_are_decoded() {
        let config = parsed("postgres://%75s%C3%A4r:p%40ss%2F%3A+%FF@h/d%3fb?application_n%61me=a%26b%3D%25");
        assert_eq!(config.get_user(), Some("usär"));
        assert_eq!(config.get_password().unwrap().expose(), b"p@ss/:+\xff");
        assert_eq!(config.get_dbname(), Some("d?b"));
        assert_eq!(config.get_application_name(), Some("a&b=%"));
    }

    #[test]
    fn the_spelling_of_jdbc_is_understood() {
        assert_eq!(parsed("postgres://h?ssl=true").get_ssl_mode(), SslMode::Require);
        assert!(error_or_config("postgres://h?ssl=false").unwrap_err().is_unknown());
    }

    #[test]
    fn mistakes_are_located() {
        for (uri, offset) in [
            ("postgres://u:%4@h", 13),
            ("postgres://u:%@h", 13),
            ("postgres://u:%+4@h", 13),
            ("postgres://u:%4ä@h", 13),
            ("postgres://u:%é@h", 13),
            ("postgres://%00@h", 11),
            ("postgres://%FF@h", 11),
            ("postgres://[::1", 12),
            ("postgres://[]", 12),
            ("postgres://[::1]x", 16),
            ("postgres://a,b", 11),
            ("postgres://a:1,b:2", 11),
            ("postgres://a%2Cb", 11),
            ("postgres://[::1],b", 11),
            ("postgres://h:0", 13),
            ("postgres://h:65536", 13),
            ("postgres://h:x", 13),
            ("postgres://h?user", 13),
            ("postgres://h?&user=u", 13),
            ("postgres://h?user=a=b", 13),
            ("postgres://h?user=u&nonsense=1", 20),
            ("postgres://h?user=a b", 19),
            ("postgres://h/db\n", 15),
            ("postgres://u:1/pass@h/db", 14),
        ] {
            assert_eq!(error_or_config(uri).unwrap_err().offset(), Some(offset), "{uri}");
        }
    }

    proptest! {
        #[test]
        fn percent_encoded_bytes_come_back(bytes in prop::collection::vec(1u8.., 1..20)) {
            let encoded: String = bytes.iter().map(|byte| format!("%{byte:02x}")).collect();
            let config = parsed(&format!("postgres://u:{encoded}@h"));
            prop_assert_eq!(config.get_password().unwrap().expose(), bytes);
        }
    }
}
