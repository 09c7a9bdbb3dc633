//! COPY and replication streams as commands.

use super::*;
use crate::message::CopyDirection;

fn copying(sql: &str, direction: CopyDirection, response: u8) -> (Client, Vec<u8>) {
    let mut client = started(8);
    let mut out = Vec::new();
    client.copy(sql, direction, &mut out).unwrap();
    assert_eq!(sent(&out), "Q");
    out.clear();
    let told = feed(&mut client, &msg(response, b"\0\0\x01\0\0"), &mut out).unwrap();
    assert_eq!(told, [format!("copy {direction:?}")]);
    (client, out)
}

#[test]
fn data_go_in_between_the_response_and_the_end() {
    let (mut client, mut out) = copying("copy t from stdin", CopyDirection::In, b'G');
    client.copy_data(b"1\n", &mut out).unwrap();
    client.copy_data(b"", &mut out).unwrap();
    client.copy_done(&mut out).unwrap();
    assert_eq!(sent(&out), "ddc");
    let after = out.len();
    assert_eq!(client.copy_data(b"2\n", &mut out), Err(CommandError::NotCopying));
    assert_eq!(client.copy_done(&mut out), Err(CommandError::NotCopying));
    assert_eq!(out.len(), after);
    let end = [complete("COPY 1"), ready(b'I')].concat();
    assert_eq!(feed(&mut client, &end, &mut out).unwrap(), ["finished COPY 1"]);
}

#[test]
fn nothing_is_copied_that_has_not_begun_or_was_refused() {
    let mut client = started(8);
    let out = &mut Vec::new();
    assert_eq!(client.copy_data(b"1", out), Err(CommandError::NotCopying));
    client.copy("copy t from stdin", CopyDirection::In, out).unwrap();
    assert_eq!(client.copy_data(b"1", out), Err(CommandError::NotCopying));
    feed(&mut client, &error("ERROR", "42P01", ""), out).unwrap();
    assert_eq!(client.copy_fail("why", out), Err(CommandError::NotCopying));
    assert_eq!(feed(&mut client, &ready(b'I'), out).unwrap(), ["failed 42P01"]);
}

#[test]
fn an_error_of_the_server_stops_the_writer() {
    let (mut client, mut out) = copying("copy t from stdin", CopyDirection::In, b'G');
    client.copy_data(b"x\n", &mut out).unwrap();
    feed(&mut client, &error("ERROR", "22P02", ""), &mut out).unwrap();
    assert_eq!(client.copy_data(b"x\n", &mut out), Err(CommandError::NotCopying));
    assert_eq!(feed(&mut client, &ready(b'I'), &mut out).unwrap(), ["failed 22P02"]);
    assert!(client.is_settled());
}

#[test]
fn a_copy_that_the_client_fails_ends_with_its_error() {
    let (mut client, mut out) = copying("copy t from stdin", CopyDirection::In, b'G');
    assert!(client.copy_fail("n\0", &mut out).is_err() && out.is_empty());
    client.copy_fail("no more", &mut out).unwrap();
    assert_eq!(sent(&out), "f");
    let legal = feed(&mut client, &complete("COPY 0"), &mut out);
    assert!(legal.is_err(), "what failed is not complete");
    let (mut client, mut out) = copying("copy t from stdin", CopyDirection::In, b'G');
    client.copy_fail("no more", &mut out).unwrap();
    let end = [error("ERROR", "57014", ""), ready(b'I')].concat();
    assert_eq!(feed(&mut client, &end, &mut out).unwrap(), ["failed 57014"]);
}

#[test]
fn data_come_out_until_the_end() {
    let (mut client, mut out) = copying("copy t to stdout", CopyDirection::Out, b'H');
    let answer = [msg(b'd', b"1\n"), msg(b'd', b"22\n"), msg(b'c', b""), complete("COPY 2"), ready(b'I')];
    assert_eq!(
        feed(&mut client, &answer.concat(), &mut out).unwrap(),
        ["data of 2", "data of 3", "copy done", "finished COPY 2"]
    );
    assert!(out.is_empty());
}

