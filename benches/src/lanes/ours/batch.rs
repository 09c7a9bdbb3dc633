use molt_db::{Config, Connection};

use super::QUERY_TIMEOUT;
use crate::failure::Failure;
use crate::job::{Batches, Selects, Share};
use crate::lanes::Check;
use crate::lanes::answers::{Answers, measure};
use crate::report::Measured;

/// Selects single rows by random keys, many under one Sync.
pub(crate) async fn run(config: &Config, batches: &Batches, check: Check) -> Result<Measured, Failure> {
    let config = config.clone().query_timeout(QUERY_TIMEOUT);
    let open = async || open_all(&config, batches).await;
    measure(check, open, async |connections: Vec<_>, check| {
        let shares = connections.into_iter().zip(batches.shares());
        let share = |(connection, share)| select_share(connection, share, batches.size, check);
        Answers::of_tasks(shares.map(share)).await
    })
    .await
}

async fn open_all(config: &Config, batches: &Batches) -> Result<Vec<Connection>, Failure> {
    let mut connections = Vec::new();
    for _ in 0..batches.connections {
        let mut connection = Connection::connect(config).await?;
        for _ in 0..Selects::WARM_UP {
            select(&mut connection, &[1], Check::Skip, &mut Answers::default()).await?;
        }
        connections.push(connection);
    }
    Ok(connections)
}

async fn select_share(
    mut connection: Connection,
    mut share: Share,
    size: usize,
    check: Check,
) -> Result<Answers, Failure> {
    let (mut answers, mut keys) = (Answers::default(), Vec::new());
    while share.next_keys(size, &mut keys) {
        select(&mut connection, &keys, check, &mut answers).await?;
    }
    Ok(answers)
}

async fn select(
    connection: &mut Connection,
    keys: &[i32],
    check: Check,
    answers: &mut Answers,
) -> Result<(), Failure> {
    let mut batch = connection.batch();
    for key in keys {
        batch.add(Selects::SQL, (*key,));
    }
    let results = batch.run().await?;
    for place in 0..keys.len() {
        answers.take(results.one(place)?, check);
    }
    Ok(())
}
