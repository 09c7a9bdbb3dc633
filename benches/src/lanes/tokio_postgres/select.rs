use tokio_postgres::{Error, Row};

/// Reads a row of `kv`.
pub(super) fn value(row: &Row) -> Result<(i32, String), Error> {
    Ok((row.try_get(0)?, row.try_get(1)?))
}
