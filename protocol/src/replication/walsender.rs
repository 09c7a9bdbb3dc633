use std::fmt;

use super::{Lsn, PgTimestamp, Reply};
use crate::wire::{Reader, message};
use crate::{EncodeError, Malformed};

/// What a server sends in the CopyData messages of streaming replication.
// PG docs: protocol-replication, "XLogData (B)" and "Primary keepalive message (B)"
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplicationMessage<'b> {
    /// `w`: a piece of the write-ahead log, or one message of a logical slot's plugin.
    XLogData(XLogData<'b>),
    /// `k`: a sign of life.
    Keepalive(PrimaryKeepalive),
}

/// A piece of the write-ahead log, or one message of a logical slot's plugin. `Debug` shows how long it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct XLogData<'b> {
    /// Where the data starts.
    pub start: Lsn,
    /// Where the server's log ends.
    pub end: Lsn,
    /// The server's clock when it sent this.
    pub time: PgTimestamp,
    /// The data.
    pub data: &'b [u8],
}

/// A sign of life of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrimaryKeepalive {
    /// Where the server's log ends.
    pub end: Lsn,
    /// The server's clock when it sent this.
    pub time: PgTimestamp,
    /// Whether it wants a [`StandbyStatusUpdate`](super::StandbyStatusUpdate) at once.
    pub reply: Reply,
}

impl<'b> ReplicationMessage<'b> {
    /// Reads the body of a CopyData.
    ///
    /// # Errors
    ///
    /// An unknown type, or a body that does not have its shape to the byte.
    pub fn parse(body: &'b [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let message = match reader.u8()? {
            b'w' => Self::XLogData(XLogData {
                start: Lsn(reader.u64()?),
                end: Lsn(reader.u64()?),
                time: PgTimestamp::from_micros(reader.i64()?),
                data: reader.rest(),
            }),
            b'k' => Self::Keepalive(PrimaryKeepalive {
                end: Lsn(reader.u64()?),
                time: PgTimestamp::from_micros(reader.i64()?),
                reply: Reply::read(&mut reader)?,
            }),
            _ => return Err(Malformed::Code),
        };
        reader.finish()?;
        Ok(message)
    }

    /// Appends the CopyData message.
    ///
    /// # Errors
    ///
    /// A message above 2 GiB.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        message(out, b'd', |body| {
            match self {
                Self::XLogData(log) => {
                    body.u8(b'w');
                    body.u64(log.start.0);
                    body.u64(log.end.0);
                    body.i64(log.time.micros());
                    body.bytes(log.data);
                }
                Self::Keepalive(alive) => {
                    body.u8(b'k');
                    body.u64(alive.end.0);
                    body.i64(alive.time.micros());
                    body.u8(alive.reply.code());
                }
            }
            Ok(())
        })
    }
}

impl fmt::Debug for XLogData<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("XLogData")
            .field("start", &self.start)
            .field("end", &self.end)
            .field("time", &self.time)
            .field("length", &self.data.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::replication::standby::tests::reply;

    const KEEPALIVE: &[u8] = b"k\0\0\0\0\x01\x94\x20\x80\0\0\0\0\0\0\0\x07\x01";

    #[test]
    fn keepalives_have_their_documented_layout() {
        let expected = PrimaryKeepalive {
            end: Lsn(0x0194_2080),
            time: PgTimestamp::from_micros(7),
            reply: Reply::Wanted,
        };
        assert_eq!(ReplicationMessage::parse(KEEPALIVE), Ok(ReplicationMessage::Keepalive(expected)));
        for end in 0..KEEPALIVE.len() {
            assert!(ReplicationMessage::parse(&KEEPALIVE[..end]).is_err(), "{end}");
        }
        let trailing = [KEEPALIVE, b"x"].concat();
        assert_eq!(ReplicationMessage::parse(&trailing), Err(Malformed::TrailingBytes));
    }

    #[test]
    fn log_data_is_lent_and_may_be_empty() {
        let header = [&b"w"[..], &[0; 24]].concat();
        let Ok(ReplicationMessage::XLogData(log)) = ReplicationMessage::parse(&header) else { panic!() };
        assert_eq!(log.data, b"");
        assert!(ReplicationMessage::parse(&header[..24]).is_err());
    }

    #[test]
    fn other_types_are_refused() {
        for byte in (0..=255).filter(|byte| !b"wk".contains(byte)) {
            assert_eq!(ReplicationMessage::parse(&[byte; 40]), Err(Malformed::Code));
        }
    }

    fn message() -> impl Strategy<Value = (u64, u64, i64, Reply, Vec<u8>)> {
        (any::<u64>(), any::<u64>(), any::<i64>(), reply(), proptest::collection::vec(any::<u8>(), 0..64))
    }

    proptest! {
        #[test]
        fn messages_come_back_as_they_were((start, end, time, reply, data) in message()) {
            let (start, end, time) = (Lsn(start), Lsn(end), PgTimestamp::from_micros(time));
            let log = ReplicationMessage::XLogData(XLogData { start, end, time, data: &data });
            let alive = ReplicationMessage::Keepalive(PrimaryKeepalive { end, time, reply });
            for message in [log, alive] {
                let out = &mut Vec::new();
                message.encode(out).unwrap();
                prop_assert_eq!(ReplicationMessage::parse(&out[5..]), Ok(message));
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(body: Vec<u8>, byte in prop::sample::select(&b"wk"[..])) {
            let body = [&[byte][..], &body].concat();
            if let Ok(message) = ReplicationMessage::parse(&body) {
                let out = &mut Vec::new();
                message.encode(out).unwrap();
                prop_assert_eq!(ReplicationMessage::parse(&out[5..]), Ok(message));
            }
        }
    }
}
