use molt_db::{Config, Connector};

use crate::failure::Failure;
use crate::job::Connects;
use crate::lanes::connect_repeatedly;
use crate::report::Measured;

/// Connects and closes.
pub(crate) async fn run(config: &Config, connects: &Connects) -> Result<Measured, Failure> {
    let connector = Connector::new(config)?;
    connect_repeatedly(connects, async || Ok(connector.connect().await?.close().await?)).await
}
