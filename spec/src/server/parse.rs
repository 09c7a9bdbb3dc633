//! Parse: a statement out of a text.

use crate::case::Group;
use crate::need::Need;
use crate::say::{
    bind, bind_as, describe_portal, describe_statement, execute, flush, parse, parse_as, raw, sync,
};

pub(super) fn group() -> Group {
    let mut group = Group::new("parse", "protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY");
    statements(&mut group);
    types(&mut group);
    group.source("protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-PARSE");
    malformed(&mut group);
    group
}

fn statements(group: &mut Group) {
    group
        .must("ok", "Parse is answered by ParseComplete, and Sync by ReadyForQuery.")
        .send([parse("select 1"), sync()])
        .expect("ParseComplete Ready(I)");
    group
        .must("flush", "Flush has the answer sent without a ReadyForQuery.")
        .send([parse("select 1"), flush()])
        .expect("ParseComplete")
        .send([sync()])
        .expect("Ready(I)");
    group
        .must("held-back", "Without Flush the answer may wait for Sync, and is not lost.")
        .send([parse("select 1")])
        .send([sync()])
        .expect("ParseComplete Ready(I)");
    group
        .must("several-statements", "A statement is one statement.")
        .send([parse("select 1; select 2"), sync()])
        .expect("Error(42601) Ready(I)");
    group
        .must("empty", "An empty text is a statement that is answered by EmptyQueryResponse.")
        .send([parse(""), describe_statement(""), bind(), describe_portal(""), execute(), sync()])
        .expect("ParseComplete Parameters() NoData BindComplete NoData EmptyQuery Ready(I)");
    group
        .must("named-twice", "A named statement has to be closed before its name is used again.")
        .send([parse_as("s", "select 1", &[]), sync()])
        .expect("ParseComplete Ready(I)")
        .send([parse_as("s", "select 2", &[]), sync()])
        .expect("Error(42P05) Ready(I)");
    group
        .must("unnamed-twice", "The unnamed statement is replaced by the next.")
        .send([parse("select 1"), parse("select 2"), bind(), execute(), sync()])
        .expect("ParseComplete ParseComplete BindComplete Row(2) Complete(SELECT 1) Ready(I)");
    group
        .must("error", "A text that does not parse is an error.")
        .send([parse("selct 1"), sync()])
        .expect("Error(42601) Ready(I)");
    group
        .reference(
            "error-drops-unnamed",
            "A Parse of the unnamed statement that fails has dropped the one before.",
        )
        .send([parse("select 1"), sync()])
        .expect("ParseComplete Ready(I)")
        .send([parse("selct 1"), sync()])
        .expect("Error(42601) Ready(I)")
        .send([bind(), execute(), sync()])
        .expect("Error(26000) Ready(I)");
    group
        .reference("long-name", "The name of a statement may be longer than an identifier.")
        .send([parse_as(LONG_ONE, "select 7", &[]), bind_as("", LONG_ONE, &[]), execute(), sync()])
        .expect("ParseComplete BindComplete Row(7) Complete(SELECT 1) Ready(I)");
    group
        .info("long-name-cut", "Names of statements are all of the name. PostgreSQL takes two for one that share their first 63 bytes.")
        .send([parse_as(LONG_ONE, "select 7", &[]), parse_as(LONG_OTHER, "select 8", &[]), sync()])
        .expect("ParseComplete ParseComplete Ready(I)");
    group
        .must("sql-prepare", "What PREPARE made can be bound by its name.")
        .send([crate::say::query("prepare s as select 9 as a")])
        .expect("Complete(PREPARE) Ready(I)")
        .send([bind_as("", "s", &[]), execute(), sync()])
        .expect("BindComplete Row(9) Complete(SELECT 1) Ready(I)");
}

fn types(group: &mut Group) {
    group
        .must("inferred", "A parameter without a type gets one: that of its place, or text.")
        .send([parse("select $1 as a"), describe_statement(""), sync()])
        .expect("ParseComplete Parameters(25) Columns(a:25) Ready(I)");
    group
        .must("declared", "A declared type is the type of the parameter.")
        .send([parse_as("", "select $1 as a", &[23]), describe_statement(""), sync()])
        .expect("ParseComplete Parameters(23) Columns(a:23) Ready(I)");
    group
        .must("declared-as-zero", "The type 0 is none.")
        .send([parse_as("", "select $1::int4 as a", &[0]), describe_statement(""), sync()])
        .expect("ParseComplete Parameters(23) Columns(a:23) Ready(I)");
    group
        .must("fewer-types", "There may be fewer types than parameters.")
        .send([parse_as("", "select $1::int4 as a, $2::text as b", &[23]), describe_statement(""), sync()])
        .expect("ParseComplete Parameters(23,25) Columns(a:23,b:25) Ready(I)");
    group
        .reference("more-types", "There may be more types than parameters.")
        .send([parse_as("", "select $1 as a", &[23, 25]), describe_statement(""), sync()])
        .expect("ParseComplete Parameters(23,25) Columns(a:23) Ready(I)");
    group
        .reference("gap", "A parameter that is not used and has no type is an error.")
        .send([parse("select $2::int4"), sync()])
        .expect("Error(42P18) Ready(I)");
    group
        .reference("unknown-type", "A type that does not exist is an error.")
        .send([parse_as("", "select $1", &[999_999_999]), sync()])
        .expect("Error Ready(I)");
}

fn malformed(group: &mut Group) {
    for (name, requirement, body) in [
        (
            "negative-count",
            "The number of types is that of the types that follow.",
            &b"\0select 1\0\xff\xff"[..],
        ),
        ("no-count", "The number of types is there, if it is zero too.", b"\0select 1\0"),
        ("no-terminator", "A name ends with a zero byte.", b"name"),
        ("trailing-bytes", "Nothing follows the last type.", b"\0select 1\0\0\0x"),
        ("empty-body", "A Parse has a name and a text.", b""),
    ] {
        group.must(name, requirement).send([raw(b'P', body), sync()]).expect("Error(08P01) Ready(I)");
    }
    group
        .must("invalid-utf8", "A text that is not in the encoding of the client is refused.")
        .needs(Need::Utf8)
        .send([raw(b'P', b"\0select '\xff\xfe'\0\0\0"), sync()])
        .expect("Error(22021) Ready(I)");
}

const LONG_ONE: &str =
    "pgspec_statement_with_a_name_that_is_longer_than_any_identifier_may_be_and_ends_with_the_number_one";
const LONG_OTHER: &str =
    "pgspec_statement_with_a_name_that_is_longer_than_any_identifier_may_be_and_ends_with_the_number_two";
