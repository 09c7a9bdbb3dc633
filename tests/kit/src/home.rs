//! The temporary folder of one server.

use std::env;
use std::fs;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::account::Account;
use crate::error::KitError;
use crate::watchdog::Watchdog;

/// A folder that goes when this value goes, or when the process ends in any other way.
pub(crate) struct Home {
    path: PathBuf,
    _watchdog: Watchdog,
}

impl Home {
    /// Makes a new folder that only the server's account, and root, can enter.
    pub(crate) fn create() -> Result<Self, KitError> {
        let account = Account::get()?;
        let path = base(account).join(format!("molt-db-{}", random_word()?));
        // First the guard, then what it guards: a process may be killed between the two.
        let watchdog = Watchdog::guard(&path)?;
        fs::DirBuilder::new().mode(0o700).create(&path).map_err(KitError::path("create", &path))?;
        account.own(&path)?;
        Ok(Self { path, _watchdog: watchdog })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn data(&self) -> PathBuf {
        // The watchdog's script knows this name.
        self.path.join("data")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.path.join("log")
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        match fs::remove_dir_all(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                eprintln!("molt-db kit: cannot remove {}: {error}", self.path.display());
            }
            Ok(()) | Err(_) => {}
        }
    }
}

/// Sockets lie in this folder, and the path of a socket may be no longer than about 100 bytes.
fn base(account: Account) -> PathBuf {
    let usual = env::temp_dir();
    if usual.as_os_str().len() <= LONGEST_BASE && usual.is_absolute() && account.reaches(&usual) {
        return usual;
    }
    PathBuf::from("/tmp")
}

/// Returns 24 hexadecimal digits that nobody can guess.
pub(crate) fn random_word() -> Result<String, KitError> {
    let mut bytes = [0; 12];
    let source = "/dev/urandom";
    let mut file = fs::File::open(source).map_err(KitError::path("open", source))?;
    file.read_exact(&mut bytes).map_err(KitError::path("read", source))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

const LONGEST_BASE: usize = 50;
