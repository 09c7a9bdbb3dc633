use molt_db::decode::copy::CopyWriter;
use molt_db::decode::{Column, Columns, Format};
use molt_db::protocol::message::{copy_data, copy_done, query as simple_query};
use molt_db::{Config, Oid};

use super::wire::Wire;
use crate::failure::Failure;
use crate::job::{Load, ScanQuery};
use crate::lanes::copied::{EMPTY, TABLE, WARM_UP, rows};
use crate::measure::Meter;
use crate::report::{Measured, Tally};

/// Reads a table by a binary COPY and counts its rows.
pub(crate) async fn read(config: &Config, query: &ScanQuery) -> Result<Measured, Failure> {
    let mut wire = Wire::open(config).await?;
    wire.exchange(&copy_of(&query.warm_up)?).await?;
    let messages = copy_of(&query.sql)?;
    let meter = Meter::start()?;
    let tally = wire.exchange(&messages).await?;
    // The header comes with the first row, and the trailer alone.
    Ok(Measured {
        tally: Tally { rows: tally.rows - 1, ..tally },
        cost: meter.stop()?,
        hash: None,
        times: None,
    })
}

/// Writes rows that were made beforehand, the same ones again and again.
pub(crate) async fn write(config: &Config, load: &Load) -> Result<Measured, Failure> {
    let mut wire = Wire::open(config).await?;
    wire.exchange(&script(TABLE)?).await?;
    copy(&mut wire, WARM_UP).await?;
    wire.exchange(&script(EMPTY)?).await?;
    let meter = Meter::start()?;
    let nbytes = copy(&mut wire, load.rows).await?;
    Ok(Measured { tally: Tally { rows: load.rows, nbytes }, cost: meter.stop()?, hash: None, times: None })
}

async fn copy(wire: &mut Wire, rows: u64) -> Result<u64, Failure> {
    let (header, block, rest, end) = (rows_of(0)?, rows_of(BLOCK)?, rows_of(rows % BLOCK)?, end()?);
    wire.begin_copy("copy copied from stdin (format binary)").await?;
    let (header, rest) = (message(&header)?, message(&rest[HEADER..])?);
    let block = message(&block[HEADER..])?;
    wire.write(&header).await?;
    for _ in 0..rows / BLOCK {
        wire.write(&block).await?;
    }
    wire.write(&rest).await?;
    wire.exchange(&end).await?;
    let blocks = rows / BLOCK * u64::try_from(block.len())?;
    Ok(blocks + u64::try_from(header.len() + rest.len() + end.len())?)
}

/// Returns the header and so many rows.
fn rows_of(count: u64) -> Result<Vec<u8>, Failure> {
    let types =
        [Oid::INT8, Oid::INT4, Oid::INT2, Oid::FLOAT8, Oid::FLOAT4, Oid::BOOL, Oid::TIMESTAMPTZ, Oid::DATE];
    let columns: Columns = types.iter().map(|oid| Column::new("", *oid, -1, Format::Binary)).collect();
    let mut writer = CopyWriter::new(&columns);
    for row in rows(count) {
        writer.push(row)?;
    }
    Ok(writer.data().to_vec())
}

fn message(data: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut message = Vec::new();
    copy_data(data, &mut message)?;
    Ok(message)
}

fn end() -> Result<Vec<u8>, Failure> {
    let mut messages = message(b"\xff\xff")?;
    copy_done(&mut messages);
    Ok(messages)
}

fn copy_of(sql: &str) -> Result<Vec<u8>, Failure> {
    script(&format!("copy ({sql}) to stdout (format binary)"))
}

fn script(sql: &str) -> Result<Vec<u8>, Failure> {
    let mut message = Vec::new();
    simple_query(sql, &mut message)?;
    Ok(message)
}

/// The rows of a message: 64 KiB.
const BLOCK: u64 = 870;
const HEADER: usize = 19;
