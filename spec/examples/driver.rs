//! Our own driver, as `pgspec client --command 'driver {action} "{url}"'` calls it.

#[path = "../tests/common/driver.rs"]
mod driver;

use std::process::ExitCode;

use molt_db_spec::client::{Action, Call, Exit};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(name), Some(url)) = (arguments.next(), arguments.next()) else { return ExitCode::from(2) };
    let all =
        [Action::Ask, Action::Copy, Action::Cancel, Action::Parameters, Action::ZeroByte, Action::Token];
    let Some(action) = all.into_iter().find(|action| action.to_string() == name) else {
        return ExitCode::from(UNABLE);
    };
    match driver::driver(Call { url, action }).await {
        Exit::Succeeded => ExitCode::SUCCESS,
        other => {
            eprintln!("{other:?}");
            ExitCode::FAILURE
        }
    }
}

/// What a command exits with that cannot do what it is asked for.
const UNABLE: u8 = 77;
