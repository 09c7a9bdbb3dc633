use molt_db::types::{Date, TimestampTz};

use super::Check;
use super::fixed::{ReadRows, VALUES_SIZE, Values, hash};
use crate::failure::Failure;
use crate::job::{Load, mix};
use crate::measure::Meter;
use crate::report::{Measured, Tally};

/// A connection that writes rows into the table of [`TABLE`].
pub(super) trait WriteRows {
    async fn script(&mut self, sql: &str) -> Result<(), Failure>;

    /// Writes the rows, and returns how many the server has stored.
    async fn write_rows(&mut self, rows: impl Iterator<Item = Values>) -> Result<u64, Failure>;
}

/// Warms up, and measures what writes rows that are made up on the way.
pub(super) async fn measure(
    connection: &mut (impl WriteRows + ReadRows),
    load: &Load,
    check: Check,
) -> Result<Measured, Failure> {
    connection.script(TABLE).await?;
    connection.write_rows(rows(WARM_UP)).await?;
    connection.script(EMPTY).await?;
    let meter = Meter::start()?;
    let stored = connection.write_rows(rows(load.rows)).await?;
    let cost = meter.stop()?;
    if stored != load.rows {
        return Err(format!("{stored} rows were stored instead of {}", load.rows).into());
    }
    let hash = match check {
        Check::Skip => None,
        Check::Hash => Some(hash(connection, "select * from copied").await?.to_string()),
    };
    Ok(Measured { tally: Tally { rows: stored, nbytes: stored * VALUES_SIZE }, cost, hash, times: None })
}

/// Makes up rows, the same ones in every run, at the cost of a few multiplications each.
pub(super) fn rows(count: u64) -> impl Iterator<Item = Values> {
    (0..count).map(|number| {
        let random = mix(number);
        let id = number.cast_signed();
        let [a, b, c, d, e, f, g, h] = random.to_be_bytes();
        (
            id,
            i32::from_be_bytes([a, b, c, d]),
            i16::from_be_bytes([e, f]),
            f64::from(u32::from_be_bytes([e, f, g, h])),
            f32::from(i16::from_be_bytes([g, h])),
            random & 1 == 1,
            TimestampTz::from_micros(id),
            Date::from_days(i32::from(i16::from_be_bytes([a, h]))),
        )
    })
}

pub(super) const TABLE: &str = "create temporary table copied (id int8, a int4, s int2, x float8, y float4, \
                                flag bool, ts timestamptz, d date)";
pub(super) const EMPTY: &str = "truncate copied";
pub(super) const WARM_UP: u64 = 1000;
