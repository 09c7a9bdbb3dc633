//! COPY from the client.

use crate::case::{Case, Group};
use crate::need::Need;
use crate::say::{
    bind, copy_data, copy_done, copy_fail, describe_portal, execute, flush, parse, query, raw, sync,
    terminate,
};

pub(super) fn group() -> Group {
    let mut group = Group::new("copy-in", "protocol-flow.html#PROTOCOL-COPY");
    data(&mut group);
    failures(&mut group);
    others(&mut group);
    endings(&mut group);
    extended(&mut group);
    group
}

fn data(group: &mut Group) {
    group
        .must("ok", "Data up to CopyDone is copied, and CommandComplete tells how many rows.")
        .copying(COPY)
        .send([copy_data(b"1\tone\n2\ttwo\n"), copy_done()])
        .expect("Complete(COPY 2) Ready(I)")
        .counts(2);
    group
        .must("split-row", "Messages may be divided anywhere.")
        .copying(COPY)
        .send([copy_data(b"1\to"), copy_data(b"n"), copy_data(b"e\n"), copy_done()])
        .expect("Complete(COPY 1) Ready(I)");
    group
        .must("empty", "Nothing is a COPY of no rows.")
        .copying(COPY)
        .send([copy_data(b""), copy_done()])
        .expect("Complete(COPY 0) Ready(I)");
    group
        .reference("end-marker", "What follows the end marker is passed over.")
        .copying(COPY)
        .send([copy_data(b"1\tone\n\\.\n"), copy_data(b"2\ttwo\n"), copy_done()])
        .expect("Complete(COPY 1) Ready(I)");
    group
        .must("no-final-newline", "The last row may lack its newline.")
        .copying(COPY)
        .send([copy_data(b"1\tone"), copy_done()])
        .expect("Complete(COPY 1) Ready(I)");
    let binary =
        [&b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\0\x02\0\0\0\x04\0\0\0\x07\0\0\0\x03one\xff\xff"[..]].concat();
    group
        .must("binary", "The binary format is announced, and taken.")
        .needs(Need::Copy)
        .made()
        .send([query("copy t from stdin with (format binary)")])
        .expect("CopyIn(binary,2)")
        .send([copy_data(&binary), copy_done()])
        .expect("Complete(COPY 1) Ready(I)")
        .counts(1);
    group
        .must("binary-signature", "Binary data begins with its signature.")
        .made()
        .send([query("copy t from stdin with (format binary)")])
        .expect("CopyIn(binary,2)")
        .send([copy_data(b"PGCOPX\n\xff\r\n\0\0\0\0\0\0\0\0\0"), copy_done()])
        .expect("Error(22P04) Ready(I)");
    group
        .must("columns", "CopyInResponse tells the number of columns.")
        .made()
        .send([query("copy t (a) from stdin")])
        .expect("CopyIn(text,1)")
        .send([copy_done()])
        .expect("Complete(COPY 0) Ready(I)");
    group
        .must("then-select", "Statements behind a COPY in the same text run after it.")
        .copying("copy t from stdin; select 5 as a")
        .send([copy_data(b"1\tone\n"), copy_done()])
        .expect("Complete(COPY 1) Columns(a:23) Row(5) Complete(SELECT 1) Ready(I)");
    group
        .must("two", "A text may have several COPYs.")
        .copying("copy t from stdin; copy t from stdin")
        .send([copy_data(b"1\tone\n"), copy_done()])
        .expect("Complete(COPY 1) CopyIn(text,2)")
        .send([copy_data(b"2\ttwo\n"), copy_done()])
        .expect("Complete(COPY 1) Ready(I)")
        .counts(2);
}

fn failures(group: &mut Group) {
    group
        .must("fail", "CopyFail makes the COPY an error, and nothing is copied.")
        .copying(COPY)
        .send([copy_data(b"1\tone\n"), copy_fail("pgspec")])
        .expect("Error(57014) Ready(I)")
        .counts(0);
    group
        .must("bad-row", "A bad row is an error, and what comes up to the end of the COPY is passed over.")
        .copying(COPY)
        .send([copy_data(b"x\tone\n")])
        .send([copy_data(b"2\ttwo\n"), copy_done()])
        .expect("Error(22P02) Ready(I)")
        .counts(0);
    group
        .must("bad-row-then-fail", "After an error CopyFail is passed over too.")
        .copying(COPY)
        .send([copy_data(b"x\tone\n")])
        .send([copy_fail("pgspec")])
        .expect("Error(22P02) Ready(I) / Error(57014) Ready(I)")
        .counts(0);
    group
        .must("missing-column", "A row with too few columns is an error.")
        .copying(COPY)
        .send([copy_data(b"1\n"), copy_done()])
        .expect("Error(22P04) Ready(I)");
    group
        .must(
            "table-unknown",
            "A COPY of what does not exist is an error at once; data that was sent \
             nevertheless is passed over.",
        )
        .needs(Need::Copy)
        .send([query("copy pgspec_no_such_table from stdin"), copy_data(b"1\n"), copy_done()])
        .expect("Error(42P01) Ready(I)");
    group
        .reference("cancelled-by-going", "A client that goes in the middle of a COPY harms nobody.")
        .copying(COPY)
        .send([copy_data(b"1\tone\n")])
        .finish()
        .step(crate::step::StepKind::Ends);
}

fn others(group: &mut Group) {
    group
        .must("flush-and-sync", "Flush and Sync inside of a COPY are passed over.")
        .copying(COPY)
        .send([copy_data(b"1\tone\n"), flush(), sync(), copy_done()])
        .expect("Complete(COPY 1) Ready(I)")
        .counts(1);
    for (name, message) in [
        ("query", query("select 1")),
        ("parse", parse("select 1")),
        ("terminate", terminate()),
        ("unknown-type", raw(b'y', b"")),
    ] {
        group
            .reference(
                name,
                "A message of any other type ends the COPY with an error. PostgreSQL ends the \
                 session too, which its documentation does not say.",
            )
            .copying(COPY)
            .send([copy_data(b"1\tone\n"), message])
            .expect("Error(08P01) Fatal(08P01) End / Error(08P01) Ready(I) / Error(57014) Ready(I) / End");
    }
    group
        .must("done-with-body", "A CopyDone with a body ends the COPY as well.")
        .copying(COPY)
        .send([copy_data(b"1\tone\n"), raw(b'c', b"x")])
        .expect("Complete(COPY 1) Ready(I) / Error(08P01) Ready(I)");
}

fn endings(group: &mut Group) {
    group
        .must("fail-without-terminator", "The reason of a CopyFail ends with a zero byte.")
        .copying(COPY)
        .send([copy_data(b"1\tone\n"), raw(b'f', b"pgspec")])
        .expect("Error(08P01) Ready(I)")
        .counts(0);
    group
        .reference("sync-behind", "A Sync behind a COPY by Query is answered by a ReadyForQuery of its own.")
        .copying(COPY)
        .send([copy_data(b"1\tone\n"), copy_done(), sync()])
        .expect("Complete(COPY 1) Ready(I) Ready(I)");
}

fn extended(group: &mut Group) {
    let copy = [parse(COPY), bind(), execute()].concat();
    group
        .must("extended", "In the extended protocol ReadyForQuery waits for a Sync after the COPY.")
        .made()
        .send([parse(COPY), bind(), describe_portal(""), execute(), flush()])
        .expect("ParseComplete BindComplete NoData CopyIn(text,2)")
        .send([copy_data(b"1\tone\n"), copy_done(), flush()])
        .expect("Complete(COPY 1)")
        .send([sync()])
        .expect("Ready(I)");
    group
        .must(
            "extended-early-sync",
            "A Sync that was sent before the data is passed over, and another is needed.",
        )
        .made()
        .send([copy.clone(), sync()])
        .expect("ParseComplete BindComplete CopyIn(text,2)")
        .send([copy_data(b"1\tone\n"), copy_done(), sync()])
        .expect("Complete(COPY 1) Ready(I)");
    group
        .must("extended-fail", "After a CopyFail everything is skipped up to Sync.")
        .made()
        .send([copy.clone(), flush()])
        .expect("ParseComplete BindComplete CopyIn(text,2)")
        .send([copy_fail("pgspec"), flush(), parse("select 1")])
        .expect("Error(57014)")
        .send([sync()])
        .expect("Ready(I)");
    group
        .must("extended-bad-row", "After a bad row everything is skipped up to Sync.")
        .made()
        .send([copy, flush()])
        .expect("ParseComplete BindComplete CopyIn(text,2)")
        .send([copy_data(b"x\tone\n"), copy_done(), parse("select 1"), sync()])
        .expect("Error(22P02) Ready(I)");
}

impl Case {
    /// Makes the table of these cases.
    fn made(&mut self) -> &mut Self {
        self.needs(Need::TemporaryTables)
            .needs(Need::Copy)
            .send([query("create temp table t (a int, b text)")])
            .expect("Complete(CREATE TABLE) Ready(I)")
    }

    fn copying(&mut self, sql: &str) -> &mut Self {
        self.made().send([query(sql)]).expect("CopyIn(text,2)")
    }

    fn counts(&mut self, rows: u32) {
        self.send([query("select count(*) from t")])
            .expect(&format!("Columns Row({rows}) Complete(SELECT 1) Ready(I)"));
    }
}

const COPY: &str = "copy t from stdin";
