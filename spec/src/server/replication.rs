//! Streaming replication.

use crate::case::Group;
use crate::need::Need;
use crate::say::{copy_data, copy_done, copy_fail, parse, query, sync, terminate};
use crate::step::StepKind;

pub(super) fn group() -> Group {
    let mut group = Group::new("replication", "protocol-replication.html#PROTOCOL-REPLICATION");
    commands(&mut group);
    streams(&mut group);
    intruders(&mut group);
    physical(&mut group);
    group
}

fn commands(group: &mut Group) {
    group
        .must("identify-system", "IDENTIFY_SYSTEM returns one row of system, timeline, position and database.")
        .replicating("true")
        .send([query("IDENTIFY_SYSTEM")])
        .expect_until(
            15,
            "Columns(systemid:25,timeline:23,xlogpos:25,dbname:25) Row(*,NULL) Complete(IDENTIFY_SYSTEM) Ready(I)",
            "Columns(systemid:25,timeline:20,xlogpos:25,dbname:25) Row(*,NULL) Complete(IDENTIFY_SYSTEM) Ready(I)",
        );
    group
        .must("show", "SHOW works in a session for replication.")
        .replicating("true")
        .send([query("SHOW server_version")])
        .expect("Columns(server_version:25) Row Complete(SHOW) Ready(I)");
    group
        .must("sql-physical", "A session for physical replication runs no SQL.")
        .replicating("true")
        .send([query("select 1")])
        .expect("Error(0A000) Ready(I) / Error(42601) Ready(I)");
    group
        .must("sql-database", "A session for replication of a database runs SQL.")
        .replicating("database")
        .send([query("select 1 as a")])
        .expect("Columns(a:23) Row(1) Complete(SELECT 1) Ready(I)");
    group
        .must("extended", "A session for replication has no extended protocol.")
        .replicating("database")
        .send([parse("select 1"), sync()])
        .expect("Error(08P01) Ready(I)");
    group
        .must("syntax-error", "A command that does not exist is an error.")
        .replicating("true")
        .send([query("IDENTIFY_PGSPEC")])
        .expect("Error Ready(I)");
    group
        .must("timeline-history-unknown", "The history of a timeline that does not exist is an error.")
        .replicating("true")
        .send([query("TIMELINE_HISTORY 77")])
        .expect("Columns? Error Ready(I)");
    group
        .must("read-unknown-slot", "A slot that does not exist is described by NULL.")
        .versions(15..=u32::MAX)
        .replicating("true")
        .send([query("READ_REPLICATION_SLOT pgspec_no_such_slot")])
        .expect(
            "Columns(slot_type:25,restart_lsn:25,restart_tli:20) Row(NULL,NULL,NULL) \
             Complete(READ_REPLICATION_SLOT) Ready(I)",
        );
    group
        .must("drop-unknown-slot", "A slot that does not exist cannot be dropped.")
        .replicating("true")
        .send([query("DROP_REPLICATION_SLOT pgspec_no_such_slot")])
        .expect("Error(42704) Ready(I)");
}

/// What may not come inside of a stream.
fn intruders(group: &mut Group) {
    for (name, requirement, message, expected) in [
        (
            "status-cut",
            "A status that is too short is an error, and ends the stream.",
            copy_data(b"r\0\0"),
            "CopyData* Error(08P01) Ready(I)",
        ),
        (
            "copy-fail-in-stream",
            "A CopyFail inside of a stream ends the session.",
            copy_fail("pgspec"),
            "CopyData* Fatal(08P01) End",
        ),
        (
            "sync-in-stream",
            "A Sync inside of a stream ends the session.",
            sync(),
            "CopyData* Fatal(08P01) End",
        ),
        (
            "terminate-in-stream",
            "A Terminate inside of a stream ends the session.",
            terminate(),
            "CopyData* End",
        ),
    ] {
        group
            .reference(name, requirement)
            .replicating("database")
            .needs(Need::LogicalReplication)
            .send_unique(create_slot)
            .expect(CREATED)
            .send_unique(start)
            .expect("CopyBoth(text,0) CopyData(k*)")
            .send([message])
            .expect(expected);
    }
}

