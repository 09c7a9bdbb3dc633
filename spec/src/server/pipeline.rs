//! Segments that are sent without waiting, each a transaction of its own.

use crate::case::Group;
use crate::need::Need;
use crate::say::{bind, bind_as, execute, parse, parse_as, query, run, sync};

pub(super) fn group() -> Group {
    let mut group = Group::new("pipeline", "protocol-flow.html#PROTOCOL-FLOW-PIPELINING");
    segments(&mut group);
    transactions(&mut group);
    implicit_only(&mut group);
    mixtures(&mut group);
    group
}

fn segments(group: &mut Group) {
    group
        .must("two-segments", "An error ends its own segment and not the next.")
        .send([run("select 1/0"), sync(), run("select 2"), sync()])
        .expect(
            "ParseComplete BindComplete? Error(22012) Ready(I) ParseComplete BindComplete Row(2) \
             Complete(SELECT 1) Ready(I)",
        );
    group
        .must("many-segments", "5,000 segments in one write are all answered.")
        .send(std::iter::repeat_n(sync(), 5000))
        .expect("Ready(I){5000}");
    group
        .must("many-statements", "500 statements in one segment are all answered.")
        .send(
            std::iter::once(parse_as("s", "select 1", &[]))
                .chain(std::iter::repeat_n([bind_as("", "s", &[]), execute()].concat(), 500))
                .chain([sync()]),
        )
        .step(crate::step::StepKind::Repeated {
            first: "ParseComplete",
            each: "BindComplete Row(1) Complete(SELECT 1)",
            times: 500,
        })
        .expect("Ready(I)");
    group
        .must(
            "statement-before-error",
            "A statement that was made before an error in its segment is there afterwards.",
        )
        .send([parse_as("s", "select 1", &[]), parse("selct 1"), sync()])
        .expect("ParseComplete Error(42601) Ready(I)")
        .send([bind_as("", "s", &[]), execute(), sync()])
        .expect("BindComplete Row(1) Complete(SELECT 1) Ready(I)");
}

fn transactions(group: &mut Group) {
    group
        .must("implicit-rollback", "A segment is one transaction: an error takes back all of it.")
        .needs(Need::TemporaryTables)
        .send([query(TABLE)])
        .expect(MADE)
        .send([run(ONE), run("insert into t values (2)"), run("select 1/0"), sync()])
        .expect(
            "ParseComplete BindComplete Complete(INSERT 0 1) ParseComplete BindComplete \
             Complete(INSERT 0 1) ParseComplete BindComplete? Error(22012) Ready(I)",
        )
        .send([query("select count(*) from t")])
        .expect("Columns Row(0) Complete(SELECT 1) Ready(I)");
    group
        .must(
            "implicit-commit",
            "Sync commits: an error in the next segment takes back nothing of the one before.",
        )
        .needs(Need::TemporaryTables)
        .send([query(TABLE)])
        .expect(MADE)
        .send([run(ONE), sync(), run("insert into t values (2)"), run("select 1/0"), sync()])
        .expect(
            "ParseComplete BindComplete Complete(INSERT 0 1) Ready(I) ParseComplete BindComplete \
             Complete(INSERT 0 1) ParseComplete BindComplete? Error(22012) Ready(I)",
        )
        .send([query("select count(*) from t")])
        .expect("Columns Row(1) Complete(SELECT 1) Ready(I)");
    group
        .must("begin", "BEGIN in a segment opens a transaction that outlives Sync.")
        .send([run("begin"), sync()])
        .expect("ParseComplete BindComplete Complete(BEGIN) Ready(T)")
        .send([query("rollback")])
        .expect("Complete(ROLLBACK) Ready(I)");
    group
        .must("commit", "COMMIT in a segment commits what ran before it, with a warning.")
        .needs(Need::TemporaryTables)
        .send([query(TABLE)])
        .expect(MADE)
        .send([run(ONE), run("commit"), run("select 1/0"), sync()])
        .expect(
            "ParseComplete BindComplete Complete(INSERT 0 1) ParseComplete BindComplete Notice(25P01) \
             Complete(COMMIT) ParseComplete BindComplete? Error(22012) Ready(I)",
        )
        .send([query("select count(*) from t")])
        .expect("Columns Row(1) Complete(SELECT 1) Ready(I)");
}

/// What is only for the first statement, or only for explicit transactions.
fn implicit_only(group: &mut Group) {
    group
        .must("vacuum-first", "What cannot run inside of a transaction may be the first of a segment.")
        .needs(Need::TemporaryTables)
        .send([query(TABLE)])
        .expect(MADE)
        .send([run("vacuum t"), sync()])
        .expect("ParseComplete BindComplete Complete(VACUUM) Ready(I)");
    group
        .must("vacuum-second", "What cannot run inside of a transaction cannot be the second of a segment.")
        .needs(Need::TemporaryTables)
        .send([query(TABLE)])
        .expect(MADE)
        .send([run("select 1"), run("vacuum t"), sync()])
        .expect(
            "ParseComplete BindComplete Row(1) Complete(SELECT 1) ParseComplete BindComplete \
             Error(25001) Ready(I)",
        );
    group
        .must("savepoint", "SAVEPOINT is for explicit transactions.")
        .send([run("select 1"), run("savepoint s"), sync()])
        .expect(
            "ParseComplete BindComplete Row(1) Complete(SELECT 1) ParseComplete BindComplete \
             Error(25P01) Ready(I)",
        );
    group
        .reference(
            "set-local",
            "SET LOCAL in the second statement of a segment: up to version 17 with a \
             warning, from 18 on without.",
        )
        .send([run("select 1"), run("set local work_mem = '1MB'"), sync()])
        .expect_until(
            17,
            "ParseComplete BindComplete Row(1) Complete(SELECT 1) ParseComplete BindComplete \
             Notice(25P01) Complete(SET) Ready(I)",
            "ParseComplete BindComplete Row(1) Complete(SELECT 1) ParseComplete BindComplete \
             !Notice Complete(SET) Ready(I)",
        );
}

fn mixtures(group: &mut Group) {
    group
        .info(
            "query-behind",
            "A Query behind messages without a Sync ends their transaction: up to \
             version 17 ReadyForQuery is idle then. Version 18 says otherwise.",
        )
        .send([parse("select 1 as a"), bind(), execute(), query("select 2 as b")])
        .expect(
            "ParseComplete BindComplete Row(1) Complete(SELECT 1) Columns(b:23) Row(2) Complete(SELECT \
             1) Ready(I)",
        );
    group
        .must("query-between", "Queries and segments may follow each other without waiting.")
        .send([query("select 1 as a"), run("select 2"), sync(), query("select 3 as c")])
        .expect(
            "Columns(a:23) Row(1) Complete(SELECT 1) Ready(I) ParseComplete BindComplete Row(2) \
             Complete(SELECT 1) Ready(I) Columns(c:23) Row(3) Complete(SELECT 1) Ready(I)",
        );
}

const TABLE: &str = "create temp table t (a int)";
const MADE: &str = "Complete(CREATE TABLE) Ready(I)";
const ONE: &str = "insert into t values (1)";
