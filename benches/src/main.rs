//! The command `molt-db-bench`: see `molt-db-bench --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    molt_db_bench::main(std::env::args().skip(1))
}
