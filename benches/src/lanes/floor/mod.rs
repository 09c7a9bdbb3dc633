//! What the sockets alone cost.

mod frames;
mod login;
pub(super) mod qps;
pub(super) mod scan;
mod socket;
mod wire;

pub(super) const SUMMARY: &str = "\
sockets of tokio and nothing else: the least that a client of this runtime pays.
arrow, rows: sends messages made beforehand, in the extended protocol and binary format; reads 64 KiB at a time; counts
messages by their headers.
qps: each connection has a task; a select is Bind, Execute and Sync with the key written into them, then reading to
ReadyForQuery.
Leaves out: decoding (rows and arrow are the same here), looking into messages, limits, timeouts, cancelling, the pool
(--tasks is ignored), TLS, the hash of --check.";
