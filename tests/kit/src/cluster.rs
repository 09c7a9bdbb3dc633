//! Data folders: one is made per server version and kept, every server gets a copy.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::account::Account;
use crate::binaries::Binaries;
use crate::cache;
use crate::command;
use crate::error::KitError;
use crate::user::setup_statements;

/// Makes the data folder `target`, with the kit's users and the database `test`.
pub(crate) fn create(binaries: &Binaries, target: &Path) -> Result<(), KitError> {
    let template = template(binaries)?;
    let account = Account::get()?;
    command::output(account.command("cp").arg("-R").arg(template).arg(target)).map(drop)
}

/// Returns the kept data folder of this very server build, made if need be.
fn template(binaries: &Binaries) -> Result<PathBuf, KitError> {
    let statements = setup_statements();
    let build = [&binaries.folder.to_string_lossy(), binaries.version.full.as_str()].join("\n");
    let recipe =
        [build, INITDB_OPTIONS.join(" "), SINGLE_OPTIONS.join(" "), statements.join("\n")].join("\n");
    let hash: String = Sha256::digest(recipe).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let name = format!("data-{}-{hash}", binaries.version.number());
    let entry = cache::entry(&name, |draft| fill(binaries, &statements, draft))?;
    Ok(entry.join(DATA))
}

fn fill(binaries: &Binaries, statements: &[String], draft: &Path) -> Result<(), KitError> {
    let account = Account::get()?;
    let data = draft.join(DATA);
    fs::create_dir(&data).map_err(KitError::path("create", &data))?;
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700))
        .map_err(KitError::path("protect", &data))?;
    account.own(&data)?;
    let mut initdb = account.command(binaries.folder.join("initdb"));
    command::output(initdb.args(INITDB_OPTIONS).arg("-D").arg(&data))?;
    let mut single: Command = account.command(binaries.folder.join("postgres"));
    single.arg("--single").args(SINGLE_OPTIONS).arg("-D").arg(&data).arg("template1");
    // Single-user mode reads one statement per line.
    command::fed(&mut single, &(statements.join("\n") + "\n")).map(drop)
}

const DATA: &str = "data";

/// Small files, no waiting for the disk, the same locale on every platform; nobody may log in until the kit says who.
const INITDB_OPTIONS: [&str; 7] = [
    "--username=postgres",
    "--auth=reject",
    "--encoding=UTF8",
    "--locale=C",
    "--wal-segsize=1",
    "--no-sync",
    "--data-checksums",
];

const SINGLE_OPTIONS: [&str; 4] = ["-c", "exit_on_error=on", "-c", "fsync=off"];
