//! What a case needs of its target. Where it is missing, the case is skipped.

use std::fmt;

/// Something that a target may lack without breaking the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Need {
    /// It answers `S` to an SSLRequest.
    Tls,
    /// The cases run outside of TLS.
    Cleartext,
    /// It answers `N` to a GSSENCRequest.
    NoGss,
    /// Temporary tables.
    TemporaryTables,
    /// A database in UTF-8.
    Utf8,
    /// COPY.
    Copy,
    /// FunctionCall, for functions of PostgreSQL.
    FunctionCall,
    /// LISTEN and NOTIFY.
    Notify,
    /// Keys to cancel with.
    Cancel,
    /// The account may log in for replication.
    Replication,
    /// The server writes what logical replication needs.
    LogicalReplication,
    /// PL/pgSQL, by DO.
    PlPgSql,
    /// Something that validates tokens of OAuth.
    TokenValidator,
    /// An account is known that logs in by this method.
    Account(Method),
}

/// How a server makes sure who logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// The password in clear text.
    Cleartext,
    /// An MD5 digest.
    Md5,
    /// SCRAM-SHA-256.
    Scram,
    /// A token of OAuth, by OAUTHBEARER.
    OAuth,
    /// Nothing is asked.
    Trust,
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls => "TLS is not offered",
            Self::Cleartext => "the session is inside of TLS",
            Self::NoGss => "GSSAPI encryption is offered",
            Self::TemporaryTables => "there are no temporary tables",
            Self::Utf8 => "the database is not in UTF-8",
            Self::Copy => "there is no COPY",
            Self::FunctionCall => "there is no FunctionCall",
            Self::Notify => "there is no LISTEN and NOTIFY",
            Self::Cancel => "there are no keys to cancel with",
            Self::Replication => "the account may not replicate",
            Self::LogicalReplication => "wal_level is not logical",
            Self::PlPgSql => "there is no DO in PL/pgSQL",
            Self::TokenValidator => "nothing there validates tokens",
            Self::Account(method) => return write!(f, "no --account logs in by {method}"),
        })
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cleartext => "a password in clear text",
            Self::Md5 => "MD5",
            Self::Scram => "SCRAM-SHA-256",
            Self::OAuth => "a token of OAuth",
            Self::Trust => "trust",
        })
    }
}
