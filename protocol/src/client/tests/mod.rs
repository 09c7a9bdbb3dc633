//! Conversations in memory: what the client sends, what a server would answer, what the caller is told.

mod abandon;
mod copies;
mod exploration;
mod leads;
mod pipeline;
mod results;
mod session;
mod traces;

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::ProtocolError;
use crate::auth::Secret;
use crate::message::{CopyDirection, SqlState, TransactionStatus, WireFormat};

/// A backend message.
fn msg(tag: u8, body: &[u8]) -> Vec<u8> {
    [&[tag][..], &i32::try_from(body.len() + 4).unwrap().to_be_bytes(), body].concat()
}

fn ready(status: u8) -> Vec<u8> {
    msg(b'Z', &[status])
}

fn error(severity: &str, code: &str, routine: &str) -> Vec<u8> {
    msg(b'E', format!("S{severity}\0V{severity}\0C{code}\0Mmessage\0R{routine}\0\0").as_bytes())
}

/// A description of one parameter of type `parameter` and one column of type `column`.
fn described(parameters: &[u32], columns: &[u32]) -> Vec<u8> {
    let mut t = (parameters.len() as u16).to_be_bytes().to_vec();
    parameters.iter().for_each(|oid| t.extend(oid.to_be_bytes()));
    if columns.is_empty() {
        return [msg(b't', &t), msg(b'n', b"")].concat();
    }
    let mut d = (columns.len() as u16).to_be_bytes().to_vec();
    for oid in columns {
        d.extend(b"c\0\0\0\0\0\0\0");
        d.extend(oid.to_be_bytes());
        d.extend(b"\0\x08\xff\xff\xff\xff\0\0");
    }
    [msg(b't', &t), msg(b'T', &d)].concat()
}

const ROW: &[u8] = b"D\0\0\0\x0b\0\x01\0\0\0\x01x";

fn complete(tag: &str) -> Vec<u8> {
    msg(b'C', format!("{tag}\0").as_bytes())
}

fn started(capacity: usize) -> Client {
    started_with(Credentials { statement_cache_size: capacity, ..Credentials::default() })
}

fn started_with(credentials: Credentials) -> Client {
    let startup =
        Startup { user: "app", database: None, application_name: None, options: None, replication: None };
    let mut out = Vec::new();
    let mut handshake = Handshake::start(&startup, credentials, &mut out).unwrap();
    let answer = [msg(b'R', &[0; 4]), msg(b'K', b"\0\0\0\x07abcd"), ready(b'I')].concat();
    match handshake.receive(&answer, &mut out).unwrap() {
        Received::Event { event: HandshakeEvent::Ready(client), consumed } if consumed == answer.len() => {
            *client
        }
        other => panic!("{other:?}"),
    }
}

/// Feeds all of the input and tells the events as text; `out` is what the client sent meanwhile.
fn feed(client: &mut Client, input: &[u8], out: &mut Vec<u8>) -> Result<Vec<String>, SessionError> {
    feed_in_chunks(client, input, input.len().max(1), out)
}

fn feed_in_chunks(
    client: &mut Client,
    input: &[u8],
    size: usize,
    out: &mut Vec<u8>,
) -> Result<Vec<String>, SessionError> {
    let mut events = Vec::new();
    let mut arrived = Vec::new();
    for chunk in input.chunks(size) {
        arrived.extend_from_slice(chunk);
        loop {
            match client.receive(&arrived, out)? {
                Received::Partial { consumed, needed } => {
                    assert!(arrived.len() - consumed < needed);
                    arrived.drain(..consumed);
                    break;
                }
                Received::Event { consumed, event } => {
                    events.push(tell(&event));
                    arrived.drain(..consumed);
                }
            }
        }
    }
    Ok(events)
}

