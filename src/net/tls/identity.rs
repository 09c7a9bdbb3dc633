use std::fs::{self, File, Metadata};
use std::io::Read;
use std::path::Path;

use molt_db_protocol::auth::Secret;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::pem;
use crate::error::ConnectCause;

/// Reads our own certificate, with those that lead to its authority, and its key.
// PG docs: libpq-ssl, "Client Certificates"
pub(super) fn read(
    certificate: &Path,
    key: &Path,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, ConnectCause> {
    let chain: Vec<CertificateDer<'_>> = pem::read("sslcert", certificate, "certificate")?;
    let secret = read_key(key).map_err(|problem| pem::refused(KEY, key, problem))?;
    CertifiedKey::from_der(chain, secret, provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => pem::refused(
            KEY,
            key,
            format!("it is not the key of the certificate in {}", certificate.display()),
        ),
        error => {
            pem::refused(KEY, key, format!("with the certificate in {}: {error}", certificate.display()))
        }
    })
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    // Before it is opened: a pipe would wait for its writer.
    if !fs::metadata(path).map_err(text)?.is_file() {
        return Err("it is not a plain file".to_owned());
    }
    let mut file = File::open(path).map_err(text)?;
    check_access(&file.metadata().map_err(text)?)?;
    let mut content = Vec::new();
    let read = file.read_to_end(&mut content).map_err(text);
    let content = Secret::new(content);
    read.and_then(|_| parse_key(content.expose()))
}

/// In PEM format, or else bare, as libpq takes it.
fn parse_key(content: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    let says = |words: &[u8]| content.windows(words.len()).any(|window| window == words);
    if says(b"BEGIN ENCRYPTED PRIVATE KEY") || says(b"Proc-Type: 4,ENCRYPTED") {
        return Err("the key is encrypted, and encrypted keys are not read".to_owned());
    }
    if says(b"-----BEGIN") {
        return PrivateKeyDer::from_pem_slice(content)
            .map_err(|_| "no key in it that can be read".to_owned());
    }
    let bare =
        PrivateKeyDer::try_from(content).map_err(|_| "it holds no key, in PEM or in DER".to_owned())?;
    Ok(bare.clone_key())
}

/// What the group may read has to be the superuser's, as with keys that several services share.
// PG docs: libpq-ssl, "Client Certificates"
#[cfg(unix)]
fn check_access(metadata: &Metadata) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt;
    let (mode, owner) = (metadata.mode() & 0o7777, metadata.uid());
    let forbidden = if owner == 0 { 0o037 } else { 0o077 };
    if mode & forbidden == 0 {
        return Ok(());
    }
    Err(format!(
        "its mode {mode:04o} lets others than its owner at the key; 0600 does not, nor 0640 if it is root's"
    ))
}

#[cfg(not(unix))]
fn check_access(_: &Metadata) -> Result<(), String> {
    Ok(())
}

fn text(error: std::io::Error) -> String {
    error.to_string()
}

const KEY: &str = "sslkey";
