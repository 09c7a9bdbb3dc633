use molt_db::types::{Date, TimestampTz};

use crate::fingerprint::RowHash;
use crate::report::Tally;

/// A row of `w_fixed`.
pub(super) type Values = (i64, i32, i16, f64, f32, bool, TimestampTz, Date);

/// Returns what so many rows are.
pub(super) fn tally(rows: u64) -> Tally {
    Tally { rows, nbytes: rows * VALUES_SIZE }
}

/// Mixes all values of a row into a number, as cheaply as it goes.
pub(super) fn mixed((id, a, s, x, y, flag, ts, d): Values) -> u64 {
    let integers = id ^ i64::from(a) ^ i64::from(s) ^ i64::from(flag) ^ ts.micros() ^ i64::from(d.days());
    integers.cast_unsigned() ^ x.to_bits() ^ u64::from(y.to_bits())
}

/// Hashes a row, as its Arrow values are.
pub(super) fn row_hash((id, a, s, x, y, flag, ts, d): Values) -> RowHash {
    let mut row = RowHash::new();
    row.integer(id);
    row.integer(a);
    row.integer(s);
    row.float(x);
    row.float(y);
    row.boolean(flag);
    row.point_in_time(ts.micros() + EPOCH_DAYS * 86_400_000_000);
    row.date(d.days() + 10_957);
    row
}

/// From 1970-01-01 to 2000-01-01, PostgreSQL's epoch.
const EPOCH_DAYS: i64 = 10_957;

/// What the values of a row take, in bytes.
const VALUES_SIZE: u64 = 8 + 4 + 2 + 8 + 4 + 1 + 8 + 4;