#[test]
fn a_stream_goes_both_ways_and_each_side_ends_its_own() {
    for client_first in [true, false] {
        let (mut client, mut out) = copying("start_replication", CopyDirection::Both, b'W');
        client.copy_data(b"r", &mut out).unwrap();
        assert_eq!(client.copy_fail("no", &mut out), Err(CommandError::NotCopying), "it knows no CopyFail");
        if client_first {
            client.copy_done(&mut out).unwrap();
            assert_eq!(client.copy_data(b"r", &mut out), Err(CommandError::NotCopying));
        }
        let theirs = [msg(b'd', b"w"), msg(b'c', b"")].concat();
        assert_eq!(feed(&mut client, &theirs, &mut out).unwrap(), ["data of 1", "copy done"]);
        if !client_first {
            client.copy_data(b"r", &mut out).unwrap();
            client.copy_done(&mut out).unwrap();
        }
        let end = [complete("COPY 0"), complete("START_REPLICATION"), ready(b'I')].concat();
        assert_eq!(feed(&mut client, &end, &mut out).unwrap(), ["finished START_REPLICATION"]);
    }
}

/// As PostgreSQL does it: found with one.
#[test]
fn what_a_server_sends_behind_its_end_of_a_stream_is_dropped() {
    let (mut client, mut out) = copying("start_replication", CopyDirection::Both, b'W');
    client.copy_done(&mut out).unwrap();
    let theirs = [msg(b'd', b"1"), msg(b'c', b""), msg(b'd', b"2"), msg(b'd', b"3")].concat();
    assert_eq!(feed(&mut client, &theirs, &mut out).unwrap(), ["data of 1", "copy done"]);
    let end = [complete("COPY 0"), complete("START_REPLICATION"), ready(b'I')].concat();
    assert_eq!(feed(&mut client, &end, &mut out).unwrap(), ["finished START_REPLICATION"]);
    assert_eq!(sent(&out), "c");
}

/// As PostgreSQL does it: found with one.
#[test]
fn a_server_that_shuts_down_ends_a_stream_without_saying_so() {
    for client_first in [true, false] {
        let (mut client, mut out) = copying("start_replication", CopyDirection::Both, b'W');
        if client_first {
            client.copy_done(&mut out).unwrap();
        }
        assert!(feed(&mut client, &complete("COPY 0"), &mut out).unwrap().is_empty());
        assert!(client.copy_data(b"r", &mut out).is_err());
        assert!(!client.is_settled());
    }
}

#[test]
fn a_copy_of_another_direction_is_ended_and_a_failure() {
    let mut client = started(8);
    let out = &mut Vec::new();
    client.copy("copy t from stdin", CopyDirection::Out, out).unwrap();
    out.clear();
    assert!(feed(&mut client, &msg(b'G', b"\0\0\0"), out).unwrap().is_empty());
    assert_eq!(sent(out), "f");
    let end = [error("ERROR", "57014", ""), ready(b'I')].concat();
    assert_eq!(feed(&mut client, &end, out).unwrap(), ["failed copy in"]);
}

#[test]
fn a_second_copy_in_the_same_text_is_one_too_many() {
    let (mut client, mut out) = copying("copy t from stdin; copy t from stdin", CopyDirection::In, b'G');
    client.copy_done(&mut out).unwrap();
    out.clear();
    let second = [complete("COPY 0"), msg(b'G', b"\0\0\0")].concat();
    assert!(feed(&mut client, &second, &mut out).unwrap().is_empty());
    assert_eq!(sent(&out), "f");
    let end = [error("ERROR", "57014", ""), ready(b'I')].concat();
    assert_eq!(feed(&mut client, &end, &mut out).unwrap(), ["failed copy in"]);
}