fn tell(event: &Event<'_>) -> String {
    match event {
        Event::Columns => "columns".to_owned(),
        Event::Row(row) => format!("row of {}", row.len()),
        Event::Completed(tag) => format!("completed {tag}"),
        Event::Suspended => "suspended".to_owned(),
        Event::Restarted => "restarted".to_owned(),
        Event::Copy(direction, _) => format!("copy {direction:?}"),
        Event::CopyData(data) => format!("data of {}", data.len()),
        Event::CopyDone => "copy done".to_owned(),
        Event::Finished(Ok(tag)) => format!("finished {tag}"),
        Event::Finished(Err(Failure::Server(error))) => format!("failed {}", error.code()),
        Event::Finished(Err(Failure::CopyIn)) => "failed copy in".to_owned(),
        Event::Finished(Err(Failure::CopyOut)) => "failed copy out".to_owned(),
        Event::Finished(Err(failure)) => format!("failed {failure:?}"),
        Event::Notice(notice) => format!("notice {}", notice.code()),
        Event::Notification(notification) => format!("notification {}", notification.channel),
        Event::Parameter(status) => format!("parameter {}", status.name),
    }
}

/// The types of the messages that were sent.
fn sent(out: &[u8]) -> String {
    let mut tags = String::new();
    let mut rest = out;
    while let [tag, a, b, c, d, ..] = rest {
        tags.push(char::from(*tag));
        rest = &rest[1 + i32::from_be_bytes([*a, *b, *c, *d]) as usize..];
    }
    tags
}

const ONE: Arguments<'_> =
    Arguments { types: &[23], formats: &[WireFormat::Binary], values: b"\0\0\0\x04\0\0\0\x01" };

fn cold_answer() -> Vec<u8> {
    [
        msg(b'1', b""),
        described(&[23], &[25]),
        msg(b'2', b""),
        ROW.to_vec(),
        ROW.to_vec(),
        complete("SELECT 2"),
        ready(b'I'),
    ]
    .concat()
}

fn hot_answer() -> Vec<u8> {
    [msg(b'2', b""), ROW.to_vec(), complete("SELECT 1"), ready(b'I')].concat()
}

fn warm(client: &mut Client, sql: &str) {
    let out = &mut Vec::new();
    client.query(sql, &ONE, out).unwrap();
    assert_eq!(feed(client, &cold_answer(), out).unwrap().last().unwrap(), "finished SELECT 2");
}

#[test]
fn a_cold_query_is_one_write_and_a_warm_one_skips_the_parse() {
    let mut client = started(8);
    let out = &mut Vec::new();
    client.query("select $1", &ONE, out).unwrap();
    assert_eq!(sent(out), "PDBES");
    let events = feed(&mut client, &cold_answer(), out).unwrap();
    assert_eq!(events, ["columns", "row of 7", "row of 7", "finished SELECT 2"]);
    assert!(client.is_settled());
    out.clear();
    client.query("select $1", &ONE, out).unwrap();
    assert_eq!(sent(out), "BES");
    assert_eq!(feed(&mut client, &hot_answer(), out).unwrap(), ["columns", "row of 7", "finished SELECT 1"]);
}

#[test]
fn chunks_of_any_size_tell_the_same_story() {
    let answer = [msg(b'N', b"C01000\0\0"), cold_answer()].concat();
    let whole = {
        let mut client = started(8);
        client.query("select $1", &ONE, &mut Vec::new()).unwrap();
        feed(&mut client, &answer, &mut Vec::new()).unwrap()
    };
    for size in 1..answer.len() {
        let mut client = started(8);
        client.query("select $1", &ONE, &mut Vec::new()).unwrap();
        assert_eq!(feed_in_chunks(&mut client, &answer, size, &mut Vec::new()).unwrap(), whole, "{size}");
    }
}

#[test]
fn inside_of_a_transaction_formats_are_known_before_the_statement_runs() {
    let mut client = started(8);
    client.ready(TransactionStatus::InTransaction);
    let out = &mut Vec::new();
    client.query("select relacl", &ONE, out).unwrap();
    assert_eq!(sent(out), "PDH");
    out.clear();
    let described = [msg(b'1', b""), described(&[23], &[1033, 23])].concat();
    assert!(feed(&mut client, &described, out).unwrap().is_empty());
    assert_eq!(sent(out), "BES");
    assert!(out.windows(6).any(|w| w == b"\0\x02\0\0\0\x01"), "text for aclitem, binary for int4");
    let answer = [msg(b'2', b""), ROW.to_vec(), complete("SELECT 1"), ready(b'T')].concat();
    assert_eq!(feed(&mut client, &answer, out).unwrap(), ["columns", "row of 7", "finished SELECT 1"]);
    assert_eq!(client.status(), TransactionStatus::InTransaction);
}

