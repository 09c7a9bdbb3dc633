use molt_db::Config;
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;

use super::options::options;
use crate::failure::Failure;
use crate::job::Connects;
use crate::lanes::connect_repeatedly;
use crate::lanes::login::bounded;
use crate::report::Measured;

/// Connects and closes.
pub(crate) async fn run(config: &Config, connects: &Connects) -> Result<Measured, Failure> {
    let options = options(config)?;
    connect_repeatedly(connects, async || {
        Ok(bounded(PgConnection::connect_with(&options)).await?.close().await?)
    })
    .await
}
