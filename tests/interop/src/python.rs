//! A Python with packages of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program;

/// Returns a Python that has these versions of packages, in this folder: made if it is not there.
///
/// A package is named as the Python Package Index has it, with what it needs in brackets: `psycopg[binary]`.
///
/// # Panics
///
/// When there is no Python, or it cannot get the packages. The text says what is missing, and how to install it.
pub fn python(folder: &Path, packages: &[(&str, &str)]) -> PathBuf {
    let python = folder.join("bin/python");
    if !succeeds(Command::new(&python).args(["-c", &check(packages)])) {
        let mut create = Command::new(program("python3", "python3"));
        create.args(["-m", "venv", "--clear"]).arg(folder);
        assert!(
            succeeds(&mut create),
            "this test needs Python's venv; on Debian: apt-get install python3-venv"
        );
        let wheels: Vec<_> = packages.iter().map(|(name, version)| format!("{name}=={version}")).collect();
        let mut install = Command::new(&python);
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(&wheels);
        assert!(succeeds(&mut install), "this test needs {wheels:?} from the Python Package Index");
    }
    python
}

/// A program that succeeds where these packages are.
fn check(packages: &[(&str, &str)]) -> String {
    let one = |(name, version): &(&str, &str)| {
        let name = name.split('[').next().unwrap_or(name);
        format!("import {name}; assert version('{name}') == '{version}'")
    };
    let checks: Vec<_> = packages.iter().map(one).collect();
    format!("from importlib.metadata import version; {}", checks.join("; "))
}

fn succeeds(command: &mut Command) -> bool {
    command.status().is_ok_and(|status| status.success())
}
