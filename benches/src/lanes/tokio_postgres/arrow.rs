use std::pin::pin;

use futures_util::TryStreamExt;
use molt_db::Config;
use molt_db::arrow::array::RecordBatch;
use tokio_postgres::Client;

use super::builders::Builders;
use super::target::Target;
use crate::failure::Failure;
use crate::job::ScanQuery;
use crate::lanes::Check;
use crate::lanes::batches::{ReadBatches, measure};
use crate::report::Measured;

/// Reads a table into Arrow record batches, value by value.
pub(crate) async fn run(config: &Config, query: &ScanQuery, check: Check) -> Result<Measured, Failure> {
    let mut client = Target::new(config)?.open().await?;
    client.batch_execute(ScanQuery::FIRST_ROWS_FIRST).await?;
    measure(&mut client, query, check).await
}

impl ReadBatches for Client {
    async fn read_batches(
        &mut self,
        sql: &str,
        mut take: impl FnMut(RecordBatch) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let statement = self.prepare(sql).await?;
        let mut builders = Builders::new(statement.columns())?;
        let mut rows = pin!(self.query_raw(&statement, [0_i32; 0]).await?);
        while let Some(row) = rows.try_next().await? {
            builders.append(&row)?;
            if builders.rows() == BATCH {
                take(builders.finish()?)?;
            }
        }
        if builders.rows() > 0 {
            take(builders.finish()?)?;
        }
        Ok(())
    }
}

/// The rows of a batch, as DataFusion has them: larger ones cost more here, by the pages of memory that are new.
const BATCH: usize = 8192;
