use std::borrow::Cow;
use std::fs::Metadata;
use std::path::{Path, PathBuf};

use molt_db_protocol::auth::Secret;

use super::Endpoint;
use super::error::Problem;
use super::file;

/// A file with a line `host:port:database:user:password` for each login, `*` standing for any.
// PG docs: libpq-pgpass
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PasswordFile {
    path: PathBuf,
    text: Secret,
}

impl PasswordFile {
    /// Reads a file that nobody but its owner has access to.
    pub(super) fn read(path: &Path) -> Result<Self, Problem> {
        Ok(Self { path: path.to_owned(), text: file::read(path, check)? })
    }

    /// Returns the password of the first line that fits, if there is one and it is not empty.
    pub(super) fn find(&self, endpoint: &Endpoint, dbname: &str, user: &str) -> Option<Secret> {
        let (hosts, port) = keys(endpoint)?;
        let hosts: Vec<_> = hosts.iter().map(|host| host.as_bytes()).collect();
        let wanted = [hosts.as_slice(), &[port.as_bytes()], &[dbname.as_bytes()], &[user.as_bytes()]];
        let mut lines =
            self.text.expose().split(|byte| *byte == b'\n').filter(|line| !line.starts_with(b"#"));
        let password = lines.find_map(|line| password_for(without_returns(line), &wanted));
        password.filter(|password| !password.expose().is_empty())
    }
}

#[cfg(unix)]
fn check(metadata: &Metadata) -> Result<(), Problem> {
    use std::os::unix::fs::PermissionsExt;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(Problem::Exposed { mode }) }
}

/// The folder of the user is what protects it.
#[cfg(not(unix))]
fn check(_: &Metadata) -> Result<(), Problem> {
    Ok(())
}

/// Returns the names under which a host may stand in the file, and its port.
fn keys(endpoint: &Endpoint) -> Option<(Vec<Cow<'_, str>>, Cow<'_, str>)> {
    match endpoint {
        Endpoint::Tcp { host, port, .. } => Some((vec![host.into()], port.to_string().into())),
        Endpoint::Unix { path } => {
            let directory = path.parent()?;
            let mut hosts = vec![directory.to_string_lossy()];
            if DEFAULT_SOCKET_DIRS.iter().any(|default| directory == Path::new(default)) {
                hosts.push("localhost".into());
            }
            Some((hosts, path.extension()?.to_string_lossy()))
        }
    }
}

/// Returns the password of a line if each of its fields is one of those wanted.
fn password_for(line: &[u8], wanted: &[&[&[u8]]]) -> Option<Secret> {
    let mut rest = line;
    for wanted in wanted {
        let (field, after) = split_field(rest);
        let is_wanted = field == b"*" || wanted.contains(&unescape(field).as_slice());
        rest = after.filter(|_| is_wanted)?;
    }
    Some(Secret::new(unescape(split_field(rest).0)))
}

/// Splits at the first colon that no backslash precedes.
fn split_field(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    let mut is_escaped = false;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b':' if !is_escaped => return (&text[..at], Some(&text[at + 1..])),
            b'\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    (text, None)
}

fn unescape(field: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(field.len());
    let mut bytes = field.iter().copied();
    while let Some(byte) = bytes.next() {
        let literal = if byte == b'\\' { bytes.next() } else { None };
        plain.push(literal.unwrap_or(byte));
    }
    plain
}

fn without_returns(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|byte| *byte != b'\r').map_or(0, |last| last + 1);
    &line[..end]
}

