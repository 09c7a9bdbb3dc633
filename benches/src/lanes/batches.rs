use std::hint::black_box;

use molt_db::arrow::array::{Array, RecordBatch};

use super::Check;
use crate::failure::Failure;
use crate::fingerprint::Fingerprint;
use crate::job::ScanQuery;
use crate::measure::Meter;
use crate::report::{Measured, Tally};

/// A connection that reads rows into Arrow record batches.
pub(super) trait ReadBatches {
    /// Hands over each batch.
    async fn read_batches(
        &mut self,
        sql: &str,
        take: impl FnMut(RecordBatch) -> Result<(), Failure>,
    ) -> Result<(), Failure>;
}

/// Warms up, and measures what reads all rows into batches.
pub(super) async fn measure(
    connection: &mut impl ReadBatches,
    query: &ScanQuery,
    check: Check,
) -> Result<Measured, Failure> {
    count(connection, &query.warm_up).await?;
    let meter = Meter::start()?;
    let tally = count(connection, &query.sql).await?;
    let cost = meter.stop()?;
    let hash = match check {
        Check::Skip => None,
        Check::Hash => Some(hash(connection, &query.sql).await?.to_string()),
    };
    Ok(Measured { tally, cost, hash, times: None })
}

async fn count(connection: &mut impl ReadBatches, sql: &str) -> Result<Tally, Failure> {
    let mut tally = Tally::default();
    let touched = |batch: RecordBatch| {
        tally.merge(touch(&batch)?);
        Ok(())
    };
    connection.read_batches(sql, touched).await?;
    Ok(tally)
}

async fn hash(connection: &mut impl ReadBatches, sql: &str) -> Result<Fingerprint, Failure> {
    let mut hash = Fingerprint::default();
    connection.read_batches(sql, |batch| hash.add_batch(&batch)).await?;
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
