//! molt-db as a service would use it.

pub(super) mod arrow;
pub(super) mod connect;
pub(super) mod qps;
pub(super) mod rows;

use std::time::Duration;

pub(super) const SUMMARY: &str = "\
molt-db with its defaults, as a service would use it: SQL found by its text in the statement cache,
query_timeout armed (30 s), liveness looked at whenever the pool hands a connection out.
arrow: batches of the default size, every buffer touched, then dropped.
rows: every column of every row read into a tuple, which goes into a checksum.
qps: each select takes a connection from the pool, reads its row into (i32, String) and gives the connection back.
connect: by a Connector, which has read the certificates once, within the ten seconds of connect_timeout.
Leaves out: TLS, but for connect.";

/// A service sets one, so this lane pays for it.
const QUERY_TIMEOUT: Duration = Duration::from_secs(30);
