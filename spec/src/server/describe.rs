//! Describe: what a statement takes, and what it or a portal returns.

use crate::case::Group;
use crate::need::Need;
use crate::say::{bind_raw, describe_portal, describe_statement, parse, parse_as, query, raw, sync};
use crate::step::StepKind;

pub(super) fn group() -> Group {
    let mut group = Group::new("describe", "protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY");
    group
        .must(
            "statement",
            "A statement is described by its parameters and its columns, in text format: nothing is bound.",
        )
        .send([parse("select $1::int4 as a"), describe_statement(""), sync()])
        .expect("ParseComplete Parameters(23) Columns(a:23) Ready(I)");
    group
        .must("statement-without-rows", "A statement that returns no rows has NoData for its columns.")
        .needs(Need::TemporaryTables)
        .send([parse("create temp table t (a int)"), describe_statement(""), sync()])
        .expect("ParseComplete Parameters() NoData Ready(I)");
    group
        .must("portal", "A portal is described by its columns, in the formats that Bind chose.")
        .send([parse("select 1 as a"), bind_raw(&[], 0, b"", &[1]), describe_portal(""), sync()])
        .expect("ParseComplete BindComplete Columns(a:23b) Ready(I)");
    group
        .must("portal-without-rows", "A portal that returns no rows has NoData.")
        .send([parse("begin"), bind_raw(&[], 0, b"", &[]), describe_portal(""), sync()])
        .expect("ParseComplete BindComplete NoData Ready(I)");
    group
        .must("columns", "A column of a table is told with its table, its number, its size and its modifier.")
        .needs(Need::TemporaryTables)
        .send([query("create temp table t (a int, b varchar(7))")])
        .expect("Complete(CREATE TABLE) Ready(I)")
        .send([query("select 't'::regclass::oid")])
        .expect("Columns Row Complete Ready(I)")
        .send([query("select a, b from t")])
        .step(StepKind::Column { attribute: 1, size: 4, modifier: -1 })
        .expect("Complete(SELECT 0) Ready(I)")
        .send([query("select b from t")])
        .step(StepKind::Column { attribute: 2, size: -1, modifier: 11 })
        .expect("Complete(SELECT 0) Ready(I)");
    group
        .must("unknown-statement", "A statement that does not exist cannot be described.")
        .send([describe_statement("pgspec_none"), sync()])
        .expect("Error(26000) Ready(I)");
    group
        .must("unknown-portal", "A portal that does not exist cannot be described.")
        .send([describe_portal("pgspec_none"), sync()])
        .expect("Error(34000) Ready(I)");
    group
        .must("no-unnamed-statement", "In a new session there is no unnamed statement to describe.")
        .send([describe_statement(""), sync()])
        .expect("Error(26000) Ready(I)");
    group
        .must("no-unnamed-portal", "In a new session there is no unnamed portal to describe.")
        .send([describe_portal(""), sync()])
        .expect("Error(34000) Ready(I)");
    group
        .reference("in-failed-transaction", "In a failed transaction a statement with rows is not described.")
        .send([parse_as("s", "select 1", &[]), sync()])
        .expect("ParseComplete Ready(I)")
        .send([query("begin")])
        .expect("Complete(BEGIN) Ready(T)")
        .send([query("select 1/0")])
        .expect("Error(22012) Ready(E)")
        .send([describe_statement("s"), sync()])
        .expect("Error(25P02) Ready(E)");
    group.source("protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-DESCRIBE");
    for (name, requirement, body) in [
        ("unknown-kind", "S is a statement and P a portal, and there is nothing else.", &b"X\0"[..]),
        ("trailing-bytes", "Nothing follows the name.", b"S\0x"),
        ("no-terminator", "A name ends with a zero byte.", b"Sname"),
    ] {
        group
            .must(name, requirement)
            .send([parse("select 1"), raw(b'D', body), sync()])
            .expect("ParseComplete Error(08P01) Ready(I)");
    }
    group
}
