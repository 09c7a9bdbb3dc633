//! What the sockets alone cost.

mod copy;
mod frames;
mod login;
mod messages;
mod scan;
mod select;
mod socket;
mod wire;

use molt_db::Config;

use super::{scan_with, undone};
use crate::failure::Failure;
use crate::job::{Batches, Job};
use crate::report::Measured;

pub(super) const SUMMARY: &str = "\
sockets of tokio and nothing else, with --tls below tokio-rustls: the least that a client of this runtime pays.
arrow, rows: sends messages made beforehand, in the extended protocol and binary format; reads once whenever the socket
has something, as ours does, and offers each read 64 KiB (ours: what is free of as much, at least 16); counts messages by
their headers.
copy-out: a COPY, whose messages are counted. copy-in: messages of 64 KiB with rows made beforehand, written one after
the other.
qps: each connection has a task; a select is Bind, Execute and Sync with the key written into them, then reading to
ReadyForQuery.
batch: as qps, with one Sync behind all selects of a batch and one write for all of it.
Leaves out: decoding (rows and arrow are the same here), looking into messages, limits, timeouts, cancelling, the pool
(--tasks is ignored, and there is no acquire), the hash of --check.";

pub(super) async fn run(config: &Config, job: &Job) -> Result<Measured, Failure> {
    match job {
        Job::Arrow(scan) | Job::Rows(scan) => scan_with(config, scan, scan::run).await,
        Job::CopyOut(scan) => scan_with(config, scan, copy::read).await,
        Job::CopyIn(load) => copy::write(config, load).await,
        Job::Qps(selects) => {
            let (count, connections) = (selects.count, selects.connections);
            select::run(config, &Batches { count, connections, size: 1 }).await
        }
        Job::Batch(batches) => select::run(config, batches).await,
        _ => Err(undone(job)),
    }
}
