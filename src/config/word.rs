use molt_db_protocol::auth::{ChannelBinding, RequireAuth};
use molt_db_protocol::client::AfterCancel;
use molt_db_protocol::message::ProtocolVersion;

use super::error::Problem;
use super::value::{FromValue, Value};

/// Returns the word for a meaning out of a table that has one for each.
pub(super) fn of<T: PartialEq>(words: &[(&'static str, T)], meaning: &T) -> &'static str {
    words.iter().find(|(_, listed)| listed == meaning).map_or("", |(word, _)| word)
}

/// Something that is on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// `0` in connection strings.
    Off,
    /// `1` in connection strings.
    On,
}

impl FromValue for Switch {
    fn from_value(value: Value) -> Result<Self, Problem> {
        value.word(&[("0", Self::Off), ("1", Self::On)], "`0` or `1`")
    }
}

// PG docs: libpq-connect, "min_protocol_version"
impl FromValue for ProtocolVersion {
    fn from_value(value: Value) -> Result<Self, Problem> {
        let words = [("3.0", Self::V3_0), ("3.2", Self::V3_2), ("latest", Self::LATEST)];
        value.word(&words, "`3.0`, `3.2` or `latest`")
    }
}

impl FromValue for AfterCancel {
    fn from_value(value: Value) -> Result<Self, Problem> {
        value.word(&[("reuse", Self::Reuse), ("close", Self::Close)], "`reuse` or `close`")
    }
}

/// Whether a session replicates.
// PG docs: protocol-replication
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replication {
    /// An ordinary session.
    Off,
    /// Physical replication, of the whole server: that is refused.
    Physical,
    /// Logical replication, out of the database: what a
    /// [`ReplicationClient`](crate::replication::ReplicationClient) sets. Such a connection takes commands of the simple
    /// protocol alone.
    Logical,
}

impl FromValue for Replication {
    fn from_value(value: Value) -> Result<Self, Problem> {
        let words = [
            ("", Self::Off),
            ("false", Self::Off),
            ("off", Self::Off),
            ("no", Self::Off),
            ("0", Self::Off),
            ("true", Self::Physical),
            ("on", Self::Physical),
            ("yes", Self::Physical),
            ("1", Self::Physical),
            ("database", Self::Logical),
        ];
        value.word(&words, "`true`, `database` or `false`")
    }
}

/// Whether to encrypt by GSSAPI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GssEncMode {
    Disable,
    Prefer,
    Require,
}

impl FromValue for GssEncMode {
    fn from_value(value: Value) -> Result<Self, Problem> {
        let words = [("disable", Self::Disable), ("prefer", Self::Prefer), ("require", Self::Require)];
        value.word(&words, "`disable`, `prefer` or `require`")
    }
}

/// The encoding of texts. What it is called does not matter if it is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClientEncoding {
    Utf8,
    Other,
}

impl FromValue for ClientEncoding {
    /// Knows the names of UTF8 as the server reads them, and libpq's word for the encoding of the locale.
    fn from_value(value: Value) -> Result<Self, Problem> {
        let mut letters = value.text()?.to_ascii_lowercase();
        letters.retain(|c| c.is_ascii_alphanumeric());
        let is_utf8 = ["", "utf8", "unicode", "auto"].contains(&letters.as_str());
        Ok(if is_utf8 { Self::Utf8 } else { Self::Other })
    }
}

impl FromValue for ChannelBinding {
    fn from_value(value: Value) -> Result<Self, Problem> {
        let words = [("disable", Self::Disable), ("prefer", Self::Prefer), ("require", Self::Require)];
        value.word(&words, "`disable`, `prefer` or `require`")
    }
}

impl FromValue for RequireAuth {
    fn from_value(value: Value) -> Result<Self, Problem> {
        let expected = "methods with commas in between, each once, and all of them or none with a `!`: \
                        `password`, `md5`, `gss`, `sspi`, `scram-sha-256`, `oauth`, `none`";
        value.text()?.parse().map_err(|_| Problem::Expected(expected))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use molt_db_protocol::auth::AuthKind;

    fn read<T: FromValue>(text: &str) -> Result<T, Problem> {
        T::from_value(Value(text.into()))
    }

    #[test]
    fn versions_are_read() {
        assert_eq!(read("3.0"), Ok(ProtocolVersion::V3_0));
        assert_eq!((read("3.2"), read("latest")), (Ok(ProtocolVersion::V3_2), Ok(ProtocolVersion::V3_2)));
        for bad in ["", "3", "3.1", "3.3", "Latest"] {
            assert!(read::<ProtocolVersion>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn switches_are_digits() {
        assert_eq!((read("0"), read("1")), (Ok(Switch::Off), Ok(Switch::On)));
        for bad in ["", "2", "on", "true", " 1"] {
            assert!(read::<Switch>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn replication_is_what_the_server_takes_for_it() {
        for (text, expected) in [
            ("", Replication::Off),
            ("off", Replication::Off),
            ("true", Replication::Physical),
            ("1", Replication::Physical),
            ("database", Replication::Logical),
        ] {
            assert_eq!(read(text), Ok(expected));
        }
        assert!(read::<Replication>("maybe").is_err());
    }

    #[test]
    fn authentication_is_demanded_in_libpqs_words() {
        assert_eq!(read("require"), Ok(ChannelBinding::Require));
        assert!(read::<ChannelBinding>("").is_err());
        assert_eq!(read(""), Ok(RequireAuth::default()));
        assert_eq!(read("scram-sha-256"), Ok(RequireAuth::only(&[AuthKind::ScramSha256])));
        assert!(read::<RequireAuth>("scram-sha-256,!md5").is_err());
    }
}
