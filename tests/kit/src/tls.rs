//! Certificates for servers under test, made fresh for each server.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PKCS_ED25519, RevokedCertParams, SerialNumber,
    date_time_ymd,
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
    /// Like [`TlsSetup::SelfSigned`], and says that it is an authority, as `openssl req -x509` has it.
    SelfSignedAuthority,
    /// Like [`TlsSetup::Valid`], but the host is in its common name only.
    CommonNameOnly,
    /// Like [`TlsSetup::Valid`], but signed with Ed25519, by an authority that is in
    /// [`Server::ca_file`](crate::Server::ca_file) too: no hash is defined to bind a login to it.
    Unbindable,
}

/// A list of revoked certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationList {
    /// Nobody is on it.
    Empty,
    /// The server's certificate is on it.
    Server,
    /// Nobody is on it, and its time ended in 2001.
    Expired,
}

/// The certificate authorities of one server and the folder with its files.
pub(crate) struct Certificates {
    folder: PathBuf,
    ca: Issuer<'static, KeyPair>,
    ed25519_ca: Issuer<'static, KeyPair>,
}

impl Certificates {
    /// Makes two authorities and writes their certificates into a new folder: one that signs, and an unrelated one.
    pub(crate) fn create(folder: PathBuf) -> Result<Self, KitError> {
        fs::create_dir(&folder).map_err(KitError::path("create", &folder))?;
        let (ca, pem) = authority("molt-db kit CA").map_err(failed)?;
        let ed25519_key = KeyPair::generate_for(&PKCS_ED25519).map_err(failed)?;
        let (ed25519_ca, ed25519_pem) =
            authority_with("molt-db kit Ed25519 CA", ed25519_key).map_err(failed)?;
        write(&folder.join(CA), &(pem + &ed25519_pem))?;
        let (_, unrelated) = authority("molt-db kit unrelated CA").map_err(failed)?;
        write(&folder.join(UNRELATED_CA), &unrelated)?;
        Ok(Self { folder, ca, ed25519_ca })
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

    /// Writes a certificate for a user and its key, signed by the CA, and returns the two files.
    pub(crate) fn issue_to_user(&self, name: &str) -> Result<(PathBuf, PathBuf), KitError> {
        let key = KeyPair::generate().map_err(failed)?;
        let mut params = CertificateParams::new(Vec::new()).map_err(failed)?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
        params.key_usages.push(KeyUsagePurpose::DigitalSignature);
        let certificate = params.signed_by(&key, &self.ca).map_err(failed)?;
        let file = |ending: &str| self.folder.join(format!("user-{name}.{ending}"));
        let (certificate_file, key_file) = (file("crt"), file("key"));
        write(&certificate_file, &certificate.pem())?;
        write(&key_file, &key.serialize_pem())?;
        fs::set_permissions(&key_file, fs::Permissions::from_mode(0o600))
            .map_err(KitError::path("protect", &key_file))?;
        Ok((certificate_file, key_file))
    }

    /// Writes a list of revoked certificates, signed by the CA.
    pub(crate) fn revoke(&self, list: RevocationList) -> Result<PathBuf, KitError> {
        let revoked = RevokedCertParams {
            serial_number: SerialNumber::from(SERVER_SERIAL),
            revocation_time: date_time_ymd(2000, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2000, 1, 1),
            next_update: date_time_ymd(if list == RevocationList::Expired { 2001 } else { 2099 }, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: if list == RevocationList::Server { vec![revoked] } else { Vec::new() },
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let path = self.folder.join(format!("{list:?}.crl").to_lowercase());
        write(&path, &params.signed_by(&self.ca).and_then(|list| list.pem()).map_err(failed)?)?;
        Ok(path)
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
        let (common_name, hosts): (_, &[&str]) = match setup {
            TlsSetup::WrongHost => ("elsewhere.invalid", &["elsewhere.invalid"]),
            TlsSetup::CommonNameOnly => ("localhost", &[]),
            TlsSetup::Off
            | TlsSetup::Valid
            | TlsSetup::Expired
            | TlsSetup::UnknownCa
            | TlsSetup::SelfSigned
            | TlsSetup::SelfSignedAuthority
            | TlsSetup::Unbindable => ("molt-db kit server", &["localhost", "127.0.0.1"]),
        };
        let mut params = CertificateParams::new(hosts.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.serial_number = Some(SerialNumber::from(SERVER_SERIAL));
        params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        params.key_usages.push(KeyUsagePurpose::DigitalSignature);
        params.use_authority_key_identifier_extension = true;
        (params.not_before, params.not_after) = (date_time_ymd(2000, 1, 1), date_time_ymd(2099, 1, 1));
        if setup == TlsSetup::Expired {
            params.not_after = date_time_ymd(2001, 1, 1);
        }
        if setup == TlsSetup::SelfSignedAuthority {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages.push(KeyUsagePurpose::KeyCertSign);
        }
        let certificate = match setup {
            TlsSetup::SelfSigned | TlsSetup::SelfSignedAuthority => params.self_signed(&key)?,
            TlsSetup::Unbindable => params.signed_by(&key, &self.ed25519_ca)?,
            TlsSetup::UnknownCa => params.signed_by(&key, &authority("molt-db kit unknown CA")?.0)?,
            TlsSetup::Off
            | TlsSetup::Valid
            | TlsSetup::WrongHost
            | TlsSetup::Expired
            | TlsSetup::CommonNameOnly => params.signed_by(&key, &self.ca)?,
        };
        Ok((certificate.pem(), key.serialize_pem()))
    }
}

fn authority(name: &str) -> Result<(Issuer<'static, KeyPair>, String), rcgen::Error> {
    authority_with(name, KeyPair::generate()?)
}

fn authority_with(name: &str, key: KeyPair) -> Result<(Issuer<'static, KeyPair>, String), rcgen::Error> {
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
const SERVER_SERIAL: u64 = 77;