#[test]
fn an_error_while_describing_is_followed_by_a_sync() {
    let mut client = started(8);
    client.ready(TransactionStatus::InTransaction);
    let out = &mut Vec::new();
    client.query("selct", &ONE, out).unwrap();
    out.clear();
    assert!(feed(&mut client, &error("ERROR", "42601", "scanner"), out).unwrap().is_empty());
    assert_eq!(sent(out), "S");
    assert_eq!(feed(&mut client, &ready(b'E'), out).unwrap(), ["failed 42601"]);
    assert!(client.is_settled());
}

#[test]
fn a_deferred_constraint_fails_behind_the_command_complete() {
    let mut client = started(8);
    let out = &mut Vec::new();
    client.query("insert", &ONE, out).unwrap();
    let answer = [
        msg(b'1', b""),
        described(&[23], &[]),
        msg(b'2', b""),
        complete("INSERT 0 1"),
        error("ERROR", "23503", "ri_ReportViolation"),
        ready(b'I'),
    ];
    assert_eq!(feed(&mut client, &answer.concat(), out).unwrap(), ["columns", "failed 23503"]);
}

#[test]
fn a_stale_plan_is_parsed_anew_and_the_query_repeated_once() {
    for (code, routine) in [("26000", "FetchPreparedStatement"), ("0A000", "RevalidateCachedQuery")] {
        let mut client = started(8);
        warm(&mut client, "select $1");
        let out = &mut Vec::new();
        client.query("select $1", &ONE, out).unwrap();
        out.clear();
        let refused = [error("ERROR", code, routine), ready(b'I')].concat();
        assert!(feed(&mut client, &refused, out).unwrap().is_empty());
        assert_eq!(sent(out), "CPDBES", "the old statement is closed in the same write");
        let answer = [msg(b'3', b""), cold_answer()].concat();
        let events = feed(&mut client, &answer, out).unwrap();
        assert_eq!(events, ["columns", "row of 7", "row of 7", "finished SELECT 2"]);
        client.query("select $1", &ONE, out).unwrap();
        assert_eq!(feed(&mut client, &refused, out).unwrap().len(), 0, "the new plan may go stale too");
        let again = [msg(b'3', b""), refused].concat();
        assert_eq!(feed(&mut client, &again, out).unwrap(), [format!("failed {code}")], "once is enough");
    }
}

#[test]
fn other_errors_of_the_same_code_are_not_healed() {
    let mut client = started(8);
    warm(&mut client, "select $1");
    let out = &mut Vec::new();
    client.query("select $1", &ONE, out).unwrap();
    let refused = [error("ERROR", "0A000", "somewhere_else"), ready(b'I')].concat();
    assert_eq!(feed(&mut client, &refused, out).unwrap(), ["failed 0A000"]);
}

#[test]
fn a_statement_that_has_begun_to_run_is_not_repeated() {
    for (code, routine) in [("26000", "exec_stmt_raise"), ("0A000", "RevalidateCachedQuery")] {
        let mut client = started(8);
        warm(&mut client, "select fails()");
        let out = &mut Vec::new();
        client.query("select fails()", &ONE, out).unwrap();
        out.clear();
        let refused = [msg(b'2', b""), error("ERROR", code, routine), ready(b'I')].concat();
        assert_eq!(feed(&mut client, &refused, out).unwrap(), [format!("failed {code}")]);
        assert!(out.is_empty());
    }
}

