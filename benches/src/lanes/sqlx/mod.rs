//! sqlx, with TLS by rustls.

mod acquire;
mod connect;
mod options;
mod pool;
mod qps;
mod rows;

use molt_db::Config;

pub(super) use pool::TestBeforeAcquire;
pub(crate) use pool::sqlx_of;

use super::{Check, scan_with, undone};
use crate::failure::Failure;
use crate::job::Job;
use crate::report::Measured;

pub(super) const SUMMARY: &str = "\
sqlx, with TLS by rustls and ring.
rows: query_as and fetch; every column of every row read into the tuple that ours reads, which goes into the same
checksum; the types of the point in time and of the date are the lane's own, and read as they travel.
qps: each select takes a connection from the pool, whose settings are the defaults: it asks the server when a connection
is taken (test_before_acquire) and when it comes back; query_as reads (i32, String).
acquire: as qps, without the select. A connection comes back by a task of its own, which the lane does not wait for.
connect: within ten seconds. Its options hold the name of the file of roots, which it reads for each connection; it does
not bind the login to the connection.
Leaves out: batch, since it has no pipelining; arrow and typed copies, which it does not have.";

pub(super) const UNTESTED: &str = "\
qps, acquire: as sqlx, but test_before_acquire is off. The server is asked still when a connection comes back.";

pub(super) async fn run(
    config: &Config,
    job: &Job,
    test: TestBeforeAcquire,
    check: Check,
) -> Result<Measured, Failure> {
    match job {
        Job::Rows(scan) => {
            scan_with(config, scan, async |config, query| rows::run(config, query, check).await).await
        }
        Job::Qps(selects) => qps::run(config, selects, test, check).await,
        Job::Acquire(acquires) => acquire::run(config, acquires, test).await,
        Job::Connect(connects) => connect::run(config, connects).await,
        _ => Err(undone(job)),
    }
}
