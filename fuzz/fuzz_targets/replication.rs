//! Whatever CopyData carries in replication: no panic, and what is read comes back from what is written of it.
//!
//! The first byte chooses the version of `pgoutput`. Each record is a message, its kind the first byte, and is read as
//! every kind of message there is; as `pgoutput` in the place where the records before it have led.
#![no_main]

use libfuzzer_sys::fuzz_target;
use molt_db_fuzz::{bounded, records};
use molt_db_protocol::replication::pgoutput::{
    Decoder, Insert, Message, RelationColumns, Tuple, Update, Version,
};
use molt_db_protocol::replication::{BaseBackupMessage, Lsn, ReplicationMessage, StandbyMessage};

fuzz_target!(|input: &[u8]| {
    let [version, script @ ..] = input else { return };
    let mut decoder = Decoder::new(VERSIONS[usize::from(*version) % VERSIONS.len()]);
    for record in records(script) {
        let data = [&[record.kind], record.body].concat();
        change(&mut decoder, &data);
        from_server(&mut decoder, &data);
        from_client(&data);
        backup(&data);
        position(&data);
    }
});

/// Unlike the others, these have one form only: what is written is what was read, to the byte.
fn change(decoder: &mut Decoder, data: &[u8]) {
    let before = decoder.clone();
    let Ok(message) = bounded(data.len(), || decoder.decode(data)) else {
        return assert_eq!(decoder.in_stream(), before.in_stream(), "a refused message leaves the place");
    };
    let _ = format!("{message:?}");
    let mut out = Vec::new();
    message.encode(&mut out).expect("what was read can be written");
    assert_eq!(out, data);
    assert_eq!(before.clone().decode(&out), Ok(message));
    parts(&message);
}

/// Lists can be made of their parts, and are the same.
fn parts(message: &Message<'_>) {
    let mut out = Vec::new();
    match message {
        Message::Relation(relation) => {
            for column in relation.columns.iter() {
                column.write(&mut out).expect("what was read can be written");
            }
            assert_eq!(RelationColumns::new(&out), Ok(relation.columns));
        }
        Message::Insert(Insert { new: tuple, .. }) | Message::Update(Update { new: tuple, .. }) => {
            for value in tuple.iter() {
                value.write(&mut out).expect("what was read can be written");
            }
            assert_eq!(Tuple::new(&out), Ok(*tuple));
        }
        _ => {}
    }
}

fn from_server(decoder: &mut Decoder, body: &[u8]) {
    let Ok(message) = bounded(body.len(), || ReplicationMessage::parse(body)) else { return };
    let _ = format!("{message:?}");
    if let ReplicationMessage::XLogData(log) = message {
        change(decoder, log.data);
    }
    let mut out = Vec::new();
    message.encode(&mut out).expect("what was read can be written");
    assert_eq!(ReplicationMessage::parse(&out[5..]), Ok(message));
}

fn from_client(body: &[u8]) {
    let Ok(message) = bounded(body.len(), || StandbyMessage::parse(body)) else { return };
    let _ = format!("{message:?}");
    let mut out = Vec::new();
    message.encode(&mut out).expect("what was read can be written");
    assert_eq!(StandbyMessage::parse(&out[5..]), Ok(message));
}

fn backup(body: &[u8]) {
    let Ok(message) = bounded(body.len(), || BaseBackupMessage::parse(body)) else { return };
    let _ = format!("{message:?}");
    let mut out = Vec::new();
    message.encode(&mut out).expect("what was read can be written");
    assert_eq!(BaseBackupMessage::parse(&out[5..]), Ok(message));
}

fn position(text: &[u8]) {
    let Some(position) = str::from_utf8(text).ok().and_then(|text| text.parse::<Lsn>().ok()) else { return };
    assert_eq!(position.to_string().parse(), Ok(position));
}

const VERSIONS: [Version; 5] = [Version::V1, Version::V2, Version::V3, Version::V4, Version::V4Parallel];
