//! Conversations that no program has by itself.

use molt_db_protocol::EncodeError;
use molt_db_protocol::message::{
    Bind, Formats, FrontendMessage, FunctionCall, Target, Values, WireFormat, bind, close, copy_data,
    copy_done, copy_fail, describe, execute, flush, parse, query, sync, terminate,
};
use molt_db_protocol::wire::Tag;

use crate::Outcome;
use crate::line::Line;

/// What records one conversation, at this port.
type Act = fn(u16) -> Outcome;

/// Each with its name.
pub const ALL: [(&str, Act); 13] = [
    ("extended", extended),
    ("numbers_binary", |port| binary(port, "select b, i2, i4, i8, f4, f8, n, o from kinds limit $1")),
    ("texts_binary", |port| binary(port, "select t, v, c, y, d, m, s, z, u, j, k from kinds limit $1")),
    ("pipeline_with_an_error", pipeline_with_an_error),
    ("portals_with_limits", portals_with_limits),
    ("cancelled", cancelled),
    ("copy_in_extended", copy_in_extended),
    ("copy_out_binary", copy_out_binary),
    ("stale_plan", stale_plan),
    ("function_call", function_call),
    ("several_statements", several_statements),
    ("settings", settings),
    ("newer_protocol", newer_protocol),
];

const BINARY: &[WireFormat] = &[WireFormat::Binary];
const ONE: &[u8] = b"\0\0\0\x04\0\0\0\x01";

fn extended(port: u16) -> Outcome {
    let mut line = Line::open(port, V3_0)?;
    let mut out = Vec::new();
    parse("s1", "select id, name, price from item where id = $1", &[23], &mut out)?;
    describe(Target::Statement("s1"), &mut out)?;
    select(&mut out, "s1", ONE)?;
    close(Target::Statement("s1"), &mut out)?;
    sync(&mut out);
    finish(&mut line, &out, 1)
}

fn binary(port: u16, sql: &str) -> Outcome {
    let mut line = Line::open(port, V3_0)?;
    let mut out = Vec::new();
    parse("", sql, &[], &mut out)?;
    bind(
        &Bind {
            portal: "",
            statement: "",
            formats: BINARY,
            values: b"\0\0\0\x08\0\0\0\0\0\0\0\x02",
            results: BINARY,
        },
        &mut out,
    )?;
    describe(Target::Portal(""), &mut out)?;
    execute("", 0, &mut out)?;
    sync(&mut out);
    finish(&mut line, &out, 1)
}

fn pipeline_with_an_error(port: u16) -> Outcome {
    let mut line = Line::open(port, V3_0)?;
    let mut out = Vec::new();
    for divisor in [b"\0\0\0\x04\0\0\0\x02", b"\0\0\0\x04\0\0\0\0", b"\0\0\0\x04\0\0\0\x03"] {
        parse("", "select 6 / $1", &[23], &mut out)?;
        select(&mut out, "", divisor)?;
    }
    sync(&mut out);
    parse("", "selct", &[], &mut out)?;
    sync(&mut out);
    parse("", "", &[], &mut out)?;
    select(&mut out, "", b"")?;
    sync(&mut out);
    finish(&mut line, &out, 3)
}

fn portals_with_limits(port: u16) -> Outcome {
    let mut line = Line::open(port, V3_0)?;
    let mut out = Vec::new();
    query("begin", &mut out)?;
    parse("", "select generate_series(1, 5)", &[], &mut out)?;
    bind(&Bind { portal: "p", statement: "", formats: &[], values: b"", results: &[] }, &mut out)?;
    execute("p", 2, &mut out)?;
    flush(&mut out);
    line.say(&out)?;
    line.hear(Tag::PortalSuspended)?;
    out.clear();
    execute("p", 2, &mut out)?;
    execute("p", 0, &mut out)?;
    close(Target::Portal("p"), &mut out)?;
    execute("p", 0, &mut out)?;
    sync(&mut out);
    query("rollback", &mut out)?;
    finish(&mut line, &out, 2)
}

fn cancelled(port: u16) -> Outcome {
    let mut line = Line::open(port, V3_0)?;
    let mut out = Vec::new();
    // A notice is sent at once, and says that there is something to cancel.
    query("do $$ begin raise notice 'asleep'; perform pg_sleep(20); end $$", &mut out)?;
    line.say(&out)?;
    line.hear(Tag::NoticeResponse)?;
    line.cancel()?;
    line.hear(Tag::ErrorResponse)?;
    finish(&mut line, b"", 1)
}

