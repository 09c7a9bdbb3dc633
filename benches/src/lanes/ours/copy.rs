use molt_db::{Config, Connection};

use super::QUERY_TIMEOUT;
use crate::failure::Failure;
use crate::job::{Load, ScanQuery};
use crate::lanes::Check;
use crate::lanes::copied::{self, WriteRows};
use crate::lanes::fixed::{self, ReadRows, Values};
use crate::report::Measured;

/// Reads `w_fixed` into typed values by a binary COPY.
pub(crate) async fn read(config: &Config, query: &ScanQuery, check: Check) -> Result<Measured, Failure> {
    fixed::measure(&mut Copied(open(config).await?), query, check).await
}

/// Writes typed values by a binary COPY.
pub(crate) async fn write(config: &Config, load: &Load, check: Check) -> Result<Measured, Failure> {
    copied::measure(&mut open(config).await?, load, check).await
}

async fn open(config: &Config) -> Result<Connection, Failure> {
    Ok(Connection::connect(&config.clone().query_timeout(QUERY_TIMEOUT)).await?)
}

/// A connection that reads rows by COPY.
struct Copied(Connection);

impl ReadRows for Copied {
    async fn read_rows(&mut self, sql: &str, mut take: impl FnMut(Values)) -> Result<u64, Failure> {
        let mut count = 0;
        let mut rows = self.0.copy_out_rows::<Values>(sql).await?;
        while let Some(values) = rows.next().await? {
            take(values);
            count += 1;
        }
        Ok(count)
    }
}

impl WriteRows for Connection {
    async fn script(&mut self, sql: &str) -> Result<(), Failure> {
        self.script(sql).await?;
        Ok(())
    }

    async fn write_rows(&mut self, rows: impl Iterator<Item = Values>) -> Result<u64, Failure> {
        let mut copy = self.copy_in_rows("copied", &[]).await?;
        for row in rows {
            copy.send(row).await?;
        }
        Ok(copy.finish().await?)
    }
}
