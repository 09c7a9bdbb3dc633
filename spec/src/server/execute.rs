//! Execute: a portal runs, and Close: a statement or a portal goes.

use crate::case::Group;
use crate::need::Need;
use crate::say::{
    bind, bind_as, close_portal, close_statement, execute, execute_as, parse, parse_as, query, raw, sync,
};

pub(super) fn group() -> Group {
    let mut group = Group::new("execute", "protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY");
    results(&mut group);
    limits(&mut group);
    lifetimes(&mut group);
    failed_transactions(&mut group);
    group.source("protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-EXECUTE");
    malformed(&mut group);
    group.source("protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY");
    closes(&mut group);
    group
}

fn results(group: &mut Group) {
    group
        .must("no-description", "Execute sends rows without a RowDescription.")
        .send([parse("select 1 as a"), bind(), execute(), sync()])
        .expect("ParseComplete BindComplete Row(1) Complete(SELECT 1) Ready(I)");
    group
        .must("unknown-portal", "A portal that does not exist cannot be executed.")
        .send([execute_as("pgspec_none", 0), sync()])
        .expect("Error(34000) Ready(I)");
    group
        .must("error", "An error takes the place of CommandComplete.")
        .send([parse("select 10 / (3 - g) from generate_series(1, 5) g"), bind(), execute(), sync()])
        .expect("ParseComplete BindComplete Row* Error(22012) Ready(I)");
    group
        .must("completed-select", "A portal that returned all its rows has no more.")
        .send([query("begin")])
        .expect("Complete(BEGIN) Ready(T)")
        .send([parse("select 1"), bind(), execute(), execute(), sync()])
        .expect("ParseComplete BindComplete Row(1) Complete(SELECT 1) Complete(SELECT 0) Ready(T)");
    group
        .reference("completed-command", "A portal without rows cannot be executed again.")
        .needs(Need::TemporaryTables)
        .send([query("begin")])
        .expect("Complete(BEGIN) Ready(T)")
        .send([parse("create temp table t (a int)"), bind(), execute(), execute(), sync()])
        .expect("ParseComplete BindComplete Complete(CREATE TABLE) Error(55000) Ready(E)");
    group
        .reference("sql-cursor", "A cursor is a portal: Execute fetches from it, as rows in text format.")
        .send([query("begin; declare c cursor for select generate_series(1, 5) as a")])
        .expect("Complete(BEGIN) Complete(DECLARE CURSOR) Ready(T)")
        .send([crate::say::describe_portal("c"), execute_as("c", 2), sync()])
        .expect("Columns(*) Row(1) Row(2) Suspended Ready(T)");
}

