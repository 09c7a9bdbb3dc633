//! One text, any number of statements.

use crate::case::Group;
use crate::need::Need;
use crate::say::{bind, execute, parse, query, raw, sync};

pub(super) fn group() -> Group {
    let mut group = Group::new("simple", "protocol-flow.html#PROTOCOL-FLOW-SIMPLE-QUERY");
    results(&mut group);
    tags(&mut group);
    errors(&mut group);
    group.source("protocol-flow.html#PROTOCOL-FLOW-MULTI-STATEMENT");
    several(&mut group);
    transactions(&mut group);
    group.source("protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-QUERY");
    malformed(&mut group);
    group
}

fn results(group: &mut Group) {
    group
        .must("select", "A statement with rows is answered by RowDescription, a DataRow for each and CommandComplete; NULL is not the empty string.")
        .send([query("select 1 as a, null::text as b, ''::text as c")])
        .expect("Columns(a:23,b:25,c:25) Row(1,NULL,) Complete(SELECT 1) Ready(I)");
    for (name, sql) in
        [("empty", ""), ("blank", " \t\n "), ("comment", "-- nothing\n/* nothing */"), ("semicolons", ";;;")]
    {
        group
            .must(name, "A text without a statement is answered by EmptyQueryResponse, once.")
            .send([query(sql)])
            .expect("EmptyQuery Ready(I)");
    }
    group
        .must("no-columns", "A row may have no columns.")
        .send([query("select")])
        .expect("Columns() Row() Complete(SELECT 1) Ready(I)");
    group
        .must("no-rows", "A result may have no rows; it has its RowDescription all the same.")
        .send([query("select 1 as a where false")])
        .expect("Columns(a:23) Complete(SELECT 0) Ready(I)");
    group
        .must("text-format", "Results of a simple query are in text format.")
        .send([query("select 258::int4 as a, true as b, '\\x0102'::bytea as c")])
        .expect("Columns(a:23,b:16,c:17) Row(258,t,\\\\x0102) Complete(SELECT 1) Ready(I)");
    group
        .must("binary-cursor", "A FETCH from a binary cursor alone is in binary format.")
        .send([query("begin; declare c binary cursor for select 7::int4 as a; fetch c; commit")])
        .expect("Complete(BEGIN) Complete(DECLARE CURSOR) Columns(a:23b) Row(\\x00\\x00\\x00\\x07) Complete(FETCH 1) Complete(COMMIT) Ready(I)");
    group
        .must("notice", "A notice comes before the end of the command that raised it.")
        .needs(Need::PlPgSql)
        .send([query("do $$ begin raise notice 'pgspec'; end $$")])
        .expect("Notice(00000) Complete(DO) Ready(I)");
    group
        .must("two-in-a-row", "Queries that are sent without waiting are answered one after the other, and the error of one is not that of the next.")
        .send([query("select 1/0"), query("select 2 as a")])
        .expect("Error(22012) Ready(I) Columns(a:23) Row(2) Complete(SELECT 1) Ready(I)");
}

fn tags(group: &mut Group) {
    group.source("protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-COMMANDCOMPLETE");
    for (name, sql, expected) in [
        ("tag-create", "create temp table t (a int)", "Complete(CREATE TABLE)"),
        (
            "tag-insert",
            "create temp table t (a int); insert into t values (1), (2)",
            "Complete(CREATE TABLE) Complete(INSERT 0 2)",
        ),
        (
            "tag-update",
            "create temp table t (a int); insert into t values (1), (2); update t set a = 3",
            "Complete(CREATE TABLE) Complete(INSERT 0 2) Complete(UPDATE 2)",
        ),
        (
            "tag-delete",
            "create temp table t (a int); insert into t values (1), (2); delete from t where a = 1",
            "Complete(CREATE TABLE) Complete(INSERT 0 2) Complete(DELETE 1)",
        ),
        ("tag-create-table-as", "create temp table t as select generate_series(1, 3)", "Complete(SELECT 3)"),
    ] {
        group
            .must(name, "The tag of a command tells what it was and how many rows it touched; INSERT has a 0 before the number.")
            .needs(Need::TemporaryTables)
            .send([query(sql)])
            .expect(&format!("{expected} Ready(I)"));
    }
    group
        .must("tag-cursor", "FETCH and MOVE have tags of their own.")
        .send([query("begin; declare c cursor for select generate_series(1, 5) as a; fetch 2 from c; move 1 in c; close c; commit")])
        .expect("Complete(BEGIN) Complete(DECLARE CURSOR) Columns(a:23) Row(1) Row(2) Complete(FETCH 2) Complete(MOVE 1) Complete(CLOSE CURSOR) Complete(COMMIT) Ready(I)");
    group
        .must("tag-merge", "MERGE has a tag of its own.")
        .needs(Need::TemporaryTables)
        .versions(15..=u32::MAX)
        .send([query("create temp table t (a int); merge into t using (values (1), (2)) v (b) on t.a = v.b when not matched then insert values (v.b)")])
        .expect("Complete(CREATE TABLE) Complete(MERGE 2) Ready(I)");
}

