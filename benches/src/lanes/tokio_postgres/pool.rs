use deadpool_postgres::{Object, Pool};

use crate::failure::Failure;

/// Takes that many connections, which opens them.
pub(super) async fn take_all(pool: &Pool, connections: usize) -> Result<Vec<Object>, Failure> {
    let mut clients = Vec::new();
    for _ in 0..connections {
        clients.push(pool.get().await?);
    }
    Ok(clients)
}
