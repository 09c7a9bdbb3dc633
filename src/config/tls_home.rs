use std::path::PathBuf;

use super::SslRootCert;

/// The files of TLS that libpq looks for in the user's home, those of them that are there.
// PG docs: libpq-ssl, "SSL File Usage"
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct TlsHome {
    pub(super) root_cert: Option<SslRootCert>,
    pub(super) crl: Option<PathBuf>,
    pub(super) cert: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
}

impl TlsHome {
    /// Looks for them; `in_home` returns the place of a file. `None` if there is none of them.
    pub(super) fn find(in_home: impl Fn(&str) -> Option<PathBuf>) -> Option<Self> {
        let find = |name: &str| in_home(name).filter(|path| path.exists());
        let found = Self {
            root_cert: find("root.crt").map(SslRootCert::File),
            crl: find("root.crl"),
            cert: find("postgresql.crt"),
            key: find("postgresql.key"),
        };
        (found != Self::default()).then_some(found)
    }
}
