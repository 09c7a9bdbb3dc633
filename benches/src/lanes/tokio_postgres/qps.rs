use deadpool_postgres::{Object, Pool, RecyclingMethod};
use molt_db::Config;

use super::pool::take_all;
use super::select::value;
use super::target::Target;
use crate::failure::Failure;
use crate::job::{Selects, Share};
use crate::lanes::Check;
use crate::lanes::answers::{Answers, measure};
use crate::report::Measured;

/// Selects single rows by random keys, through a pool.
pub(crate) async fn run(
    config: &Config,
    selects: &Selects,
    recycling: RecyclingMethod,
    check: Check,
) -> Result<Measured, Failure> {
    let open = async || {
        let pool = Target::new(config)?.pool(recycling.clone(), selects.connections)?;
        warm_up(&pool, selects).await?;
        Ok(pool)
    };
    measure(check, open, async |pool: Pool, check| {
        Answers::of_tasks(selects.shares().map(|share| select_share(pool.clone(), share, check))).await
    })
    .await
}

async fn warm_up(pool: &Pool, selects: &Selects) -> Result<(), Failure> {
    for client in &take_all(pool, selects.connections).await? {
        for _ in 0..Selects::WARM_UP {
            select(client, 1).await?;
        }
    }
    Ok(())
}

async fn select_share(pool: Pool, share: Share, check: Check) -> Result<Answers, Failure> {
    let mut answers = Answers::default();
    for key in share.keys() {
        let client = pool.get().await?;
        let row = select(&client, key).await?;
        drop(client);
        answers.take(row, check);
    }
    Ok(answers)
}

async fn select(client: &Object, key: i32) -> Result<(i32, String), tokio_postgres::Error> {
    let statement = client.prepare_cached(Selects::SQL).await?;
    value(&client.query_one(&statement, &[&key]).await?)
}
