use std::pin::pin;
use std::time::{Duration, Instant};

use molt_db::Config;
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::{CancelToken, Client, NoTls};

use super::target::Target;
use crate::failure::Failure;
use crate::job::Cancels;
use crate::lanes::{cancel_repeatedly, cancel_until_over};
use crate::report::Measured;

/// Gives queries up.
pub(crate) async fn run(config: &Config, cancels: &Cancels) -> Result<Measured, Failure> {
    let target = Target::new(config)?;
    let client = target.open().await?;
    let (token, sql) = (client.cancel_token(), cancels.victim.sql());
    cancel_repeatedly(cancels, async || cancel_query(&client, &token, &target, sql).await).await
}

async fn cancel_query(
    client: &Client,
    token: &CancelToken,
    target: &Target,
    sql: &str,
) -> Result<Duration, Failure> {
    let mut query = pin!(client.execute(sql, &[]));
    drop(timeout(Cancels::HEAD_START, query.as_mut()).await);
    let begin = Instant::now();
    let request = async || match &target.tls {
        None => Ok(token.cancel_query(NoTls).await?),
        Some(tls) => Ok(token.cancel_query(tls.clone()).await?),
    };
    match cancel_until_over(query, request).await? {
        Err(error) if error.code() == Some(&SqlState::QUERY_CANCELED) => {}
        Err(error) => return Err(error.into()),
        Ok(_) => return Err("the query has ended by itself".into()),
    }
    client.execute(Cancels::NEXT, &[]).await?;
    Ok(begin.elapsed())
}
