//! What travels in front of a query: BEGIN, SAVEPOINT, ROLLBACK TO.

use super::*;

const NONE: Arguments<'_> = Arguments::NONE;

/// The answers to a statement that leads.
fn led(tag: &str) -> Vec<u8> {
    [msg(b'1', b""), msg(b'2', b""), complete(tag)].concat()
}

fn cold() -> Vec<u8> {
    [msg(b'1', b""), described(&[], &[25]), hot()].concat()
}

fn hot() -> Vec<u8> {
    [msg(b'2', b""), ROW.to_vec(), complete("SELECT 1")].concat()
}

const TOLD: [&str; 3] = ["columns", "row of 7", "finished SELECT 1"];

fn prepared() -> Client {
    let mut client = started(8);
    let out = &mut Vec::new();
    client.query("select 1", &NONE, out).unwrap();
    feed(&mut client, &[cold(), ready(b'I')].concat(), out).unwrap();
    client
}

/// The texts of all Parse messages.
fn parsed(out: &[u8]) -> Vec<String> {
    let mut texts = Vec::new();
    let mut rest = out;
    while let [tag, a, b, c, d, ..] = rest {
        let end = 1 + i32::from_be_bytes([*a, *b, *c, *d]) as usize;
        if *tag == b'P' {
            let text = rest[5..end].split(|byte| *byte == 0).nth(1).unwrap();
            texts.push(String::from_utf8(text.to_vec()).unwrap());
        }
        rest = &rest[end..];
    }
    texts
}

#[test]
fn begin_rides_with_the_first_statement_and_nobody_hears_of_it() {
    for size in [1, 3, 1000] {
        let (mut cold_client, mut hot_client) = (started(8), prepared());
        for (client, sends, answer) in
            [(&mut cold_client, "PBEPDBES", cold()), (&mut hot_client, "PBEBES", hot())]
        {
            let out = &mut Vec::new();
            client.lead("BEGIN").unwrap();
            client.query("select 1", &NONE, out).unwrap();
            assert_eq!(sent(out), sends);
            let answer = [led("BEGIN"), answer, ready(b'T')].concat();
            assert_eq!(feed_in_chunks(client, &answer, size, out).unwrap(), TOLD);
            assert_eq!(client.status(), TransactionStatus::InTransaction);
            out.clear();
            client.query("select 1", &NONE, out).unwrap();
            assert_eq!(sent(out), "BES", "it leads once");
        }
    }
}

#[test]
fn a_stale_plan_behind_begin_heals_by_a_rollback_and_both_again() {
    let mut client = prepared();
    let out = &mut Vec::new();
    client.lead("BEGIN").unwrap();
    client.query("select 1", &NONE, out).unwrap();
    out.clear();
    let stale = [led("BEGIN"), error("ERROR", "26000", "FetchPreparedStatement"), ready(b'E')].concat();
    assert_eq!(feed(&mut client, &stale, out).unwrap(), [""; 0]);
    assert_eq!(sent(out), "CPBEPBEPDBES");
    assert_eq!(parsed(out), ["ROLLBACK", "BEGIN", "select 1"]);
    let answer = [msg(b'3', b""), led("ROLLBACK"), led("BEGIN"), cold(), ready(b'T')].concat();
    assert_eq!(feed(&mut client, &answer, out).unwrap(), TOLD);
    assert_eq!(client.status(), TransactionStatus::InTransaction);
}

#[test]
fn it_heals_once() {
    let mut client = prepared();
    let out = &mut Vec::new();
    client.lead("BEGIN").unwrap();
    client.query("select 1", &NONE, out).unwrap();
    let stale = [led("BEGIN"), error("ERROR", "26000", "FetchPreparedStatement"), ready(b'E')].concat();
    feed(&mut client, &stale, out).unwrap();
    out.clear();
    let again = [msg(b'3', b""), led("ROLLBACK"), led("BEGIN"), error("ERROR", "26000", ""), ready(b'E')];
    assert_eq!(feed(&mut client, &again.concat(), out).unwrap(), ["failed 26000"]);
    assert!(out.is_empty());
}

