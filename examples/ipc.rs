//! Writes what a query returns into a file, as an Arrow IPC stream:
//! `cargo run --example ipc --features ipc -- orders.arrows "select 1 as id, 'Ada' as customer"`.
//!
//! Any library of Arrow reads it, for instance in Python: `pyarrow.ipc.open_stream("orders.arrows").read_all()`.
//!
//! With `DATABASE_URL` set it asks that server; without, it starts a private one and stops it at the end.

use std::error::Error;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use molt_db::{Config, Connection};
use molt_db_testkit::{Server, ServerOptions, User};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().unwrap_or_else(|| "orders.arrows".to_owned());
    let sql = arguments.next().unwrap_or_else(|| ORDERS.to_owned());

    let given = std::env::var("DATABASE_URL").ok();
    let server = if given.is_none() { Some(Server::start(ServerOptions::default())?) } else { None };
    let url = given.or_else(|| server.as_ref().map(|server| server.tls_url(User::Scram, "test")));
    let config: Config = url.unwrap_or_default().parse()?;
    let mut connection = Connection::connect(&config).await?;

    match write(&mut connection, &sql, Path::new(&path)).await {
        Ok(bytes) => println!("{bytes} bytes in {path}"),
        Err(error) => {
            // Readers would take what is there for the whole.
            fs::remove_file(&path)?;
            return Err(error);
        }
    }
    connection.close().await?;
    Ok(())
}

/// Returns the number of bytes.
async fn write(connection: &mut Connection, sql: &str, path: &Path) -> Result<usize, Box<dyn Error>> {
    let mut file = File::create(path)?;
    let mut stream = connection.query(sql).arrow().await?.into_ipc();
    println!("{}", stream.schema());
    let mut bytes = 0;
    while let Some(piece) = stream.next().await? {
        file.write_all(&piece)?;
        bytes += piece.len();
    }
    Ok(bytes)
}

const ORDERS: &str = "
    select id, 'customer ' || id % 100 as customer, (id * 1.25)::numeric(12, 2) as total, gen_random_uuid() as token,
           timestamptz '2026-01-01 00:00+00' + id * interval '1 second' as placed_at
    from generate_series(1, 200000) id";
