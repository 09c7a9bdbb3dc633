use std::error::Error;
use std::pin::pin;

use futures_util::TryStreamExt;
use molt_db::Config;
use molt_db::types::{Date, TimestampTz};
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Client, Row};

use super::target::Target;
use crate::failure::Failure;
use crate::job::ScanQuery;
use crate::lanes::Check;
use crate::lanes::fixed::{ReadRows, Values, measure};
use crate::report::Measured;

/// Reads `w_fixed` into typed values, row by row.
pub(crate) async fn run(config: &Config, query: &ScanQuery, check: Check) -> Result<Measured, Failure> {
    let mut client = Target::new(config)?.open().await?;
    client.batch_execute(ScanQuery::FIRST_ROWS_FIRST).await?;
    measure(&mut client, query, check).await
}

impl ReadRows for Client {
    async fn read_rows(&mut self, sql: &str, mut take: impl FnMut(Values)) -> Result<u64, Failure> {
        let mut count = 0;
        let mut rows = pin!(self.query_raw(sql, [0_i32; 0]).await?);
        while let Some(row) = rows.try_next().await? {
            take(values(&row)?);
            count += 1;
        }
        Ok(count)
    }
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
pub(super) struct Micros(pub(super) i64);

impl<'r> FromSql<'r> for Micros {
    fn from_sql(_: &Type, raw: &'r [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(i64::from_be_bytes(raw.try_into()?)))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::TIMESTAMPTZ
    }
}

/// A `date` as it travels.
pub(super) struct Days(pub(super) i32);

impl<'r> FromSql<'r> for Days {
    fn from_sql(_: &Type, raw: &'r [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(i32::from_be_bytes(raw.try_into()?)))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::DATE
    }
}