#[test]
fn a_missing_binary_form_behind_begin_heals_too() {
    let mut client = started(8);
    let out = &mut Vec::new();
    client.lead("BEGIN").unwrap();
    client.query("select 1", &NONE, out).unwrap();
    out.clear();
    let described = [msg(b'1', b""), described(&[], &[2249]), msg(b'2', b"")].concat();
    let lacking = [led("BEGIN"), described, error("ERROR", "42883", "getTypeBinaryOutputInfo"), ready(b'E')];
    assert_eq!(feed(&mut client, &lacking.concat(), out).unwrap(), [""; 0]);
    assert_eq!(sent(out), "PBEPBEBES");
    let answer = [led("ROLLBACK"), led("BEGIN"), hot(), ready(b'T')].concat();
    assert_eq!(feed(&mut client, &answer, out).unwrap(), TOLD);
}

#[test]
fn a_segment_of_several_heals_as_a_whole_behind_begin() {
    let mut client = prepared();
    let out = &mut Vec::new();
    client.lead("BEGIN").unwrap();
    client.queue("insert", &NONE, 0, out).unwrap();
    client.queue("select 1", &NONE, 0, out).unwrap();
    client.sync(out).unwrap();
    out.clear();
    let inserted = [msg(b'1', b""), described(&[], &[]), msg(b'2', b""), complete("INSERT 0 1")].concat();
    let stale = [led("BEGIN"), inserted.clone(), error("ERROR", "26000", ""), ready(b'E')].concat();
    assert_eq!(feed(&mut client, &stale, out).unwrap(), ["columns", "completed INSERT 0 1", "restarted"]);
    assert_eq!(parsed(out), ["ROLLBACK", "BEGIN", "insert", "select 1"]);
}

#[test]
fn an_error_of_the_statement_is_the_callers_and_leaves_the_transaction_failed() {
    let mut client = prepared();
    let out = &mut Vec::new();
    client.lead("BEGIN").unwrap();
    client.query("select 1", &NONE, out).unwrap();
    out.clear();
    let failed = [led("BEGIN"), msg(b'2', b""), error("ERROR", "22012", "int4div"), ready(b'E')].concat();
    assert_eq!(feed(&mut client, &failed, out).unwrap(), ["failed 22012"]);
    assert!(out.is_empty() && client.status() == TransactionStatus::Failed);
}

/// A standby for one takes no serializable transaction.
#[test]
fn an_error_of_begin_is_told_and_the_statement_does_not_run() {
    let mut client = prepared();
    let out = &mut Vec::new();
    client.lead("BEGIN ISOLATION LEVEL SERIALIZABLE").unwrap();
    client.query("select 1", &NONE, out).unwrap();
    out.clear();
    let failed =
        [msg(b'1', b""), msg(b'2', b""), error("ERROR", "0A000", "RevalidateCachedQuery"), ready(b'I')];
    assert_eq!(feed(&mut client, &failed.concat(), out).unwrap(), ["failed 0A000"]);
    assert!(out.is_empty() && client.status() == TransactionStatus::Idle);
}

#[test]
fn what_leads_waits_with_a_statement_that_is_refused() {
    let mut client = started(8);
    let out = &mut Vec::new();
    let lead = client.lead("BEGIN").unwrap();
    let refused = client.query("select\0", &NONE, out);
    assert!(matches!(refused, Err(CommandError::Encode(_))));
    assert!(out.is_empty() && client.still_leads(lead));
    client.query("select 1", &NONE, out).unwrap();
    assert_eq!(parsed(out), ["BEGIN", "select 1"]);
    assert!(!client.still_leads(lead));
    assert!(client.lead("BEGIN\0").is_err());
}

#[test]
fn what_leads_can_be_taken_back_with_all_behind_it() {
    let mut client = started(8);
    let out = &mut Vec::new();
    client.lead("BEGIN").unwrap();
    let savepoint = client.lead("SAVEPOINT a").unwrap();
    client.lead("SAVEPOINT b").unwrap();
    client.take_back(savepoint);
    client.query("select 1", &NONE, out).unwrap();
    assert_eq!(parsed(out), ["BEGIN", "select 1"]);
    let late = client.lead("SAVEPOINT c").unwrap();
    assert!(client.still_leads(late) && !client.still_leads(savepoint));
    client.take_back(savepoint);
    assert!(!client.still_leads(late), "it came behind what was taken back");
}

