//! Sync, Flush, and what is skipped after an error.

use crate::case::Group;
use crate::need::Need;
use crate::say::{
    bind, call, close_statement, copy_data, copy_done, copy_fail, describe_portal, execute, flush,
    lengths_and_bytes, parse, parse_as, query, raw, run, sync, terminate,
};

pub(super) fn group() -> Group {
    let mut group = Group::new("extended", "protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY");
    group.must("sync", "Sync is answered by ReadyForQuery.").send([sync()]).expect("Ready(I)");
    group
        .must("sync-three", "Each Sync is answered by one ReadyForQuery.")
        .send([sync(), sync(), sync()])
        .expect("Ready(I) Ready(I) Ready(I)");
    group
        .reference("sync-body", "A Sync with a body is an error, and is answered by one ReadyForQuery.")
        .send([raw(b'S', b"x")])
        .expect("Error(08P01) Ready(I)")
        .send([sync()])
        .expect("Ready(I)");
    group.must("flush", "Flush has no answer of its own.").send([flush()]).send([sync()]).expect("Ready(I)");
    group
        .reference("flush-body", "A Flush with a body is an error.")
        .send([raw(b'H', b"x"), sync()])
        .expect("Error(08P01) Ready(I)");
    group
        .must("flush-row", "Flush has rows sent while the portal is open.")
        .send([run("select 1 as a"), flush()])
        .expect("ParseComplete BindComplete Row(1) Complete(SELECT 1)")
        .send([sync()])
        .expect("Ready(I)");
    group
        .must("whole-cycle", "Parse, Bind, Describe, Execute, Close and Sync are each answered, in order.")
        .send([parse("select 1 as a"), bind(), describe_portal(""), execute(), close_statement(""), sync()])
        .expect("ParseComplete BindComplete Columns(a:23) Row(1) Complete(SELECT 1) CloseComplete Ready(I)");
    group
        .must(
            "deferred-error",
            "What fails at the end of the transaction fails at Sync, after CommandComplete.",
        )
        .needs(Need::TemporaryTables)
        .send([query("create temp table t (a int unique deferrable initially deferred)")])
        .expect("Complete(CREATE TABLE) Ready(I)")
        .send([run("insert into t values (1), (1)"), sync()])
        .expect("ParseComplete BindComplete Complete(INSERT 0 2) Error(23505) Ready(I)");
    skipping(&mut group);
    group
}

fn skipping(group: &mut Group) {
    group
        .must(
            "skip-until-sync",
            "After an error everything is skipped up to Sync, which is answered by ReadyForQuery.",
        )
        .send([
            parse("selct 1"),
            parse_as("s", "select 1", &[]),
            bind(),
            describe_portal(""),
            execute(),
            close_statement("s"),
            flush(),
            sync(),
        ])
        .expect("Error(42601) Ready(I)");
    group
        .must("skip-does-nothing", "What is skipped has no effect.")
        .send([parse("selct 1"), parse_as("s", "select 1", &[]), sync()])
        .expect("Error(42601) Ready(I)")
        .send([crate::say::bind_as("", "s", &[]), sync()])
        .expect("Error(26000) Ready(I)");
    group
        .must("skip-flush", "Flush has the error sent, and no ReadyForQuery.")
        .send([parse("selct 1"), flush()])
        .expect("Error(42601)")
        .send([sync()])
        .expect("Ready(I)");
    group
        .reference("skip-query", "A Query is skipped too.")
        .send([parse("selct 1"), query("select 1"), sync()])
        .expect("Error(42601) Ready(I)");
    group
        .reference("skip-function-call", "A FunctionCall is skipped too.")
        .send([parse("selct 1"), call(177, &[], 2, &lengths_and_bytes(&[Some(b"2"), Some(b"3")]), 0), sync()])
        .expect("Error(42601) Ready(I)");
    group
        .reference("skip-unknown-type", "A message of an unknown type ends the session while skipping too.")
        .send([parse("selct 1"), raw(b'y', b""), sync()])
        .expect("Error(42601) Fatal(08P01) End");
    group
        .reference(
            "skip-terminate",
            "Terminate ends the session while skipping too; the error is sent before.",
        )
        .send([parse("selct 1"), terminate()])
        .expect("Error(42601) End");
    group
        .must("skip-copy", "CopyData, CopyDone and CopyFail outside of a COPY are passed over.")
        .send([copy_data(b"1\n"), copy_done(), copy_fail("x"), query("select 1 as a")])
        .expect("Columns(a:23) Row(1) Complete(SELECT 1) Ready(I)");
}
