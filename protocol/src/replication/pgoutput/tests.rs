use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::message::Oids;
use crate::replication::{Lsn, PgTimestamp};
use crate::{EncodeError, Malformed};

/// Reads a message where it is allowed: in a stream, or outside of one.
fn decode(data: &[u8], version: Version, in_stream: bool) -> Result<Message<'_>, Malformed> {
    let mut decoder = Decoder::new(version);
    if in_stream {
        decoder.decode(b"S\0\0\0\x01\x01").unwrap();
    }
    decoder.decode(data)
}

fn comes_back_from(message: &Message<'_>, version: Version, in_stream: bool) {
    let mut out = vec![9];
    message.encode(&mut out).unwrap();
    let data = &out[1..];
    let read = |data: &[u8]| decode(data, version, in_stream).map(|_| ());
    assert_eq!((out[0], data[0]), (9, message.code()));
    assert_eq!(decode(data, version, in_stream).as_ref(), Ok(message));
    for end in 0..data.len() {
        assert!(read(&data[..end]).is_err(), "{message:?} cut at {end}");
    }
    for trailing in [0, 1, b'n'] {
        assert_eq!(read(&[data, &[trailing]].concat()), Err(Malformed::TrailingBytes), "{message:?}");
    }
}

fn comes_back(message: Message<'_>) {
    comes_back_from(&message, Version::V4, false);
}

/// A change, outside of a stream and inside of one.
fn change_comes_back<'b>(xid: u32, make: impl Fn(Option<u32>) -> Message<'b>) {
    comes_back_from(&make(None), Version::V1, false);
    comes_back_from(&make(Some(xid)), Version::V2, true);
}

fn text() -> impl Strategy<Value = String> {
    "[^\0]{0,9}"
}

fn time() -> impl Strategy<Value = PgTimestamp> {
    any::<i64>().prop_map(PgTimestamp::from_micros)
}

fn lsn() -> impl Strategy<Value = Lsn> {
    any::<u64>().prop_map(Lsn)
}

/// Values as they stand in a tuple.
fn row() -> impl Strategy<Value = Vec<u8>> {
    vec((0..4, vec(any::<u8>(), 0..6)), 0..6).prop_map(|values| {
        let mut bytes = Vec::new();
        for (kind, data) in &values {
            let value = match kind {
                0 => TupleValue::Null,
                1 => TupleValue::Unchanged,
                2 => TupleValue::Text(data),
                _ => TupleValue::Binary(data),
            };
            value.write(&mut bytes).unwrap();
        }
        let read = Tuple::new(&bytes).unwrap();
        assert_eq!((read.len(), read.iter().count()), (values.len(), values.len()));
        bytes
    })
}

#[test]
fn messages_have_their_documented_layout() {
    let begin = b"B\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02\0\0\0\x03";
    let expected = Begin { final_lsn: Lsn(1), commit_time: PgTimestamp::from_micros(2), xid: 3 };
    assert_eq!(decode(begin, Version::V1, false), Ok(Message::Begin(expected)));

    let update = b"U\0\0\0\x07K\0\x02t\0\0\0\x011nN\0\x02t\0\0\0\x012u";
    let Ok(Message::Update(update)) = decode(update, Version::V1, false) else { panic!() };
    let Some(OldTuple::Key(old)) = update.old else { panic!() };
    assert_eq!(old.iter().collect::<Vec<_>>(), [TupleValue::Text(b"1"), TupleValue::Null]);
    assert_eq!(update.new.iter().collect::<Vec<_>>(), [TupleValue::Text(b"2"), TupleValue::Unchanged]);

    let relation = b"R\0\0\0\x07public\0t\0d\0\x01\x01id\0\0\0\0\x17\xff\xff\xff\xff";
    let Ok(Message::Relation(relation)) = decode(relation, Version::V1, false) else { panic!() };
    assert_eq!((relation.namespace, relation.name), ("public", "t"));
    let column = RelationColumn { flags: 1, name: "id", type_oid: 23, type_modifier: -1 };
    assert_eq!(relation.columns.iter().collect::<Vec<_>>(), [column]);
    assert!(column.is_key());

    let truncate = b"T\0\0\0\x02\x03\0\0\0\x07\0\0\0\x08";
    let Ok(Message::Truncate(truncate)) = decode(truncate, Version::V1, false) else { panic!() };
    assert!(truncate.options.cascades() && truncate.options.restarts_identity());
    assert_eq!(truncate.relations.iter().collect::<Vec<_>>(), [7, 8]);
}

