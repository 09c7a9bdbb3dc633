use super::Config;
use super::error::ConfigError;
use super::given::Given;
use super::piece::Piece;

/// Returns what follows `postgres://` or `postgresql://`.
pub(super) fn strip_scheme(text: &str) -> Option<Piece<'_>> {
    let text = Piece::whole(text);
    text.strip("postgres://").or_else(|| text.strip("postgresql://"))
}

/// Reads `user:password@host:port,host:port/dbname?option=value&...`, every part of which may be missing.
// PG docs: libpq-connect, "Connection URIs"
pub(super) fn parse_uri(uri: Piece<'_>) -> Result<Config, ConfigError> {
    let mut given = Given::default();
    let rest = read_userinfo(&mut given, uri)?;
    let rest = read_hosts(&mut given, rest)?;
    let rest = read_dbname(&mut given, rest)?;
    if let Some(query) = rest.strip("?") {
        read_query(&mut given, query)?;
    }
    given.into_config()
}

/// Everything before the first `@`, unless a slash comes first.
fn read_userinfo<'s>(given: &mut Given, piece: Piece<'s>) -> Result<Piece<'s>, ConfigError> {
    let (userinfo, rest) = piece.split_before(|c| matches!(c, '@' | '/'));
    let Some(rest) = rest.strip("@") else { return Ok(piece) };
    let (user, password) = userinfo.split_before(|c| c == ':');
    set_part(given, "user", &[user])?;
    if let Some(password) = password.strip(":") {
        set_part(given, "password", &[password])?;
    }
    Ok(rest)
}

fn read_hosts<'s>(given: &mut Given, piece: Piece<'s>) -> Result<Piece<'s>, ConfigError> {
    let (mut hosts, mut ports) = (Vec::new(), Vec::new());
    let mut next = Some(piece);
    let mut rest = piece;
    while let Some(piece) = next {
        let (host, port, after) = split_host(piece)?;
        hosts.push(host);
        ports.push(port);
        next = after.strip(",");
        rest = after;
    }
    set_part(given, "host", &hosts)?;
    set_part(given, "port", &ports)?;
    Ok(rest)
}

/// Splits into a host, a port and what follows.
fn split_host(piece: Piece<'_>) -> Result<(Piece<'_>, Piece<'_>, Piece<'_>), ConfigError> {
    let (host, rest) = match piece.strip("[") {
        Some(inside) => split_brackets(inside)?,
        None => piece.split_before(|c| matches!(c, ':' | '/' | '?' | ',')),
    };
    let (port, rest) = match rest.strip(":") {
        Some(port) => port.split_before(|c| matches!(c, '/' | '?' | ',')),
        None => rest.split_at(0),
    };
    refuse_at(host)?;
    refuse_at(port)?;
    Ok((host, port, rest))
}

/// Splits behind the opening bracket of an IPv6 address.
fn split_brackets(inside: Piece<'_>) -> Result<(Piece<'_>, Piece<'_>), ConfigError> {
    let (host, rest) = inside.split_before(|c| c == ']');
    let rest = rest.strip("]").ok_or_else(|| ConfigError::syntax("a `[` is not closed", inside.place()))?;
    if host.is_empty() {
        Err(ConfigError::syntax("the address between `[` and `]` is missing", inside.place()))
    } else if rest.text.starts_with([':', '/', '?', ',']) || rest.is_empty() {
        Ok((host, rest))
    } else {
        Err(ConfigError::syntax("`]` is followed by neither port nor path", rest.place()))
    }
}

fn read_dbname<'s>(given: &mut Given, piece: Piece<'s>) -> Result<Piece<'s>, ConfigError> {
    let Some(path) = piece.strip("/") else { return Ok(piece) };
    let (dbname, rest) = path.split_before(|c| c == '?');
    refuse_at(dbname)?;
    set_part(given, "dbname", &[dbname])?;
    Ok(rest)
}

/// Most likely it is of a password with an `@` or a slash in it: the pieces must not be taken for a host, which is
/// asked for in the clear and shown, or for a database.
fn refuse_at(piece: Piece<'_>) -> Result<(), ConfigError> {
    let (_, at) = piece.split_before(|c| c == '@');
    if at.is_empty() {
        return Ok(());
    }
    let problem = "an `@` in a host or a path: write %40 for it, and %2F for a slash in a password";
    Err(ConfigError::syntax(problem, at.place()))
}

fn read_query(given: &mut Given, query: Piece<'_>) -> Result<(), ConfigError> {
    let mut rest = query;
    while !rest.is_empty() {
        let (pair, after) = rest.split_before(|c| c == '&');
        read_pair(given, pair)?;
        rest = after.strip("&").unwrap_or(after);
    }
    Ok(())
}