fn limits(group: &mut Group) {
    const FIVE: &str = "select generate_series(1, 5)";
    group
        .must("limit", "A limit stops a portal with PortalSuspended, and it goes on from there.")
        .send([query("begin")])
        .expect("Complete(BEGIN) Ready(T)")
        .send([parse(FIVE), bind(), execute_as("", 2), execute_as("", 2), execute_as("", 0), sync()])
        .expect(
            "ParseComplete BindComplete Row(1) Row(2) Suspended Row(3) Row(4) Suspended Row(5) \
             Complete(SELECT *) Ready(T)",
        );
    group
        .reference("limit-tag", "The tag of a portal that went on counts the rows since it did.")
        .send([query("begin")])
        .expect("Complete(BEGIN) Ready(T)")
        .send([parse(FIVE), bind(), execute_as("", 2), execute_as("", 0), sync()])
        .expect("ParseComplete BindComplete Row(1) Row(2) Suspended Row{3} Complete(SELECT 3) Ready(T)");
    group
        .must(
            "limit-exact",
            "A limit that is the number of rows suspends; the next Execute completes without any.",
        )
        .send([query("begin")])
        .expect("Complete(BEGIN) Ready(T)")
        .send([parse("select generate_series(1, 2)"), bind(), execute_as("", 2), execute_as("", 2), sync()])
        .expect("ParseComplete BindComplete Row(1) Row(2) Suspended Complete(SELECT 0) Ready(T)");
    group
        .must("limit-then-sync", "Outside of a transaction Sync ends a suspended portal.")
        .send([parse(FIVE), bind(), execute_as("", 2), sync()])
        .expect("ParseComplete BindComplete Row(1) Row(2) Suspended Ready(I)")
        .send([execute_as("", 2), sync()])
        .expect("Error(34000) Ready(I)");
    group
        .reference("limit-negative", "A limit below zero is none.")
        .send([parse("select generate_series(1, 3)"), bind(), execute_as("", -1), sync()])
        .expect("ParseComplete BindComplete Row(1) Row(2) Row(3) Complete(SELECT 3) Ready(I)");
    group
        .must("limit-without-rows", "A limit means nothing for a statement without rows.")
        .needs(Need::TemporaryTables)
        .send([query("create temp table t (a int)")])
        .expect("Complete(CREATE TABLE) Ready(I)")
        .send([parse("insert into t select generate_series(1, 3)"), bind(), execute_as("", 1), sync()])
        .expect("ParseComplete BindComplete Complete(INSERT 0 3) Ready(I)");
    group
        .reference("limit-returning", "With INSERT RETURNING a limit holds rows back; all are inserted.")
        .needs(Need::TemporaryTables)
        .send([query("begin; create temp table t (a int)")])
        .expect("Complete(BEGIN) Complete(CREATE TABLE) Ready(T)")
        .send([
            parse("insert into t select generate_series(1, 3) returning a"),
            bind(),
            execute_as("", 1),
            execute_as("", 0),
            sync(),
        ])
        .expect("ParseComplete BindComplete Row(1) Suspended Row(2) Row(3) Complete(INSERT 0 *) Ready(T)")
        .send([query("select count(*) from t")])
        .expect("Columns Row(3) Complete(SELECT 1) Ready(T)");
}

fn lifetimes(group: &mut Group) {
    group
        .must("portal-after-sync", "Outside of a transaction a portal does not outlive Sync.")
        .send([parse("select 1"), bind_as("p", "", &[]), sync()])
        .expect("ParseComplete BindComplete Ready(I)")
        .send([execute_as("p", 0), sync()])
        .expect("Error(34000) Ready(I)");
    group
        .must("portal-in-transaction", "Inside of a transaction a named portal outlives Sync.")
        .send([query("begin")])
        .expect("Complete(BEGIN) Ready(T)")
        .send([parse("select 1"), bind_as("p", "", &[]), sync()])
        .expect("ParseComplete BindComplete Ready(T)")
        .send([execute_as("p", 0), sync()])
        .expect("Row(1) Complete(SELECT 1) Ready(T)");
    group
        .must("portal-after-commit", "No portal outlives its transaction.")
        .send([query("begin")])
        .expect("Complete(BEGIN) Ready(T)")
        .send([parse("select 1"), bind_as("p", "", &[]), sync()])
        .expect("ParseComplete BindComplete Ready(T)")
        .send([query("commit")])
        .expect("Complete(COMMIT) Ready(I)")
        .send([execute_as("p", 0), sync()])
        .expect("Error(34000) Ready(I)");
    group
        .must(
            "statement-after-rollback",
            "A statement outlives the transaction in which it was made, and its rollback.",
        )
        .send([query("begin")])
        .expect("Complete(BEGIN) Ready(T)")
        .send([parse_as("s", "select 4", &[]), sync()])
        .expect("ParseComplete Ready(T)")
        .send([query("rollback")])
        .expect("Complete(ROLLBACK) Ready(I)")
        .send([bind_as("", "s", &[]), execute(), sync()])
        .expect("BindComplete Row(4) Complete(SELECT 1) Ready(I)");
    group
        .must("two-portals", "Portals of one transaction may take turns.")
        .send([query("begin")])
        .expect("Complete(BEGIN) Ready(T)")
        .send([
            parse("select generate_series(1, 5)"),
            bind_as("a", "", &[]),
            bind_as("b", "", &[]),
            execute_as("a", 1),
            execute_as("b", 2),
            execute_as("a", 1),
            sync(),
        ])
        .expect(
            "ParseComplete BindComplete BindComplete Row(1) Suspended Row(1) Row(2) Suspended Row(2) \
             Suspended Ready(T)",
        );
}