#[test]
fn impossible_counts_and_lengths_are_refused() {
    let refused = |data: &[u8]| decode(data, Version::V1, false).unwrap_err();
    assert_eq!(refused(b"I\0\0\0\x07N\xff\xffnn"), Malformed::Count);
    assert_eq!(refused(b"R\0\0\0\x07\0\0d\xff\xff\0"), Malformed::Count);
    assert_eq!(refused(b"T\x7f\xff\xff\xff\0\0\0\0\x07"), Malformed::Count);
    assert_eq!(refused(b"T\xff\xff\xff\xff\0"), Malformed::Count);
    assert_eq!(refused(b"I\0\0\0\x07N\0\x01t\xff\xff\xff\xff"), Malformed::FieldLength);
    assert_eq!(refused(b"I\0\0\0\x07N\0\x01b\0\0\0\x02a"), Malformed::FieldLength);
    assert_eq!(refused(b"M\0\0\0\0\0\0\0\0\x01p\0\x80\0\0\0"), Malformed::FieldLength);
}

#[test]
fn unknown_codes_are_refused() {
    let refused = |data: &[u8]| decode(data, Version::V2, false).unwrap_err();
    assert_eq!(refused(b"I\0\0\0\x07K\0\0"), Malformed::Code);
    assert_eq!(refused(b"D\0\0\0\x07N\0\0"), Malformed::Code);
    assert_eq!(refused(b"U\0\0\0\x07X\0\0"), Malformed::Code);
    assert_eq!(refused(b"I\0\0\0\x07N\0\x01x"), Malformed::Code);
    assert_eq!(refused(b"R\0\0\0\x07\0\0x\0\0"), Malformed::Code);
    assert_eq!(refused(b"S\0\0\0\x07\x02"), Malformed::Code);
    assert_eq!(refused(&[&b"C\x01"[..], &[0; 24]].concat()), Malformed::Code);
    assert_eq!(refused(b"M\x02"), Malformed::Code);
}

#[test]
fn what_cannot_be_written_leaves_the_output_as_it_was() {
    let out = &mut vec![9];
    let name = Message::Type(TypeName { xid: None, oid: 1, namespace: "", name: "a\0b" });
    assert_eq!(name.encode(out), Err(EncodeError::Nul { field: "name of a type" }));
    let values = vec![b'n'; 65_536];
    let insert =
        |values| Message::Insert(Insert { xid: None, relation: 1, new: Tuple::new(values).unwrap() });
    assert_eq!(insert(&values).encode(out), Err(EncodeError::TooMany { what: "columns" }));
    assert_eq!(*out, [9]);
    comes_back_from_large(&insert(&values[1..]));
}

fn comes_back_from_large(message: &Message<'_>) {
    let out = &mut Vec::new();
    message.encode(out).unwrap();
    assert_eq!(decode(out, Version::V1, false).as_ref(), Ok(message));
}

#[test]
fn rows_are_not_shown() {
    let row = Tuple::new(b"t\0\0\0\x06secret").unwrap();
    assert_eq!(format!("{row:?}"), "Tuple(1)");
}

#[test]
fn stream_stop_comes_back() {
    comes_back_from(&Message::StreamStop, Version::V2, true);
}

