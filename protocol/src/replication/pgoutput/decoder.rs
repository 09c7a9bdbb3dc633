use super::Message;
use crate::Malformed;
use crate::wire::Reader;

/// Which messages there are: the `proto_version` that START_REPLICATION asked for, and one option.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// Transactions are sent when they commit.
    V1,
    /// PostgreSQL 14: with `streaming`, large transactions are sent while they run.
    V2,
    /// PostgreSQL 15: with `two_phase`, prepared transactions are sent when they are prepared.
    V3,
    /// PostgreSQL 16, without `streaming 'parallel'`.
    V4,
    /// PostgreSQL 16 with `streaming 'parallel'`: a StreamAbort says where and when.
    V4Parallel,
}

/// Reads the messages of one replication stream, in their order.
///
/// Between StreamStart and StreamStop changes carry the number of their transaction; the decoder knows where it is. It
/// keeps nothing else, and needs no memory.
#[derive(Debug, Clone)]
pub struct Decoder {
    version: Version,
    place: Place,
}

/// ```text
///   Outside --StreamStart--> InStream --StreamStop--> Outside
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Outside,
    InStream,
}

impl Decoder {
    /// Starts at the beginning of a replication stream.
    pub const fn new(version: Version) -> Self {
        Self { version, place: Place::Outside }
    }

    /// Tells whether the next message stands between StreamStart and StreamStop.
    pub const fn in_stream(&self) -> bool {
        matches!(self.place, Place::InStream)
    }

    /// Reads one message: the data of an XLogData.
    ///
    /// # Errors
    ///
    /// A type that this version or this place does not have, or a body that does not have its shape to the byte. The
    /// decoder stands then where it stood before.
    pub fn decode<'b>(&mut self, data: &'b [u8]) -> Result<Message<'b>, Malformed> {
        let mut reader = Reader::new(data);
        let byte = reader.u8()?;
        if !self.expects(byte) {
            return Err(Malformed::Code);
        }
        let xid = match (self.place, byte) {
            (Place::InStream, b'M' | b'R' | b'Y' | b'I' | b'U' | b'D' | b'T') => Some(reader.u32()?),
            (Place::InStream | Place::Outside, _) => None,
        };
        let message = Message::read(byte, xid, self.version, &mut reader)?;
        reader.finish()?;
        match message {
            Message::StreamStart(_) => self.place = Place::InStream,
            Message::StreamStop => self.place = Place::Outside,
            _ => {}
        }
        Ok(message)
    }

    fn expects(&self, byte: u8) -> bool {
        match byte {
            b'M' | b'O' | b'R' | b'Y' | b'I' | b'U' | b'D' | b'T' => true,
            b'E' => self.in_stream(),
            b'B' | b'C' => !self.in_stream(),
            b'S' | b'c' | b'A' => !self.in_stream() && self.version >= Version::V2,
            b'b' | b'P' | b'K' | b'r' | b'p' => !self.in_stream() && self.version >= Version::V3,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replication::pgoutput::Segment;

    const START: &[u8] = b"S\0\0\0\x09\x01";
    const INSERT: &[u8] = b"I\0\0\0\x01N\0\0";
    const STREAMED_INSERT: &[u8] = b"I\0\0\0\x09\0\0\0\x01N\0\0";

    fn xid_of(message: Result<Message<'_>, Malformed>) -> Option<u32> {
        let Ok(Message::Insert(insert)) = message else { panic!("{message:?}") };
        assert_eq!(insert.relation, 1);
        insert.xid
    }

    #[test]
    fn changes_carry_their_transaction_inside_of_a_stream_only() {
        let mut decoder = Decoder::new(Version::V2);
        assert_eq!(xid_of(decoder.decode(INSERT)), None);
        let Ok(Message::StreamStart(start)) = decoder.decode(START) else { panic!() };
        assert_eq!((start.xid, start.segment), (9, Segment::First));
        assert_eq!(xid_of(decoder.decode(STREAMED_INSERT)), Some(9));
        assert!(decoder.decode(INSERT).is_err());
        assert_eq!(decoder.decode(b"E"), Ok(Message::StreamStop));
        assert_eq!(xid_of(decoder.decode(INSERT)), None);
    }

    #[test]
    fn what_has_no_place_in_or_out_of_a_stream_is_refused() {
        let mut decoder = Decoder::new(Version::V4Parallel);
        assert_eq!(decoder.decode(b"E"), Err(Malformed::Code));
        decoder.decode(START).unwrap();
        for byte in *b"SBCcAbPKrp" {
            assert_eq!(decoder.decode(&[byte; 64]), Err(Malformed::Code));
        }
        assert!(decoder.in_stream());
    }

    #[test]
    fn versions_have_no_messages_of_later_ones() {
        let code = |version, byte| Decoder::new(version).decode(&[byte; 64]) == Err(Malformed::Code);
        for byte in *b"SEcA" {
            assert!(code(Version::V1, byte));
        }
        for byte in *b"bPKrp" {
            assert!(code(Version::V2, byte));
        }
        assert!(Decoder::new(Version::V2).decode(START).is_ok());
        assert!(Decoder::new(Version::V1).decode(START).is_err());
    }

    #[test]
    fn a_refused_message_leaves_the_place_as_it_was() {
        let mut decoder = Decoder::new(Version::V2);
        assert_eq!(decoder.decode(b"S\0\0\0\x09\x01x"), Err(Malformed::TrailingBytes));
        assert!(!decoder.in_stream());
        decoder.decode(START).unwrap();
        assert_eq!(decoder.decode(b"Ex"), Err(Malformed::TrailingBytes));
        assert!(decoder.in_stream());
    }

    #[test]
    fn nothing_is_no_message() {
        assert_eq!(Decoder::new(Version::V1).decode(b""), Err(Malformed::Truncated));
    }
}
