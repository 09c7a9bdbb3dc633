//! Several queries on their way at once.

use super::*;

const NONE: Arguments<'_> = Arguments::NONE;

fn cold(tag: &str) -> Vec<u8> {
    [msg(b'1', b""), described(&[], &[25]), hot(tag)].concat()
}

fn hot(tag: &str) -> Vec<u8> {
    [msg(b'2', b""), ROW.to_vec(), complete(tag)].concat()
}

/// Prepares statements without parameters.
fn prepared(client: &mut Client, texts: &[&str]) {
    for sql in texts {
        let out = &mut Vec::new();
        client.prepare(sql, &[], out).unwrap();
        let answer = [msg(b'1', b""), described(&[], &[25]), ready(b'I')].concat();
        feed(client, &answer, out).unwrap();
    }
}

fn in_transaction(client: &mut Client) {
    let out = &mut Vec::new();
    client.script("begin", out).unwrap();
    feed(client, &[complete("BEGIN"), ready(b'T')].concat(), out).unwrap();
}

#[test]
fn a_segment_is_one_write_and_reports_each_query_and_its_end() {
    let mut client = started(8);
    let out = &mut Vec::new();
    client.queue("select 1", &NONE, 0, out).unwrap();
    client.queue("select 2", &NONE, 0, out).unwrap();
    client.sync(out).unwrap();
    assert_eq!(sent(out), "PDBEPDBES");
    let answer = [cold("SELECT 1"), cold("SELECT 2"), ready(b'I')].concat();
    for size in [1, 3, 7, answer.len()] {
        let mut client = started(8);
        let out = &mut Vec::new();
        client.queue("select 1", &NONE, 0, out).unwrap();
        client.queue("select 2", &NONE, 0, out).unwrap();
        client.sync(out).unwrap();
        let told = feed_in_chunks(&mut client, &answer, size, out).unwrap();
        assert_eq!(
            told,
            [
                "columns",
                "row of 7",
                "completed SELECT 1",
                "columns",
                "row of 7",
                "completed SELECT 2",
                "finished SELECT 2"
            ]
        );
        assert!(client.is_settled());
    }
}

#[test]
fn a_text_that_comes_twice_in_a_segment_is_parsed_once() {
    let mut client = started(8);
    let out = &mut Vec::new();
    client.queue("insert", &NONE, 0, out).unwrap();
    client.queue("insert", &NONE, 0, out).unwrap();
    client.sync(out).unwrap();
    assert_eq!(sent(out), "PDBEBES");
    let once = [msg(b'1', b""), described(&[], &[]), msg(b'2', b""), complete("INSERT 0 1")].concat();
    let twice = [msg(b'2', b""), complete("INSERT 0 1"), ready(b'I')].concat();
    feed(&mut client, &[once, twice].concat(), out).unwrap();
    out.clear();
    client.query("insert", &NONE, out).unwrap();
    assert_eq!(sent(out), "BES", "it is known now");
}

/// So that segments of ten thousand texts are not compared each with each.
#[test]
fn a_text_behind_many_others_is_parsed_again_and_kept_once() {
    let mut client = started(1000);
    let out = &mut Vec::new();
    let texts: Vec<String> = (0..=256).map(|number| format!("select {number}")).collect();
    for text in &texts {
        client.queue(text, &NONE, 0, out).unwrap();
    }
    for (text, sends) in [(&texts[255], "BE"), (&texts[256], "PDBE")] {
        out.clear();
        client.queue(text, &NONE, 0, out).unwrap();
        assert_eq!(sent(out), sends);
    }
    client.sync(out).unwrap();
    let answers = [cold("SELECT 1").repeat(257), hot("SELECT 1"), cold("SELECT 1"), ready(b'I')].concat();
    feed(&mut client, &answers, out).unwrap();
    out.clear();
    client.query(&texts[256], &NONE, out).unwrap();
    assert_eq!(sent(out), "CBES", "the second of its names is closed");
}

#[test]
fn a_text_that_comes_in_two_segments_is_kept_once() {
    let mut client = started(8);
    let out = &mut Vec::new();
    for _ in 0..2 {
        client.queue("select 1", &NONE, 0, out).unwrap();
        client.sync(out).unwrap();
    }
    assert_eq!(sent(out), "PDBESPDBES");
    let answer = [cold("SELECT 1"), ready(b'I'), cold("SELECT 1"), ready(b'I')].concat();
    feed(&mut client, &answer, out).unwrap();
    out.clear();
    client.query("select 1", &NONE, out).unwrap();
    assert_eq!(sent(out), "CBES", "the second of its names is closed");
}