fn physical(group: &mut Group) {
    group
        .must("physical-stream", "A physical stream ends as a logical one, with two CommandCompletes.")
        .replicating("true")
        .needs(Need::LogicalReplication)
        .send([query("IDENTIFY_SYSTEM")])
        .expect("Columns Row Complete Ready(I)")
        .step(StepKind::SendOf(|row| {
            let position = row.split(',').nth(2).unwrap_or_default();
            query(&format!("START_REPLICATION PHYSICAL {position}"))
        }))
        .expect("CopyBoth(text,0)")
        .send([copy_done()])
        .expect("CopyData* CopyDone Complete{2} Ready(I)");
}

fn streams(group: &mut Group) {
    group
        .must(
            "logical-stream",
            "START_REPLICATION opens a COPY in both directions, which ends when both sides have ended it.",
        )
        .replicating("database")
        .needs(Need::LogicalReplication)
        .send_unique(create_slot)
        .expect(CREATED)
        .send_unique(start)
        .expect("CopyBoth(text,0) CopyData(k*)")
        .send([copy_done()])
        .expect("CopyData* CopyDone CopyData* Complete+ Ready(I)");
    group
        .must("reply-requested", "A status that asks for a reply is answered by a keepalive.")
        .replicating("database")
        .needs(Need::LogicalReplication)
        .send_unique(create_slot)
        .expect(CREATED)
        .send_unique(start)
        .expect("CopyBoth(text,0) CopyData(k*)")
        .send([copy_data(&[&b"r"[..], &[0; 32], b"\x01"].concat())])
        .expect("CopyData(k*)")
        .send([copy_done()])
        .expect("CopyData* CopyDone CopyData* Complete+ Ready(I)");
    group
        .reference("unknown-message", "A message that no standby sends ends the session.")
        .replicating("database")
        .needs(Need::LogicalReplication)
        .send_unique(create_slot)
        .expect(CREATED)
        .send_unique(start)
        .expect("CopyBoth(text,0) CopyData(k*)")
        .send([copy_data(b"?pgspec")])
        .expect("CopyData* End / CopyData* Fatal End");
    group
        .must("query-in-stream", "A Query inside of a stream ends the session.")
        .replicating("database")
        .needs(Need::LogicalReplication)
        .send_unique(create_slot)
        .expect(CREATED)
        .send_unique(start)
        .expect("CopyBoth(text,0) CopyData(k*)")
        .send([query("select 1")])
        .expect("CopyData* Fatal(08P01) End");
    group
        .must("unknown-slot", "A stream of a slot that does not exist is an error.")
        .replicating("database")
        .needs(Need::LogicalReplication)
        .send([query("START_REPLICATION SLOT pgspec_no_such_slot LOGICAL 0/0")])
        .expect("Error(42704) Ready(I)");
    group
        .must("slot-twice", "The name of a slot is used once.")
        .replicating("database")
        .needs(Need::LogicalReplication)
        .send_unique(create_slot)
        .expect(CREATED)
        .send_unique(create_slot)
        .expect("Error(42710) Ready(I)");
}

fn create_slot(word: &str) -> Vec<u8> {
    query(&format!("CREATE_REPLICATION_SLOT {word} TEMPORARY LOGICAL pgoutput"))
}

fn start(word: &str) -> Vec<u8> {
    query(&format!(
        "START_REPLICATION SLOT {word} LOGICAL 0/0 (proto_version '1', publication_names 'pgspec')"
    ))
}

const CREATED: &str = "Columns(slot_name:25,consistent_point:25,snapshot_name:25,output_plugin:25) \
                       Row(*,pgoutput) Complete(CREATE_REPLICATION_SLOT) Ready(I)";
