//! molt-db as a service would use it.

mod acquire;
mod arrow;
mod batch;
mod cancel;
mod connect;
mod copy;
mod notify;
mod pool;
mod qps;
mod replication;
mod rows;

use std::time::Duration;

use molt_db::Config;
use molt_db::arrow::TextLayout;

use self::cancel::Cancelling;
use super::{Check, scan_with};
use crate::failure::Failure;
use crate::job::Job;
use crate::report::Measured;

pub(super) const SUMMARY: &str = "\
molt-db with its defaults, as a service would use it: SQL found by its text in the statement cache,
query_timeout armed (30 s), liveness looked at whenever the pool hands a connection out.
arrow: batches of the default size, every buffer touched, then dropped.
rows: a stream of tuples (rows_as), each of which goes into a checksum.
copy-out: as rows, by copy_out_rows. copy-in: copy_in_rows, a tuple for each row.
qps: each select takes a connection from the pool, reads its row into (i32, String) and gives the connection back.
batch: a Batch of the selects, run, and each result read into (i32, String).
acquire: as qps, without the select.
notify: next_notification, again and again.
replication, lag: the driver in a task, the stream in another; of each row its key is read, each commit is confirmed.
connect: by a Connector, which has read the certificates once, within the ten seconds of connect_timeout.
cancel: the future of the query is dropped, and the connection settled: it is given ten milliseconds to end, and then
cancelled.";

pub(super) const BY_REQUEST: &str = "\
cancel: as ours, by a Canceller while the query is waited for.";

pub(super) const VIEWS: &str = "\
arrow: as ours, with text as Utf8View.";

/// What the lanes of molt-db do differently.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ways {
    cancelling: Cancelling,
    text: TextLayout,
}

impl Ways {
    pub(super) const BY_REQUEST: Self = Self { cancelling: Cancelling::ByRequest, text: TextLayout::Utf8 };
    pub(super) const VIEWS: Self = Self { cancelling: Cancelling::ByDropping, text: TextLayout::Utf8View };
}

pub(super) async fn run(config: &Config, job: &Job, ways: Ways, check: Check) -> Result<Measured, Failure> {
    match job {
        Job::Arrow(scan) => {
            scan_with(config, scan, async |config, query| arrow::run(config, query, ways.text, check).await)
                .await
        }
        Job::Rows(scan) => {
            scan_with(config, scan, async |config, query| rows::run(config, query, check).await).await
        }
        Job::CopyOut(scan) => {
            scan_with(config, scan, async |config, query| copy::read(config, query, check).await).await
        }
        Job::CopyIn(load) => copy::write(config, load, check).await,
        Job::Qps(selects) => qps::run(config, selects, check).await,
        Job::Batch(batches) => batch::run(config, batches, check).await,
        Job::Acquire(acquires) => acquire::run(config, acquires).await,
        Job::Connect(connects) => connect::run(config, connects).await,
        Job::Cancel(cancels) => cancel::run(config, cancels, ways.cancelling).await,
        Job::Notify(count) => notify::run(config, *count).await,
        Job::Replication(rows) => replication::run(config, *rows).await,
        Job::Lag(transactions) => replication::lag(config, *transactions).await,
    }
}

/// A service sets one, so this lane pays for it.
const QUERY_TIMEOUT: Duration = Duration::from_secs(30);
