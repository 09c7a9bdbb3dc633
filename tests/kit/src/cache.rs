//! The folder where fetched servers and prepared data folders are kept between runs.

use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::account::Account;
use crate::error::KitError;

/// Returns the cache folder, made if need be.
///
/// The user's own cache folder comes first: `$XDG_CACHE_HOME`, else `~/Library/Caches` on macOS and `~/.cache`
/// elsewhere. A server that tests start as root runs as `nobody`, who often cannot enter root's home; then it is
/// `/var/cache`, and as a last resort a folder among the temporary ones.
pub(crate) fn folder() -> Result<PathBuf, KitError> {
    let account = Account::get()?;
    let mut refused = Vec::new();
    for base in bases(account) {
        if !account.reaches(&base) {
            refused.push(format!("{} (out of reach for nobody)", base.display()));
            continue;
        }
        let folder = base.join("molt-db").join("postgres");
        match make_folders(&folder, 0o755) {
            Ok(()) if ours(account, &folder) => return Ok(folder),
            Ok(()) => {
                refused
                    .push(format!("{} (others may write it, or nobody cannot reach it)", folder.display()));
            }
            Err(error) => refused.push(format!("{} ({error})", folder.display())),
        }
    }
    Err(KitError::Setting(format!("no folder to cache servers in; tried: {}", refused.join(", "))))
}

/// Makes an entry of the cache, unless it is there.
///
/// `fill` is given a new empty folder. What it leaves there becomes `name` in one step, so that no other process ever
/// sees half of it. Of several processes that do the same, the first to finish wins and all use its work.
pub(crate) fn entry(
    name: &str,
    fill: impl FnOnce(&Path) -> Result<(), KitError>,
) -> Result<PathBuf, KitError> {
    let cache = folder()?;
    let entry = cache.join(name);
    if entry.exists() {
        return Ok(entry);
    }
    let draft = Draft::new(&cache)?;
    fill(&draft.path)?;
    match fs::rename(&draft.path, &entry) {
        Ok(()) => Ok(entry),
        Err(_) if entry.exists() => Ok(entry),
        Err(error) => Err(KitError::path("move a finished folder to", entry)(error)),
    }
}

/// Programs from a folder that others may fill must not be run, nor may the folder above be theirs to swap.
fn ours(account: Account, folder: &Path) -> bool {
    let parent = folder.parent().unwrap_or(folder);
    account.alone_writes(parent) && account.alone_writes(folder) && account.reaches(folder)
}

fn bases(account: Account) -> Vec<PathBuf> {
    let home_cache = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
    let of_user = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let of_home = env::var_os("HOME").map(|home| Path::new(&home).join(home_cache));
    let mut bases: Vec<_> = of_user.into_iter().chain(of_home).collect();
    if matches!(account, Account::Nobody { .. }) {
        bases.push(PathBuf::from("/var/cache"));
    }
    bases.push(env::temp_dir());
    bases
}

fn make_folders(path: &Path, mode: u32) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(mode).create(path)
}

/// A folder that is removed again unless it was renamed.
struct Draft {
    path: PathBuf,
}

impl Draft {
    fn new(cache: &Path) -> Result<Self, KitError> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = cache.join(format!("draft-{}-{number}", process::id()));
        // Left by a process that was killed and had the same number.
        if path.exists() {
            fs::remove_dir_all(&path).map_err(KitError::path("remove", &path))?;
        }
        fs::create_dir(&path).map_err(KitError::path("create", &path))?;
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&path, mode).map_err(KitError::path("open up", &path))?;
        Ok(Self { path })
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After the rename there is nothing left to remove.
        let _ = fs::remove_dir_all(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_filled_once_and_a_failed_one_leaves_nothing() {
        let name = format!("test-entry-{}", process::id());
        let failed = entry(&name, |_| Err(KitError::Setting("no".to_owned())));
        assert!(failed.is_err());
        let made = entry(&name, |path| fs::write(path.join("file"), "x").map_err(KitError::io("write")));
        let path = made.unwrap();
        assert!(path.join("file").is_file());
        assert_eq!(entry(&name, |_| panic!("filled twice")).unwrap(), path);
        fs::remove_dir_all(&path).unwrap();
        let prefix = format!("draft-{}-", process::id());
        let drafts = fs::read_dir(folder().unwrap()).unwrap();
        let left = drafts.filter(|d| d.as_ref().unwrap().file_name().to_string_lossy().starts_with(&prefix));
        // Other tests of this process may be filling entries of their own; this one's draft is the folder just gone.
        assert!(left.count() <= 1);
    }

    #[test]
    fn racing_processes_share_the_first_result() {
        let name = format!("test-race-{}", process::id());
        let path = entry(&name, |_| {
            let won = folder()?.join(&name);
            fs::create_dir(&won).map_err(KitError::io("create"))?;
            fs::write(won.join("first"), "").map_err(KitError::io("write"))
        });
        let path = path.unwrap();
        assert!(path.join("first").exists());
        fs::remove_dir_all(path).unwrap();
    }
}
