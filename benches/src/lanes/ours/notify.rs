use molt_db::{Config, Connection};

use crate::failure::Failure;
use crate::lanes::notify::{CHANNEL, send};
use crate::measure::Meter;
use crate::report::{Measured, Tally};

/// Hears so many notifications.
pub(crate) async fn run(config: &Config, count: u64) -> Result<Measured, Failure> {
    let mut connection = Connection::connect(config).await?;
    connection.listen(CHANNEL).await?;
    let meter = Meter::start()?;
    let sending = send(config, count).await?;
    let mut tally = Tally::default();
    while tally.rows < count {
        let notification = connection.next_notification().await?;
        tally.merge(Tally { rows: 1, nbytes: notification.payload().len() as u64 });
    }
    let cost = meter.stop()?;
    sending.await??;
    Ok(Measured { tally, cost, hash: None, times: None })
}
