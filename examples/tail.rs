//! Prints what is written to a table, as it is committed:
//!
//! ```sh
//! cargo run --example tail -- 'postgres://postgres@localhost/postgres' orders
//! ```
//!
//! The server needs `wal_level=logical`. A publication and a slot are made, both called `molt_db_tail_` and the table;
//! the slot stays, and goes on behind what was printed when this is run again. To be rid of both, in psql:
//! `select pg_drop_replication_slot('molt_db_tail_orders'); drop publication molt_db_tail_orders`.

use std::error::Error;
use std::time::Duration;

use molt_db::replication::{ReplicationClient, ReplicationEvent, ReplicationOptions, SlotOptions, Tuple};
use molt_db::{Config, Connection};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(table)) = (arguments.next(), arguments.next()) else {
        return Err("usage: tail URL TABLE".into());
    };
    let config: Config = url.parse()?;
    let name = format!("molt_db_tail_{table}");
    prepare(&config, &name, &table).await?;
    loop {
        let ended = tail(&config, &name).await;
        println!(
            "begins anew: {}",
            ended.map_or_else(|error| error.to_string(), |()| "the server has ended".into())
        );
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Makes the publication and the slot, unless they are there.
async fn prepare(config: &Config, name: &str, table: &str) -> Result<(), molt_db::Error> {
    let mut connection = Connection::connect(config).await?;
    let published = connection.script(&format!("create publication \"{name}\" for table \"{table}\"")).await;
    unless_there(published.map(drop))?;
    connection.close().await?;
    let mut client = ReplicationClient::connect(config).await?;
    unless_there(client.create_slot(name, &SlotOptions::new()).await.map(drop))?;
    client.close().await
}

fn unless_there(result: Result<(), molt_db::Error>) -> Result<(), molt_db::Error> {
    match result {
        // PG docs: errcodes-appendix, duplicate_object
        Err(error) if error.code().is_some_and(|code| code.as_str() == "42710") => Ok(()),
        other => other,
    }
}

async fn tail(config: &Config, name: &str) -> Result<(), molt_db::Error> {
    // As text every value can be printed.
    let options = ReplicationOptions::new(name).publication(name).text();
    let (mut stream, driver) = ReplicationClient::connect(config).await?.start(&options).await?;
    tokio::spawn(driver);
    while let Some(event) = stream.next().await? {
        match &event {
            ReplicationEvent::Insert { new, .. } => println!("+ {}", line(new)),
            ReplicationEvent::Update { old, new, .. } => {
                let old = old.as_ref().map_or_else(String::new, |old| format!("{} -> ", line(old.tuple())));
                println!("~ {old}{}", line(new));
            }
            ReplicationEvent::Delete { old, .. } => println!("- {}", line(old.tuple())),
            ReplicationEvent::Truncate { .. } => println!("- all"),
            _ => {}
        }
        if let Some(end) = event.end_lsn() {
            stream.confirm(end);
        }
    }
    Ok(())
}

fn line(row: &Tuple) -> String {
    let values = row.columns().iter().enumerate().map(|(position, column)| {
        format!("{}={}", column.name(), value(row, position).unwrap_or_else(|| "?".to_owned()))
    });
    values.collect::<Vec<_>>().join(" ")
}

fn value(row: &Tuple, position: usize) -> Option<String> {
    if row.is_unchanged(position).ok()? {
        return Some("(unchanged)".to_owned());
    }
    let number = row.get::<Option<i64>>(position).map(|value| value.map(|value| value.to_string()));
    let float = || row.get::<Option<f64>>(position).map(|value| value.map(|value| value.to_string()));
    let switch = || row.get::<Option<bool>>(position).map(|value| value.map(|value| value.to_string()));
    let text = || row.get::<Option<String>>(position);
    let read = number.or_else(|_| float()).or_else(|_| switch()).or_else(|_| text()).ok()?;
    Some(read.unwrap_or_else(|| "null".to_owned()))
}