#[test]
fn a_plan_whose_type_was_dropped_is_parsed_anew() {
    let bound = msg(b'2', b"");
    for (before, routine, heals) in [
        (&[][..], "TupleDescInitEntry", true),
        (&[], "getTypeInputInfo", true),
        (&bound, "getTypeBinaryOutputInfo", true),
        (&bound, "exec_stmt_raise", false),
    ] {
        let mut client = started(8);
        warm(&mut client, "select 'a'::dropped");
        let out = &mut Vec::new();
        client.query("select 'a'::dropped", &ONE, out).unwrap();
        out.clear();
        let refused = [before, &error("ERROR", "XX000", routine), &ready(b'I')].concat();
        let events = feed(&mut client, &refused, out).unwrap();
        assert_eq!(
            (events.is_empty(), sent(out).as_str()),
            (heals, if heals { "CPDBES" } else { "" }),
            "{routine}"
        );
    }
}

#[test]
fn in_a_failed_transaction_nothing_can_have_had_an_effect_and_healing_is_allowed() {
    let mut client = started(8);
    warm(&mut client, "rollback");
    client.ready(TransactionStatus::Failed);
    let out = &mut Vec::new();
    client.query("rollback", &ONE, out).unwrap();
    out.clear();
    let refused = [error("ERROR", "26000", "FetchPreparedStatement"), ready(b'E')].concat();
    assert!(feed(&mut client, &refused, out).unwrap().is_empty());
    assert_eq!(sent(out), "CPDBES");
}

#[test]
fn a_name_that_somebody_else_has_taken_is_followed_by_the_next() {
    let mut client = started(8);
    let out = &mut Vec::new();
    client.query("select $1", &ONE, out).unwrap();
    out.clear();
    let taken = [error("ERROR", "42P05", "StorePreparedStatement"), ready(b'I')].concat();
    assert!(feed(&mut client, &taken, out).unwrap().is_empty());
    assert_eq!(sent(out), "PDBES");
    assert!(out.windows(3).any(|window| window == b"_2\0"));
    assert_eq!(feed(&mut client, &taken, out).unwrap(), ["failed 42P05"], "once is enough");
}

#[test]
fn what_is_prepared_is_found_again_without_its_types() {
    let mut client = started(8);
    let out = &mut Vec::new();
    client.prepare("select $1", &[], out).unwrap();
    let answer = [msg(b'1', b""), described(&[23], &[25]), ready(b'I')].concat();
    feed(&mut client, &answer, out).unwrap();
    out.clear();
    assert_eq!(client.prepare("select $1", &[], out).unwrap().unwrap().parameters(), [23]);
    assert!(client.prepare("select $1", &[20], out).unwrap().is_none(), "other types are another statement");
}

#[test]
fn inside_of_a_transaction_a_stale_plan_is_an_error_and_forgotten() {
    let mut client = started(8);
    warm(&mut client, "select $1");
    client.ready(TransactionStatus::InTransaction);
    let out = &mut Vec::new();
    client.query("select $1", &ONE, out).unwrap();
    let refused = [error("ERROR", "0A000", "RevalidateCachedQuery"), ready(b'E')].concat();
    assert_eq!(feed(&mut client, &refused, out).unwrap(), ["failed 0A000"]);
    client.ready(TransactionStatus::Idle);
    out.clear();
    client.query("select $1", &ONE, out).unwrap();
    assert_eq!(sent(out), "CPDBES");
}

#[test]
fn rows_that_were_handed_out_are_never_followed_by_a_repetition() {
    let mut client = started(8);
    warm(&mut client, "select $1");
    let out = &mut Vec::new();
    client.query("select $1", &ONE, out).unwrap();
    out.clear();
    let answer =
        [msg(b'2', b""), ROW.to_vec(), error("ERROR", "0A000", "RevalidateCachedQuery"), ready(b'I')]
            .concat();
    assert_eq!(feed(&mut client, &answer, out).unwrap(), ["columns", "row of 7", "failed 0A000"]);
    assert!(out.is_empty());
}

