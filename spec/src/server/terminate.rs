//! The end of a session.

use crate::case::Group;
use crate::say::{bind, execute, parse, query, raw, sync, terminate};

pub(super) fn group() -> Group {
    let mut group = Group::new("terminate", "protocol-flow.html#PROTOCOL-FLOW-TERMINATION");
    group.must("idle", "Terminate ends the session without an answer.").send([terminate()]).expect("End");
    group
        .must("in-transaction", "Terminate ends an open transaction with the session.")
        .send([query("begin")])
        .expect("Complete(BEGIN) Ready(T)")
        .send([terminate()])
        .expect("End");
    group
        .must("behind-query", "What was sent before Terminate is answered.")
        .send([query("select 1 as a"), terminate()])
        .expect("Columns(a:23) Row(1) Complete(SELECT 1) Ready(I) End");
    group
        .must("behind-sync", "A segment that was sent before Terminate is answered.")
        .send([parse("select 1"), bind(), execute(), sync(), terminate()])
        .expect("ParseComplete BindComplete Row(1) Complete(SELECT 1) Ready(I) End");
    group.must("without-a-word", "A client may go without Terminate.").finish().expect("End");
    group
        .reference("with-body", "A Terminate with a body ends the session as well.")
        .send([raw(b'X', b"x")])
        .expect("End / Fatal End");
    group
}
