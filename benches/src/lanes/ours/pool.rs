use std::time::Duration;

use molt_db::{Config, Pool, Session};

use super::QUERY_TIMEOUT;
use crate::failure::Failure;

/// Makes a pool as a service would.
pub(super) fn make(config: &Config, connections: usize) -> Result<Pool, Failure> {
    Ok(Pool::builder(config.clone().query_timeout(QUERY_TIMEOUT))
        .max_conns(connections.try_into()?)
        .max_wait(MAX_WAIT)
        .build()?)
}

/// Takes that many connections, which opens them.
pub(super) async fn take_all(pool: &Pool, connections: usize) -> Result<Vec<Session>, Failure> {
    let mut sessions = Vec::new();
    for _ in 0..connections {
        sessions.push(pool.acquire().await?);
    }
    Ok(sessions)
}

/// Tasks that share connections wait for each other; the jobs are not about the limit.
const MAX_WAIT: Duration = Duration::from_secs(60);
