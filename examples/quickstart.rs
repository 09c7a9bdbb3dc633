//! What molt-db does, in one run: `cargo run --release --example quickstart`.
//!
//! With `DATABASE_URL` set it uses that server and only reads; without, it starts a private one and stops it at the
//! end.

use std::error::Error;
use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

use arrow_cast::pretty::pretty_format_batches;
use molt_db::types::{Numeric, TimestampTz};
use molt_db::{Config, Connection, FromRow, Pool};
use molt_db_testkit::{Server, ServerOptions, User};

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

#[tokio::main]
async fn main() -> Result<()> {
    let server = private_server()?;
    let url = match &server {
        Some(server) => server.tls_url(User::Scram, "test"),
        None => std::env::var("DATABASE_URL")?,
    };
    let config: Config = url.parse()?;
    let mut connection = Connection::connect(&config).await?;
    connected_to(&connection);
    typed_query(&mut connection).await?;
    arrow_batch(&mut connection).await?;
    million_rows(&mut connection).await?;
    batched_transaction(&mut connection).await?;
    cancelled_sleep(&mut connection).await?;
    connection.close().await?;
    many_tasks(config).await
}

/// Starts a server, unless `DATABASE_URL` names one.
fn private_server() -> Result<Option<Server>> {
    if std::env::var_os("DATABASE_URL").is_some() {
        return Ok(None);
    }
    eprintln!(
        "DATABASE_URL is not set: starting a private PostgreSQL (the first time it may have to be fetched)"
    );
    Ok(Some(Server::start(ServerOptions::default())?))
}

fn connected_to(connection: &Connection) {
    heading("Connected");
    println!(
        "server          PostgreSQL {}",
        connection.parameter("server_version").unwrap_or("of unknown version")
    );
    println!("encryption      {}", connection.encryption().unwrap_or_else(|| "none".to_owned()));
    println!("authentication  {}", connection.auth_method());
}

#[derive(FromRow, Debug)]
struct Order {
    id: i64,
    item: String,
    total: Numeric,
    note: Option<String>,
    placed_at: TimestampTz,
}

async fn typed_query(connection: &mut Connection) -> Result<()> {
    heading("A typed query");
    let sql = "select id, item, total, note, placed_at from (values \
               (1::int8, 'tea', 4.20::numeric, 'no sugar', timestamptz '2026-01-01 09:00Z'), \
               (2, 'a very large cake', 1234567890.12345678901234567890, null, '2026-01-02 16:30Z')) \
               as orders (id, item, total, note, placed_at) where id >= $1 order by id";
    let orders: Vec<Order> = connection.query(sql).bind(1_i64).all().await?;
    for Order { id, item, total, note, placed_at } in orders {
        println!("#{id} {item}: {total}, placed {placed_at}, note: {}", note.as_deref().unwrap_or("none"));
    }
    Ok(())
}

async fn arrow_batch(connection: &mut Connection) -> Result<()> {
    heading("An Arrow record batch");
    let sql = "select n as id, 'name ' || n as name, (n * 1.5)::numeric(12,2) as price, date '2026-01-01' + n as day, \
               case when n % 2 = 0 then n end as even from generate_series(1, 5) n";
    let mut batches = connection.query(sql).arrow().await?;
    while let Some(batch) = batches.next().await? {
        println!("{}", pretty_format_batches(&[batch])?);
    }
    Ok(())
}

