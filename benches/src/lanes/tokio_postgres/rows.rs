use std::error::Error;
use std::hint::black_box;
use std::pin::pin;

use futures_util::TryStreamExt;
use molt_db::Config;
use molt_db::types::{Date, TimestampTz};
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Client, Row};

use super::target::Target;
use crate::failure::Failure;
use crate::fingerprint::Fingerprint;
use crate::job::ScanQuery;
use crate::lanes::Check;
use crate::lanes::fixed::{Values, mixed, row_hash, tally};
use crate::measure::Meter;
use crate::report::{Measured, Tally};

/// Reads `w_fixed` into typed values, row by row.
pub(crate) async fn run(config: &Config, query: &ScanQuery, check: Check) -> Result<Measured, Failure> {
    let client = Target::new(config)?.open().await?;
    client.batch_execute(ScanQuery::FIRST_ROWS_FIRST).await?;
    checksum(&client, &query.warm_up).await?;
    let meter = Meter::start()?;
    let tally = checksum(&client, &query.sql).await?;
    let cost = meter.stop()?;
    let hash = match check {
        Check::Skip => None,
        Check::Hash => Some(hash(&client, &query.sql).await?.to_string()),
    };
    Ok(Measured { tally, cost, hash })
}

async fn checksum(client: &Client, sql: &str) -> Result<Tally, Failure> {
    let mut sum: u64 = 0;
    let rows = read(client, sql, |values| sum = sum.wrapping_add(mixed(values))).await?;
    black_box(sum);
    Ok(tally(rows))
}

async fn hash(client: &Client, sql: &str) -> Result<Fingerprint, Failure> {
    let mut hash = Fingerprint::default();
    read(client, sql, |values| hash.add(row_hash(values))).await?;
    Ok(hash)
}

async fn read(client: &Client, sql: &str, mut take: impl FnMut(Values)) -> Result<u64, Failure> {
    let mut count = 0;
    let mut rows = pin!(client.query_raw(sql, [0_i32; 0]).await?);
    while let Some(row) = rows.try_next().await? {
        take(values(&row)?);
        count += 1;
    }
    Ok(count)
}

fn values(row: &Row) -> Result<Values, tokio_postgres::Error> {
    let (Micros(ts), Days(d)) = (row.try_get(6)?, row.try_get(7)?);
    Ok((
        row.try_get(0)?,
        row.try_get(1)?,
        row.try_get(2)?,
        row.try_get(3)?,
        row.try_get(4)?,
        row.try_get(5)?,
        TimestampTz::from_micros(ts),
        Date::from_days(d),
    ))
}

/// A `timestamptz` as it travels: this driver has no type of its own for it that is as cheap.
struct Micros(i64);

impl<'r> FromSql<'r> for Micros {
    fn from_sql(_: &Type, raw: &'r [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(i64::from_be_bytes(raw.try_into()?)))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::TIMESTAMPTZ
    }
}

/// A `date` as it travels.
struct Days(i32);

impl<'r> FromSql<'r> for Days {
    fn from_sql(_: &Type, raw: &'r [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(i32::from_be_bytes(raw.try_into()?)))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::DATE
    }
}