#[test]
fn an_error_ends_its_segment_and_no_other() {
    let mut client = started(8);
    let out = &mut Vec::new();
    prepared(&mut client, &["select 1", "select 2", "select 3"]);
    client.queue("select 1", &NONE, 0, out).unwrap();
    client.queue("select 2", &NONE, 0, out).unwrap();
    client.queue("select 3", &NONE, 0, out).unwrap();
    client.sync(out).unwrap();
    client.queue("select 3", &NONE, 0, out).unwrap();
    client.sync(out).unwrap();
    assert_eq!(sent(out), "BEBEBESBES");
    let failed = [hot("SELECT 1"), msg(b'2', b""), error("ERROR", "22012", "int4div"), ready(b'I')].concat();
    assert_eq!(
        feed(&mut client, &failed, out).unwrap(),
        ["columns", "row of 7", "completed SELECT 1", "failed 22012"]
    );
    assert!(!client.is_settled());
    let next = [hot("SELECT 3"), ready(b'I')].concat();
    assert_eq!(
        feed(&mut client, &next, out).unwrap(),
        ["columns", "row of 7", "completed SELECT 3", "finished SELECT 3"]
    );
    assert!(client.is_settled());
}

#[test]
fn what_is_queued_into_a_segment_that_has_failed_is_not_sent() {
    let mut client = started(8);
    let out = &mut Vec::new();
    client.queue("select 1", &NONE, 0, out).unwrap();
    client.flush(out).unwrap();
    feed(&mut client, &error("ERROR", "42601", ""), out).unwrap();
    out.clear();
    client.queue("select 2", &NONE, 0, out).unwrap();
    assert!(out.is_empty());
    client.sync(out).unwrap();
    assert_eq!(sent(out), "S");
    assert_eq!(feed(&mut client, &ready(b'I'), out).unwrap(), ["failed 42601"]);
    assert!(client.is_settled());
}

#[test]
fn inside_of_a_transaction_queries_wait_for_the_description_of_the_one_before() {
    let mut client = started(8);
    let out = &mut Vec::new();
    in_transaction(&mut client);
    client.queue("select 1", &NONE, 0, out).unwrap();
    client.queue("select 1", &NONE, 0, out).unwrap();
    client.queue("select 2", &NONE, 0, out).unwrap();
    client.sync(out).unwrap();
    assert_eq!(sent(out), "PDH");
    out.clear();
    feed(&mut client, &[msg(b'1', b""), described(&[], &[25])].concat(), out).unwrap();
    assert_eq!(sent(out), "BEBEPDH");
    out.clear();
    let answer = [hot("SELECT 1"), hot("SELECT 1"), msg(b'1', b""), described(&[], &[25])].concat();
    assert_eq!(feed(&mut client, &answer, out).unwrap().len(), 6);
    assert_eq!(sent(out), "BES");
    let end = [hot("SELECT 1"), ready(b'T')].concat();
    assert_eq!(feed(&mut client, &end, out).unwrap().last().unwrap(), "finished SELECT 1");
    assert!(client.is_settled());
}

#[test]
fn an_error_leaves_out_what_waited_and_ends_the_segment() {
    let mut client = started(8);
    let out = &mut Vec::new();
    in_transaction(&mut client);
    client.queue("select 1", &NONE, 0, out).unwrap();
    client.queue("select 2", &NONE, 0, out).unwrap();
    client.sync(out).unwrap();
    client.queue("rollback", &NONE, 0, out).unwrap();
    client.sync(out).unwrap();
    out.clear();
    feed(&mut client, &error("ERROR", "42601", ""), out).unwrap();
    assert_eq!(sent(out), "SPDH", "the next segment begins where the first has ended");
    out.clear();
    assert_eq!(feed(&mut client, &ready(b'E'), out).unwrap(), ["failed 42601"]);
    feed(&mut client, &[msg(b'1', b""), described(&[], &[])].concat(), out).unwrap();
    assert_eq!(sent(out), "BES");
    let end = [msg(b'2', b""), complete("ROLLBACK"), ready(b'I')].concat();
    assert_eq!(feed(&mut client, &end, out).unwrap().last().unwrap(), "finished ROLLBACK");
}

