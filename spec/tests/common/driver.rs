//! Our own driver as the client of the cases for clients.

use std::error::Error;
use std::io;
use std::time::Duration;

use molt_db::{Config, Connection};
use molt_db_spec::client::{Action, Call, Exit};

/// Does what it is called for.
pub(crate) async fn driver(call: Call) -> Exit {
    let done = match call.action {
        Action::Ask => ask(&call.url, "select answer").await,
        Action::Token => show(&call.url).await,
        Action::Copy => copy(&call.url).await,
        Action::Cancel => cancel(&call.url).await,
        Action::Parameters => parameters(&call.url).await,
        Action::ZeroByte => ask(&call.url, "select 'a\0b'").await,
    };
    done.map_or_else(|error| Exit::Failed(error.to_string()), |()| Exit::Succeeded)
}

async fn connect(url: &str) -> Result<Connection, Box<dyn Error>> {
    let config: Config = url.parse()?;
    Ok(Connection::connect(&config).await?)
}

async fn ask(url: &str, sql: &str) -> Result<(), Box<dyn Error>> {
    answered(connect(url).await?, sql).await
}

async fn answered(mut connection: Connection, sql: &str) -> Result<(), Box<dyn Error>> {
    let (answer,): (String,) = connection.query(sql).one().await?;
    connection.close().await?;
    if answer == "42" { Ok(()) } else { Err(format!("the answer is {answer:?}").into()) }
}

/// Asks, and logs in by a token if one is wanted.
async fn show(url: &str) -> Result<(), Box<dyn Error>> {
    let config: Config = url.parse()?;
    let config = config.oauth_token_from(|_| async { Ok::<_, io::Error>("pgspec-token") });
    answered(Connection::connect(&config).await?, "select answer").await
}

async fn copy(url: &str) -> Result<(), Box<dyn Error>> {
    let mut connection = connect(url).await?;
    let mut copy = connection.copy_in("copy pgspec from stdin").await?;
    for row in 0..1000 {
        copy.send(format!("{row}\n")).await?;
    }
    copy.finish().await?;
    Ok(connection.close().await?)
}

async fn cancel(url: &str) -> Result<(), Box<dyn Error>> {
    let mut connection = connect(url).await?;
    let canceller = connection.canceller()?;
    let cancelling = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        canceller.cancel().await
    });
    let asked: Result<(String,), _> = connection.query("select pg_sleep(60)").one().await;
    cancelling.await??;
    let Err(error) = asked else { return Err("it was not cancelled".into()) };
    if error.is_cancelled() { Ok(()) } else { Err(error.into()) }
}

async fn parameters(url: &str) -> Result<(), Box<dyn Error>> {
    let mut connection = connect(url).await?;
    let places: Vec<String> = (1..=65_536).map(|number| format!("${number}")).collect();
    let sql = format!("select {}", places.join(","));
    let mut query = connection.query(&sql);
    for _ in 0..65_536 {
        query = query.bind("x");
    }
    let _: (String,) = query.one().await?;
    Ok(connection.close().await?)
}
