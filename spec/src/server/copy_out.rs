//! COPY to the client.

use crate::case::Group;
use crate::need::Need;
use crate::say::{
    bind, copy_data, describe_portal, describe_statement, execute, execute_as, parse, query, sync,
};

pub(super) fn group() -> Group {
    let mut group = Group::new("copy-out", "protocol-flow.html#PROTOCOL-COPY");
    group
        .must("ok", "CopyOutResponse, the data, CopyDone and CommandComplete with the number of rows.")
        .needs(Need::Copy)
        .send([query("copy (select generate_series(1, 3)) to stdout")])
        .expect("CopyOut(text,1) CopyData+ CopyDone Complete(COPY 3) Ready(I)");
    group
        .reference("row-each", "Each row is a message of its own.")
        .needs(Need::Copy)
        .send([query("copy (select generate_series(1, 3)) to stdout")])
        .expect(
            "CopyOut(text,1) CopyData(1\\n) CopyData(2\\n) CopyData(3\\n) CopyDone Complete(COPY 3) Ready(I)",
        );
    group
        .must("empty", "No rows are no data.")
        .needs(Need::Copy)
        .send([query("copy (select 1 where false) to stdout")])
        .expect("CopyOut(text,1) CopyDone Complete(COPY 0) Ready(I)");
    group
        .must("binary", "Binary data begins with its signature and ends with its trailer.")
        .needs(Need::Copy)
        .send([query("copy (select 7::int4) to stdout with (format binary)")])
        .expect("CopyOut(binary,1) CopyData(PGCOPY\\n\\xff\\r\\n\\x00*) CopyData* CopyDone Complete(COPY 1) Ready(I)");
    group
        .must("csv-header", "A header is data and no row.")
        .needs(Need::Copy)
        .send([query("copy (select 1 as a) to stdout with (format csv, header)")])
        .expect("CopyOut(text,1) CopyData(a\\n*) CopyData* CopyDone Complete(COPY 1) Ready(I)");
    group
        .must("error", "An error in the middle takes the place of CopyDone.")
        .needs(Need::Copy)
        .send([query("copy (select 10 / (3 - g) from generate_series(1, 5) g) to stdout")])
        .expect("CopyOut(text,1) CopyData* Error(22012) Ready(I)");
    group
        .must("data-sent-too", "What the client sends of a COPY meanwhile is passed over.")
        .needs(Need::Copy)
        .send([query("copy (select 1) to stdout"), copy_data(b"x\n")])
        .expect("CopyOut(text,1) CopyData+ CopyDone Complete(COPY 1) Ready(I)");
    group
        .must("extended", "In the extended protocol a COPY has NoData for its columns.")
        .needs(Need::Copy)
        .send([
            parse("copy (select 1) to stdout"),
            describe_statement(""),
            bind(),
            describe_portal(""),
            execute(),
            sync(),
        ])
        .expect("ParseComplete Parameters() NoData BindComplete NoData CopyOut(text,1) CopyData+ CopyDone Complete(COPY 1) Ready(I)");
    group
        .must("extended-limit", "A limit means nothing for a COPY.")
        .needs(Need::Copy)
        .send([parse("copy (select generate_series(1, 3)) to stdout"), bind(), execute_as("", 1), sync()])
        .expect("ParseComplete BindComplete CopyOut(text,1) CopyData+ CopyDone Complete(COPY 3) Ready(I)");
    group
        .must("extended-error", "After an error in a COPY everything is skipped up to Sync.")
        .needs(Need::Copy)
        .send([
            parse("copy (select 10 / (3 - g) from generate_series(1, 5) g) to stdout"),
            bind(),
            execute(),
            parse("select 1"),
            sync(),
        ])
        .expect("ParseComplete BindComplete CopyOut(text,1) CopyData* Error(22012) Ready(I)");
    group
}
