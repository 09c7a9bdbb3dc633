use molt_db::Config;

use super::wire::{Wire, run_prepared};
use crate::failure::Failure;
use crate::job::ScanQuery;
use crate::measure::Meter;
use crate::report::Measured;

/// Reads a table and counts its rows.
pub(crate) async fn run(config: &Config, query: &ScanQuery) -> Result<Measured, Failure> {
    let (messages, _) = run_prepared(&[], &[])?;
    let mut warm_up = Wire::open(config).await?;
    warm_up.prepare(&query.warm_up, &[]).await?;
    warm_up.exchange(&messages).await?;
    drop(warm_up);
    let mut wire = Wire::open(config).await?;
    wire.prepare(&query.sql, &[]).await?;
    let meter = Meter::start()?;
    let tally = wire.exchange(&messages).await?;
    Ok(Measured { tally, cost: meter.stop()?, hash: None })
}
