//! What is tested, and as whom.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use percent_encoding::percent_decode_str;

/// A server, a pooler or a proxy, and who logs in there.
///
/// Read from a URL: `postgresql://user:password@host:port/database?sslmode=require`. The port is 5432 and the user
/// `postgres` unless it says otherwise, and the database has the name of the user. `sslmode` is `disable` (the default) or
/// `require`: with it, every case but those about TLS itself runs inside of TLS. Certificates are not verified: this is a
/// test of the protocol.
///
/// ```
/// use molt_db_spec::Target;
///
/// let target: Target = "postgresql://app:secret@127.0.0.1:6432/shop".parse()?;
/// assert_eq!((target.port, target.account.database.as_str()), (6432, "shop"));
/// assert_eq!(target.to_string(), "127.0.0.1:6432/shop");
/// # Ok::<(), molt_db_spec::TargetError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The name or address of the host.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Whether cases run inside of TLS.
    pub encryption: Encryption,
    /// Who logs in, unless a case says otherwise.
    pub account: Account,
}

/// Whether a session is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// In the clear.
    None,
    /// Inside of TLS.
    Tls,
}

/// A user who may log in. `Debug` does not show the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// The name.
    pub user: String,
    /// The password, empty if there is none.
    pub password: String,
    /// The database to log in to.
    pub database: String,
}

/// Why a text names no target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetError(String);

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(url: &str) -> Result<Self, TargetError> {
        let refuse = |problem: &str| TargetError(problem.to_owned());
        let rest = url
            .strip_prefix("postgresql://")
            .or_else(|| url.strip_prefix("postgres://"))
            .ok_or_else(|| refuse("it does not begin with postgresql://"))?;
        let (rest, options) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, place) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        let (host, port) = host_and_port(place)?;
        let user = if user.is_empty() { "postgres".to_owned() } else { decoded(user)? };
        let database = if database.is_empty() { user.clone() } else { decoded(database)? };
        let account = Account { user, password: decoded(password)?, database };
        Ok(Self { host, port, encryption: encryption(options)?, account })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}/{}", self.host, self.port, self.account.database)
    }
}

impl Account {
    /// Reads `user:password`, or `user`; the database is given.
    ///
    /// # Errors
    ///
    /// When there is no user.
    pub fn parse(text: &str, database: &str) -> Result<Self, TargetError> {
        let (user, password) = text.split_once(':').unwrap_or((text, ""));
        if user.is_empty() {
            return Err(TargetError(format!("an account is user:password, not {text:?}")));
        }
        Ok(Self { user: user.to_owned(), password: password.to_owned(), database: database.to_owned() })
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.user, self.database)
    }
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the target: {}", self.0)
    }
}

impl Error for TargetError {}

fn host_and_port(place: &str) -> Result<(String, u16), TargetError> {
    let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map_or(Ok(5432), str::parse);
    let port = port.map_err(|_| TargetError(format!("{place:?} has no port that is a number")))?;
    let host = if host.is_empty() { "localhost".to_owned() } else { decoded(host)? };
    if host.starts_with('/') {
        return Err(TargetError(
            "it is reached over TCP only, not over a socket in the file system".to_owned(),
        ));
    }
    Ok((host, port))
}

fn encryption(options: &str) -> Result<Encryption, TargetError> {
    let mut encryption = Encryption::None;
    for option in options.split('&').filter(|option| !option.is_empty()) {
        encryption = match option {
            "sslmode=disable" => Encryption::None,
            "sslmode=require" => Encryption::Tls,
            other => {
                return Err(TargetError(format!("no option but sslmode=disable or require, not {other:?}")));
            }
        };
    }
    Ok(encryption)
}

fn decoded(text: &str) -> Result<String, TargetError> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(String::from).map_err(|_| TargetError(format!("{text:?} is not UTF-8")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_of_a_url_has_a_default() {
        let target: Target = "postgres://h".parse().unwrap();
        let account =
            Account { user: "postgres".into(), password: String::new(), database: "postgres".into() };
        assert_eq!(target, Target { host: "h".into(), port: 5432, encryption: Encryption::None, account });
    }

    #[test]
    fn all_of_a_url_is_read() {
        let target: Target = "postgresql://a%40b:p%3Aw@[::1]:77/d%20b?sslmode=require".parse().unwrap();
        let account = Account { user: "a@b".into(), password: "p:w".into(), database: "d b".into() };
        assert_eq!(target, Target { host: "::1".into(), port: 77, encryption: Encryption::Tls, account });
    }

    #[test]
    fn what_is_no_target_is_refused() {
        for bad in
            ["h:1", "http://h", "postgresql://h:x", "postgresql://h?sslmode=prefer", "postgresql://%2ftmp/d"]
        {
            assert!(bad.parse::<Target>().is_err(), "{bad}");
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        let target: Target = "postgres://u:hush@h/d".parse().unwrap();
        assert!(!format!("{target:?} {target}").contains("hush"));
    }
}
