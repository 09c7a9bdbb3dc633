use std::time::Duration;

use molt_db::Config;
use sqlx::Postgres;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgPool, PgPoolOptions};

use super::options::options;
use crate::failure::Failure;

/// Whether the server is asked when a connection is taken from a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TestBeforeAcquire {
    On,
    Off,
}

/// Makes a pool; the limits of time are its defaults.
pub(super) fn make(config: &Config, connections: usize, test: TestBeforeAcquire) -> Result<PgPool, Failure> {
    let pool = PgPoolOptions::new().max_connections(connections.try_into()?);
    let pool = pool.test_before_acquire(test == TestBeforeAcquire::On);
    Ok(pool.connect_lazy_with(options(config)?))
}

/// Makes a pool that does not ask the server when a connection is taken.
pub(crate) fn sqlx_of(
    config: &Config,
    min: usize,
    max: usize,
    patience: Duration,
) -> Result<PgPool, Failure> {
    let pool = PgPoolOptions::new().min_connections(min.try_into()?).max_connections(max.try_into()?);
    let pool = pool.acquire_timeout(patience).test_before_acquire(false);
    Ok(pool.connect_lazy_with(options(config)?))
}

/// Takes that many connections, which opens them.
pub(super) async fn take_all(
    pool: &PgPool,
    connections: usize,
) -> Result<Vec<PoolConnection<Postgres>>, Failure> {
    let mut taken = Vec::new();
    for _ in 0..connections {
        taken.push(pool.acquire().await?);
    }
    Ok(taken)
}
