//! Certificates for servers under test, made fresh for each server.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

use crate::account::Account;
use crate::error::KitError;

/// What certificate a server shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsSetup {
    /// None: the server answers N to an SSLRequest.
    Off,
    /// A good one for `localhost` and `127.0.0.1`, signed by the CA of [`Server::ca_file`](crate::Server::ca_file).
    #[default]
    Valid,
    /// Like [`TlsSetup::Valid`], but for `elsewhere.invalid`.
    WrongHost,
    /// Like [`TlsSetup::Valid`], but its time ended in 2001.
    Expired,
    /// For the right host, but signed by a CA whose certificate is in no file.
    UnknownCa,
    /// For the right host, signed with its own key.
    SelfSigned,
}

/// The certificate authorities of one server and the folder with its files.
pub(crate) struct Certificates {
    folder: PathBuf,
    ca: Issuer<'static, KeyPair>,
}

impl Certificates {
    /// Makes two authorities and writes their certificates into a new folder: one that signs, and an unrelated one.
    pub(crate) fn create(folder: PathBuf) -> Result<Self, KitError> {
        fs::create_dir(&folder).map_err(KitError::path("create", &folder))?;
        let (ca, pem) = authority("molt-db kit CA").map_err(failed)?;
        write(&folder.join(CA), &pem)?;
        let (_, unrelated) = authority("molt-db kit unrelated CA").map_err(failed)?;
        write(&folder.join(UNRELATED_CA), &unrelated)?;
        Ok(Self { folder, ca })
    }

    /// Writes the server's certificate and key.
    pub(crate) fn issue(&self, setup: TlsSetup, account: Account) -> Result<(), KitError> {
        let (certificate, key) = self.make(setup).map_err(failed)?;
        write(&self.certificate(), &certificate)?;
        let path = self.key();
        write(&path, &key)?;
        account.own(&path)?;
        // A server refuses a key that others may read.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).map_err(KitError::path("protect", path))
    }

    pub(crate) fn ca_file(&self) -> PathBuf {
        self.folder.join(CA)
    }

    pub(crate) fn unrelated_ca_file(&self) -> PathBuf {
        self.folder.join(UNRELATED_CA)
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.join("server.crt")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.folder.join("server.key")
    }

    fn make(&self, setup: TlsSetup) -> Result<(String, String), rcgen::Error> {
        let key = KeyPair::generate()?;
        let hosts: &[&str] = match setup {
            TlsSetup::WrongHost => &["elsewhere.invalid"],
            TlsSetup::Off
            | TlsSetup::Valid
            | TlsSetup::Expired
            | TlsSetup::UnknownCa
            | TlsSetup::SelfSigned => &["localhost", "127.0.0.1"],
        };
        let mut params = CertificateParams::new(hosts.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        params.distinguished_name.push(DnType::CommonName, hosts.concat());
        params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        params.key_usages.push(KeyUsagePurpose::DigitalSignature);
        params.use_authority_key_identifier_extension = true;
        (params.not_before, params.not_after) = (date_time_ymd(2000, 1, 1), date_time_ymd(2099, 1, 1));
        if setup == TlsSetup::Expired {
            params.not_after = date_time_ymd(2001, 1, 1);
        }
        let certificate = match setup {
            TlsSetup::SelfSigned => params.self_signed(&key)?,
            TlsSetup::UnknownCa => params.signed_by(&key, &authority("molt-db kit unknown CA")?.0)?,
            TlsSetup::Off | TlsSetup::Valid | TlsSetup::WrongHost | TlsSetup::Expired => {
                params.signed_by(&key, &self.ca)?
            }
        };
        Ok((certificate.pem(), key.serialize_pem()))
    }
}

fn authority(name: &str) -> Result<(Issuer<'static, KeyPair>, String), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (params.not_before, params.not_after) = (date_time_ymd(2000, 1, 1), date_time_ymd(2099, 1, 1));
    let pem = params.self_signed(&key)?.pem();
    Ok((Issuer::new(params, key), pem))
}

fn write(path: &Path, text: &str) -> Result<(), KitError> {
    fs::write(path, text).map_err(KitError::path("write", path))
}

fn failed(error: rcgen::Error) -> KitError {
    KitError::Setting(format!("no certificate could be made: {error}"))
}

const CA: &str = "ca.crt";
const UNRELATED_CA: &str = "unrelated-ca.crt";
