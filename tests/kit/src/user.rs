//! The database users that every server of the kit has.

use std::str::FromStr;

use crate::error::KitError;

/// A user of a server, named after the way it logs in.
///
/// All but the superuser have fixed passwords, and may create tables in the schema `public` of every database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum User {
    /// `postgres`, who owns everything: SCRAM-SHA-256, with a password that is new for each server.
    Superuser,
    /// `scram`: SCRAM-SHA-256, everywhere.
    Scram,
    /// `md5user`: an MD5 password, everywhere.
    Md5,
    /// `clear`: the password in clear text, everywhere.
    Clear,
    /// `trust`: no password asked, everywhere.
    Trust,
    /// `tlsonly`: SCRAM-SHA-256 over TCP with TLS, and nowhere else.
    TlsOnly,
    /// `plainonly`: SCRAM-SHA-256 over TCP without TLS, and nowhere else.
    PlainOnly,
}

impl User {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Superuser, Self::Scram, Self::Md5, Self::Clear, Self::Trust, Self::TlsOnly, Self::PlainOnly];

    /// Returns the name to log in with.
    pub fn name(self) -> &'static str {
        match self {
            Self::Superuser => "postgres",
            Self::Scram => "scram",
            Self::Md5 => "md5user",
            Self::Clear => "clear",
            Self::Trust => "trust",
            Self::TlsOnly => "tlsonly",
            Self::PlainOnly => "plainonly",
        }
    }

    /// The password of those who have a fixed one.
    pub(crate) fn fixed_password(self) -> Option<&'static str> {
        match self {
            Self::Superuser | Self::Trust => None,
            Self::Scram => Some("scram-secret"),
            Self::Md5 => Some("md5-secret"),
            Self::Clear => Some("clear-secret"),
            Self::TlsOnly => Some("tlsonly-secret"),
            Self::PlainOnly => Some("plainonly-secret"),
        }
    }
}

impl FromStr for User {
    type Err = KitError;

    fn from_str(name: &str) -> Result<Self, KitError> {
        let user = Self::ALL.into_iter().find(|user| user.name() == name);
        user.ok_or_else(|| KitError::Setting(format!("servers of the kit have no user {name:?}")))
    }
}

/// The superuser that the kit itself logs in as, over the server's socket, which only this process's user can reach.
pub(crate) const KIT_USER: &str = "kit";

/// Returns the statements that make all users but the superuser and the database `test`, for `template1`.
pub(crate) fn setup_statements() -> Vec<String> {
    let mut statements = vec![
        format!("create role {KIT_USER} superuser login"),
        "grant create on schema public to public".to_owned(),
    ];
    for user in User::ALL.into_iter().filter(|user| *user != User::Superuser) {
        // Servers from 14 on hash with SCRAM unless told otherwise; 13 and older use MD5.
        let hash = if user == User::Md5 { "md5" } else { "scram-sha-256" };
        statements.push(format!("set password_encryption = '{hash}'"));
        let password = user.fixed_password().map_or_else(String::new, |word| format!(" password '{word}'"));
        statements.push(format!("create role {} login{password}", user.name()));
    }
    statements.push("create database test owner postgres".to_owned());
    statements
}

/// Returns the file `pg_hba.conf`, which says who may log in from where and how.
pub(crate) fn hba() -> String {
    let mut lines = format!("local all,replication {KIT_USER} trust\n");
    for (users, method) in
        [("postgres,scram", "scram-sha-256"), ("md5user", "md5"), ("clear", "password"), ("trust", "trust")]
    {
        lines += &format!("local all,replication {users} {method}\n");
        lines += &format!("host all,replication {users} 127.0.0.1/32 {method}\n");
    }
    lines += "hostssl all tlsonly 127.0.0.1/32 scram-sha-256\n";
    lines += "hostnossl all plainonly 127.0.0.1/32 scram-sha-256\n";
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_users() {
        for user in User::ALL {
            assert_eq!(user.name().parse::<User>().unwrap(), user);
        }
        assert!("nobody".parse::<User>().is_err());
    }

    #[test]
    fn every_user_may_log_in_somewhere() {
        for user in User::ALL {
            let found = hba().lines().any(|line| {
                line.split_whitespace().nth(2).is_some_and(|users| users.split(',').any(|u| u == user.name()))
            });
            assert!(found, "{user:?}");
        }
    }
}
