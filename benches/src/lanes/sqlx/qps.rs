use molt_db::Config;
use sqlx::postgres::{PgConnection, PgPool};

use super::pool::{self, TestBeforeAcquire};
use crate::failure::Failure;
use crate::job::{Selects, Share};
use crate::lanes::Check;
use crate::lanes::answers::{Answers, measure};
use crate::report::Measured;

/// Selects single rows by random keys, through a pool.
pub(crate) async fn run(
    config: &Config,
    selects: &Selects,
    test: TestBeforeAcquire,
    check: Check,
) -> Result<Measured, Failure> {
    let open = async || {
        let pool = pool::make(config, selects.connections, test)?;
        warm_up(&pool, selects).await?;
        Ok(pool)
    };
    measure(check, open, async |pool: PgPool, check| {
        Answers::of_tasks(selects.shares().map(|share| select_share(pool.clone(), share, check))).await
    })
    .await
}

async fn warm_up(pool: &PgPool, selects: &Selects) -> Result<(), Failure> {
    for connection in &mut pool::take_all(pool, selects.connections).await? {
        for _ in 0..Selects::WARM_UP {
            select(connection, 1).await?;
        }
    }
    Ok(())
}

async fn select_share(pool: PgPool, share: Share, check: Check) -> Result<Answers, Failure> {
    let mut answers = Answers::default();
    for key in share.keys() {
        let mut connection = pool.acquire().await?;
        let row = select(&mut connection, key).await?;
        drop(connection);
        answers.take(row, check);
    }
    Ok(answers)
}

async fn select(connection: &mut PgConnection, key: i32) -> Result<(i32, String), sqlx::Error> {
    sqlx::query_as(Selects::SQL).bind(key).fetch_one(connection).await
}
