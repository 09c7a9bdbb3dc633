//! CancelRequest.

use crate::case::{Case, Group};
use crate::need::Need;
use crate::say::{
    V3_2, bind, cancel_request, copy_data, copy_done, execute, packet, parse, query, run, sync,
};
use crate::step::StepKind;

pub(super) fn group() -> Group {
    let mut group = Group::new("cancel", "protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS");
    effective(&mut group);
    idle(&mut group);
    forged(&mut group);
    group
}

fn effective(group: &mut Group) {
    group
        .must("ok", "With the key of a session, its query ends with 57014. The request has no answer but the end of its connection.")
        .needs(Need::Cancel)
        .send([query(LONG)])
        .step(StepKind::Cancel)
        .expect("Columns? Error(57014) Ready(I)");
    group
        .must("v3-2", "The key of a session in protocol 3.2 cancels as well.")
        .needs(Need::Cancel)
        .speaking(V3_2)
        .send([query(LONG)])
        .step(StepKind::Cancel)
        .expect("Columns? Error(57014) Ready(I)");
    group
        .must("extended", "After a cancel everything is skipped up to Sync.")
        .needs(Need::Cancel)
        .send([run(LONG), run("select 1"), sync()])
        .step(StepKind::Cancel)
        .expect("ParseComplete BindComplete Error(57014) Ready(I)");
    group
        .must("next-segment", "A cancel ends one segment and not the next.")
        .needs(Need::Cancel)
        .send([run(LONG), sync(), run("select 2"), sync()])
        .step(StepKind::Cancel)
        .expect("ParseComplete BindComplete Error(57014) Ready(I) ParseComplete BindComplete Row(2) Complete(SELECT 1) Ready(I)");
    group
        .must("transaction", "A cancel fails the transaction of its query.")
        .needs(Need::Cancel)
        .send([query("begin")])
        .expect("Complete(BEGIN) Ready(T)")
        .send([parse(LONG), bind(), execute(), sync()])
        .step(StepKind::Cancel)
        .expect("ParseComplete BindComplete Error(57014) Ready(E)");
    group
        .reference(
            "copy-in",
            "A COPY from the client that is cancelled ends with an error at its next message.",
        )
        .needs(Need::Cancel)
        .needs(Need::Copy)
        .needs(Need::TemporaryTables)
        .send([query("create temp table t (a int)")])
        .expect("Complete(CREATE TABLE) Ready(I)")
        .send([query("copy t from stdin")])
        .expect("CopyIn(text,1)")
        .send([copy_data(b"1\n")])
        .step(StepKind::CancelOnce(cancel_request))
        .send([copy_data(b"2\n"), copy_done()])
        .expect("Error(57014) Ready(I)");
}

fn idle(group: &mut Group) {
    group
        .must("idle", "A session that does nothing is not cancelled, and neither is what it does afterwards.")
        .needs(Need::Cancel)
        .send([query("select 0 as a")])
        .expect("Columns(a:23) Row(0) Complete(SELECT 1) Ready(I)")
        .step(StepKind::CancelOnce(cancel_request))
        .send([query("select 1 as a")])
        .expect("Columns(a:23) Row(1) Complete(SELECT 1) Ready(I)");
}

fn forged(group: &mut Group) {
    group.must("wrong-key", FORGED).survives(|process, secret| cancel_request(process, &changed(secret)));
    group
        .must("unknown-process", FORGED)
        .survives(|process, secret| cancel_request(process ^ 0x4000_0000, secret));
    group.must("process-0", FORGED).survives(|_, secret| cancel_request(0, secret));
    group
        .must("key-too-short", FORGED)
        .survives(|process, secret| cancel_request(process, &secret[..secret.len() - 1]));
    group
        .must("key-too-long", FORGED)
        .survives(|process, secret| cancel_request(process, &[secret, b"x"].concat()));
    group.must("no-key", FORGED).survives(|process, _| cancel_request(process, b""));
    group.must("no-process", FORGED).survives(|_, _| packet(&80_877_102_u32.to_be_bytes()));
    group
        .must("v3-2-key-too-short", FORGED)
        .speaking(V3_2)
        .survives(|process, secret| cancel_request(process, &secret[..secret.len() / 2]));
    group
        .must("v3-2-wrong-key", FORGED)
        .speaking(V3_2)
        .survives(|process, secret| cancel_request(process, &changed(secret)));
    group
        .must("v3-2-key-of-four-bytes", FORGED)
        .speaking(V3_2)
        .versions(18..=u32::MAX)
        .survives(|process, secret| cancel_request(process, &secret[..4]));
}

/// A secret that differs in its last byte.
fn changed(secret: &[u8]) -> Vec<u8> {
    let mut other = secret.to_vec();
    if let Some(byte) = other.last_mut() {
        *byte ^= 1;
    }
    other
}

impl Case {
    fn survives(&mut self, forge: fn(i32, &[u8]) -> Vec<u8>) {
        self.needs(Need::Cancel)
            .send([query("select 1 as a from pg_sleep(0.6)")])
            .step(StepKind::CancelOnce(forge))
            .expect("Columns(a:23) Row(1) Complete(SELECT 1) Ready(I)");
    }
}

const LONG: &str = "select pg_sleep(60)";

const FORGED: &str =
    "A request without the very process and key of a session is passed over, without an answer.";
