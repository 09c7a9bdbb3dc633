use std::hint::black_box;

use molt_db::{Config, Connection, FromRow};

use super::QUERY_TIMEOUT;
use crate::failure::Failure;
use crate::fingerprint::Fingerprint;
use crate::job::ScanQuery;
use crate::lanes::Check;
use crate::lanes::fixed::{Values, mixed, row_hash, tally};
use crate::measure::Meter;
use crate::report::{Measured, Tally};

/// Reads `w_fixed` into typed values, row by row.
pub(crate) async fn run(config: &Config, query: &ScanQuery, check: Check) -> Result<Measured, Failure> {
    let mut connection = Connection::connect(&config.clone().query_timeout(QUERY_TIMEOUT)).await?;
    checksum(&mut connection, &query.warm_up).await?;
    let meter = Meter::start()?;
    let tally = checksum(&mut connection, &query.sql).await?;
    let cost = meter.stop()?;
    let hash = match check {
        Check::Skip => None,
        Check::Hash => Some(hash(&mut connection, &query.sql).await?.to_string()),
    };
    Ok(Measured { tally, cost, hash })
}

async fn checksum(connection: &mut Connection, sql: &str) -> Result<Tally, Failure> {
    let mut sum: u64 = 0;
    let rows = read(connection, sql, |values| sum = sum.wrapping_add(mixed(values))).await?;
    black_box(sum);
    Ok(tally(rows))
}

async fn hash(connection: &mut Connection, sql: &str) -> Result<Fingerprint, Failure> {
    let mut hash = Fingerprint::default();
    read(connection, sql, |values| hash.add(row_hash(values))).await?;
    Ok(hash)
}

async fn read(connection: &mut Connection, sql: &str, mut take: impl FnMut(Values)) -> Result<u64, Failure> {
    let mut count = 0;
    let mut rows = connection.query(sql).rows().await?;
    let plan = Values::plan(rows.columns())?;
    while let Some(row) = rows.next().await? {
        take(Values::from_row(&plan, row)?);
        count += 1;
    }
    Ok(count)
}