#[test]
fn a_type_without_binary_form_is_asked_for_in_text_and_remembered() {
    let mut client = started(8);
    let out = &mut Vec::new();
    client.query("select relacl", &ONE, out).unwrap();
    out.clear();
    let refused = [
        msg(b'1', b""),
        described(&[23], &[1034, 23]),
        msg(b'2', b""),
        error("ERROR", "42883", "getTypeBinaryOutputInfo"),
        ready(b'I'),
    ];
    assert!(feed(&mut client, &refused.concat(), out).unwrap().is_empty());
    assert_eq!(sent(out), "BES");
    feed(&mut client, &hot_answer()[..hot_answer().len() - 6], out).unwrap();
    let formats: Vec<_> = client.description().unwrap().columns().iter().map(|c| c.format).collect();
    assert_eq!(formats, [WireFormat::Text, WireFormat::Binary]);
    feed(&mut client, &ready(b'I'), out).unwrap();
    out.clear();
    client.query("select relacl", &ONE, out).unwrap();
    assert!(out.windows(6).any(|w| w == b"\0\x02\0\0\0\x01"));
}

#[test]
fn a_copy_in_a_query_is_ended_and_the_session_goes_on() {
    let mut client = started(8);
    let out = &mut Vec::new();
    client.query("copy t from stdin", &ONE, out).unwrap();
    out.clear();
    let asks = [msg(b'1', b""), described(&[23], &[]), msg(b'2', b""), msg(b'G', b"\0\0\x01\0\0")].concat();
    assert!(feed(&mut client, &asks, out).unwrap().is_empty());
    assert_eq!(sent(out), "fSCS", "the first Sync may have been swallowed");
    let ends = [error("ERROR", "57014", "ReceiveCopyBegin"), ready(b'I')].concat();
    assert!(feed(&mut client, &ends, out).unwrap().is_empty(), "it may not");
    let barrier = [msg(b'3', b""), ready(b'I')].concat();
    assert_eq!(feed(&mut client, &barrier, out).unwrap(), ["failed copy in"]);
    client.script("copy t to stdout; copy t from stdin", out).unwrap();
    out.clear();
    let answer = [
        msg(b'H', b"\0\0\x01\0\0"),
        msg(b'd', b"1\n"),
        msg(b'c', b""),
        complete("COPY 1"),
        msg(b'G', b"\0\0\x01\0\0"),
    ];
    feed(&mut client, &answer.concat(), out).unwrap();
    assert_eq!(sent(out), "f");
    assert_eq!(feed(&mut client, &ends, out).unwrap(), ["failed copy in"]);
    client.script("copy t to stdout", out).unwrap();
    let copies = [msg(b'H', b"\0\0\x01\0\0"), msg(b'c', b""), complete("COPY 0"), ready(b'I')].concat();
    assert_eq!(feed(&mut client, &copies, out).unwrap(), ["failed copy out"]);
    assert!(client.is_settled());
}

#[test]
fn a_script_tells_its_last_tag_and_drops_rows() {
    let mut client = started(8);
    let out = &mut Vec::new();
    client.script("create table t(); select 1", out).unwrap();
    assert_eq!(sent(out), "Q");
    let row = [described(&[], &[23]).split_off(7), ROW.to_vec()].concat();
    let answer = [complete("CREATE TABLE"), row, complete("SELECT 1"), ready(b'I')].concat();
    assert_eq!(feed(&mut client, &answer, out).unwrap(), ["finished SELECT 1"]);
}

#[test]
fn a_copy_of_both_directions_is_a_violation_in_a_query_and_is_ended_in_a_script() {
    let mut client = started(8);
    let out = &mut Vec::new();
    client.script("start_replication", out).unwrap();
    out.clear();
    assert!(feed(&mut client, &msg(b'W', b"\0\0\0"), out).unwrap().is_empty());
    assert_eq!(sent(out), "c");
    let ends = [msg(b'd', b"w"), msg(b'c', b""), complete("COPY 0"), complete("START"), ready(b'I')];
    assert_eq!(feed(&mut client, &ends.concat(), out).unwrap(), ["failed CopyBoth"]);
    client.query("select 1", &ONE, out).unwrap();
    let refused = feed(&mut client, &msg(b'W', b"\0\0\0"), out);
    assert!(matches!(refused, Err(SessionError::Protocol(ProtocolError::Unexpected { .. }))));
}

