use std::hint::black_box;

use molt_db::arrow::array::{Array, RecordBatch};
use molt_db::{Config, Connection};

use super::QUERY_TIMEOUT;
use crate::failure::Failure;
use crate::fingerprint::Fingerprint;
use crate::job::ScanQuery;
use crate::lanes::Check;
use crate::measure::Meter;
use crate::report::{Measured, Tally};

/// Reads a table into Arrow record batches.
pub(crate) async fn run(config: &Config, query: &ScanQuery, check: Check) -> Result<Measured, Failure> {
    let mut connection = Connection::connect(&config.clone().query_timeout(QUERY_TIMEOUT)).await?;
    count(&mut connection, &query.warm_up).await?;
    let meter = Meter::start()?;
    let tally = count(&mut connection, &query.sql).await?;
    let cost = meter.stop()?;
    let hash = match check {
        Check::Skip => None,
        Check::Hash => Some(hash(&mut connection, &query.sql).await?.to_string()),
    };
    Ok(Measured { tally, cost, hash, times: None })
}

async fn count(connection: &mut Connection, sql: &str) -> Result<Tally, Failure> {
    let mut tally = Tally::default();
    let mut batches = connection.query(sql).arrow().await?;
    while let Some(batch) = batches.next().await? {
        tally.merge(touch(&batch)?);
    }
    Ok(tally)
}

async fn hash(connection: &mut Connection, sql: &str) -> Result<Fingerprint, Failure> {
    let mut hash = Fingerprint::default();
    let mut batches = connection.query(sql).arrow().await?;
    while let Some(batch) = batches.next().await? {
        hash.add_batch(&batch)?;
    }
    Ok(hash)
}

/// Looks at the end of every buffer, and counts the bytes that the values take in them.
fn touch(batch: &RecordBatch) -> Result<Tally, Failure> {
    let mut nbytes = 0;
    for column in batch.columns() {
        let data = column.to_data();
        data.buffers().iter().for_each(|buffer| {
            black_box(buffer.last());
        });
        nbytes += data.get_slice_memory_size()?;
    }
    Ok(Tally { rows: u64::try_from(batch.num_rows())?, nbytes: u64::try_from(nbytes)? })
}