fn failed_transactions(group: &mut Group) {
    group
        .must("in-failed-transaction", "In a failed transaction nothing runs but what ends it.")
        .send([parse_as("s", "select 1", &[]), sync()])
        .expect("ParseComplete Ready(I)")
        .send([query("begin")])
        .expect("Complete(BEGIN) Ready(T)")
        .send([query("select 1/0")])
        .expect("Error(22012) Ready(E)")
        .send([bind_as("", "s", &[]), execute(), sync()])
        .expect("Error(25P02) Ready(E)")
        .send([parse("rollback"), bind(), execute(), sync()])
        .expect("ParseComplete BindComplete Complete(ROLLBACK) Ready(I)");
}

fn malformed(group: &mut Group) {
    for (name, requirement, body) in [
        ("no-limit", "A limit is there, if it is zero too.", &b"\0"[..]),
        ("trailing-bytes", "Nothing follows the limit.", b"\0\0\0\0\0x"),
    ] {
        group
            .must(name, requirement)
            .send([parse("select 1"), bind(), raw(b'E', body), sync()])
            .expect("ParseComplete BindComplete Error(08P01) Ready(I)");
    }
}

fn closes(group: &mut Group) {
    group
        .must("close-unknown", "Closing what does not exist is no error.")
        .send([close_statement("pgspec_none"), close_portal("pgspec_none"), sync()])
        .expect("CloseComplete CloseComplete Ready(I)");
    group
        .must("close-statement", "A statement that was closed is gone.")
        .send([parse_as("s", "select 1", &[]), close_statement("s"), bind_as("", "s", &[]), sync()])
        .expect("ParseComplete CloseComplete Error(26000) Ready(I)");
    group
        .must("close-unnamed", "The unnamed statement can be closed.")
        .send([parse("select 1"), close_statement(""), bind(), sync()])
        .expect("ParseComplete CloseComplete Error(26000) Ready(I)");
    group
        .must("close-and-make-again", "The name of a statement that was closed is free.")
        .send([
            parse_as("s", "select 1", &[]),
            close_statement("s"),
            parse_as("s", "select 2", &[]),
            bind_as("", "s", &[]),
            execute(),
            sync(),
        ])
        .expect("ParseComplete CloseComplete ParseComplete BindComplete Row(2) Complete(SELECT 1) Ready(I)");
    group
        .info(
            "close-statement-of-portal",
            "Closing a statement closes its portals. PostgreSQL's \
             documentation says so, and PostgreSQL keeps them.",
        )
        .send([query("begin")])
        .expect("Complete(BEGIN) Ready(T)")
        .send([
            parse_as("s", "select 1", &[]),
            bind_as("p", "s", &[]),
            close_statement("s"),
            execute_as("p", 0),
            sync(),
        ])
        .expect("ParseComplete BindComplete CloseComplete Error(34000) Ready(E)");
    group
        .must("close-portal", "A portal that was closed is gone.")
        .send([parse("select 1"), bind_as("p", "", &[]), close_portal("p"), execute_as("p", 0), sync()])
        .expect("ParseComplete BindComplete CloseComplete Error(34000) Ready(I)");
    group
        .must("close-in-failed-transaction", "Close works in a failed transaction.")
        .send([parse_as("s", "select 1", &[]), sync()])
        .expect("ParseComplete Ready(I)")
        .send([query("begin")])
        .expect("Complete(BEGIN) Ready(T)")
        .send([query("select 1/0")])
        .expect("Error(22012) Ready(E)")
        .send([close_statement("s"), sync()])
        .expect("CloseComplete Ready(E)");
    group.source("protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-CLOSE");
    group
        .must("close-unknown-kind", "S is a statement and P a portal, and there is nothing else to close.")
        .send([raw(b'C', b"X\0"), sync()])
        .expect("Error(08P01) Ready(I)");
    group
        .must("close-trailing-bytes", "Nothing follows the name of what is closed.")
        .send([raw(b'C', b"S\0x"), sync()])
        .expect("Error(08P01) Ready(I)");
}
