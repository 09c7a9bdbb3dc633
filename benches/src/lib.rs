//! Jobs that a client of PostgreSQL does, and lanes that do them: `molt-db-bench`.
//!
//! A *job* is work to be done: read a table into Arrow batches or typed rows, copy rows out and in, select single rows
//! through a pool or in batches, take connections from a pool, connect, give queries up, hear notifications, follow a
//! replication slot. A *lane* is a way to do it: `ours` is molt-db as a service would use it, `floor` is what the
//! sockets alone cost; with the feature `peers`, other drivers have theirs. Every run is a process of its own that
//! measures one lane of one job and prints one line of JSON.
//! `molt-db-bench --help` says what each lane does and leaves out.
//!
//! | folder or file | what is in it |
//! |---|---|
//! | `lanes/` | a folder per lane, a file per job in it |
//! | `job.rs` | what a job asks for, the same for all lanes |
//! | `tables.rs`, `workloads.sql` | the tables |
//! | `measure.rs`, `fingerprint.rs` | wall clock, CPU and memory; a hash of the values |
//! | `server.rs`, `server_cpu.rs` | the server, and what the job costs it |
//! | `delay.rs` | a proxy that makes the way to the server longer |
//! | `../peers/` | lanes in another language: `arrow_python` for the job `arrow`, `cancel_asyncpg` for `cancel` |
//! | `fair.rs` | how pools treat those who wait: who is served when, and when a pool grows |
//! | `report.rs`, `compare.rs` | the line of JSON; medians of many runs |

mod cli;
mod compare;
mod delay;
mod failure;
mod fair;
mod fingerprint;
mod job;
mod lanes;
mod measure;
mod report;
mod run;
mod server;
mod server_cpu;
mod tables;

use std::process::ExitCode;

use cli::Command;
use failure::Failure;

/// Runs the command that the arguments (without the program's name) ask for.
///
/// Results go to stdout, errors to stderr. The exit code is 0, 1 when it failed, or 2 when the arguments make no sense.
pub fn main(arguments: impl IntoIterator<Item = String>) -> ExitCode {
    let command = match cli::parse(arguments) {
        Ok(command) => command,
        Err(error) => {
            eprintln!("molt-db-bench: {error}\nTry `molt-db-bench --help`.");
            return ExitCode::from(USAGE);
        }
    };
    match execute(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("molt-db-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn execute(command: Command) -> Result<(), Failure> {
    match command {
        Command::Help => print!("{}", cli::help()),
        Command::Run(run) => println!("{}", run::run(&run)?),
        Command::Load { url, rows } => eprintln!("{}", server::load(&url, rows)?),
        Command::Serve { rows } => server::serve(rows)?,
        Command::Proxy { port, delay_ms } => delay::serve(port, delay_ms)?,
        Command::Fair { url } => print!("{}", fair::run(url.as_deref())?),
        Command::Compare(comparison) => print!("{}", compare::compare(&comparison)?),
    }
    Ok(())
}

const USAGE: u8 = 2;
