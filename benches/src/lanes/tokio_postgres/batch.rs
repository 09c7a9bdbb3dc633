use futures_util::future::try_join_all;
use molt_db::Config;
use tokio_postgres::{Client, Row, Statement};

use super::select::value;
use super::target::Target;
use crate::failure::Failure;
use crate::job::{Batches, Selects, Share};
use crate::lanes::Check;
use crate::lanes::answers::{Answers, measure};
use crate::report::Measured;

/// Selects single rows by random keys, many at a time: their futures are polled together, which pipelines them.
pub(crate) async fn run(config: &Config, batches: &Batches, check: Check) -> Result<Measured, Failure> {
    let target = Target::new(config)?;
    let open = async || open_all(&target, batches).await;
    measure(check, open, async |clients: Vec<_>, check| {
        let shares = clients.into_iter().zip(batches.shares());
        let share = |(client, share)| select_share(client, share, batches.size, check);
        Answers::of_tasks(shares.map(share)).await
    })
    .await
}

/// A client, and what it has prepared.
type Prepared = (Client, Statement);

async fn open_all(target: &Target, batches: &Batches) -> Result<Vec<Prepared>, Failure> {
    let mut clients = Vec::new();
    for _ in 0..batches.connections {
        let client = target.open().await?;
        let statement = client.prepare(Selects::SQL).await?;
        for _ in 0..Selects::WARM_UP {
            select(&client, &statement, &[1]).await?;
        }
        clients.push((client, statement));
    }
    Ok(clients)
}

async fn select_share(
    (client, statement): Prepared,
    mut share: Share,
    size: usize,
    check: Check,
) -> Result<Answers, Failure> {
    let (mut answers, mut keys) = (Answers::default(), Vec::new());
    while share.next_keys(size, &mut keys) {
        for row in select(&client, &statement, &keys).await? {
            answers.take(value(&row)?, check);
        }
    }
    Ok(answers)
}

async fn select(
    client: &Client,
    statement: &Statement,
    keys: &[i32],
) -> Result<Vec<Row>, tokio_postgres::Error> {
    try_join_all(keys.iter().map(async |key| client.query_one(statement, &[key]).await)).await
}