#[test]
fn a_sync_sends_what_leads_by_itself_and_tells_the_last_tag() {
    let mut client = started(8);
    let out = &mut Vec::new();
    client.lead("BEGIN").unwrap();
    client.lead("COMMIT").unwrap();
    client.sync(out).unwrap();
    assert_eq!(sent(out), "PBEPBES");
    let answer = [led("BEGIN"), led("COMMIT"), ready(b'I')].concat();
    for size in [1, 4, answer.len()] {
        let mut client = client.clone();
        assert_eq!(feed_in_chunks(&mut client, &answer, size, out).unwrap(), ["finished COMMIT"]);
        assert!(client.is_settled());
    }
}

#[test]
fn scripts_and_copies_are_not_led() {
    let mut client = started(8);
    let out = &mut Vec::new();
    client.lead("BEGIN").unwrap();
    assert_eq!(client.script("select 1", out), Err(CommandError::Leads));
    assert_eq!(client.script_results("select 1", out), Err(CommandError::Leads));
    assert_eq!(client.copy("copy t from stdin", CopyDirection::In, out), Err(CommandError::Leads));
    assert!(out.is_empty());
    assert!(client.into_session().is_err(), "it would be lost");
}

#[test]
fn inside_of_a_transaction_what_leads_goes_out_with_the_description() {
    let mut client = started(8);
    let out = &mut Vec::new();
    client.script("begin", out).unwrap();
    feed(&mut client, &[complete("BEGIN"), ready(b'T')].concat(), out).unwrap();
    out.clear();
    client.lead("SAVEPOINT a").unwrap();
    client.query("select 1", &NONE, out).unwrap();
    assert_eq!(sent(out), "PBEPDH");
    out.clear();
    let answer = [led("SAVEPOINT"), msg(b'1', b""), described(&[], &[25])].concat();
    assert_eq!(feed(&mut client, &answer, out).unwrap(), [""; 0]);
    assert_eq!(sent(out), "BES");
}

#[test]
fn a_result_that_another_session_knows_costs_one_round_trip_inside_of_a_transaction() {
    let hints = Arc::<Hints>::default();
    let with = |hints: &Arc<Hints>| Credentials { hints: Some(Arc::clone(hints)), ..Credentials::default() };
    let (mut first, mut second) = (started_with(with(&hints)), started_with(with(&hints)));
    let out = &mut Vec::new();
    first.query("select 1", &NONE, out).unwrap();
    feed(&mut first, &[cold(), ready(b'I')].concat(), out).unwrap();

    second.script("begin", out).unwrap();
    feed(&mut second, &[complete("BEGIN"), ready(b'T')].concat(), out).unwrap();
    out.clear();
    second.query("select 1", &NONE, out).unwrap();
    assert_eq!(sent(out), "PDBES");
    // What this session's server says counts, not what the other's has said.
    let other = [msg(b'1', b""), described(&[], &[701]), hot(), ready(b'T')].concat();
    assert_eq!(feed(&mut second, &other, out).unwrap(), TOLD);
    assert_eq!(second.description().unwrap().columns()[0].type_oid, 701);
}

#[test]
fn a_result_that_turns_out_to_have_no_binary_form_is_not_believed_in_any_more() {
    let mut client = started_with(Credentials {
        statement_cache_size: 0,
        hints: Some(Arc::default()),
        ..Credentials::default()
    });
    let out = &mut Vec::new();
    client.query("select 1", &NONE, out).unwrap();
    feed(&mut client, &[cold(), ready(b'I')].concat(), out).unwrap();
    for sends in ["PDBES", "PDH"] {
        client.script("begin", out).unwrap();
        feed(&mut client, &[complete("BEGIN"), ready(b'T')].concat(), out).unwrap();
        out.clear();
        client.query("select 1", &NONE, out).unwrap();
        assert_eq!(sent(out), sends);
        let lacking = error("ERROR", "42883", "getTypeBinaryOutputInfo");
        let answer =
            [msg(b'1', b""), described(&[], &[99_999]), msg(b'2', b""), lacking, ready(b'E')].concat();
        if sends == "PDBES" {
            assert_eq!(feed(&mut client, &answer, out).unwrap(), ["failed 42883"]);
        }
    }
}
