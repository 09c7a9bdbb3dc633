use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rustls::KeyLog;

use super::pem;
use crate::error::ConnectCause;

/// Appends the secrets of each session to a file, in the format that Wireshark reads.
// RFC 9850 (SSLKEYLOGFILE)
#[derive(Debug)]
pub(super) struct KeyLogFile {
    file: Mutex<File>,
}

impl KeyLogFile {
    /// Opens the file, or makes one that only its owner may read.
    pub(super) fn open(path: &Path) -> Result<Self, ConnectCause> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|error| pem::refused("sslkeylogfile", path, error))?;
        Ok(Self { file: Mutex::new(file) })
    }
}

impl KeyLog for KeyLogFile {
    /// A full disk is no reason to end a session.
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let line = format!("{label} {} {}\n", hex(client_random), hex(secret));
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = file.write_all(line.as_bytes());
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
