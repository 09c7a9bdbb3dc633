use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateRevocationListDer;

use super::pem;
use crate::config::Config;
use crate::error::ConnectCause;

/// Reads the lists of revoked certificates, none if none are named.
// PG docs: libpq-connect, "sslcrl" and "sslcrldir". What libpq passes over, a list that cannot be read, is an error.
pub(super) fn read(config: &Config) -> Result<Vec<CertificateRevocationListDer<'static>>, ConnectCause> {
    let mut lists = BTreeSet::new();
    if let Some(path) = config.get_ssl_crl() {
        lists.extend(of_file("sslcrl", path)?);
    }
    if let Some(folder) = config.get_ssl_crl_dir() {
        lists.extend(of_folder(folder)?);
    }
    Ok(lists.into_iter().map(Into::into).collect())
}

fn of_file(option: &'static str, path: &Path) -> Result<Vec<Vec<u8>>, ConnectCause> {
    let lists: Vec<CertificateRevocationListDer<'_>> =
        pem::read(option, path, "list of revoked certificates")?;
    Ok(lists.into_iter().map(|list| list.as_ref().to_vec()).collect())
}

fn of_folder(folder: &Path) -> Result<Vec<Vec<u8>>, ConnectCause> {
    let unreadable = |error| pem::refused(FOLDER, folder, error);
    let entries: Result<Vec<_>, _> = fs::read_dir(folder).map_err(unreadable)?.collect();
    let paths: Vec<_> = entries.map_err(unreadable)?.into_iter().map(|entry| entry.path()).collect();
    let lists: Result<Vec<_>, _> =
        paths.into_iter().filter(is_list).map(|path| of_file(FOLDER, &path)).collect();
    match lists?.concat() {
        lists if lists.is_empty() => Err(pem::refused(
            FOLDER,
            folder,
            "no list of revoked certificates in it; their names are those that `openssl rehash` gives",
        )),
        lists => Ok(lists),
    }
}

/// `openssl rehash` calls lists by eight hexadecimal digits, `.r` and a number.
#[expect(clippy::ptr_arg, reason = "what `filter` passes")]
fn is_list(path: &PathBuf) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let Some((hash, number)) = name.and_then(|name| name.split_once(".r")) else { return false };
    hash.len() == 8
        && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

const FOLDER: &str = "sslcrldir";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_told_by_their_names() {
        for (name, expected) in [
            ("0a1b2c3d.r0", true),
            ("0a1b2c3d.r12", true),
            ("0a1b2c3d.0", false),
            ("0a1b2c3d.r", false),
            ("0a1b2c3.r0", false),
            ("0a1b2c3x.r0", false),
            ("0a1b2c3d.r0.bak", false),
            ("root.crl", false),
        ] {
            assert_eq!(is_list(&Path::new("/crl").join(name)), expected, "{name}");
        }
    }
}
