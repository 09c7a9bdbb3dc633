use futures_util::TryStreamExt;
use molt_db::Config;
use molt_db::types::{Date, TimestampTz};
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgConnection, PgTypeInfo, PgValueRef};
use sqlx::{AssertSqlSafe, Connection as _, Decode, Postgres, Type};

use super::options::options;
use crate::failure::Failure;
use crate::job::ScanQuery;
use crate::lanes::Check;
use crate::lanes::fixed::{ReadRows, Values, measure};
use crate::report::Measured;

/// Reads `w_fixed` into typed values, row by row.
pub(crate) async fn run(config: &Config, query: &ScanQuery, check: Check) -> Result<Measured, Failure> {
    let mut connection = PgConnection::connect_with(&options(config)?).await?;
    sqlx::raw_sql(ScanQuery::FIRST_ROWS_FIRST).execute(&mut connection).await?;
    measure(&mut connection, query, check).await
}

/// A row, with the lane's own types in it.
type Raw = (i64, i32, i16, f64, f32, bool, Micros, Days);

impl ReadRows for PgConnection {
    async fn read_rows(&mut self, sql: &str, mut take: impl FnMut(Values)) -> Result<u64, Failure> {
        let mut count = 0;
        let mut rows = sqlx::query_as::<_, Raw>(AssertSqlSafe(sql)).fetch(self);
        while let Some((id, a, s, x, y, flag, Micros(ts), Days(d))) = rows.try_next().await? {
            take((id, a, s, x, y, flag, TimestampTz::from_micros(ts), Date::from_days(d)));
            count += 1;
        }
        Ok(count)
    }
}

/// A `timestamptz` as it travels: this driver has no type of its own for it that is as cheap.
struct Micros(i64);

impl Type<Postgres> for Micros {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(molt_db::Oid::TIMESTAMPTZ.0))
    }
}

impl<'r> Decode<'r, Postgres> for Micros {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        Ok(Self(i64::from_be_bytes(value.as_bytes()?.try_into()?)))
    }
}

/// A `date` as it travels.
struct Days(i32);

impl Type<Postgres> for Days {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(molt_db::Oid::DATE.0))
    }
}

impl<'r> Decode<'r, Postgres> for Days {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        Ok(Self(i32::from_be_bytes(value.as_bytes()?.try_into()?)))
    }
}
