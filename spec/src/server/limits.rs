//! How much is too much.

use crate::case::Group;
use crate::say::{
    bind, bind_raw, describe_statement, execute, framed, lengths_and_bytes, parse, parse_as, query, raw, sync,
};
use crate::step::StepKind;

pub(super) fn group() -> Group {
    let mut group = Group::new("limits", "limits.html#LIMITS");
    parameters(&mut group);
    sizes(&mut group);
    group.source("protocol-overview.html#PROTOCOL-MESSAGE-CONCEPTS");
    lengths(&mut group);
    group
}

fn parameters(group: &mut Group) {
    group
        .must("parameters-65535", "A statement may have 65,535 parameters.")
        .send([
            parse(&format!("select {}", alternatives(65_535))),
            bind_raw(&[], 65_535, &lengths_and_bytes(&vec![Some(&b"1"[..]); 65_535]), &[]),
            execute(),
            sync(),
        ])
        .expect("ParseComplete BindComplete Row(65535) Complete(SELECT 1) Ready(I)");
    group
        .must("parameters-described", "65,535 parameters are described.")
        .send([parse(&format!("select {}", alternatives(65_535))), describe_statement(""), sync()])
        .expect("ParseComplete Parameters(*) Columns Ready(I)");
    group
        .must("parameter-65536", "There is no parameter with the number 65,536.")
        .send([parse("select $65536::int4"), sync()])
        .expect("Error Ready(I)");
    group
        .must("parameter-huge", "A number of a parameter that is no number of any is an error.")
        .send([parse("select $99999999999"), sync()])
        .expect("Error Ready(I)");
    group
        .must("columns-1664", "A result may have 1,664 columns.")
        .send([parse(&format!("select {}", columns(1664))), bind(), execute(), sync()])
        .expect("ParseComplete BindComplete Row Complete(SELECT 1) Ready(I)");
    group
        .reference("columns-1665", "A result of 1,665 columns is too much.")
        .send([parse(&format!("select {}", columns(1665))), bind(), execute(), sync()])
        .expect("Error(54011) Ready(I) / ParseComplete BindComplete? Error(54011) Ready(I)");
}

fn sizes(group: &mut Group) {
    group
        .must("query-4-mib", "A text may have 4 MiB.")
        .send([query(&format!("select length('{}') as a", "x".repeat(4 << 20)))])
        .expect("Columns(a:23) Row(4194304) Complete(SELECT 1) Ready(I)");
    group
        .must("row-8-mb", "A row may have 8 MB.")
        .send([query("select repeat('x', 8000000) as a")])
        .expect("Columns(a:25) Row Complete(SELECT 1) Ready(I)");
    group
        .must("parameter-4-mib", "A parameter may have 4 MiB.")
        .send([
            parse("select length($1::text)"),
            bind_raw(&[], 1, &lengths_and_bytes(&[Some(&vec![b'x'; 4 << 20])]), &[]),
            execute(),
            sync(),
        ])
        .expect("ParseComplete BindComplete Row(4194304) Complete(SELECT 1) Ready(I)");
    group
        .must("rows-50000", "A result may have 50,000 rows.")
        .send([query("select g as a from generate_series(1, 50000) g")])
        .expect("Columns(a:23) Row{50000} Complete(SELECT 50000) Ready(I)");
    group
        .must("statements-1000", "A session may have 1,000 statements.")
        .send((0..1000).map(|number| parse_as(&format!("s{number}"), "select 1", &[])).chain([sync()]))
        .expect("ParseComplete{1000} Ready(I)");
}

fn lengths(group: &mut Group) {
    for (name, tag, length) in [
        ("query-1-gib", b'Q', 0x4000_0004_u32),
        ("query-2-gib", b'Q', 0x7fff_ffff),
        ("parse-2-gib", b'P', 0x7fff_ffff),
        ("bind-2-gib", b'B', 0x7fff_ffff),
    ] {
        group
            .reference(name, "A message that announces 1 GiB or more ends the session at once.")
            .versions(14..=u32::MAX)
            .send([framed(tag, length, b"select 1")])
            .step(StepKind::Refusal);
    }
    group
        .reference("describe-10000", "A message that carries a name only may have a length of 10,000.")
        .versions(14..=u32::MAX)
        .send([raw(b'D', &[&b"S"[..], &[b'x'; 9994], b"\0"].concat()), sync()])
        .expect("Error(26000) Ready(I)");
    for (name, tag) in [
        ("sync-10001", b'S'),
        ("describe-10001", b'D'),
        ("execute-10001", b'E'),
        ("close-10001", b'C'),
        ("flush-10001", b'H'),
        ("copy-fail-10001", b'f'),
    ] {
        group
            .reference(
                name,
                "A message that carries no data ends the session when its length is above 10,000.",
            )
            .versions(14..=u32::MAX)
            .send([framed(tag, 10_001, b"S")])
            .step(StepKind::Refusal);
    }
}

/// An expression that uses so many parameters and has their number for its value.
///
/// An array of them: a sum would be as deep as it is long, and PostgreSQL's stack is not.
fn alternatives(count: u32) -> String {
    let list: Vec<String> = (1..=count).map(|number| format!("${number}")).collect();
    format!("array_length(array[{}]::int4[], 1)", list.join(","))
}

fn columns(count: usize) -> String {
    vec!["1"; count].join(",")
}
