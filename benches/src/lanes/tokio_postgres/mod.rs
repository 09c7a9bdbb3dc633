//! tokio-postgres, with TLS by tokio-postgres-rustls and pools by deadpool-postgres.

mod acquire;
mod arrow;
mod batch;
mod builders;
mod cancel;
mod connect;
mod copy;
mod notify;
mod pool;
mod qps;
mod rows;
mod select;
mod target;

use molt_db::Config;

pub(super) use deadpool_postgres::RecyclingMethod;
pub(crate) use target::{deadpool_of, manager};

use super::{Check, scan_with, undone};
use crate::failure::Failure;
use crate::job::Job;
use crate::report::Measured;

pub(super) const SUMMARY: &str = "\
tokio-postgres, with TLS by tokio-postgres-rustls and ring.
arrow: query_raw; every value of every row read by try_get and appended to the builder of arrow-rs for its column;
batches of 8192 rows, touched as in ours. A numeric goes through rust_decimal into Decimal128, or, of no declared scale,
into text as in ours; an array through a Vec; points in time, dates, uuids and JSON through types of the lane's own,
which leave the bytes as they are.
rows: query_raw; every column of every row read into the tuple that ours reads, which goes into the same checksum; the
types of the point in time and of the date are the lane's own, and read as they travel.
copy-out: as rows, by BinaryCopyOutStream. copy-in: BinaryCopyInWriter, from the same values as ours.
qps: each select takes a connection from a pool of deadpool-postgres, by default recycled by Fast, which looks whether
it is closed; prepare_cached, query_one, reads (i32, String).
batch: as many futures of query_one, with a prepared statement, polled together by try_join_all, which pipelines them;
each has a Sync of its own, since there is no other way.
acquire: as qps, without the select.
notify: the caller drives the connection itself and takes the messages from it, without a task or a channel.
connect: within ten seconds. The configuration of TLS is made once; each connection has its task, whose end is waited
for.
cancel: by a CancelToken while the query is waited for. Nothing waits until the server has taken the request.
Leaves out: deadlines (none is set); replication, which it does not have.";

pub(super) const VERIFIED: &str = "\
qps, acquire: as tokio-postgres, but recycled by Verified, which asks the server whenever a connection is taken.";

pub(super) async fn run(
    config: &Config,
    job: &Job,
    recycling: RecyclingMethod,
    check: Check,
) -> Result<Measured, Failure> {
    match job {
        Job::Arrow(scan) => {
            scan_with(config, scan, async |config, query| arrow::run(config, query, check).await).await
        }
        Job::Rows(scan) => {
            scan_with(config, scan, async |config, query| rows::run(config, query, check).await).await
        }
        Job::CopyOut(scan) => {
            scan_with(config, scan, async |config, query| copy::read(config, query, check).await).await
        }
        Job::CopyIn(load) => copy::write(config, load, check).await,
        Job::Qps(selects) => qps::run(config, selects, recycling, check).await,
        Job::Batch(batches) => batch::run(config, batches, check).await,
        Job::Acquire(acquires) => acquire::run(config, acquires, recycling).await,
        Job::Connect(connects) => connect::run(config, connects).await,
        Job::Cancel(cancels) => cancel::run(config, cancels).await,
        Job::Notify(count) => notify::run(config, *count).await,
        Job::Replication(_) | Job::Lag(_) => Err(undone(job)),
    }
}