#[test]
fn one_command_at_a_time() {
    let mut client = started(8);
    let out = &mut Vec::new();
    client.query("select $1", &ONE, out).unwrap();
    out.clear();
    assert_eq!(client.query("select $1", &ONE, out), Err(CommandError::Busy));
    assert_eq!(client.script("select 1", out), Err(CommandError::Busy));
    assert_eq!(client.prepare("select 1", &[], out).unwrap_err(), CommandError::Busy);
    assert!(out.is_empty());
}

#[test]
fn a_wrong_number_of_parameters_is_refused_before_sending() {
    let mut client = started(8);
    let out = &mut Vec::new();
    assert!(client.prepare("select $1", &[], out).unwrap().is_none());
    let answer = [msg(b'1', b""), described(&[23], &[25]), ready(b'I')].concat();
    assert_eq!(feed(&mut client, &answer, out).unwrap(), ["finished "]);
    assert_eq!(client.description().unwrap().parameters(), [23]);
    out.clear();
    let none = Arguments { types: &[23], ..Arguments::default() };
    let refused = client.query("select $1", &none, out);
    assert_eq!(refused, Err(CommandError::ParameterCount { expected: 1, given: 0 }));
    assert!(out.is_empty() && client.is_settled());
    client.query("select $1", &ONE, out).unwrap();
    assert_eq!(sent(out), "BES", "what was prepared is found by its inferred types");
}

#[test]
fn a_refused_command_leaves_nothing_behind() {
    let mut client = started(8);
    let out = &mut Vec::new();
    let formats = vec![WireFormat::Text; 65_536];
    let types = vec![0; 65_536];
    let arguments = Arguments { types: &types, formats: &formats, values: b"" };
    assert!(client.query("select", &arguments, out).is_err());
    assert!(client.query("select \0", &ONE, out).is_err());
    assert!(client.script("select \0", out).is_err());
    assert!(out.is_empty() && client.is_settled());
}

#[test]
fn asynchronous_messages_come_at_any_time() {
    let mut client = started(8);
    let out = &mut Vec::new();
    let notification = msg(b'A', b"\0\0\0\x01jobs\0\0");
    let status = msg(b'S', b"TimeZone\0UTC\0");
    let notice = msg(b'N', b"SNOTICE\0C00000\0Mhi\0\0");
    assert_eq!(feed(&mut client, &notification, out).unwrap(), ["notification jobs"]);
    client.query("select $1", &ONE, out).unwrap();
    let mut answer = Vec::new();
    let mut rest = &cold_answer()[..];
    while !rest.is_empty() {
        let length = 1 + i32::from_be_bytes(rest[1..5].try_into().unwrap()) as usize;
        answer.extend([&notice[..], &status, &notification, &rest[..length]].concat());
        rest = &rest[length..];
    }
    let events = feed(&mut client, &answer, out).unwrap();
    assert_eq!(events.iter().filter(|event| event.starts_with("notice")).count(), 8);
    assert_eq!(events.last().unwrap(), "finished SELECT 2");
    assert_eq!(client.parameters().get("TimeZone"), Some("UTC"));
}

#[test]
fn fatal_errors_end_the_session_wherever_they_come() {
    let fatal = error("FATAL", "57P01", "ProcessInterrupts");
    let is_fatal = |result: Result<Vec<String>, SessionError>| match result {
        Err(SessionError::Fatal(error)) => error.code() == SqlState::ADMIN_SHUTDOWN,
        _ => false,
    };
    assert!(is_fatal(feed(&mut started(8), &fatal, &mut Vec::new())));
    let answer = cold_answer();
    let mut end = 0;
    while end < answer.len() {
        let mut client = started(8);
        client.query("select $1", &ONE, &mut Vec::new()).unwrap();
        let input = [&answer[..end], &fatal].concat();
        assert!(is_fatal(feed(&mut client, &input, &mut Vec::new())), "{end}");
        end += 1 + i32::from_be_bytes(answer[end + 1..end + 5].try_into().unwrap()) as usize;
    }
}

