use std::path::Path;

use molt_db::Config;
use molt_db::config::{SslMode, SslRootCert};
use molt_db::rustls::crypto::ring;
use molt_db::rustls::pki_types::CertificateDer;
use molt_db::rustls::pki_types::pem::PemObject;
use molt_db::rustls::{ClientConfig, RootCertStore};

use crate::failure::Failure;

/// Returns the file with the authority that signs the server's certificate; `None` is a connection in the clear.
pub(super) fn root(config: &Config) -> Result<Option<&Path>, Failure> {
    match (config.get_ssl_mode(), config.get_ssl_root_cert()) {
        (SslMode::Disable, _) => Ok(None),
        (SslMode::VerifyFull, Some(SslRootCert::File(path))) => Ok(Some(path)),
        _ => Err("lanes other than ours take sslmode=disable, or verify-full with sslrootcert".into()),
    }
}

/// Makes a configuration of rustls that verifies by the authorities in that file.
pub(super) fn trust(root: &Path) -> Result<ClientConfig, Failure> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(root)? {
        roots.add(certificate?)?;
    }
    let builder = ClientConfig::builder_with_provider(ring::default_provider().into());
    Ok(builder.with_safe_default_protocol_versions()?.with_root_certificates(roots).with_no_client_auth())
}
