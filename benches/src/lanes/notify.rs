use molt_db::{Config, Connection};
use tokio::task::JoinHandle;

use crate::failure::Failure;

/// Where notifications are sent.
pub(super) const CHANNEL: &str = "molt_db_bench";

/// Has the server tell the channel the numbers up to `count`, in one transaction.
pub(super) async fn send(config: &Config, count: u64) -> Result<JoinHandle<Result<(), Failure>>, Failure> {
    let mut sender = Connection::connect(config).await?;
    let sql = format!("select count(pg_notify('{CHANNEL}', i::text)) from generate_series(1, {count}) i");
    Ok(tokio::spawn(async move {
        sender.script(&sql).await?;
        Ok(sender.close().await?)
    }))
}
