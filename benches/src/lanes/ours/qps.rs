use molt_db::{Config, Pool};

use super::pool;
use crate::failure::Failure;
use crate::job::{Selects, Share};
use crate::lanes::Check;
use crate::lanes::answers::{Answers, measure};
use crate::report::Measured;

/// Selects single rows by random keys, through a pool.
pub(crate) async fn run(config: &Config, selects: &Selects, check: Check) -> Result<Measured, Failure> {
    let open = async || {
        let pool = pool::make(config, selects.connections)?;
        warm_up(&pool, selects).await?;
        Ok(pool)
    };
    measure(check, open, async |pool: Pool, check| {
        Answers::of_tasks(selects.shares().map(|share| select_share(pool.clone(), share, check))).await
    })
    .await
}

/// Opens all connections, by holding them at the same time.
async fn warm_up(pool: &Pool, selects: &Selects) -> Result<(), Failure> {
    for session in &mut pool::take_all(pool, selects.connections).await? {
        for _ in 0..Selects::WARM_UP {
            session.query(Selects::SQL).bind(1).one::<(i32, String)>().await?;
        }
    }
    Ok(())
}

async fn select_share(pool: Pool, share: Share, check: Check) -> Result<Answers, Failure> {
    let mut answers = Answers::default();
    for key in share.keys() {
        let mut session = pool.acquire().await?;
        let row = session.query(Selects::SQL).bind(key).one().await?;
        drop(session);
        answers.take(row, check);
    }
    Ok(answers)
}
