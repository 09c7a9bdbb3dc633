//! The messages of `pgoutput`, PostgreSQL's own plugin for logical replication: versions 1 to 4.
//!
//! Each is the data of one [`XLogData`](super::XLogData). A [`Decoder`] reads them in their order, because a message is
//! written differently inside of a stream, and lends rows and columns as iterators.
//!
//! ```
//! use molt_db_protocol::replication::pgoutput::{Decoder, Message, TupleValue, Version};
//!
//! let mut decoder = Decoder::new(Version::V1);
//! let Message::Insert(insert) = decoder.decode(b"I\0\0\x40\0N\0\x02t\0\0\0\x017n")? else { panic!("it is one") };
//! assert_eq!((insert.relation, insert.xid), (0x4000, None));
//! assert_eq!(insert.new.iter().collect::<Vec<_>>(), [TupleValue::Text(b"7"), TupleValue::Null]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
// PG docs: protocol-logicalrep-message-formats; PG source: proto.c

mod change;
mod decoder;
mod logical_message;
mod message;
mod prepared;
mod relation;
mod stream;
#[cfg(test)]
mod tests;
mod transaction;
mod truncate;
mod tuple;
mod type_name;

pub use change::{Delete, Insert, OldTuple, Update};
pub use decoder::{Decoder, Version};
pub use logical_message::{Delivery, LogicalMessage};
pub use message::Message;
pub use prepared::{PreparedTransaction, RollbackPrepared};
pub use relation::{Relation, RelationColumn, RelationColumns, ReplicaIdentity};
pub use stream::{AbortPosition, Segment, StreamAbort, StreamCommit, StreamStart};
pub use transaction::{Begin, Commit, Origin};
pub use truncate::{Truncate, TruncateOptions};
pub use tuple::{Tuple, TupleValue};
pub use type_name::TypeName;
