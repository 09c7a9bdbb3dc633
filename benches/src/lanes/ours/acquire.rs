use molt_db::{Config, Pool};

use super::pool;
use crate::failure::Failure;
use crate::job::Acquires;
use crate::lanes::Check;
use crate::lanes::answers::{Answers, measure};
use crate::report::{Measured, Tally};

/// Takes connections from a pool and gives them back.
pub(crate) async fn run(config: &Config, acquires: &Acquires) -> Result<Measured, Failure> {
    let open = async || {
        let pool = pool::make(config, acquires.connections)?;
        drop(pool::take_all(&pool, acquires.connections).await?);
        Ok(pool)
    };
    measure(Check::Skip, open, async |pool: Pool, _| {
        Answers::of_tasks(acquires.shares().map(|count| acquire_share(pool.clone(), count))).await
    })
    .await
}

async fn acquire_share(pool: Pool, count: u64) -> Result<Answers, Failure> {
    for _ in 0..count {
        drop(pool.acquire().await?);
    }
    Ok(Tally { rows: count, nbytes: 0 }.into())
}
