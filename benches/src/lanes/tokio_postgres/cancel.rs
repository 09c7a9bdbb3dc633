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
    let mut query = Box::pin(client.execute(sql, &[]));
    while let Ok(ended) = timeout(Cancels::HEAD_START, query.as_mut()).await {
        // Hit by the request for the query before it: nothing waited until the server had taken that.
        expect_cancelled(ended)?;
        query = Box::pin(client.execute(sql, &[]));
    }
    let begin = Instant::now();
    let request = async || match &target.tls {
        None => Ok(token.cancel_query(NoTls).await?),
        Some(tls) => Ok(token.cancel_query(tls.clone()).await?),
    };
    expect_cancelled(cancel_until_over(query.as_mut(), request).await?)?;
    while let Err(error) = client.execute(Cancels::NEXT, &[]).await {
        expect_cancelled(Err(error))?;
    }
    Ok(begin.elapsed())
}

fn expect_cancelled(ended: Result<u64, tokio_postgres::Error>) -> Result<(), Failure> {
    match ended {
        Err(error) if error.code() == Some(&SqlState::QUERY_CANCELED) => Ok(()),
        Err(error) => Err(error.into()),
        Ok(_) => Err("the query has ended by itself".into()),
    }
}