#[test]
fn a_stale_plan_restarts_its_segment_once() {
    let mut client = started(8);
    let out = &mut Vec::new();
    prepared(&mut client, &["select 1", "select 2"]);
    client.queue("select 1", &NONE, 0, out).unwrap();
    client.queue("select 2", &NONE, 0, out).unwrap();
    client.sync(out).unwrap();
    out.clear();
    let stale = [hot("SELECT 1"), error("ERROR", "26000", ""), ready(b'I')].concat();
    let told = feed(&mut client, &stale, out).unwrap();
    assert_eq!(told.last().unwrap(), "restarted");
    assert_eq!(sent(out), "CCPDBEPDBES", "nothing of the segment is trusted");
    let closed = [msg(b'3', b""), msg(b'3', b"")].concat();
    let answer = [closed, cold("SELECT 1"), error("ERROR", "26000", ""), ready(b'I')].concat();
    let told = feed(&mut client, &answer, out).unwrap();
    assert_eq!(told.last().unwrap(), "failed 26000", "once");
}

#[test]
fn a_segment_is_not_restarted_that_may_have_committed_or_has_others_behind_it() {
    let stale = [error("ERROR", "26000", ""), ready(b'I')].concat();
    for tag in ["CALL", "COMMIT", "VACUUM", "CREATE TABLE"] {
        let mut client = started(8);
        let out = &mut Vec::new();
        prepared(&mut client, &["first", "select 2"]);
        client.queue("first", &NONE, 0, out).unwrap();
        client.queue("select 2", &NONE, 0, out).unwrap();
        client.sync(out).unwrap();
        let answer = [msg(b'2', b""), complete(tag), stale.clone()].concat();
        assert_eq!(feed(&mut client, &answer, out).unwrap().last().unwrap(), "failed 26000", "{tag}");
    }
    let mut client = started(8);
    let out = &mut Vec::new();
    prepared(&mut client, &["select 1"]);
    for _ in 0..2 {
        client.queue("select 1", &NONE, 0, out).unwrap();
        client.sync(out).unwrap();
    }
    assert_eq!(feed(&mut client, &stale, out).unwrap(), ["failed 26000"], "it would be overtaken");
}

#[test]
fn a_query_stops_at_its_limit_and_goes_on() {
    let mut client = started(8);
    let out = &mut Vec::new();
    client.queue("select 1", &NONE, 1, out).unwrap();
    assert!(matches!(client.fetch(1, out), Err(CommandError::NotSuspended)));
    client.flush(out).unwrap();
    assert_eq!(sent(out), "PDBEH");
    let first =
        [msg(b'1', b""), described(&[], &[25]), msg(b'2', b""), ROW.to_vec(), msg(b's', b"")].concat();
    assert_eq!(feed(&mut client, &first, out).unwrap(), ["columns", "row of 7", "suspended"]);
    out.clear();
    client.fetch(0, out).unwrap();
    assert!(matches!(client.fetch(1, out), Err(CommandError::NotSuspended)), "it runs");
    client.sync(out).unwrap();
    assert_eq!(sent(out), "ES");
    assert_eq!(client.description().unwrap().columns().len(), 1);
    let rest = [ROW.to_vec(), complete("SELECT 1"), ready(b'I')].concat();
    assert_eq!(
        feed(&mut client, &rest, out).unwrap(),
        ["row of 7", "completed SELECT 1", "finished SELECT 1"]
    );
}

#[test]
fn a_segment_without_queries_is_a_round_trip() {
    let mut client = started(8);
    let out = &mut Vec::new();
    client.sync(out).unwrap();
    assert_eq!(sent(out), "S");
    assert_eq!(feed(&mut client, &ready(b'I'), out).unwrap(), ["finished "]);
}

#[test]
fn a_query_that_is_refused_leaves_the_segment_as_it_was() {
    let mut client = started(8);
    let out = &mut Vec::new();
    warm(&mut client, "select $1");
    client.queue("select 1", &NONE, 0, out).unwrap();
    let before = out.clone();
    for refused in [
        client.queue("select \0", &NONE, 0, out),
        client.queue("select $1", &Arguments { formats: &[], values: &[], ..ONE }, 0, out),
        client.queue("x", &Arguments { formats: &[WireFormat::Text; 65_536], ..NONE }, 0, out),
        client.query("select 1", &NONE, out),
        client.script("select 1", out),
    ] {
        assert!(refused.is_err());
    }
    assert_eq!(*out, before);
    client.sync(out).unwrap();
    let answer = [cold("SELECT 1"), ready(b'I')].concat();
    assert_eq!(feed(&mut client, &answer, out).unwrap().last().unwrap(), "finished SELECT 1");
    assert!(client.is_settled());
}

