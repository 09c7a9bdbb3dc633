use super::{Lsn, PgTimestamp, Reply};
use crate::wire::{Body, Reader, message};
use crate::{EncodeError, Malformed};

/// What a client sends in the CopyData messages of streaming replication.
// PG docs: protocol-replication, "Standby status update (F)" and "Hot standby feedback message (F)"
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StandbyMessage {
    /// `r`: how far it is.
    Status(StandbyStatusUpdate),
    /// `h`: which rows its queries need.
    Feedback(HotStandbyFeedback),
}

/// How far a client is: each position is the first byte that it does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StandbyStatusUpdate {
    /// Received and written.
    pub written: Lsn,
    /// Flushed to disk: a slot keeps nothing from before it.
    pub flushed: Lsn,
    /// Applied.
    pub applied: Lsn,
    /// The client's clock when it sent this.
    pub time: PgTimestamp,
    /// Whether it wants a [`PrimaryKeepalive`](super::PrimaryKeepalive) at once.
    pub reply: Reply,
}

/// Which rows a standby's queries need: the server is not to vacuum them away.
///
/// Both transaction ids 0 mean that no more feedback will come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HotStandbyFeedback {
    /// The client's clock when it sent this.
    pub time: PgTimestamp,
    /// The oldest transaction that its queries may look at, slots left aside.
    pub xmin: u32,
    /// How often transaction ids had wrapped around by then.
    pub epoch: u32,
    /// The oldest transaction that its slots need the catalogue of.
    pub catalog_xmin: u32,
    /// How often transaction ids had wrapped around by then.
    pub catalog_epoch: u32,
}

impl StandbyMessage {
    /// Reads the body of a CopyData.
    ///
    /// What follows a status update is ignored: PostgreSQL ignores it.
    ///
    /// # Errors
    ///
    /// An unknown type, a body that is too short, bytes behind a feedback.
    pub fn parse(body: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let message = match reader.u8()? {
            b'r' => {
                let status = StandbyStatusUpdate::read(&mut reader)?;
                reader.rest();
                Self::Status(status)
            }
            b'h' => Self::Feedback(HotStandbyFeedback::read(&mut reader)?),
            _ => return Err(Malformed::Code),
        };
        reader.finish()?;
        Ok(message)
    }

    /// Appends the CopyData message.
    ///
    /// # Errors
    ///
    /// None that a [`StandbyMessage`] can cause.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        message(out, b'd', |body| {
            match self {
                Self::Status(status) => status.write(body),
                Self::Feedback(feedback) => feedback.write(body),
            }
            Ok(())
        })
    }
}

impl StandbyStatusUpdate {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            written: Lsn(reader.u64()?),
            flushed: Lsn(reader.u64()?),
            applied: Lsn(reader.u64()?),
            time: PgTimestamp::from_micros(reader.i64()?),
            reply: Reply::read(reader)?,
        })
    }

    fn write(&self, body: &mut Body<'_>) {
        body.u8(b'r');
        body.u64(self.written.0);
        body.u64(self.flushed.0);
        body.u64(self.applied.0);
        body.i64(self.time.micros());
        body.u8(self.reply.code());
    }
}