#[test]
fn the_results_in_front_of_a_copy_are_told_where_they_are_wanted() {
    let mut client = started(8);
    let out = &mut Vec::new();
    client.copy_results("select a from t limit 0; copy t to stdout", CopyDirection::Out, out).unwrap();
    assert_eq!(sent(out), "Q");
    let columns = [msg(b'T', b"\0\0"), complete("SELECT 0")].concat();
    assert_eq!(feed(&mut client, &columns, out).unwrap(), ["columns", "completed SELECT 0"]);
    let begun = msg(b'H', b"\0\0\x01\0\0");
    assert_eq!(feed(&mut client, &begun, out).unwrap(), ["copy Out"]);
    let rest = [msg(b'd', b"1\n"), msg(b'c', b""), complete("COPY 1"), ready(b'I')].concat();
    assert_eq!(
        feed(&mut client, &rest, out).unwrap(),
        ["data of 2", "copy done", "completed COPY 1", "finished COPY 1"]
    );
}

#[test]
fn pieces_are_walked_up_to_anything_else() {
    let (mut client, mut out) = copying("copy t to stdout", CopyDirection::Out, b'H');
    let input = [msg(b'd', b"1\n"), msg(b'd', b""), msg(b'N', b"\0"), msg(b'd', b"2")].concat();
    let mut run = client.copied(&input);
    assert_eq!(run.next_row(), Ok(Some(&b"1\n"[..])));
    assert_eq!(run.next_row(), Ok(Some(&b""[..])));
    assert_eq!((run.next_row(), run.consumed()), (Ok(None), 12));
    assert_eq!(client.copied(b"d\0\0\0\x06x").next_row(), Ok(None), "half a piece");
    assert!(client.copied(b"d\0\0\0\x03").next_row().is_err());
    assert_eq!(client.rows(&input).next_row(), Ok(None), "they are no rows");
    feed(&mut client, &msg(b'c', b""), &mut out).unwrap();
    assert_eq!(client.copied(&input).next_row(), Ok(None), "there are no more");
    let (client, _) = copying("copy t from stdin", CopyDirection::In, b'G');
    assert_eq!(client.copied(&input).next_row(), Ok(None), "they go the other way");
}

#[test]
fn the_data_of_a_second_copy_are_not_those_of_the_first() {
    let (mut client, mut out) = copying("copy t to stdout; copy u to stdout", CopyDirection::Out, b'H');
    let first = [msg(b'd', b"1\n"), msg(b'c', b""), complete("COPY 1")].concat();
    assert_eq!(feed(&mut client, &first, &mut out).unwrap(), ["data of 2", "copy done"]);
    let second =
        [msg(b'H', b"\0\0\0"), msg(b'd', b"2\n"), msg(b'c', b""), complete("COPY 1"), ready(b'I')].concat();
    assert_eq!(feed(&mut client, &second, &mut out).unwrap(), ["failed copy out"]);
}

#[test]
fn what_is_no_copy_ends_without_one() {
    let mut client = started(8);
    let out = &mut Vec::new();
    client.copy("select 1", CopyDirection::Out, out).unwrap();
    let answer = [msg(b'T', b"\0\0"), msg(b'D', b"\0\0"), complete("SELECT 1"), ready(b'I')].concat();
    assert_eq!(feed(&mut client, &answer, out).unwrap(), ["finished SELECT 1"]);
}

#[test]
fn a_refused_copy_of_a_query_whose_sync_was_answered_ends_all_the_same() {
    let mut client = started(8);
    let out = &mut Vec::new();
    client.query("copy t from stdin", &ONE, out).unwrap();
    let asks = [msg(b'1', b""), described(&[23], &[]), msg(b'2', b""), msg(b'G', b"\0\0\0")].concat();
    feed(&mut client, &asks, out).unwrap();
    // A trigger has failed before the server looked for data: it takes the Sync for what it is.
    let answered = [error("ERROR", "P0001", ""), ready(b'I'), ready(b'I'), msg(b'3', b"")].concat();
    assert!(feed(&mut client, &answered, out).unwrap().is_empty());
    assert_eq!(feed(&mut client, &ready(b'I'), out).unwrap(), ["failed copy in"]);
    assert!(client.is_settled());
}