/// Scenario: the statement that gives way is still used by a query on its way.
#[test]
fn a_statement_that_gives_way_is_closed_behind_the_queries_that_use_it() {
    let mut client = started(1);
    let out = &mut Vec::new();
    prepared(&mut client, &["select 1"]);
    in_transaction(&mut client);
    client.queue("select 2", &NONE, 0, out).unwrap();
    client.sync(out).unwrap();
    client.queue("select 1", &NONE, 0, out).unwrap();
    client.sync(out).unwrap();
    out.clear();
    feed(&mut client, &[msg(b'1', b""), described(&[], &[25])].concat(), out).unwrap();
    assert_eq!(sent(out), "BESBES", "no Close before the Bind");
    let answer = [hot("SELECT 1"), ready(b'T'), hot("SELECT 1"), ready(b'T')].concat();
    assert_eq!(feed(&mut client, &answer, out).unwrap().last().unwrap(), "finished SELECT 1");
    out.clear();
    client.query("select 2", &NONE, out).unwrap();
    assert_eq!(sent(out), "CBES");
}

#[test]
fn a_close_that_an_error_skipped_is_sent_again() {
    let mut client = started(1);
    let out = &mut Vec::new();
    prepared(&mut client, &["select 1", "select 2"]);
    client.queue("wrong", &NONE, 0, out).unwrap();
    client.queue("select 2", &NONE, 0, out).unwrap();
    client.sync(out).unwrap();
    assert_eq!(sent(out), "CPDBEBES");
    feed(&mut client, &[error("ERROR", "57014", ""), ready(b'I')].concat(), out).unwrap();
    out.clear();
    client.query("select 2", &NONE, out).unwrap();
    assert!(sent(out).starts_with('C'), "{}", sent(out));
}

proptest! {
    /// Whatever is queued, and whatever legal answers come: as many ends as Syncs, and nothing is left.
    #[test]
    fn segments_end_as_often_as_they_are_synced(
        sizes in prop::collection::vec(0_usize..4, 1..6),
        fails in prop::collection::vec(any::<bool>(), 24),
        size in 1_usize..40,
    ) {
        let mut client = started(3);
        let out = &mut Vec::new();
        let texts = ["select 1", "select 2", "select 3"];
        prepared(&mut client, &texts);
        let (mut answer, mut ends) = (Vec::new(), Vec::new());
        let mut fails = fails.into_iter();
        for queries in &sizes {
            let mut end = "finished ".to_owned();
            for query in 0..*queries {
                client.queue(texts[query % 3], &NONE, 0, out).unwrap();
                match fails.next() {
                    _ if end.starts_with("failed") => {}
                    Some(true) => {
                        answer.extend(error("ERROR", "22012", ""));
                        end = "failed 22012".to_owned();
                    }
                    _ => {
                        answer.extend(hot("SELECT 1"));
                        end = "finished SELECT 1".to_owned();
                    }
                }
            }
            client.sync(out).unwrap();
            answer.extend(ready(b'I'));
            ends.push(end);
        }
        let told = feed_in_chunks(&mut client, &answer, size, out).unwrap();
        let heard: Vec<_> = told.into_iter().filter(|told| told.starts_with('f')).collect();
        prop_assert_eq!(heard, ends);
        prop_assert!(client.is_settled());
    }
}

#[test]
fn what_is_not_sent_can_be_taken_back() {
    let mut client = started(1);
    let out = &mut Vec::new();
    prepared(&mut client, &["select 1", "select 2"]);
    client.lead("BEGIN").unwrap();
    client.queue("select 2", &NONE, 0, out).unwrap();
    client.sync(out).unwrap();
    client.queue("select 3", &NONE, 0, out).unwrap();
    assert_eq!(sent(out), "CPBEBESPDBE");
    client.retract();
    out.clear();
    assert!(client.is_settled());
    client.query("select 2", &NONE, out).unwrap();
    assert_eq!(sent(out), "CPBEBES", "what leads and what is to be closed are still to be sent");
}
