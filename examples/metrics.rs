//! Measures what a pool and its queries do, and shows it as Prometheus would read it:
//! `cargo run --example metrics --features metrics`.

use std::error::Error;

use metrics_exporter_prometheus::PrometheusBuilder;
use molt_db::config::Observe;
use molt_db::{Config, Pool};
use molt_db_testkit::{Server, ServerOptions, User};

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

#[tokio::main]
async fn main() -> Result<()> {
    let server = Server::start(ServerOptions::default())?;
    let config = server.url(User::Scram, "test").parse()?;
    println!("{}", measured(config).await?);
    Ok(())
}

/// Does some work and returns what there is to read of it.
pub(crate) async fn measured(config: Config) -> Result<String> {
    // Any recorder will do. This one has no server of its own: hand out what it renders at `/metrics` of yours.
    let prometheus = PrometheusBuilder::new().set_buckets(&SECONDS)?.install_recorder()?;

    let config = config.observe(Observe::On).pool_name("shop");
    let pool = Pool::builder(config).max_conns(4).build()?;
    work(&pool).await?;

    // All else is told as it happens.
    pool.stats().publish();
    Ok(prometheus.render())
}

/// The buckets that OpenTelemetry has for the operations of databases.
const SECONDS: [f64; 9] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];

async fn work(pool: &Pool) -> Result<()> {
    for number in 1..=5_i64 {
        pool.query("select $1::int8 * 2").bind(number).one::<(i64,)>().await?;
    }
    let mut session = pool.acquire().await?;
    session.script("create temp table orders (id bigint)").await?;
    let mut tx = session.begin().await?;
    tx.execute("insert into orders select generate_series(1, 100)", ()).await?;
    tx.commit().await?;
    if let Err(error) = session.execute("select 1 / 0", ()).await {
        eprintln!("as it should: {error}");
    }
    Ok(())
}
