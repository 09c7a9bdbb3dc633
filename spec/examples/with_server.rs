//! Runs a command beside each server under test, which has all that cases of `pgspec server` need:
//!
//!     MOLT_DB_TEST_SERVERS=18 cargo run -p molt-db-spec --example with_server -- COMMAND [ARGUMENT...]
//!
//! The command finds `PGSPEC_PORT` and `PGSPEC_MAJOR` in its environment, and in `PGSPEC_ACCOUNTS` the options that tell
//! pgspec of the accounts. It exits as the last command that failed, or with 0.

#[path = "../tests/common/mod.rs"]
mod common;

use std::process::{Command, ExitCode};

use common::{servers, settings};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(program) = arguments.next() else {
        eprintln!("which command?");
        return ExitCode::from(2);
    };
    let arguments: Vec<String> = arguments.collect();
    let mut exit = ExitCode::SUCCESS;
    for server in servers() {
        // What a client is sent to that names a user and no database; poolers try for long where there is none.
        if let Err(error) = server.sql_in("postgres", "create database trust") {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
        let accounts = settings(&server).accounts;
        let accounts =
            accounts.iter().map(|account| format!("--account={}:{}", account.user, account.password));
        let status = Command::new(&program)
            .args(&arguments)
            .env("PGSPEC_PORT", server.port().to_string())
            .env("PGSPEC_MAJOR", server.version().0.to_string())
            .env("PGSPEC_ACCOUNTS", accounts.collect::<Vec<_>>().join(" "))
            .status();
        match status {
            Ok(status) if status.success() => {}
            Ok(status) => {
                exit = ExitCode::from(status.code().and_then(|code| code.try_into().ok()).unwrap_or(1));
            }
            Err(error) => {
                eprintln!("{program}: {error}");
                exit = ExitCode::FAILURE;
            }
        }
    }
    exit
}
