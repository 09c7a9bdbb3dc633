use molt_db::{Config, Connection};

use super::QUERY_TIMEOUT;
use crate::failure::Failure;
use crate::job::ScanQuery;
use crate::lanes::Check;
use crate::lanes::fixed::{ReadRows, Values, measure};
use crate::report::Measured;

/// Reads `w_fixed` into typed values, row by row.
pub(crate) async fn run(config: &Config, query: &ScanQuery, check: Check) -> Result<Measured, Failure> {
    let mut connection = Connection::connect(&config.clone().query_timeout(QUERY_TIMEOUT)).await?;
    measure(&mut connection, query, check).await
}

impl ReadRows for Connection {
    async fn read_rows(&mut self, sql: &str, mut take: impl FnMut(Values)) -> Result<u64, Failure> {
        let mut count = 0;
        let mut rows = self.query(sql).rows_as::<Values>().await?;
        while let Some(values) = rows.next().await? {
            take(values);
            count += 1;
        }
        Ok(count)
    }
}
