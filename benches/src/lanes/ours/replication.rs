use std::time::{Duration, SystemTime, UNIX_EPOCH};

use molt_db::replication::{
    PgTimestamp, ReplicationClient, ReplicationEvent, ReplicationOptions, ReplicationStream, SlotOptions,
};
use molt_db::{Config, Connection};

use crate::failure::Failure;
use crate::measure::Meter;
use crate::report::{Measured, Tally};

/// Reads rows that have been written, in transactions of 100.
pub(crate) async fn run(config: &Config, rows: u64) -> Result<Measured, Failure> {
    let (mut writer, client) = prepare(config).await?;
    let transactions = rows.div_ceil(100);
    writer
        .script(&format!(
            "do $$ begin for i in 1..{transactions} loop insert into molt_db_bench_slot \
             select i, 'text of a row' from generate_series(1, least(100, {rows} - (i - 1) * 100)); commit; end loop; \
             end $$"
        ))
        .await?;
    let meter = Meter::start()?;
    let mut stream = start(client).await?;
    let mut tally = Tally::default();
    while tally.rows < rows {
        take(&mut stream, &mut tally, |_| {}).await?;
    }
    let cost = meter.stop()?;
    finish(stream, writer).await?;
    Ok(Measured { tally, cost, hash: None, times: None })
}

/// Follows transactions of one row. The wall clock is the sum of their times from the commit to the arrival.
pub(crate) async fn lag(config: &Config, transactions: u64) -> Result<Measured, Failure> {
    let (mut writer, client) = prepare(config).await?;
    let mut stream = start(client).await?;
    let meter = Meter::start()?;
    let writing = tokio::spawn(async move {
        for number in 0..i64::try_from(transactions)? {
            let row = (number, "text of a row");
            writer.execute("insert into molt_db_bench_slot values ($1, $2)", row).await?;
        }
        Ok::<_, Failure>(writer)
    });
    let (mut tally, mut lags) = (Tally::default(), Duration::ZERO);
    while tally.rows < transactions {
        take(&mut stream, &mut tally, |committed| lags += since(committed)).await?;
    }
    let mut cost = meter.stop()?;
    cost.wall = lags;
    finish(stream, writing.await??).await?;
    Ok(Measured { tally, cost, hash: None, times: None })
}

/// Makes the table, the publication and the slot, which goes with the client.
async fn prepare(config: &Config) -> Result<(Connection, ReplicationClient), Failure> {
    let mut writer = Connection::connect(config).await?;
    // The server sends nothing that is not flushed.
    writer.script("set client_min_messages = warning; set synchronous_commit = on").await?;
    writer
        .script(&format!(
            "{CLEAN}; create table {NAME} (id int8, t text); create publication {NAME} for table {NAME}"
        ))
        .await?;
    let mut client = ReplicationClient::connect(config).await?;
    client.create_slot(NAME, &SlotOptions::new().temporary()).await?;
    Ok((writer, client))
}

async fn start(client: ReplicationClient) -> Result<ReplicationStream, Failure> {
    let (stream, driver) = client.start(&ReplicationOptions::new(NAME).publication(NAME)).await?;
    tokio::spawn(driver);
    Ok(stream)
}

/// Takes the next event.
async fn take(
    stream: &mut ReplicationStream,
    tally: &mut Tally,
    mut committed: impl FnMut(PgTimestamp),
) -> Result<(), Failure> {
    match stream.next().await?.ok_or("the stream has ended")? {
        ReplicationEvent::Insert { new, .. } => {
            let (_, text) = new.read::<(i64, &str)>()?;
            tally.merge(Tally { rows: 1, nbytes: 8 + text.len() as u64 });
        }
        ReplicationEvent::Commit(commit) => {
            committed(commit.commit_time);
            stream.confirm(commit.end_lsn);
        }
        _ => {}
    }
    Ok(())
}

async fn finish(stream: ReplicationStream, mut writer: Connection) -> Result<(), Failure> {
    stream.stop();
    writer.script(CLEAN).await?;
    Ok(writer.close().await?)
}

fn since(moment: PgTimestamp) -> Duration {
    let micros = moment.unix_micros().and_then(|micros| u64::try_from(micros).ok()).unwrap_or_default();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(Duration::from_micros(micros))
}

const NAME: &str = "molt_db_bench_slot";
const CLEAN: &str = "drop publication if exists molt_db_bench_slot; drop table if exists molt_db_bench_slot";
