use std::pin::pin;
use std::time::Instant;

use molt_db::{Canceller, Config, Connection};
use tokio::time::timeout;

use crate::failure::Failure;
use crate::job::Cancels;
use crate::lanes::{cancel_repeatedly, cancel_until_over};
use crate::report::Measured;

/// How a query is given up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Cancelling {
    #[default]
    ByDropping,
    ByRequest,
}

/// Gives queries up.
pub(crate) async fn run(
    config: &Config,
    cancels: &Cancels,
    cancelling: Cancelling,
) -> Result<Measured, Failure> {
    let mut connection = Connection::connect(config).await?;
    let (canceller, sql) = (connection.canceller()?, cancels.victim.sql());
    cancel_repeatedly(cancels, async || {
        let begin = match cancelling {
            Cancelling::ByDropping => drop_query(&mut connection, sql).await?,
            Cancelling::ByRequest => cancel_query(&mut connection, &canceller, sql).await?,
        };
        connection.execute(Cancels::NEXT, ()).await?;
        Ok(begin.elapsed())
    })
    .await
}

async fn drop_query(connection: &mut Connection, sql: &str) -> Result<Instant, Failure> {
    drop(timeout(Cancels::HEAD_START, connection.execute(sql, ())).await);
    let begin = Instant::now();
    connection.settle().await?;
    Ok(begin)
}

async fn cancel_query(
    connection: &mut Connection,
    canceller: &Canceller,
    sql: &str,
) -> Result<Instant, Failure> {
    let mut query = pin!(connection.execute(sql, ()));
    drop(timeout(Cancels::HEAD_START, query.as_mut()).await);
    let begin = Instant::now();
    match cancel_until_over(query, async || Ok(canceller.cancel().await?)).await? {
        Err(error) if error.is_cancelled() => Ok(begin),
        Err(error) => Err(error.into()),
        Ok(_) => Err("the query has ended by itself".into()),
    }
}
