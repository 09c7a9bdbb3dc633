//! Bind: a portal out of a statement and its parameters.

use crate::case::Group;
use crate::need::Need;
use crate::say::{
    bind, bind_as, bind_raw, describe_portal, execute, execute_as, lengths_and_bytes, parse, parse_as, query,
    raw, sync,
};

pub(super) fn group() -> Group {
    let mut group = Group::new("bind", "protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY");
    portals(&mut group);
    group.source("protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-BIND");
    formats(&mut group);
    values(&mut group);
    malformed(&mut group);
    group
}

fn portals(group: &mut Group) {
    group
        .must("unknown-statement", "A statement that does not exist cannot be bound.")
        .send([bind_as("", "pgspec_none", &[]), sync()])
        .expect("Error(26000) Ready(I)");
    group
        .must("no-unnamed-statement", "In a new session there is no unnamed statement.")
        .send([bind(), sync()])
        .expect("Error(26000) Ready(I)");
    group
        .must("portal-twice", "A named portal has to be closed before its name is used again.")
        .send([query("begin")])
        .expect("Complete(BEGIN) Ready(T)")
        .send([parse("select 1"), bind_as("p", "", &[]), bind_as("p", "", &[]), sync()])
        .expect("ParseComplete BindComplete Error(42P03) Ready(E)");
    group
        .must("unnamed-twice", "The unnamed portal is replaced by the next.")
        .send([
            parse("select $1::int4"),
            bind_as("", "", &[Some(b"1")]),
            bind_as("", "", &[Some(b"2")]),
            execute(),
            sync(),
        ])
        .expect("ParseComplete BindComplete BindComplete Row(2) Complete(SELECT 1) Ready(I)");
    group
        .must("one-statement-many-portals", "A statement may be bound to several portals.")
        .send([
            parse_as("s", "select $1::int4", &[]),
            bind_as("a", "s", &[Some(b"1")]),
            bind_as("b", "s", &[Some(b"2")]),
            execute_as("b", 0),
            execute_as("a", 0),
            sync(),
        ])
        .expect(
            "ParseComplete BindComplete BindComplete Row(2) Complete(SELECT 1) Row(1) Complete(SELECT \
             1) Ready(I)",
        );
}

fn formats(group: &mut Group) {
    let ints = lengths_and_bytes(&[Some(&2_i32.to_be_bytes()), Some(&3_i32.to_be_bytes())]);
    group
        .must("one-format-for-all", "One format is for all parameters.")
        .send([parse("select $1::int4 + $2::int4"), bind_raw(&[1], 2, &ints, &[]), execute(), sync()])
        .expect("ParseComplete BindComplete Row(5) Complete(SELECT 1) Ready(I)");
    group
        .must("format-each", "Each parameter may have a format of its own.")
        .send([
            parse("select $1::int4 + $2::int4"),
            bind_raw(&[1, 0], 2, &lengths_and_bytes(&[Some(&2_i32.to_be_bytes()), Some(b"3")]), &[]),
            execute(),
            sync(),
        ])
        .expect("ParseComplete BindComplete Row(5) Complete(SELECT 1) Ready(I)");
    group
        .must("one-format-without-parameters", "A format may be given where there is no parameter.")
        .send([parse("select 1"), bind_raw(&[1], 0, b"", &[]), execute(), sync()])
        .expect("ParseComplete BindComplete Row(1) Complete(SELECT 1) Ready(I)");
    group
        .must("one-result-format-for-all", "One result format is for all columns.")
        .send([
            parse("select 1::int4 as a, 2::int4 as b"),
            bind_raw(&[], 0, b"", &[1]),
            describe_portal(""),
            execute(),
            sync(),
        ])
        .expect(
            "ParseComplete BindComplete Columns(a:23b,b:23b) \
             Row(\\x00\\x00\\x00\\x01,\\x00\\x00\\x00\\x02) Complete(SELECT 1) Ready(I)",
        );
    group
        .must("result-format-each", "Each column may have a format of its own.")
        .send([
            parse("select 1::int4 as a, 2::int4 as b"),
            bind_raw(&[], 0, b"", &[1, 0]),
            describe_portal(""),
            execute(),
            sync(),
        ])
        .expect(
            "ParseComplete BindComplete Columns(a:23b,b:23) Row(\\x00\\x00\\x00\\x01,2) \
             Complete(SELECT 1) Ready(I)",
        );
    group
        .must("format-count", "The number of formats is 0, 1 or that of the parameters.")
        .send([
            parse("select $1::int4 + $2::int4 + $3::int4"),
            bind_raw(&[0, 0], 3, &lengths_and_bytes(&[Some(&b"1"[..]); 3]), &[]),
            sync(),
        ])
        .expect("ParseComplete Error(08P01) Ready(I)");
    group
        .must("format-count-without-parameters", "Two formats are too many where there is no parameter.")
        .send([parse("select 1"), bind_raw(&[0, 0], 0, b"", &[]), sync()])
        .expect("ParseComplete Error(08P01) Ready(I)");
    group
        .must("result-format-count", "The number of result formats is 0, 1 or that of the columns.")
        .send([parse("select 1, 2"), bind_raw(&[], 0, b"", &[0, 0, 0]), sync()])
        .expect("ParseComplete Error(08P01) Ready(I)");
    group
        .must("format-2", "There are formats 0 and 1.")
        .send([parse("select $1::int4"), bind_raw(&[2], 1, &lengths_and_bytes(&[Some(b"1")]), &[]), sync()])
        .expect("ParseComplete Error(22023) Ready(I)");
    group
        .must(
            "result-format-2",
            "There are result formats 0 and 1: another is refused by Bind or by Execute.",
        )
        .send([parse("select 1"), bind_raw(&[], 0, b"", &[2]), execute(), sync()])
        .expect("ParseComplete BindComplete? Error(22023) Ready(I)");
}