#[test]
fn an_error_behind_any_answer_of_a_query_ends_it_and_the_session_goes_on() {
    let answer = cold_answer();
    let mut end = 0;
    while end < answer.len() - 6 {
        let mut client = started(8);
        let out = &mut Vec::new();
        client.query("select $1", &ONE, out).unwrap();
        let input = [&answer[..end], &error("ERROR", "57014", "ProcessInterrupts"), &ready(b'I')].concat();
        let events = feed(&mut client, &input, out).unwrap();
        assert_eq!(events.last().unwrap(), "failed 57014", "{end}");
        assert!(client.is_settled());
        out.clear();
        client.query("select $1", &ONE, out).unwrap();
        assert!(sent(out).ends_with("BES"), "{end}");
        end += 1 + i32::from_be_bytes(answer[end + 1..end + 5].try_into().unwrap()) as usize;
    }
}

#[test]
fn a_second_fatal_error_is_an_error_too() {
    let mut client = started(8);
    client.query("select $1", &ONE, &mut Vec::new()).unwrap();
    let fatal = error("FATAL", "57P01", "ProcessInterrupts");
    for _ in 0..2 {
        assert!(matches!(feed(&mut client, &fatal, &mut Vec::new()), Err(SessionError::Fatal(_))));
    }
}

#[test]
fn malformed_answers_of_every_kind_are_violations() {
    let asked = |input: &[u8]| {
        let mut client = started(8);
        client.query("select $1", &ONE, &mut Vec::new()).unwrap();
        feed(&mut client, input, &mut Vec::new())
    };
    let described = [msg(b'1', b""), described(&[23], &[25])].concat();
    let cases: [&[u8]; 9] = [
        b"1\0\0\0\x03",
        b"1\xff\xff\xff\xff",
        b"D\x7f\xff\xff\xff",
        b"?\0\0\0\x04",
        b"E\0\0\0\x08SFAT",
        b"E\0\0\0\x04",
        b"1\0\0\0\x04t\0\0\0\x06\xff\xff",
        b"1\0\0\0\x04t\0\0\0\x06\0\0T\0\0\0\x06\xff\xff",
        b"Z\0\0\0\x05?",
    ];
    for case in cases {
        assert!(matches!(asked(case), Err(SessionError::Protocol(_))), "{case:?}");
    }
    let bad_end = [&described[..], b"2\0\0\0\x04C\0\0\0\x05x"].concat();
    assert!(matches!(asked(&bad_end), Err(SessionError::Protocol(_))));
    let no_code = [&error("ERROR", "57014", "x")[..5], b"SERROR\0\0"].concat();
    assert!(asked(&no_code).unwrap().is_empty(), "an error without a code waits for its ReadyForQuery");
}

#[test]
fn the_run_of_rows_stops_in_front_of_anything_else() {
    let mut client = started(8);
    let out = &mut Vec::new();
    client.query("select $1", &ONE, out).unwrap();
    let rows = [ROW, ROW, &complete("SELECT 2")].concat();
    assert!(client.rows(&rows).next_row().unwrap().is_none(), "rows are not due yet");
    let answer = cold_answer();
    let begin = answer.windows(ROW.len()).position(|window| window == ROW).unwrap();
    feed(&mut client, &answer[..begin + ROW.len()], out).unwrap();
    let mut run = client.rows(&rows);
    assert_eq!(run.next_row().unwrap(), Some(&ROW[5..]));
    assert_eq!(run.next_row().unwrap(), Some(&ROW[5..]));
    assert_eq!(run.next_row().unwrap(), None);
    assert_eq!(run.consumed(), 2 * ROW.len());
    assert!(client.rows(&ROW[..7]).next_row().unwrap().is_none(), "half a row is none");
}

/// Answers of a server to SCRAM with the password `pencil`, made with the other half of the arithmetic.
mod scram {
    use super::*;

    fn handshake(password: Option<&str>) -> (Handshake, Vec<u8>) {
        let startup = Startup {
            user: "user",
            database: Some("db"),
            application_name: Some("a"),
            options: Some("-c x=y"),
            replication: None,
        };
        let credentials =
            Credentials { password: password.map(|p| Secret::new(p.as_bytes())), ..Credentials::default() };
        let mut out = Vec::new();
        (Handshake::start(&startup, credentials, &mut out).unwrap(), out)
    }

    fn asks(request: &[u8]) -> Vec<u8> {
        msg(b'R', request)
    }

