//! Streaming replication and base backups: what their CopyData messages carry.
//!
//! START_REPLICATION opens a CopyBoth. The server then sends [`ReplicationMessage`]s and the client
//! [`StandbyMessage`]s, each in a CopyData of its own. On a logical slot with the plugin `pgoutput` the data of an
//! [`XLogData`] is one message that a [`pgoutput::Decoder`] reads. BASE_BACKUP sends [`BaseBackupMessage`]s in a
//! CopyOut.
//!
//! `parse` reads the body of a CopyData, and `encode` appends the whole CopyData message.
//!
//! ```
//! use molt_db_protocol::replication::{Lsn, PgTimestamp, Reply, ReplicationMessage, StandbyMessage, StandbyStatusUpdate};
//!
//! let body = b"k\0\0\0\x16\xb3\x74\xd8\x48\0\0\0\0\0\0\0\0\x01";
//! let ReplicationMessage::Keepalive(alive) = ReplicationMessage::parse(body)? else { panic!("it is one") };
//! assert_eq!((alive.end.to_string(), alive.reply), ("16/B374D848".to_owned(), Reply::Wanted));
//! let (time, reply) = (PgTimestamp::from_micros(0), Reply::Unneeded);
//! let status = StandbyStatusUpdate { written: alive.end, flushed: alive.end, applied: Lsn::INVALID, time, reply };
//! let mut out = Vec::new();
//! StandbyMessage::Status(status).encode(&mut out)?;
//! assert_eq!(out.len(), 5 + 34);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
// PG docs: protocol-replication

mod base_backup;
mod lsn;
pub mod pgoutput;
mod reply;
mod standby;
mod timestamp;
mod walsender;

pub use base_backup::BaseBackupMessage;
pub use lsn::{Lsn, ParseLsnError};
pub use reply::Reply;
pub use standby::{HotStandbyFeedback, StandbyMessage, StandbyStatusUpdate};
pub use timestamp::PgTimestamp;
pub use walsender::{PrimaryKeepalive, ReplicationMessage, XLogData};