proptest! {
    #[test]
    fn transactions_come_back(first in lsn(), second in lsn(), time in time(), xid: u32, name in text()) {
        comes_back(Message::Begin(Begin { final_lsn: first, commit_time: time, xid }));
        comes_back(Message::Commit(Commit { commit_lsn: first, end_lsn: second, commit_time: time }));
        comes_back(Message::Origin(Origin { commit_lsn: first, name: &name }));
        let origin = Message::Origin(Origin { commit_lsn: second, name: &name });
        comes_back_from(&origin, Version::V2, true);
    }

    #[test]
    fn logical_messages_come_back(xid: u32, lsn in lsn(), prefix in text(), content: Vec<u8>) {
        for delivery in [Delivery::Immediate, Delivery::Transactional] {
            change_comes_back(xid, |xid| {
                Message::Message(LogicalMessage { xid, delivery, lsn, prefix: &prefix, content: &content })
            });
        }
    }

    #[test]
    fn relations_and_types_come_back(
        (xid, oid) in any::<(u32, u32)>(),
        (namespace, name) in (text(), text()),
        columns in vec((any::<u8>(), text(), any::<u32>(), any::<i32>()), 0..4),
    ) {
        use ReplicaIdentity::{Default, Full, Index, Nothing};
        let bytes = &mut Vec::new();
        for (flags, name, type_oid, type_modifier) in &columns {
            let (flags, type_oid, type_modifier) = (*flags, *type_oid, *type_modifier);
            RelationColumn { flags, name, type_oid, type_modifier }.write(bytes).unwrap();
        }
        let read = RelationColumns::new(bytes).unwrap();
        prop_assert_eq!(read.len(), columns.len());
        let (namespace, name) = (namespace.as_str(), name.as_str());
        for replica_identity in [Default, Nothing, Full, Index] {
            change_comes_back(xid, |xid| {
                Message::Relation(Relation { xid, oid, namespace, name, replica_identity, columns: read })
            });
        }
        change_comes_back(xid, |xid| Message::Type(TypeName { xid, oid, namespace, name }));
    }

    #[test]
    fn changes_come_back((xid, relation) in any::<(u32, u32)>(), old in row(), new in row()) {
        let (old, new) = (Tuple::new(&old).unwrap(), Tuple::new(&new).unwrap());
        change_comes_back(xid, |xid| Message::Insert(Insert { xid, relation, new }));
        for old in [None, Some(OldTuple::Key(old)), Some(OldTuple::Full(old))] {
            change_comes_back(xid, |xid| Message::Update(Update { xid, relation, old, new }));
        }
        for old in [OldTuple::Key(old), OldTuple::Full(old)] {
            change_comes_back(xid, |xid| Message::Delete(Delete { xid, relation, old }));
        }
    }

    #[test]
    fn truncate_comes_back(xid: u32, options: u8, oids in vec(any::<[u8; 4]>(), 0..4)) {
        let oids = oids.concat();
        let (options, relations) = (TruncateOptions(options), Oids::new(&oids).unwrap());
        change_comes_back(xid, |xid| Message::Truncate(Truncate { xid, options, relations }));
    }

    #[test]
    fn streams_come_back((xid, subxid) in any::<(u32, u32)>(), first in lsn(), second in lsn(), time in time()) {
        for segment in [Segment::First, Segment::Later] {
            comes_back(Message::StreamStart(StreamStart { xid, segment }));
        }
        let (commit_lsn, end_lsn, commit_time) = (first, second, time);
        comes_back(Message::StreamCommit(StreamCommit { xid, commit_lsn, end_lsn, commit_time }));
        comes_back(Message::StreamAbort(StreamAbort { xid, subxid, position: None }));
        let position = Some(AbortPosition { lsn: first, time });
        let abort = Message::StreamAbort(StreamAbort { xid, subxid, position });
        comes_back_from(&abort, Version::V4Parallel, false);
    }

    #[test]
    fn prepared_transactions_come_back(
        (first, second) in (lsn(), lsn()),
        (earlier, later) in (time(), time()),
        xid: u32,
        gid in text(),
    ) {
        let prepared =
            PreparedTransaction { position: first, end_lsn: second, time: earlier, xid, gid: &gid };
        comes_back(Message::BeginPrepare(prepared));
        comes_back(Message::Prepare(prepared));
        comes_back(Message::CommitPrepared(prepared));
        comes_back(Message::StreamPrepare(prepared));
        comes_back(Message::RollbackPrepared(RollbackPrepared {
            prepare_end_lsn: first,
            rollback_end_lsn: second,
            prepare_time: earlier,
            rollback_time: later,
            xid,
            gid: &gid,
        }));
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        byte in prop::sample::select(&b"BCOMRYIUDTSEcAbPKrp"[..]),
        xid in option::of(any::<[u8; 4]>()),
        body in prop_oneof![
            vec(any::<u8>(), 0..64),
            vec(prop::sample::select(&[0, 0, 0, 1, 2, b'N', b'K', b'n', b't', b'd', 0xff][..]), 0..48),
        ],
    ) {
        let data = [&[byte][..], xid.as_ref().map_or(&[], |xid| &xid[..]), &body].concat();
        for version in [Version::V1, Version::V2, Version::V4Parallel] {
            for in_stream in [false, version > Version::V1] {
                if let Ok(message) = decode(&data, version, in_stream) {
                    let out = &mut Vec::new();
                    message.encode(out).unwrap();
                    prop_assert_eq!(&*out, &data);
                }
            }
        }
    }
}
