use deadpool_postgres::{Pool, RecyclingMethod};
use molt_db::Config;

use super::pool::take_all;
use super::target::Target;
use crate::failure::Failure;
use crate::job::Acquires;
use crate::lanes::Check;
use crate::lanes::answers::{Answers, measure};
use crate::report::{Measured, Tally};

/// Takes connections from a pool and gives them back.
pub(crate) async fn run(
    config: &Config,
    acquires: &Acquires,
    recycling: RecyclingMethod,
) -> Result<Measured, Failure> {
    let open = async || {
        let pool = Target::new(config)?.pool(recycling.clone(), acquires.connections)?;
        drop(take_all(&pool, acquires.connections).await?);
        Ok(pool)
    };
    measure(Check::Skip, open, async |pool: Pool, _| {
        Answers::of_tasks(acquires.shares().map(|count| acquire_share(pool.clone(), count))).await
    })
    .await
}

async fn acquire_share(pool: Pool, count: u64) -> Result<Answers, Failure> {
    for _ in 0..count {
        drop(pool.get().await?);
    }
    Ok(Tally { rows: count, nbytes: 0 }.into())
}
