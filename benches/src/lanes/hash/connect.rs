use std::hint::black_box;

use molt_db::protocol::auth::Secret;
use molt_db::protocol::auth::scram::{Iterations, KeyDerivation};

use crate::failure::Failure;
use crate::job::Connects;
use crate::lanes::connect_repeatedly;
use crate::report::Measured;

/// Hashes a password.
pub(crate) async fn run(connects: &Connects) -> Result<Measured, Failure> {
    let password = Secret::new("scram-secret");
    let rounds = Iterations::new(ROUNDS).ok_or("there are no rounds")?;
    connect_repeatedly(connects, async || {
        black_box(KeyDerivation::new(&password, black_box([7; 16]), rounds).run());
        Ok(())
    })
    .await
}

/// What PostgreSQL asks for unless it is told otherwise.
// PG docs: runtime-config-connection, "scram_iterations"
const ROUNDS: u32 = 4096;
