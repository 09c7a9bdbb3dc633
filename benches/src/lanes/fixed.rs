use std::hint::black_box;

use molt_db::types::{Date, TimestampTz};

use super::Check;
use crate::failure::Failure;
use crate::fingerprint::{Fingerprint, RowHash};
use crate::job::ScanQuery;
use crate::measure::Meter;
use crate::report::{Measured, Tally};

/// A row of `w_fixed`.
pub(super) type Values = (i64, i32, i16, f64, f32, bool, TimestampTz, Date);

/// A connection that reads rows of `w_fixed`.
pub(super) trait ReadRows {
    /// Hands over the values of each row, and returns how many rows there were.
    async fn read_rows(&mut self, sql: &str, take: impl FnMut(Values)) -> Result<u64, Failure>;
}

/// Warms up, and measures what reads all rows into a checksum.
pub(super) async fn measure(
    connection: &mut impl ReadRows,
    query: &ScanQuery,
    check: Check,
) -> Result<Measured, Failure> {
    checksum(connection, &query.warm_up).await?;
    let meter = Meter::start()?;
    let tally = checksum(connection, &query.sql).await?;
    let cost = meter.stop()?;
    let hash = match check {
        Check::Skip => None,
        Check::Hash => Some(hash(connection, &query.sql).await?.to_string()),
    };
    Ok(Measured { tally, cost, hash, times: None })
}

async fn checksum(connection: &mut impl ReadRows, sql: &str) -> Result<Tally, Failure> {
    let mut sum: u64 = 0;
    let rows = connection.read_rows(sql, |values| sum = sum.wrapping_add(mixed(values))).await?;
    black_box(sum);
    Ok(Tally { rows, nbytes: rows * VALUES_SIZE })
}

pub(super) async fn hash(connection: &mut impl ReadRows, sql: &str) -> Result<Fingerprint, Failure> {
    let mut hash = Fingerprint::default();
    connection.read_rows(sql, |values| hash.add(row_hash(values))).await?;
    Ok(hash)
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
    row.point_in_time(ts.micros() + i64::from(EPOCH_DAYS) * 86_400_000_000);
    row.date(d.days() + EPOCH_DAYS);
    row
}

/// From 1970-01-01 to 2000-01-01, PostgreSQL's epoch.
const EPOCH_DAYS: i32 = 10_957;

/// What the values of a row take, in bytes.
pub(super) const VALUES_SIZE: u64 = 8 + 4 + 2 + 8 + 4 + 1 + 8 + 4;
