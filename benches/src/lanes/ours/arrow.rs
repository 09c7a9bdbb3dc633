use molt_db::arrow::array::RecordBatch;
use molt_db::arrow::{ArrowOptions, BatchLimits, TextLayout};
use molt_db::{Config, Connection};

use super::QUERY_TIMEOUT;
use crate::failure::Failure;
use crate::job::ScanQuery;
use crate::lanes::Check;
use crate::lanes::batches::{ReadBatches, measure};
use crate::report::Measured;

/// Reads a table into Arrow record batches.
pub(crate) async fn run(
    config: &Config,
    query: &ScanQuery,
    text: TextLayout,
    check: Check,
) -> Result<Measured, Failure> {
    let connection = Connection::connect(&config.clone().query_timeout(QUERY_TIMEOUT)).await?;
    measure(&mut Reader { connection, text }, query, check).await
}

struct Reader {
    connection: Connection,
    text: TextLayout,
}

impl ReadBatches for Reader {
    async fn read_batches(
        &mut self,
        sql: &str,
        mut take: impl FnMut(RecordBatch) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let options = ArrowOptions { text: self.text, ..ArrowOptions::default() };
        let mut batches = self.connection.query(sql).arrow_with(&options, BatchLimits::default()).await?;
        while let Some(batch) = batches.next().await? {
            take(batch)?;
        }
        Ok(())
    }
}
