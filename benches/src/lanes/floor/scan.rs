use molt_db::Config;
use molt_db::protocol::EncodeError;
use molt_db::protocol::message::{Bind, WireFormat, bind, execute, sync};

use super::wire::{STATEMENT, Wire};
use crate::failure::Failure;
use crate::job::ScanQuery;
use crate::measure::Meter;
use crate::report::Measured;

/// Reads a table and counts its rows.
pub(crate) async fn run(config: &Config, query: &ScanQuery) -> Result<Measured, Failure> {
    let messages = run_prepared()?;
    let mut warm_up = Wire::open(config).await?;
    warm_up.prepare(&query.warm_up, &[]).await?;
    warm_up.exchange(&messages).await?;
    drop(warm_up);
    let mut wire = Wire::open(config).await?;
    wire.prepare(&query.sql, &[]).await?;
    let meter = Meter::start()?;
    let tally = wire.exchange(&messages).await?;
    Ok(Measured { tally, cost: meter.stop()?, hash: None, times: None })
}

/// Returns the messages that run the prepared statement, with a result in binary.
fn run_prepared() -> Result<Vec<u8>, EncodeError> {
    let mut messages = Vec::new();
    let results = &[WireFormat::Binary];
    bind(&Bind { portal: "", statement: STATEMENT, formats: &[], values: &[], results }, &mut messages)?;
    execute("", 0, &mut messages)?;
    sync(&mut messages);
    Ok(messages)
}