fn copy_in_extended(port: u16) -> Outcome {
    let mut line = Line::open(port, V3_0)?;
    let mut out = Vec::new();
    query("create temporary table t (n int)", &mut out)?;
    parse("", "copy t from stdin", &[], &mut out)?;
    bind(&Bind { portal: "", statement: "", formats: &[], values: b"", results: &[] }, &mut out)?;
    execute("", 0, &mut out)?;
    flush(&mut out);
    line.say(&out)?;
    line.hear(Tag::CopyInResponse)?;
    out.clear();
    copy_data(b"1\n2", &mut out)?;
    copy_data(b"2\n", &mut out)?;
    copy_done(&mut out);
    sync(&mut out);
    query("copy t from stdin", &mut out)?;
    line.say(&out)?;
    line.hear(Tag::CopyInResponse)?;
    out.clear();
    copy_data(b"not a number\n", &mut out)?;
    copy_fail("no more", &mut out)?;
    finish(&mut line, &out, 1)
}

fn copy_out_binary(port: u16) -> Outcome {
    let mut line = Line::open(port, V3_0)?;
    let mut out = Vec::new();
    query("copy item to stdout (format binary)", &mut out)?;
    query("copy (select 10 / (3 - n) from generate_series(1, 5) n) to stdout", &mut out)?;
    finish(&mut line, &out, 2)
}

fn stale_plan(port: u16) -> Outcome {
    let mut line = Line::open(port, V3_0)?;
    let mut out = Vec::new();
    query("create temporary table t as select 1 as n", &mut out)?;
    parse("s", "select * from t", &[], &mut out)?;
    select(&mut out, "s", b"")?;
    sync(&mut out);
    query("alter table t add column more text", &mut out)?;
    select(&mut out, "s", b"")?;
    sync(&mut out);
    query("deallocate s", &mut out)?;
    select(&mut out, "s", b"")?;
    sync(&mut out);
    finish(&mut line, &out, 6)
}

fn function_call(port: u16) -> Outcome {
    let mut line = Line::open(port, V3_0)?;
    let mut out = Vec::new();
    let formats = Formats::new(b"\0\x01")?;
    for arguments in
        [&b"\0\0\0\x04\0\0\0\x02\0\0\0\x04\0\0\0\x03"[..], b"\xff\xff\xff\xff\0\0\0\x04\0\0\0\x03", ONE]
    {
        // PG source: pg_proc.dat, int4pl
        let call = FunctionCall {
            function: 177,
            formats,
            arguments: Values::new(arguments)?,
            result: WireFormat::Binary,
        };
        FrontendMessage::FunctionCall(call).encode(&mut out)?;
    }
    finish(&mut line, &out, 3)
}

fn several_statements(port: u16) -> Outcome {
    let mut line = Line::open(port, V3_0)?;
    let mut out = Vec::new();
    query(
        "select 1 where false; ; insert into item values (3, 'gear', 1, now()); select name from item; selct",
        &mut out,
    )?;
    query("begin; update item set price = 1; select * from item; rollback", &mut out)?;
    query(";;", &mut out)?;
    query("begin; select 1 / 0", &mut out)?;
    query("select 1", &mut out)?;
    query("rollback", &mut out)?;
    finish(&mut line, &out, 6)
}

fn settings(port: u16) -> Outcome {
    let mut line = Line::open(port, V3_0)?;
    let mut out = Vec::new();
    query("set timezone to 'Asia/Tokyo'; set client_encoding to latin1; select 'ä'", &mut out)?;
    query(
        "listen jobs; notify jobs, 'one'; do $$ begin raise notice 'hm' using hint = 'none'; end $$",
        &mut out,
    )?;
    finish(&mut line, &out, 2)
}

fn newer_protocol(port: u16) -> Outcome {
    let mut line = Line::open(port, V3_9999)?;
    finish(&mut line, b"", 0)
}

/// Runs a prepared statement with one binary parameter or none, and binary results.
fn select(out: &mut Vec<u8>, statement: &str, values: &[u8]) -> Result<(), EncodeError> {
    let formats = if values.is_empty() { &[] } else { BINARY };
    bind(&Bind { portal: "", statement, formats, values, results: BINARY }, out)?;
    describe(Target::Portal(""), out)?;
    execute("", 0, out)
}

/// Says this, waits until the server was ready so many times, and goes.
fn finish(line: &mut Line, bytes: &[u8], answers: usize) -> Outcome {
    line.say(bytes)?;
    for _ in 0..answers {
        line.hear(Tag::ReadyForQuery)?;
    }
    let mut out = Vec::new();
    terminate(&mut out);
    line.say(&out)
}

const V3_0: u32 = 0x0003_0000;
/// What nobody speaks: the server says so. PG docs: protocol-overview, "Protocol Versions"
const V3_9999: u32 = 0x0003_270f;
