use std::fmt;
use std::path::PathBuf;

use super::error::Problem;

/// Whether a connection is encrypted, and how far the server's certificate is checked. Unix sockets are never
/// encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SslMode {
    /// Never encrypted.
    Disable,
    /// Encrypted if the server can. Whoever sits in between can pretend that it cannot: no protection against them.
    Prefer,
    /// Encrypted, whoever the server is: protects from those who listen, not from those who answer in its place. With a
    /// file of authorities it acts as [`SslMode::VerifyCa`], as in libpq.
    Require,
    /// Encrypted, with a certificate signed by an authority of [`SslRootCert::File`].
    VerifyCa,
    /// Encrypted, with a certificate signed by a trusted authority for the host that was asked for.
    VerifyFull,
}

impl SslMode {
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        match text {
            "disable" => Ok(Self::Disable),
            "allow" => Err(Problem::Unsupported(
                "`allow` tries without encryption first; choose `prefer` or `disable`",
            )),
            "prefer" => Ok(Self::Prefer),
            "require" => Ok(Self::Require),
            "verify-ca" => Ok(Self::VerifyCa),
            "verify-full" => Ok(Self::VerifyFull),
            _ => Err(Problem::Expected("`disable`, `prefer`, `require`, `verify-ca` or `verify-full`")),
        }
    }
}

impl fmt::Display for SslMode {
    /// Writes the name that connection strings use.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        })
    }
}

/// The authorities that may sign a server's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SslRootCert {
    /// Those that the operating system trusts. Anybody can get a certificate from them, so only
    /// [`SslMode::VerifyFull`] goes with it.
    System,
    /// Those in this file, in PEM format.
    File(PathBuf),
}

impl From<&str> for SslRootCert {
    /// `system` is the system's store, all else the path of a file.
    fn from(text: &str) -> Self {
        match text {
            "system" => Self::System,
            path => Self::File(path.into()),
        }
    }
}

impl From<PathBuf> for SslRootCert {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_read_as_they_are_written() {
        for mode in
            [SslMode::Disable, SslMode::Prefer, SslMode::Require, SslMode::VerifyCa, SslMode::VerifyFull]
        {
            assert_eq!(SslMode::parse(&mode.to_string()), Ok(mode));
        }
    }

    #[test]
    fn allow_is_refused_by_name_and_case_matters() {
        assert!(matches!(SslMode::parse("allow"), Err(Problem::Unsupported(_))));
        for bad in ["Disable", "", "verify_full", "true"] {
            assert!(matches!(SslMode::parse(bad), Err(Problem::Expected(_))), "{bad}");
        }
    }
}
