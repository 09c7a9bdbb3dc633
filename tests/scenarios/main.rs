//! Values that drivers are known to stumble over, and that no other file of tests is about: scenarios 30 to 38.
//!
//! | file | what is in it |
//! |---|---|
//! | `texts.rs` | NUL bytes, and databases of other encodings |
//! | `numbers.rs` | scales of a thousand digits, NaNs with a payload |
//! | `days.rs` | leap days before our era, zones of odd seconds, fractions of a microsecond |
//! | `containers.rs` | arrays of boxes, of domains and over domains, records in records |
//! | `extensions.rs` | types of extensions, money of a locale, bit strings of no bits |
//! | `catalogs.rs` | types that nobody knows, that come late, that are gone; large catalogs |

#[path = "../common/mod.rs"]
mod common;

mod catalogs;
mod containers;
mod days;
mod extensions;
mod numbers;
mod texts;

use molt_db::Connection;
use molt_db::arrow::array::RecordBatch;

/// Takes a result of one batch.
async fn arrow(c: &mut Connection, sql: &str) -> RecordBatch {
    let mut batches = c.query(sql).arrow().await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let batch = batches.next().await.unwrap_or_else(|error| panic!("{sql}: {error}")).unwrap();
    assert!(batches.next().await.unwrap().is_none(), "{sql}");
    batch.columns().iter().for_each(|column| column.to_data().validate_full().unwrap());
    batch
}