async fn million_rows(connection: &mut Connection) -> Result<()> {
    heading("A million rows, streamed into Arrow");
    const ROWS: usize = 1_000_000;
    let sql = "select n::int8 as id, (n % 1000)::int4 as bucket, n * 0.5::float8 as half, 'row ' || n as label, \
               timestamptz '2026-01-01' + n * interval '1 second' as at from generate_series(1, $1) n";
    let begin = Instant::now();
    let mut batches = connection.query(sql).bind(i32::try_from(ROWS)?).arrow().await?;
    let (mut rows, mut bytes, mut count) = (0, 0, 0);
    while let Some(batch) = batches.next().await? {
        rows += batch.num_rows();
        bytes += batch.get_array_memory_size();
        count += 1;
        progress(rows, ROWS, begin.elapsed());
    }
    let seconds = begin.elapsed().as_secs_f64();
    println!("{rows} rows in {count} batches, {} MiB of Arrow buffers", bytes >> 20);
    println!(
        "{seconds:.2} s, {:.0} rows per second (the server makes them up as it goes)",
        rows as f64 / seconds
    );
    Ok(())
}

async fn batched_transaction(connection: &mut Connection) -> Result<()> {
    heading("1000 statements in one write, in a transaction");
    const STATEMENTS: usize = 1000;
    let begin = Instant::now();
    let mut transaction = connection.begin().read_only().await?;
    let mut batch = transaction.batch();
    for number in 0..i64::try_from(STATEMENTS)? {
        batch.add("select $1 * $1", (number,));
    }
    let results = batch.run().await?;
    let (last,): (i64,) = results.one(STATEMENTS - 1)?;
    transaction.commit().await?;
    println!("BEGIN and all of them in {:?}; the last said {last}", begin.elapsed());
    Ok(())
}

async fn cancelled_sleep(connection: &mut Connection) -> Result<()> {
    heading("A query that is cancelled");
    let canceller = connection.canceller()?;
    let cancelling = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let begin = Instant::now();
        canceller.cancel().await.map(|()| begin)
    });
    let Err(error) = connection.execute("select pg_sleep(30)", ()).await else {
        return Err("pg_sleep(30) was not cancelled".into());
    };
    let ended = Instant::now();
    let begin = cancelling.await??;
    println!(
        "pg_sleep(30) ended {:?} after the cancel was asked for: {error}",
        ended.saturating_duration_since(begin)
    );
    let (one,): (i32,) = connection.query("select 1").one().await?;
    println!("the connection goes on: select {one}");
    Ok(())
}

async fn many_tasks(config: Config) -> Result<()> {
    heading("64 tasks over a pool of 8 connections");
    let pool = Pool::builder(config).max_conns(8).max_wait(Duration::from_secs(10)).build()?;
    let begin = Instant::now();
    let tasks: Vec<_> = (0..64).map(|task| tokio::spawn(one_task(pool.clone(), task))).collect();
    let mut queries = 0;
    for task in tasks {
        queries += task.await??;
    }
    println!("{queries} queries in {:.2} s", begin.elapsed().as_secs_f64());
    let metrics = pool.metrics();
    println!("pool now        {}", pool.status());
    println!("connects        {}", metrics.connects);
    println!(
        "acquired        {} times, {} of them after a wait",
        metrics.acquired,
        metrics.wait_time.count()
    );
    println!("longest wait    {:?}", metrics.wait_time.max());
    pool.close().await;
    Ok(())
}

async fn one_task(pool: Pool, task: i64) -> Result<u32, molt_db::Error> {
    const QUERIES: u32 = 50;
    for _ in 0..QUERIES {
        let mut session = pool.acquire().await?;
        let (_squared,): (i64,) = session.query("select $1 * $1").bind(task).one().await?;
    }
    Ok(QUERIES)
}

fn heading(text: &str) {
    println!("\n== {text} ==");
}

/// Draws a bar on a terminal; elsewhere the totals at the end have to do.
fn progress(done: usize, total: usize, elapsed: Duration) {
    const WIDTH: usize = 40;
    if !stderr().is_terminal() {
        return;
    }
    let filled = WIDTH * done.min(total) / total;
    let rate = done as f64 / elapsed.as_secs_f64();
    let end = if done < total { '\r' } else { '\n' };
    let mut out = stderr();
    let _ = write!(out, "[{:-<WIDTH$}] {done:>8} rows, {rate:>9.0} rows/s{end}", "#".repeat(filled));
    let _ = out.flush();
}
