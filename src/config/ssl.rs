use std::fmt;
use std::path::PathBuf;

use super::error::Problem;
use super::value::{FromValue, Value};
use super::word;

/// Whether a connection is encrypted, and how far the server's certificate is checked. Unix sockets are never
/// encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SslMode {
    /// Never encrypted.
    Disable,
    /// Encrypted only if the server does not let anyone in without. No protection from anybody.
    Allow,
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
    const WORDS: [(&str, Self); 6] = [
        ("disable", Self::Disable),
        ("allow", Self::Allow),
        ("prefer", Self::Prefer),
        ("require", Self::Require),
        ("verify-ca", Self::VerifyCa),
        ("verify-full", Self::VerifyFull),
    ];
}

impl FromValue for SslMode {
    fn from_value(value: Value) -> Result<Self, Problem> {
        value.word(&Self::WORDS, "`disable`, `allow`, `prefer`, `require`, `verify-ca` or `verify-full`")
    }
}

impl fmt::Display for SslMode {
    /// Writes the name that connection strings use.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(word::of(&Self::WORDS, self))
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

impl FromValue for SslRootCert {
    fn from_value(value: Value) -> Result<Self, Problem> {
        value.text().map(|text| text.as_str().into())
    }
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

/// How TLS begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslNegotiation {
    /// With a question to the server, which any server understands.
    Postgres,
    /// At once, which saves a round trip; a server older than version 17 does not understand it.
    Direct,
}

impl SslNegotiation {
    const WORDS: [(&str, Self); 2] = [("postgres", Self::Postgres), ("direct", Self::Direct)];
}

impl FromValue for SslNegotiation {
    fn from_value(value: Value) -> Result<Self, Problem> {
        value.word(&Self::WORDS, "`postgres` or `direct`")
    }
}

impl fmt::Display for SslNegotiation {
    /// Writes the name that connection strings use.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(word::of(&Self::WORDS, self))
    }
}

/// Whether to show a certificate of our own to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslCertMode {
    /// Never.
    Disable,
    /// If the server asks for one and one is configured.
    Allow,
    /// Always: a server that does not ask for one is refused.
    Require,
}

impl SslCertMode {
    const WORDS: [(&str, Self); 3] =
        [("disable", Self::Disable), ("allow", Self::Allow), ("require", Self::Require)];
}

impl FromValue for SslCertMode {
    fn from_value(value: Value) -> Result<Self, Problem> {
        value.word(&Self::WORDS, "`disable`, `allow` or `require`")
    }
}

impl fmt::Display for SslCertMode {
    /// Writes the name that connection strings use.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(word::of(&Self::WORDS, self))
    }
}

/// A version of TLS. 1.0 and 1.1 are never spoken: as a minimum they allow everything, as a maximum nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.0.
    V1_0,
    /// TLS 1.1.
    V1_1,
    /// TLS 1.2.
    V1_2,
    /// TLS 1.3.
    V1_3,
}

impl TlsVersion {
    const WORDS: [(&str, Self); 4] =
        [("TLSv1", Self::V1_0), ("TLSv1.1", Self::V1_1), ("TLSv1.2", Self::V1_2), ("TLSv1.3", Self::V1_3)];
}

impl FromValue for Option<TlsVersion> {
    /// Empty is no limit, and upper and lower case do not matter, as in libpq.
    fn from_value(value: Value) -> Result<Self, Problem> {
        let text = value.text()?;
        if text.is_empty() {
            return Ok(None);
        }
        let found = TlsVersion::WORDS.into_iter().find(|(word, _)| word.eq_ignore_ascii_case(&text));
        let (_, version) =
            found.ok_or(Problem::Expected("`TLSv1`, `TLSv1.1`, `TLSv1.2`, `TLSv1.3` or nothing"))?;
        Ok(Some(version))
    }
}

impl fmt::Display for TlsVersion {
    /// Writes the name that connection strings use.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(word::of(&Self::WORDS, self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: FromValue>(text: &str) -> Result<T, Problem> {
        T::from_value(Value(text.into()))
    }

    #[test]
    fn every_word_is_read_as_it_is_written() {
        for (word, mode) in SslMode::WORDS {
            assert_eq!((read(word), mode.to_string()), (Ok(mode), word.to_owned()));
        }
        for (word, negotiation) in SslNegotiation::WORDS {
            assert_eq!((read(word), negotiation.to_string()), (Ok(negotiation), word.to_owned()));
        }
        for (word, mode) in SslCertMode::WORDS {
            assert_eq!((read(word), mode.to_string()), (Ok(mode), word.to_owned()));
        }
        for (word, version) in TlsVersion::WORDS {
            assert_eq!((read(word), version.to_string()), (Ok(Some(version)), word.to_owned()));
        }
    }

    #[test]
    fn case_matters_but_for_versions() {
        for bad in ["Disable", "", "verify_full", "true", "require "] {
            assert!(matches!(read::<SslMode>(bad), Err(Problem::Expected(_))), "{bad}");
        }
        assert_eq!(read("tlsV1.3"), Ok(Some(TlsVersion::V1_3)));
        assert_eq!(read::<Option<TlsVersion>>(""), Ok(None));
        for bad in ["1.3", "SSLv3", "TLSv1.4", "TLSv1.3 "] {
            assert!(read::<Option<TlsVersion>>(bad).is_err(), "{bad}");
        }
    }
}