fn errors(group: &mut Group) {
    group.source("protocol-flow.html#PROTOCOL-FLOW-SIMPLE-QUERY");
    group
        .must("error", "An error is followed by ReadyForQuery.")
        .send([query("select pgspec_no_such_column")])
        .expect("Error(42703) Ready(I)");
    group
        .must("error-after-rows", "An error may come after rows; then there is no CommandComplete.")
        .send([query("select 10 / (3 - g) as a from generate_series(1, 5) g")])
        .expect("Columns(a:23) Row* Error(22012) Ready(I)");
    group
        .must("parameter", "A simple query has no parameters.")
        .send([query("select $1")])
        .expect("Error(42P02) Ready(I)");
    group
        .must("session-goes-on", "After an error the session is as usable as before.")
        .send([query("selct 1")])
        .expect("Error(42601) Ready(I)")
        .send([query("select 1 as a")])
        .expect("Columns(a:23) Row(1) Complete(SELECT 1) Ready(I)");
    group.source("protocol-error-fields.html#PROTOCOL-ERROR-FIELDS");
    group
        .must("error-fields", "An error has a severity, the same not translated, an SQLSTATE and a message.")
        .send([query("selct 1")])
        .step(crate::step::StepKind::ErrorFields("SVCM"))
        .expect("Ready(I)");
    group
        .reference("error-position", "A syntax error tells its place in the text.")
        .send([query("selct 1")])
        .step(crate::step::StepKind::ErrorFields("SVCMP"))
        .expect("Ready(I)");
}

fn several(group: &mut Group) {
    group
        .must("several", "Each statement of a text has its own answer, and ReadyForQuery comes once.")
        .send([query("select 1 as a; select 2 as b;")])
        .expect("Columns(a:23) Row(1) Complete(SELECT 1) Columns(b:23) Row(2) Complete(SELECT 1) Ready(I)");
    group
        .must("empty-between", "An empty statement between others has no answer.")
        .send([query("select 1 as a;;select 2 as b")])
        .expect("Columns(a:23) Row(1) Complete(SELECT 1) Columns(b:23) Row(2) Complete(SELECT 1) Ready(I)");
    group
        .must("error-in-the-middle", "An error ends the whole text.")
        .send([query("select 1 as a; select 1/0; select 2")])
        .expect("Columns(a:23) Row(1) Complete(SELECT 1) Error(22012) Ready(I)");
    group
        .must("syntax-error-at-the-end", "A syntax error anywhere in the text keeps all of it from running.")
        .send([query("select 1; selct 2")])
        .expect("Error(42601) Ready(I)");
    group
        .must("drops-unnamed-statement", "A Query drops the unnamed statement.")
        .send([parse("select 1"), sync()])
        .expect("ParseComplete Ready(I)")
        .send([query("select 2 as a")])
        .expect("Columns(a:23) Row(2) Complete(SELECT 1) Ready(I)")
        .send([bind(), execute(), sync()])
        .expect("Error(26000) Ready(I)");
}

