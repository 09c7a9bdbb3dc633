use std::fs;
use std::path::Path;

use rustls::pki_types::pem::PemObject;

use crate::error::ConnectCause;

/// Reads what a file in PEM format has of one kind: at least one.
pub(super) fn read<T: PemObject>(
    option: &'static str,
    path: &Path,
    kind: &str,
) -> Result<Vec<T>, ConnectCause> {
    let refuse = |problem: String| refused(option, path, problem);
    let text = fs::read(path).map_err(|error| refuse(error.to_string()))?;
    let found: Result<Vec<T>, _> = T::pem_slice_iter(&text).collect();
    match found {
        Ok(found) if found.is_empty() => Err(refuse(format!("no {kind} in it"))),
        found => found.map_err(|error| refuse(error.to_string())),
    }
}

pub(super) fn refused(option: &'static str, path: &Path, problem: impl std::fmt::Display) -> ConnectCause {
    ConnectCause::File { option, problem: format!("{}: {problem}", path.display()) }
}
