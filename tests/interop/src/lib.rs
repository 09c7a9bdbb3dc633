//! What the tests of molt-db beside other programs share. The tests are in `tests/`.

pub mod backend;
mod python;

use std::env;
use std::path::{Path, PathBuf};

pub use python::python;

/// Finds a program in `PATH`, or where Debian keeps those that are not for everyone.
///
/// # Panics
///
/// When it is not there: a test that does not run must not look like a pass. The text says how to install it.
pub fn program(name: &str, package: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders = env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let found = folders.find_map(|folder| Some(folder.join(name)).filter(|file| Path::is_file(file)));
    found.unwrap_or_else(|| {
        panic!("this test needs the program {name}, which is nowhere in PATH; on Debian: apt-get install {package}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_there_is_found() {
        assert!(program("sh", "dash").ends_with("sh"));
    }

    #[test]
    #[should_panic(expected = "apt-get install no-such-package")]
    fn a_program_that_is_missing_fails_the_test_with_the_way_to_install_it() {
        program("no-such-program", "no-such-package");
    }
}
