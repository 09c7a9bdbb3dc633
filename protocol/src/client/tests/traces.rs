//! What is known of what commands leave behind.

use super::*;
use crate::client::Traces;

fn run(client: &mut Client, answer: &[Vec<u8>]) -> Traces {
    client.forget_traces();
    client.script("something", &mut Vec::new()).unwrap();
    feed(client, &answer.concat(), &mut Vec::new()).unwrap();
    client.traces()
}

fn columns() -> Vec<u8> {
    described(&[], &[23]).split_off(7)
}

#[test]
fn a_session_that_ran_nothing_has_no_traces() {
    let mut client = started(8);
    assert_eq!(client.traces(), Traces::None);
    warm(&mut client, "select $1");
    assert_eq!(client.traces(), Traces::Data);
    client.forget_traces();
    assert_eq!(client.traces(), Traces::None);
}

#[test]
fn scripts_leave_the_most_of_their_statements() {
    let mut client = started(8);
    let select = [columns(), ROW.to_vec(), complete("SELECT 1")].concat();
    assert_eq!(run(&mut client, &[select.clone(), ready(b'I')]), Traces::Data);
    assert_eq!(run(&mut client, &[complete("SET"), select.clone(), ready(b'I')]), Traces::Session);
    assert_eq!(run(&mut client, &[complete("PREPARE"), complete("SET"), ready(b'I')]), Traces::Statements);
    let into = complete("SELECT 1");
    assert_eq!(run(&mut client, &[select, into, ready(b'I')]), Traces::Session, "it has no columns");
}

#[test]
fn a_query_that_returns_no_rows_and_is_called_select_has_made_a_table() {
    for (columns, expected) in [(&[25][..], Traces::Data), (&[], Traces::Session)] {
        let mut client = started(8);
        client.query("select 1 into temp t", &Arguments::default(), &mut Vec::new()).unwrap();
        let answer =
            [msg(b'1', b""), described(&[], columns), msg(b'2', b""), complete("SELECT 1"), ready(b'I')];
        feed(&mut client, &answer.concat(), &mut Vec::new()).unwrap();
        assert_eq!(client.traces(), expected);
    }
}

#[test]
fn a_command_that_fails_was_a_command() {
    let mut client = started(8);
    assert_eq!(run(&mut client, &[error("ERROR", "22012", "int4div"), ready(b'I')]), Traces::Data);
}

#[test]
fn statements_that_the_server_has_discarded_are_parsed_anew() {
    for (tag, traces) in [("DISCARD ALL", Traces::Data), ("DEALLOCATE ALL", Traces::Session)] {
        let mut client = started(8);
        warm(&mut client, "select $1");
        assert_eq!(run(&mut client, &[complete("SET"), complete(tag), ready(b'I')]), traces, "{tag}");
        let out = &mut Vec::new();
        client.query("select $1", &ONE, out).unwrap();
        assert_eq!(sent(out), "PDBES", "and nothing is closed");
    }
}

#[test]
fn what_leads_a_query_leaves_nothing() {
    let mut client = started(8);
    warm(&mut client, "select $1");
    client.forget_traces();
    let out = &mut Vec::new();
    client.lead("BEGIN").unwrap();
    client.lead("SET LOCAL statement_timeout = 7").unwrap();
    client.query("select $1", &ONE, out).unwrap();
    let led = |tag| [msg(b'1', b""), msg(b'2', b""), complete(tag)].concat();
    let select = [msg(b'2', b""), ROW.to_vec(), complete("SELECT 1"), ready(b'T')].concat();
    feed(&mut client, &[led("BEGIN"), led("SET"), select].concat(), out).unwrap();
    assert_eq!((client.traces(), client.status()), (Traces::Data, TransactionStatus::InTransaction));
}
