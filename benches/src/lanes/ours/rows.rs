use std::hint::black_box;

use molt_db::types::{Date, TimestampTz};
use molt_db::{Config, Connection, FromRow};

use super::QUERY_TIMEOUT;
use crate::failure::Failure;
use crate::fingerprint::{Fingerprint, RowHash};
use crate::job::ScanQuery;
use crate::lanes::Check;
use crate::measure::Meter;
use crate::report::{Measured, Tally};

/// A row of `w_fixed`.
type Values = (i64, i32, i16, f64, f32, bool, TimestampTz, Date);

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
    Ok(Tally { rows, nbytes: rows * VALUES_SIZE })
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

fn mixed((id, a, s, x, y, flag, ts, d): Values) -> u64 {
    let integers = id ^ i64::from(a) ^ i64::from(s) ^ i64::from(flag) ^ ts.micros() ^ i64::from(d.days());
    integers.cast_unsigned() ^ x.to_bits() ^ u64::from(y.to_bits())
}

fn row_hash((id, a, s, x, y, flag, ts, d): Values) -> RowHash {
    let mut row = RowHash::new();
    row.integer(id);
    row.integer(a);
    row.integer(s);
    row.float(x);
    row.float(y);
    row.boolean(flag);
    row.point_in_time(ts.micros() + EPOCH_DAYS * 86_400_000_000);
    row.date(d.days() + 10_957);
    row
}

/// From 1970-01-01 to 2000-01-01, PostgreSQL's epoch.
const EPOCH_DAYS: i64 = 10_957;

/// What the values of a row take, in bytes.
const VALUES_SIZE: u64 = 8 + 4 + 2 + 8 + 4 + 1 + 8 + 4;