fn values(group: &mut Group) {
    group
        .must("null", "NULL and the empty string are different.")
        .send([
            parse("select $1::text, $2::text, $1::text is null"),
            bind_as("", "", &[None, Some(b"")]),
            execute(),
            sync(),
        ])
        .expect("ParseComplete BindComplete Row(NULL,,t) Complete(SELECT 1) Ready(I)");
    for (name, requirement, values) in [
        ("too-few", "There are as many values as parameters, not fewer.", &[Some(&b"1"[..])][..]),
        (
            "too-many",
            "There are as many values as parameters, not more.",
            &[Some(b"1"), Some(b"2"), Some(b"3")],
        ),
    ] {
        group
            .must(name, requirement)
            .send([parse("select $1::int4 + $2::int4"), bind_as("", "", values), sync()])
            .expect("ParseComplete Error(08P01) Ready(I)");
    }
    group
        .must("invalid-text", "A text that is no value of the type is an error.")
        .send([parse("select $1::int4"), bind_as("", "", &[Some(b"x")]), sync()])
        .expect("ParseComplete Error(22P02) Ready(I)");
    for (name, requirement, value) in [
        ("binary-too-short", "A binary value has the size of its type, not less.", &[0, 0, 1][..]),
        ("binary-too-long", "A binary value has the size of its type, not more.", &[0, 0, 0, 0, 1]),
    ] {
        group
            .must(name, requirement)
            .send([
                parse("select $1::int4"),
                bind_raw(&[1], 1, &lengths_and_bytes(&[Some(value)]), &[]),
                sync(),
            ])
            .expect("ParseComplete Error Ready(I)");
    }
    for (name, requirement, value) in [
        ("invalid-utf8", "A text is in the encoding of the client.", &b"\xff\xfe"[..]),
        ("zero-byte-in-text", "A text has no zero byte.", b"a\0b"),
    ] {
        group
            .must(name, requirement)
            .needs(Need::Utf8)
            .send([parse("select $1::text"), bind_as("", "", &[Some(value)]), sync()])
            .expect("ParseComplete Error(22021) Ready(I)");
    }
}

fn malformed(group: &mut Group) {
    for (name, requirement, values) in [
        ("length-negative", "-1 is the only length below zero.", &b"\xff\xff\xff\xfe"[..]),
        ("length-beyond-message", "A value ends inside of its message.", b"\0\0\0\x641"),
    ] {
        group
            .must(name, requirement)
            .send([parse("select $1::int4"), bind_raw(&[], 1, values, &[]), sync()])
            .expect("ParseComplete Error(08P01) Ready(I)");
    }
    for (name, requirement, body) in [
        ("trailing-bytes", "Nothing follows the last result format.", &b"\0\0\0\0\0\0\0\0x"[..]),
        ("no-result-formats", "The number of result formats is there, if it is zero too.", b"\0\0\0\0\0\0"),
        ("empty-body", "A Bind names a portal and a statement.", b""),
        ("count-beyond-message", "There are as many values as the count says.", b"\0\0\0\0\xff\xff\0\0"),
    ] {
        group
            .must(name, requirement)
            .send([parse("select 1"), raw(b'B', body), sync()])
            .expect("ParseComplete Error(08P01) Ready(I)");
    }
}
