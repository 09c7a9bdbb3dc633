//! The account that servers run under.
//!
//! PostgreSQL refuses to run as root. Tests run as root therefore start it as `nobody`; what it must read and write
//! then belongs to `nobody` and lies where `nobody` can reach it.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use crate::command;
use crate::error::KitError;

/// Whom a server runs as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Account {
    /// The user who runs the tests.
    Own {
        /// That user's number.
        uid: u32,
    },
    /// The user `nobody`, because the tests run as root.
    Nobody {
        /// The number of the user `nobody`.
        uid: u32,
        /// The number of that user's group.
        gid: u32,
    },
}

impl Account {
    /// Returns the account for this process.
    pub(crate) fn get() -> Result<Self, KitError> {
        static ACCOUNT: OnceLock<Account> = OnceLock::new();
        if let Some(account) = ACCOUNT.get() {
            return Ok(*account);
        }
        let account = match id(&["-u"])? {
            0 => Self::Nobody { uid: id(&["-u", "nobody"])?, gid: id(&["-g", "nobody"])? },
            uid => Self::Own { uid },
        };
        Ok(*ACCOUNT.get_or_init(|| account))
    }

    /// Returns a command that runs `program` under this account, in a clean environment.
    pub(crate) fn command(self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        // Some versions of initdb fail where they cannot read the working directory.
        command.current_dir("/").env_clear();
        command.env("LC_ALL", "C").env("TZ", "UTC").env("PATH", "/usr/bin:/bin");
        if let Self::Nobody { uid, gid } = self {
            // As root, setting the user also drops the supplementary groups.
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Makes `path` this account's own.
    pub(crate) fn own(self, path: &Path) -> Result<(), KitError> {
        match self {
            Self::Own { .. } => Ok(()),
            Self::Nobody { uid, gid } => {
                chown(path, Some(uid), Some(gid)).map_err(KitError::path("change the owner of", path))
            }
        }
    }

    /// Tells whether this account can reach what lies in `folder`; the parts of it that do not exist are not judged.
    pub(crate) fn reaches(self, folder: &Path) -> bool {
        match self {
            Self::Own { .. } => true,
            Self::Nobody { .. } => folder
                .ancestors()
                .filter_map(|part| fs::metadata(part).ok())
                .all(|part| part.permissions().mode() & OTHERS_MAY_ENTER != 0),
        }
    }

    /// Tells whether nobody but the user of this process can have put anything into `folder`.
    pub(crate) fn alone_writes(self, folder: &Path) -> bool {
        let user = match self {
            Self::Own { uid } => uid,
            Self::Nobody { .. } => 0,
        };
        fs::symlink_metadata(folder).is_ok_and(|found| {
            found.is_dir() && found.uid() == user && found.permissions().mode() & OTHERS_MAY_WRITE == 0
        })
    }
}

fn id(arguments: &[&str]) -> Result<u32, KitError> {
    let output = command::output(Command::new("id").args(arguments))?;
    output.trim().parse().map_err(|_| KitError::Setting(format!("`id` printed {output:?}, not a number")))
}

const OTHERS_MAY_ENTER: u32 = 0o001;
const OTHERS_MAY_WRITE: u32 = 0o002;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_runs_as_someone_other_than_root_in_a_clean_environment() {
        let account = Account::get().unwrap();
        let uid = command::output(account.command("id").arg("-u")).unwrap();
        assert_ne!(uid.trim(), "0");
        let environment = command::output(&mut account.command("env")).unwrap();
        assert!(environment.contains("LC_ALL=C"));
        assert!(!environment.contains("HOME="), "{environment}");
    }

    #[test]
    fn a_folder_behind_a_locked_one_is_not_reachable_for_nobody() {
        let folder = std::env::temp_dir().join(format!("molt-db-kit-locked-{}", std::process::id()));
        fs::create_dir_all(folder.join("inner")).unwrap();
        let nobody = Account::Nobody { uid: 65534, gid: 65534 };
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o711)).unwrap();
        assert!(nobody.reaches(&folder.join("inner")));
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
        assert!(!nobody.reaches(&folder.join("inner")));
        assert!(!nobody.reaches(&folder.join("not/there")));
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_folder_that_others_may_write_is_not_trusted() {
        let folder = std::env::temp_dir().join(format!("molt-db-kit-open-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let account = Account::get().unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(account.alone_writes(&folder));
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(!account.alone_writes(&folder));
        fs::remove_dir(&folder).unwrap();
    }
}
