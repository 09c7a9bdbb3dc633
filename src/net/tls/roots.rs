use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use super::pem;
use crate::config::SslRootCert;
use crate::error::ConnectCause;

/// The authorities that are trusted.
pub(super) struct Roots {
    pub(super) store: RootCertStore,
    /// Those of a file, as they stand there. A server may show one of them as its own.
    pub(super) certificates: Vec<CertificateDer<'static>>,
}

impl Roots {
    /// Reads them from a file, or from the system's store.
    pub(super) fn read(roots: Option<&SslRootCert>) -> Result<Self, ConnectCause> {
        match roots {
            Some(SslRootCert::File(path)) => {
                let certificates: Vec<CertificateDer<'_>> = pem::read(OPTION, path, "certificate")?;
                let mut store = RootCertStore::empty();
                for certificate in &certificates {
                    store.add(certificate.clone()).map_err(|error| pem::refused(OPTION, path, error))?;
                }
                Ok(Self { store, certificates })
            }
            Some(SslRootCert::System) | None => of_system(),
        }
    }
}

fn of_system() -> Result<Roots, ConnectCause> {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if store.is_empty() {
        return Err(ConnectCause::File {
            option: OPTION,
            problem: "the system has no root certificates".to_owned(),
        });
    }
    Ok(Roots { store, certificates: Vec::new() })
}

const OPTION: &str = "sslrootcert";