/// Where libpq looks for sockets if nobody says, as it comes from PostgreSQL and from Debian. The file calls it
/// `localhost`.
const DEFAULT_SOCKET_DIRS: [&str; 2] = ["/tmp", "/var/run/postgresql"];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tcp(host: &str) -> Endpoint {
        Endpoint::Tcp { host: host.into(), address: None, port: 5432 }
    }

    fn unix(directory: &str) -> Endpoint {
        Endpoint::Unix { path: format!("{directory}/.s.PGSQL.5432").into() }
    }

    fn file(text: &str) -> PasswordFile {
        PasswordFile { path: "/f".into(), text: Secret::new(text) }
    }

    fn found(text: &str, endpoint: &Endpoint) -> Option<String> {
        let password = file(text).find(endpoint, "shop", "app")?;
        Some(String::from_utf8(password.expose().to_vec()).unwrap())
    }

    #[test]
    fn each_field_is_matched_or_anything() {
        for line in ["db:5432:shop:app:pw", "*:*:*:*:pw", "db:*:shop:*:pw", "db:5432:shop:app:pw:more"] {
            assert_eq!(found(line, &tcp("db")).as_deref(), Some("pw"), "{line}");
        }
        for line in [
            "other:5432:shop:app:pw",
            "db:5433:shop:app:pw",
            "db:5432:other:app:pw",
            "db:5432:shop:other:pw",
            "d*:5432:shop:app:pw",
            "**:5432:shop:app:pw",
            " db:5432:shop:app:pw",
            "DB:5432:shop:app:pw",
            "db:5432:shop:app",
            "db:5432:shop",
            "#db:5432:shop:app:pw",
            "db:5432:shop:app:",
            "",
        ] {
            assert_eq!(found(line, &tcp("db")), None, "{line}");
        }
    }

    #[test]
    fn the_first_line_that_fits_counts() {
        let text = "# a comment\n\nother:*:*:*:1\ndb:*:*:*:2\r\ndb:*:*:app:3\n";
        assert_eq!(found(text, &tcp("db")).as_deref(), Some("2"));
        assert_eq!(found("*:*:*:*:\n*:*:*:*:pw", &tcp("db")), None);
    }

    #[test]
    fn backslashes_escape() {
        assert_eq!(found(r"\:\:1:*:*:*:a\:b\\c\d", &tcp("::1")).as_deref(), Some(r"a:b\cd"));
        assert_eq!(found(r"\*:*:*:*:pw", &tcp("*")).as_deref(), Some("pw"));
        assert_eq!(found(r"\*:*:*:*:pw", &tcp("db")), None);
        assert_eq!(found(r"d\b:*:*:*:pw\", &tcp("db")).as_deref(), Some(r"pw\"));
    }

    #[test]
    fn sockets_go_by_their_directory_and_by_localhost_where_it_is_the_default() {
        assert_eq!(found("localhost:*:*:*:pw", &unix("/tmp")).as_deref(), Some("pw"));
        assert_eq!(found("localhost:5432:*:*:pw", &unix("/var/run/postgresql")).as_deref(), Some("pw"));
        assert_eq!(found("/tmp:5432:*:*:pw", &unix("/tmp")).as_deref(), Some("pw"));
        assert_eq!(found("/run/pg:5432:*:*:pw", &unix("/run/pg")).as_deref(), Some("pw"));
        assert_eq!(found("@app:*:*:*:pw", &unix("@app")).as_deref(), Some("pw"));
        assert_eq!(found("localhost:*:*:*:pw", &unix("/run/pg")), None);
    }

    #[test]
    fn the_passwords_do_not_print() {
        assert!(!format!("{:?}", file("*:*:*:*:s3cr3t")).contains("s3cr3t"));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_have_access_to_is_refused() {
        use crate::config::file::tests::{Folder, set_mode};
        let folder = Folder::new();
        let path = folder.write("pgpass", "*:*:*:*:pw");
        for mode in [0o600, 0o400, 0o700] {
            set_mode(&path, mode);
            assert!(PasswordFile::read(&path).is_ok(), "{mode:o}");
        }
        for mode in [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644, 0o666] {
            set_mode(&path, mode);
            assert_eq!(PasswordFile::read(&path), Err(Problem::Exposed { mode }), "{mode:o}");
        }
    }

    proptest! {
        #[test]
        fn what_is_escaped_is_found(host in "[^\0\n\r]{1,9}", password in "[^\0\n\r]{1,9}") {
            let escape = |text: &str| text.replace('\\', r"\\").replace(':', r"\:").replace('*', r"\*");
            prop_assume!(!host.starts_with('#'));
            let line = format!("{}:*:*:*:{}", escape(&host), escape(&password));
            prop_assert_eq!(found(&line, &tcp(&host)), Some(password));
        }

        #[test]
        fn any_file_is_searched(text in "[a:\\\\*#\n\r]{0,40}") {
            let _ = found(&text, &tcp("a"));
        }
    }
}