fn read_pair(given: &mut Given, pair: Piece<'_>) -> Result<(), ConfigError> {
    let (name, value) = pair.split_before(|c| c == '=');
    let value = value.strip("=").ok_or_else(|| ConfigError::syntax("an option has no `=`", pair.place()))?;
    if value.text.contains('=') {
        return Err(ConfigError::syntax("an option has a second `=`: write %3D", pair.place()));
    }
    let place = name.place();
    let (name, value) = (decode(&[name])?, decode(&[value])?);
    match (name.as_slice(), value.as_slice()) {
        // What JDBC calls it; libpq takes it too, but only in a URI.
        (b"ssl", b"true") => given.put(b"sslmode", b"require".to_vec(), place),
        (name, _) => given.put(name, value, place),
    }
}

/// Sets what a part of the URI says, or parts with commas in between; an empty part says nothing.
fn set_part(given: &mut Given, name: &str, pieces: &[Piece<'_>]) -> Result<(), ConfigError> {
    match pieces {
        [] => Ok(()),
        [piece] if piece.is_empty() => Ok(()),
        [first, ..] => given.put(name.as_bytes(), decode(pieces)?, first.place()),
    }
}

/// Resolves `%xx` in pieces with commas in between. A plus sign is a plus sign. Spaces do not matter at the ends, and
/// are not allowed inside.
// RFC 3986 §2.1; PG source: fe-connect.c, conninfo_uri_decode
fn decode(pieces: &[Piece<'_>]) -> Result<Vec<u8>, ConfigError> {
    let mut decoded = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        let mut piece = *piece;
        if index == 0 {
            piece = piece.without_leading_spaces();
        } else {
            decoded.push(b',');
        }
        if index + 1 == pieces.len() {
            piece = piece.without_trailing_spaces();
        }
        decode_into(&mut decoded, piece)?;
    }
    Ok(decoded)
}

fn decode_into(decoded: &mut Vec<u8>, piece: Piece<'_>) -> Result<(), ConfigError> {
    let mut rest = piece;
    loop {
        let (plain, special) = rest.split_before(|c| matches!(c, '%' | ' '));
        decoded.extend_from_slice(plain.text.as_bytes());
        if special.is_empty() {
            return Ok(());
        }
        let Some(escape) = special.strip("%") else {
            return Err(ConfigError::syntax("a space in a URI is written %20", special.place()));
        };
        let byte = escape.text.get(..2).and_then(hex_byte);
        decoded.push(byte.ok_or_else(|| {
            ConfigError::syntax("two hexadecimal digits have to follow a `%`", special.place())
        })?);
        rest = escape.split_at(2).1;
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
            ("postgres://%40app/dbname", "@app"),
            ("postgres://  host  /dbname", "host"),
        ] {
            assert_eq!(parsed(uri).get_hosts(), [Some(Host::from(expected))], "{uri}");
        }
    }

    #[test]
    fn hosts_come_in_lists() {
        let new = Config::new;
        for (uri, expected) in [
            ("postgres://a,b", new().hosts(["a", "b"])),
            ("postgres://a%2Cb", new().hosts(["a", "b"])),
            ("postgres://a:1,b:2/d", new().hosts(["a", "b"]).ports([1, 2]).dbname("d")),
            ("postgres://[::1]:1,%2Fs:2?user=u", new().hosts(["::1", "/s"]).ports([1, 2]).user("u")),
            ("postgres://h?host=a,b&port=1", new().hosts(["a", "b"]).port(1)),
        ] {
            let config = parsed(uri);
            assert_eq!(config.endpoints(), expected.endpoints(), "{uri}");
            assert_eq!(
                (config.get_dbname(), config.get_user()),
                (expected.get_dbname(), expected.get_user())
            );
        }
        assert_eq!(parsed("postgres://a,b").get_ports(), [None, None]);
        assert_eq!(parsed("postgres://,/").get_hosts(), [None, None]);
        assert_eq!(parsed("postgres://a,b:2").get_ports(), [None, Some(2)]);
    }

    #[test]
    fn spaces_do_not_matter_at_the_ends_of_a_part() {
        let uri = "postgres:// u : p%20 @ h , i : 1 , 2 / d ? application_name = x ";
        assert_eq!(error_or_config(uri).unwrap_err().offset(), Some(24));
        let config = parsed("postgres:// u : p%20 @ h,i / d ? application_name = x ");
        let password = b"p ".as_slice();
        assert_eq!(config.get_password().unwrap().expose(), password);
        assert_eq!((config.get_user(), config.get_dbname()), (Some("u"), Some("d")));
        assert_eq!(config.get_hosts(), [Some("h".into()), Some("i".into())]);
        assert_eq!(config.get_application_name(), Some("x"));
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
            ("postgres://[::1],[b", 18),
            ("postgres://a,b%4", 14),
            ("postgres://a:1,b:x", 13),
            ("postgres://u:p@ss@h/d", 17),
            ("postgres://a,b@c@d", 16),
            ("postgres://h:0", 13),
            ("postgres://h:65536", 13),
            ("postgres://h:x", 13),
            ("postgres://h?user", 13),
            ("postgres://h?&user=u", 13),
            ("postgres://h?user=a=b", 13),
            ("postgres://h?user=u&nonsense=1", 20),
            ("postgres://h?user=a b", 19),
            ("postgres://h/d b", 14),
            ("postgres://u:1/pass@h/db", 19),
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
