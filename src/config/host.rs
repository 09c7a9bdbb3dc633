use std::borrow::Cow;
use std::net::IpAddr;
use std::path::PathBuf;

use super::error::Problem;

/// Where a server is to be found, as the user names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// A host name or a numeric address, reached by TCP.
    Name(String),
    /// The directory that holds the server's Unix socket, `/var/run/postgresql` for example; or a name in the abstract
    /// namespace of Linux, with an `@` in front.
    SocketDir(PathBuf),
}

impl Host {
    pub(super) fn check(&self) -> Result<(), Problem> {
        let text = match self {
            Self::Name(name) => Cow::from(name),
            Self::SocketDir(path) => path.to_string_lossy(),
        };
        if text.is_empty() {
            Err(Problem::Expected("a host name, an address or a directory"))
        } else if text.contains('\0') {
            Err(Problem::Refused("a NUL byte cannot be part of a host"))
        } else if text.contains(',') {
            Err(Problem::Refused("a comma cannot be part of a host"))
        } else {
            Ok(())
        }
    }
}

impl From<&str> for Host {
    /// What starts with a slash or an `@` is a directory, all else a name.
    fn from(text: &str) -> Self {
        if text.starts_with(['/', '@']) { Self::SocketDir(text.into()) } else { Self::Name(text.to_owned()) }
    }
}

impl From<String> for Host {
    /// What starts with a slash or an `@` is a directory, all else a name.
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<PathBuf> for Host {
    fn from(directory: PathBuf) -> Self {
        Self::SocketDir(directory)
    }
}

/// What a connection dials: one of the hosts of a configuration, with its defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A TCP port.
    Tcp {
        /// The name to resolve, and the name that the server's certificate has to bear.
        host: String,
        /// The address to dial instead of resolving the name.
        address: Option<IpAddr>,
        /// The port, not 0.
        port: u16,
    },
    /// A Unix socket.
    Unix {
        /// The socket's own path: `.s.PGSQL.` and the port, in its directory. An `@` in front stands for the NUL with
        /// which the abstract namespace begins.
        path: PathBuf,
    },
}

impl Endpoint {
    /// An address wins over everything else; without host and address it is `localhost`.
    pub(super) fn new(host: Option<&Host>, address: Option<IpAddr>, port: u16) -> Self {
        match (host, address) {
            (Some(Host::SocketDir(directory)), None) => {
                Self::Unix { path: directory.join(format!(".s.PGSQL.{port}")) }
            }
            (Some(Host::Name(name)), address) => Self::Tcp { host: name.clone(), address, port },
            (_, Some(address)) => Self::Tcp { host: address.to_string(), address: Some(address), port },
            (None, None) => Self::Tcp { host: "localhost".to_owned(), address: None, port },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

    fn tcp(host: &str, address: Option<IpAddr>) -> Endpoint {
        Endpoint::Tcp { host: host.into(), address, port: 5432 }
    }

    #[test]
    fn a_leading_slash_or_at_makes_a_directory() {
        assert_eq!(Host::from("/tmp"), Host::SocketDir("/tmp".into()));
        assert_eq!(Host::from("@app"), Host::SocketDir("@app".into()));
        assert_eq!(Host::from("db".to_owned()), Host::Name("db".to_owned()));
        assert_eq!(Host::from("tmp/x"), Host::Name("tmp/x".to_owned()));
    }

    #[test]
    fn the_endpoint_fills_in_the_defaults() {
        assert_eq!(Endpoint::new(None, None, 5432), tcp("localhost", None));
        assert_eq!(Endpoint::new(Some(&"db".into()), None, 5432), tcp("db", None));
        let unix = Endpoint::Unix { path: "/tmp/.s.PGSQL.5433".into() };
        assert_eq!(Endpoint::new(Some(&"/tmp".into()), None, 5433), unix);
        let abstract_name = Endpoint::Unix { path: "@app/.s.PGSQL.5433".into() };
        assert_eq!(Endpoint::new(Some(&"@app".into()), None, 5433), abstract_name);
    }

    #[test]
    fn an_address_wins_and_the_name_stays_for_the_certificate() {
        assert_eq!(Endpoint::new(Some(&"db".into()), Some(ADDRESS), 5432), tcp("db", Some(ADDRESS)));
        assert_eq!(Endpoint::new(None, Some(ADDRESS), 5432), tcp("10.0.0.1", Some(ADDRESS)));
        assert_eq!(Endpoint::new(Some(&"/tmp".into()), Some(ADDRESS), 5432), tcp("10.0.0.1", Some(ADDRESS)));
    }

    #[test]
    fn hosts_that_cannot_be_dialled_are_refused() {
        for bad in ["", "a,b", "/tmp,/var", "a\0b", "/a\0"] {
            assert!(Host::from(bad).check().is_err(), "{bad:?}");
        }
        assert_eq!(Host::from("::1").check(), Ok(()));
    }
}
