use std::error::Error;
use std::pin::pin;

use futures_util::TryStreamExt;
use molt_db::Config;
use molt_db::types::{Date, TimestampTz};
use tokio_postgres::Client;
use tokio_postgres::binary_copy::{BinaryCopyInWriter, BinaryCopyOutRow, BinaryCopyOutStream};
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use super::rows::{Days, Micros};
use super::target::Target;
use crate::failure::Failure;
use crate::job::{Load, ScanQuery};
use crate::lanes::Check;
use crate::lanes::copied::{self, WriteRows};
use crate::lanes::fixed::{self, ReadRows, Values};
use crate::report::Measured;

/// Reads `w_fixed` into typed values by a binary COPY.
pub(crate) async fn read(config: &Config, query: &ScanQuery, check: Check) -> Result<Measured, Failure> {
    let client = Target::new(config)?.open().await?;
    client.batch_execute(ScanQuery::FIRST_ROWS_FIRST).await?;
    fixed::measure(&mut Copied(client), query, check).await
}

/// Writes typed values by a binary COPY.
pub(crate) async fn write(config: &Config, load: &Load, check: Check) -> Result<Measured, Failure> {
    copied::measure(&mut Target::new(config)?.open().await?, load, check).await
}

/// A client that reads rows by COPY.
struct Copied(Client);

impl ReadRows for Copied {
    async fn read_rows(&mut self, sql: &str, mut take: impl FnMut(Values)) -> Result<u64, Failure> {
        let mut count = 0;
        let stream = self.0.copy_out(&format!("copy ({sql}) to stdout (format binary)")).await?;
        let mut rows = pin!(BinaryCopyOutStream::new(stream, &TYPES));
        while let Some(row) = rows.try_next().await? {
            take(values(&row)?);
            count += 1;
        }
        Ok(count)
    }
}

impl WriteRows for Client {
    async fn script(&mut self, sql: &str) -> Result<(), Failure> {
        Ok(self.batch_execute(sql).await?)
    }

    async fn write_rows(&mut self, rows: impl Iterator<Item = Values>) -> Result<u64, Failure> {
        let sink = self.copy_in("copy copied from stdin (format binary)").await?;
        let mut writer = pin!(BinaryCopyInWriter::new(sink, &TYPES));
        for (id, a, s, x, y, flag, ts, d) in rows {
            let (ts, d) = (Micros(ts.micros()), Days(d.days()));
            writer.as_mut().write(&[&id, &a, &s, &x, &y, &flag, &ts, &d]).await?;
        }
        Ok(writer.finish().await?)
    }
}

fn values(row: &BinaryCopyOutRow) -> Result<Values, tokio_postgres::Error> {
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

impl ToSql for Micros {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.extend_from_slice(&self.0.to_be_bytes());
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::TIMESTAMPTZ
    }

    to_sql_checked!();
}

impl ToSql for Days {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.extend_from_slice(&self.0.to_be_bytes());
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::DATE
    }

    to_sql_checked!();
}

impl std::fmt::Debug for Micros {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::fmt::Debug for Days {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Those of `w_fixed`.
const TYPES: [Type; 8] = [
    Type::INT8,
    Type::INT4,
    Type::INT2,
    Type::FLOAT8,
    Type::FLOAT4,
    Type::BOOL,
    Type::TIMESTAMPTZ,
    Type::DATE,
];