fn transactions(group: &mut Group) {
    group
        .must(
            "begin",
            "ReadyForQuery tells the state of the transaction: I outside, T inside, E after an error.",
        )
        .send([query("begin")])
        .expect("Complete(BEGIN) Ready(T)")
        .send([query("select 1/0")])
        .expect("Error(22012) Ready(E)")
        .send([query("select 1")])
        .expect("Error(25P02) Ready(E)")
        .send([query("rollback")])
        .expect("Complete(ROLLBACK) Ready(I)");
    group
        .must("commit-of-failed", "COMMIT of a failed transaction is a rollback, and its tag says so.")
        .send([query("begin")])
        .expect("Complete(BEGIN) Ready(T)")
        .send([query("select 1/0")])
        .expect("Error(22012) Ready(E)")
        .send([query("commit")])
        .expect("Complete(ROLLBACK) Ready(I)");
    group
        .must("error-behind-begin", "An error behind a BEGIN in the same text leaves a failed transaction.")
        .send([query("begin; select 1/0; rollback")])
        .expect("Complete(BEGIN) Error(22012) Ready(E)")
        .send([query("rollback")])
        .expect("Complete(ROLLBACK) Ready(I)");
    group
        .must(
            "implicit-rollback",
            "The statements of a text are one transaction: an error takes back what ran before it.",
        )
        .needs(Need::TemporaryTables)
        .send([query("create temp table t (a int)")])
        .expect("Complete(CREATE TABLE) Ready(I)")
        .send([query("insert into t values (1); select 1/0")])
        .expect("Complete(INSERT 0 1) Error(22012) Ready(I)")
        .send([query("select count(*) from t")])
        .expect("Columns Row(0) Complete(SELECT 1) Ready(I)");
    group
        .must("explicit-commit", "BEGIN and COMMIT inside of a text divide it: what was committed stays.")
        .needs(Need::TemporaryTables)
        .send([query("create temp table t (a int)")])
        .expect("Complete(CREATE TABLE) Ready(I)")
        .send([query("begin; insert into t values (1); commit; insert into t values (2); select 1/0")])
        .expect("Complete(BEGIN) Complete(INSERT 0 1) Complete(COMMIT) Complete(INSERT 0 1) Error(22012) Ready(I)")
        .send([query("select count(*) from t")])
        .expect("Columns Row(1) Complete(SELECT 1) Ready(I)");
    group
        .must("commit-without-begin", "COMMIT without BEGIN is a warning.")
        .send([query("select 1 as a; commit")])
        .expect("Columns(a:23) Row(1) Complete(SELECT 1) Notice(25P01) Complete(COMMIT) Ready(I)");
    group
        .must("savepoint-without-begin", "SAVEPOINT is for explicit transactions.")
        .send([query("select 1 as a; savepoint s")])
        .expect("Columns(a:23) Row(1) Complete(SELECT 1) Error(25P01) Ready(I)");
    group
        .must(
            "vacuum-among-others",
            "What cannot run inside of a transaction cannot run among other statements.",
        )
        .send([query("select 1 as a; vacuum")])
        .expect("Columns(a:23) Row(1) Complete(SELECT 1) Error(25001) Ready(I)");
}

fn malformed(group: &mut Group) {
    for (name, requirement, body) in [
        ("no-terminator", "The text ends with a zero byte.", &b"select 1"[..]),
        ("trailing-bytes", "Nothing follows the zero byte of the text.", b"select 1\0x"),
        ("empty-body", "A Query has a text.", b""),
    ] {
        group
            .must(name, requirement)
            .send([raw(b'Q', body)])
            .expect("Error(08P01) Ready(I)")
            .send([query("select 2 as a")])
            .expect("Columns(a:23) Row(2) Complete(SELECT 1) Ready(I)");
    }
    group
        .must("invalid-utf8", "A text that is not in the encoding of the client is refused.")
        .needs(Need::Utf8)
        .send([query("set client_encoding = 'UTF8'")])
        .expect("Complete(SET) Ready(I)")
        .send([raw(b'Q', b"select '\xff\xfe'\0")])
        .expect("Error(22021) Ready(I)");
}
