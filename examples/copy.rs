//! Many rows into a table and out of it again: `cargo run --release --example copy`.
//!
//! With `DATABASE_URL` set it uses that server, and a temporary table; without, it starts a private one and stops it at
//! the end.

use std::error::Error;
use std::time::Instant;

use molt_db::{Config, Connection};
use molt_db_testkit::{Server, ServerOptions, User};

const ROWS: i64 = 1_000_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let given = std::env::var("DATABASE_URL").ok();
    let server = if given.is_none() { Some(Server::start(ServerOptions::default())?) } else { None };
    let url = given.or_else(|| server.as_ref().map(|server| server.tls_url(User::Scram, "test")));
    let config: Config = url.unwrap_or_default().parse()?;
    let mut connection = Connection::connect(&config).await?;
    connection.script("create temporary table orders (id int8, customer text, total float8)").await?;

    // Typed rows, checked against the types of the table. Nothing is stored before `finish` says so.
    let begin = Instant::now();
    let mut rows = connection.copy_in_rows("orders", &["id", "customer", "total"]).await?;
    for id in 0..ROWS {
        let customer = (id % 10 > 0).then_some("a customer");
        rows.send((id, customer, 0.25 * id as f64)).await?;
    }
    println!("{} rows in, {:.0?}", rows.finish().await?, begin.elapsed());

    let begin = Instant::now();
    let mut sum = 0.0;
    let mut rows = connection.copy_out_rows::<(i64, f64)>("select id, total from orders").await?;
    while let Some((_, total)) = rows.next().await? {
        sum += total;
    }
    println!("{sum} in all, {:.0?}", begin.elapsed());

    let mut batches = connection.copy_out_arrow("select * from orders").await?;
    let first = batches.next().await?.map_or(0, |batch| batch.num_rows());
    drop(batches);
    connection.settle().await?;
    println!("{first} rows in the first Arrow batch; the rest was not wanted");

    // Any format goes as bytes.
    let mut csv = connection.copy_in("copy orders from stdin (format csv)").await?;
    csv.send("-1,\"Lovelace, Ada\",12.5\n").await?;
    println!("{} row of CSV", csv.finish().await?);
    let mut text = connection.copy_out("copy (select * from orders where id < 0) to stdout").await?;
    while let Some(line) = text.next().await? {
        print!("{}", String::from_utf8_lossy(line));
    }
    connection.close().await?;
    Ok(())
}