    const SASL: &[u8] = b"\0\0\0\x0aSCRAM-SHA-256\0\0";

    #[test]
    fn the_startup_message_carries_the_fixed_list() {
        let (_, out) = handshake(None);
        let expected =
            b"user\0user\0client_encoding\0UTF8\0database\0db\0application_name\0a\0options\0-c x=y\0\0";
        assert_eq!(out[8..], expected[..]);
    }

    #[test]
    fn a_password_that_is_not_there_is_asked_of_the_caller() {
        for request in [&b"\0\0\0\x03"[..], b"\0\0\0\x05salt", SASL] {
            let (mut handshake, mut out) = handshake(None);
            let refused = handshake.receive(&asks(request), &mut out);
            assert!(matches!(refused, Err(HandshakeError::PasswordMissing)), "{request:?}");
        }
    }

    #[test]
    fn a_server_that_skips_its_own_proof_is_not_believed() {
        for skip in [asks(b"\0\0\0\0"), asks(b"\0\0\0\x0cv=AAAA")] {
            let (mut handshake, mut out) = handshake(Some("pencil"));
            let refused = handshake.receive(&[asks(SASL), skip].concat(), &mut out);
            assert!(matches!(refused, Err(HandshakeError::Protocol(ProtocolError::Unexpected { .. }))));
        }
    }

    #[test]
    fn a_wrong_proof_of_the_server_is_refused() {
        let (mut handshake, mut out) = handshake(Some("pencil"));
        let nonce = "AAAAAAAAAAAAAAAAAAAAAAAA";
        let challenge = format!("r={nonce}more,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1");
        let input = [asks(SASL), asks(&[b"\0\0\0\x0b", challenge.as_bytes()].concat())].concat();
        let Received::Event { event: HandshakeEvent::DeriveKey(derivation), .. } =
            handshake.receive(&input, &mut out).unwrap()
        else {
            panic!()
        };
        handshake.derived(derivation.run(), &mut out).unwrap();
        let early = handshake.receive(&asks(b"\0\0\0\0"), &mut out);
        assert!(matches!(early, Err(HandshakeError::Protocol(_))));
    }

    #[test]
    fn unknown_methods_and_mechanisms_are_named() {
        let refused = |request: &[u8]| {
            let (mut handshake, mut out) = handshake(Some("pencil"));
            handshake.receive(&asks(request), &mut out).unwrap_err().to_string()
        };
        assert!(refused(b"\0\0\0\x07").ends_with("number 7"));
        assert!(refused(b"\0\0\0\x0aOAUTHBEARER\0\0").ends_with("SASL OAUTHBEARER"));
    }
}

proptest! {
    #[test]
    fn any_bytes_in_any_chunks_end_in_an_error_or_in_waiting(
        input in prop::collection::vec(prop::num::u8::ANY, 0..400),
        size in 1_usize..50,
    ) {
        let mut client = started(8);
        client.query("select $1", &ONE, &mut Vec::new()).unwrap();
        let _ = feed_in_chunks(&mut client, &input, size, &mut Vec::new());
    }

    #[test]
    fn any_order_of_legal_messages_ends_in_an_error_or_in_waiting(picks in prop::collection::vec(0_usize..14, 0..40)) {
        let messages = [
            msg(b'1', b""), msg(b'2', b""), msg(b'3', b""), described(&[23], &[25]), described(&[], &[]), ROW.to_vec(),
            complete("SELECT 1"), ready(b'I'), ready(b'T'), error("ERROR", "26000", "x"), msg(b'I', b""),
            msg(b'G', b"\0\0\0"), msg(b'H', b"\0\0\0"), msg(b'N', b"\0"),
        ];
        let mut client = started(2);
        let mut out = Vec::new();
        for pick in picks {
            if client.is_settled() {
                out.clear();
                // A server that describes another number of parameters has ended the matter.
                if client.query("select $1", &ONE, &mut out).is_err() {
                    break;
                }
            }
            if feed(&mut client, &messages[pick], &mut out).is_err() {
                break;
            }
            prop_assert!(out.len() < 10_000);
        }
    }
}