impl HotStandbyFeedback {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            time: PgTimestamp::from_micros(reader.i64()?),
            xmin: reader.u32()?,
            epoch: reader.u32()?,
            catalog_xmin: reader.u32()?,
            catalog_epoch: reader.u32()?,
        })
    }

    fn write(&self, body: &mut Body<'_>) {
        body.u8(b'h');
        body.i64(self.time.micros());
        body.u32(self.xmin);
        body.u32(self.epoch);
        body.u32(self.catalog_xmin);
        body.u32(self.catalog_epoch);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    const STATUS: &[u8] =
        b"r\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x01\xff\xff\xff\xff\xff\xff\xff\xff\x01";
    const FEEDBACK: &[u8] = b"h\0\0\0\0\0\0\0\x05\0\0\0\x04\0\0\0\x03\0\0\0\x02\0\0\0\x01";

    #[test]
    fn status_updates_have_their_documented_layout() {
        let expected = StandbyStatusUpdate {
            written: Lsn(3),
            flushed: Lsn(2),
            applied: Lsn(1),
            time: PgTimestamp::from_micros(-1),
            reply: Reply::Wanted,
        };
        assert_eq!(StandbyMessage::parse(STATUS), Ok(StandbyMessage::Status(expected)));
        let out = &mut Vec::new();
        StandbyMessage::Status(expected).encode(out).unwrap();
        assert_eq!(*out, [&b"d\0\0\0\x26"[..], STATUS].concat());
        assert_eq!(
            StandbyMessage::parse(&[STATUS, b"ignored"].concat()),
            Ok(StandbyMessage::Status(expected))
        );
    }

    #[test]
    fn any_flag_but_0_asks_for_a_reply() {
        for (flag, expected) in [(0, Reply::Unneeded), (1, Reply::Wanted), (0xff, Reply::Wanted)] {
            let mut status = STATUS.to_vec();
            *status.last_mut().unwrap() = flag;
            let Ok(StandbyMessage::Status(read)) = StandbyMessage::parse(&status) else { panic!() };
            assert_eq!(read.reply, expected);
        }
    }

    #[test]
    fn feedback_has_its_documented_layout() {
        let expected = HotStandbyFeedback {
            time: PgTimestamp::from_micros(5),
            xmin: 4,
            epoch: 3,
            catalog_xmin: 2,
            catalog_epoch: 1,
        };
        assert_eq!(StandbyMessage::parse(FEEDBACK), Ok(StandbyMessage::Feedback(expected)));
        let trailing = [FEEDBACK, b"x"].concat();
        assert_eq!(StandbyMessage::parse(&trailing), Err(Malformed::TrailingBytes));
    }

    #[test]
    fn cut_at_any_byte_they_are_refused() {
        for whole in [STATUS, FEEDBACK] {
            for end in 0..whole.len() {
                assert_eq!(StandbyMessage::parse(&whole[..end]), Err(Malformed::Truncated), "{end}");
            }
        }
        assert_eq!(StandbyMessage::parse(b"p"), Err(Malformed::Code));
    }

    pub(in crate::replication) fn reply() -> impl Strategy<Value = Reply> {
        prop::sample::select(&[Reply::Unneeded, Reply::Wanted][..])
    }

    fn message() -> impl Strategy<Value = StandbyMessage> {
        let status = (any::<[u64; 3]>(), any::<i64>(), reply()).prop_map(|(positions, time, reply)| {
            let [written, flushed, applied] = positions.map(Lsn);
            let time = PgTimestamp::from_micros(time);
            StandbyMessage::Status(StandbyStatusUpdate { written, flushed, applied, time, reply })
        });
        let feedback = (any::<i64>(), any::<[u32; 4]>()).prop_map(|(time, numbers)| {
            let [xmin, epoch, catalog_xmin, catalog_epoch] = numbers;
            let time = PgTimestamp::from_micros(time);
            StandbyMessage::Feedback(HotStandbyFeedback { time, xmin, epoch, catalog_xmin, catalog_epoch })
        });
        prop_oneof![status, feedback]
    }

    proptest! {
        #[test]
        fn messages_come_back_as_they_were(message in message()) {
            let out = &mut Vec::new();
            message.encode(out).unwrap();
            prop_assert_eq!(StandbyMessage::parse(&out[5..]), Ok(message));
        }

        #[test]
        fn any_bytes_are_read_or_refused(body: Vec<u8>, byte in prop::sample::select(&b"rh"[..])) {
            let body = [&[byte][..], &body].concat();
            if let Ok(message) = StandbyMessage::parse(&body) {
                let out = &mut Vec::new();
                message.encode(out).unwrap();
                prop_assert_eq!(StandbyMessage::parse(&out[5..]), Ok(message));
            }
        }
    }
}
