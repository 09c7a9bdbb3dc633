//! Walking away: a test for each row of the table in spec/settle.md.

use std::time::{Duration, Instant};

use super::*;

const NONE: Arguments<'_> = Arguments::NONE;

const ROLLBACK: SettlePolicy = SettlePolicy { transaction: OpenTransaction::IsRolledBack, ..POLICY };

const POLICY: SettlePolicy = SettlePolicy {
    grace: Duration::from_millis(10),
    cancel_timeout: Duration::from_millis(200),
    retry: Duration::from_millis(50),
    bound: Duration::from_millis(1000),
    after_cancel: AfterCancel::Reuse,
    transaction: OpenTransaction::Fails,
};

/// A session that is being settled, and the time.
struct Settling {
    client: Client,
    out: Vec<u8>,
    begin: Instant,
    now: Duration,
}

impl Settling {
    fn new(mut client: Client, policy: SettlePolicy) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "there is no other way to make an Instant, and any will do"
        )]
        let begin = Instant::now();
        let mut out = Vec::new();
        client.abandon(policy, begin, &mut out);
        Self { client, out, begin, now: Duration::ZERO }
    }

    /// Asks what is next when everything is sent, so many milliseconds after the beginning.
    fn at(&mut self, millis: u64) -> Settle {
        self.now = Duration::from_millis(millis);
        self.ask(Sending::Finished)
    }

    fn ask(&mut self, sending: Sending) -> Settle {
        self.client.poll_settle(sending, self.begin + self.now, &mut self.out)
    }

    fn cancel_over(&mut self, outcome: CancelOutcome) {
        self.client.cancel_over(outcome, self.begin + self.now);
    }

    /// The server says this, of which nobody hears anything.
    fn hear(&mut self, input: &[u8]) {
        let told = feed(&mut self.client, input, &mut self.out).unwrap();
        assert!(told.is_empty(), "{told:?}");
    }

    fn wait(&self, millis: u64) -> Settle {
        Settle::Wait(self.begin + Duration::from_millis(millis))
    }

    fn sent(&mut self) -> String {
        sent(&std::mem::take(&mut self.out))
    }
}

fn abandoned(begin: impl FnOnce(&mut Client, &mut Vec<u8>)) -> Settling {
    let mut client = started(8);
    begin(&mut client, &mut Vec::new());
    Settling::new(client, POLICY)
}

const CANCELED: &str = "57014";

#[test]
fn nothing_under_way_is_settled_at_once() {
    let mut settling = abandoned(|_, _| {});
    assert_eq!(settling.at(0), Settle::Settled);
    assert!(settling.out.is_empty() && settling.client.is_settled());
}

#[test]
fn a_query_that_ends_within_the_grace_is_not_cancelled() {
    let mut settling = abandoned(|client, out| client.query("select 1", &ONE, out).unwrap());
    assert_eq!(settling.at(0), settling.wait(10));
    settling.hear(&cold_answer());
    assert_eq!(settling.at(5), Settle::Settled);
    assert!(settling.out.is_empty());
    settling.client.query("select 1", &ONE, &mut settling.out).unwrap();
    assert_eq!(settling.sent(), "BES", "what was learnt stays");
}

#[test]
fn a_query_is_cancelled_and_drained() {
    let mut settling = abandoned(|client, out| client.query("select 1", &ONE, out).unwrap());
    assert_eq!(settling.at(10), Settle::Cancel);
    assert_eq!(settling.at(11), settling.wait(210), "one at a time");
    settling.cancel_over(CancelOutcome::Delivered);
    let canceled =
        [msg(b'1', b""), described(&[23], &[25]), error("ERROR", CANCELED, ""), ready(b'I')].concat();
    settling.hear(&canceled);
    assert_eq!(settling.at(12), settling.wait(1000));
    assert_eq!(settling.sent(), "S", "a round trip between the request and the next command");
    settling.hear(&ready(b'I'));
    assert_eq!(settling.at(13), Settle::Settled);
}

#[test]
fn a_script_is_cancelled_and_drained() {
    let mut settling = abandoned(|client, out| client.script("select pg_sleep(9)", out).unwrap());
    assert_eq!(settling.at(10), Settle::Cancel);
    settling.hear(&[error("ERROR", CANCELED, ""), ready(b'I')].concat());
    assert_eq!(settling.at(11), settling.wait(210), "the request is not over");
    settling.cancel_over(CancelOutcome::Delivered);
    assert_eq!(settling.at(12), settling.wait(1000));
    settling.hear(&ready(b'I'));
    assert_eq!(settling.at(13), Settle::Settled);
}

#[test]
fn what_is_not_sent_yet_is_not_cancelled_yet() {
    let mut settling = abandoned(|client, out| client.query("select 1", &ONE, out).unwrap());
    settling.now = Duration::from_millis(100);
    assert_eq!(settling.ask(Sending::Unfinished), settling.wait(1000));
    assert_eq!(settling.ask(Sending::Finished), Settle::Cancel);
}

#[test]
fn each_segment_is_cancelled_while_its_end_is_owed() {
    let mut settling = abandoned(|client, out| {
        for sql in ["select 1", "select 2"] {
            client.queue(sql, &NONE, 0, out).unwrap();
            client.sync(out).unwrap();
        }
    });
    assert_eq!(settling.at(10), Settle::Cancel);
    settling.cancel_over(CancelOutcome::Delivered);
    settling.hear(&[error("ERROR", CANCELED, ""), ready(b'I')].concat());
    assert_eq!(settling.at(11), settling.wait(60), "not at once");
    assert_eq!(settling.at(60), Settle::Cancel);
    settling.cancel_over(CancelOutcome::Delivered);
    assert_eq!(settling.at(61), settling.wait(160), "and later each time");
    settling.hear(&[error("ERROR", CANCELED, ""), ready(b'I')].concat());
    assert_eq!(settling.at(62), settling.wait(1000));
    settling.hear(&ready(b'I'));
    assert_eq!(settling.at(63), Settle::Settled);
}

#[test]
fn queries_that_wait_for_a_description_are_never_sent() {
    let mut client = started(8);
    client.script("begin", &mut Vec::new()).unwrap();
    feed(&mut client, &[complete("BEGIN"), ready(b'T')].concat(), &mut Vec::new()).unwrap();
    client.queue("select 1", &NONE, 0, &mut Vec::new()).unwrap();
    client.queue("select 2", &NONE, 0, &mut Vec::new()).unwrap();
    client.sync(&mut Vec::new()).unwrap();
    client.queue("select 3", &NONE, 0, &mut Vec::new()).unwrap();
    let mut settling = Settling::new(client, POLICY);
    assert_eq!(settling.sent(), "S");
    settling.hear(&[msg(b'1', b""), described(&[], &[25]), ready(b'T')].concat());
    assert!(settling.out.is_empty());
    assert_eq!(settling.at(1), settling.wait(1000));
    assert_eq!(settling.sent(), "Q");
}

fn begun() -> Client {
    let mut client = started(8);
    client.script("begin", &mut Vec::new()).unwrap();
    feed(&mut client, &[complete("BEGIN"), ready(b'T')].concat(), &mut Vec::new()).unwrap();
    client
}

/// Otherwise it could be committed without what was walked away from.
#[test]
fn a_transaction_that_is_still_open_is_made_to_fail() {
    let mut client = begun();
    client.script("insert", &mut Vec::new()).unwrap();
    let mut settling = Settling::new(client, POLICY);
    settling.hear(&[complete("INSERT 0 1"), ready(b'T')].concat());
    assert_eq!(settling.at(1), settling.wait(1000));
    assert!(settling.out.ends_with(b"ROLLBACK TO SAVEPOINT \"abandoned by the client\"\0"));
    settling.hear(&[error("ERROR", "3B001", ""), ready(b'E')].concat());
    assert_eq!(settling.at(2), Settle::Settled);
    assert_eq!(settling.client.status(), TransactionStatus::Failed);
}

#[test]
fn a_transaction_that_has_failed_is_left_as_it_is() {
    let mut client = begun();
    client.script("insert", &mut Vec::new()).unwrap();
    let mut settling = Settling::new(client, POLICY);
    settling.hear(&[error("ERROR", "23505", ""), ready(b'E')].concat());
    assert_eq!(settling.at(1), Settle::Settled);
    assert_eq!(settling.client.status(), TransactionStatus::Failed);
}

#[test]
fn a_transaction_that_nobody_owns_is_rolled_back_in_any_state() {
    for status in *b"TE" {
        let mut client = begun();
        client.script("insert", &mut Vec::new()).unwrap();
        let mut settling = Settling::new(client, ROLLBACK);
        settling.hear(&[complete("INSERT 0 1"), ready(status)].concat());
        assert_eq!(settling.at(1), settling.wait(1000));
        assert!(settling.out.ends_with(b"Q\0\0\0\x0dROLLBACK\0"));
        settling.hear(&[complete("ROLLBACK"), ready(b'I')].concat());
        assert_eq!(settling.at(2), Settle::Settled);
    }
}

#[test]
fn a_transaction_that_nobody_owns_is_rolled_back_also_with_nothing_under_way() {
    let mut client = begun();
    client.lead("SAVEPOINT a").unwrap();
    let mut settling = Settling::new(client, ROLLBACK);
    assert_eq!(settling.at(0), settling.wait(1000));
    settling.hear(&[complete("ROLLBACK"), ready(b'I')].concat());
    assert_eq!(settling.at(1), Settle::Settled);
    let out = &mut Vec::new();
    settling.client.query("select 1", &NONE, out).unwrap();
    assert_eq!(sent(out), "PDBES", "what was to lead is gone with it");
}

#[test]
fn a_transaction_that_the_server_does_not_end_closes_the_session() {
    let mut settling = Settling::new(begun(), ROLLBACK);
    assert_eq!(settling.at(0), settling.wait(1000));
    settling.hear(&[error("ERROR", "XX000", ""), ready(b'E')].concat());
    assert_eq!(settling.at(1), Settle::Close(Unsettled::Transaction));
}

/// The cancel of one that has ended would hit the end of the transaction.
#[test]
fn the_end_of_a_transaction_is_not_cancelled() {
    let mut settling = Settling::new(begun(), ROLLBACK);
    assert_eq!(settling.at(0), settling.wait(1000));
    settling.out.clear();
    for at in [50, 500, 999] {
        assert_eq!(settling.at(at), settling.wait(1000));
    }
    assert_eq!(settling.at(1000), Settle::Close(Unsettled::Bound));
}

#[test]
fn a_copy_from_the_client_is_ended_as_a_failure() {
    let mut settling = abandoned(|client, out| {
        client.copy("copy t from stdin", CopyDirection::In, out).unwrap();
        feed(client, &msg(b'G', b"\0\0\0"), out).unwrap();
        client.copy_data(b"1\n", out).unwrap();
    });
    assert_eq!(settling.sent(), "f");
    settling.hear(&[error("ERROR", CANCELED, ""), ready(b'I')].concat());
    assert_eq!(settling.at(1), Settle::Settled);
}

#[test]
fn a_copy_from_the_client_that_begins_later_is_ended_then() {
    let mut settling =
        abandoned(|client, out| client.copy("copy t from stdin", CopyDirection::In, out).unwrap());
    assert_eq!(settling.sent(), "");
    settling.hear(&msg(b'G', b"\0\0\0"));
    assert_eq!(settling.sent(), "f");
    settling.hear(&[error("ERROR", CANCELED, ""), ready(b'I')].concat());
    assert_eq!(settling.at(1), Settle::Settled);
}

#[test]
fn a_copy_from_the_client_in_the_extended_protocol_takes_one_more_sync() {
    let mut settling = abandoned(|client, out| client.query("copy t from stdin", &ONE, out).unwrap());
    let asks = [msg(b'1', b""), described(&[23], &[]), msg(b'2', b""), msg(b'G', b"\0\0\0")].concat();
    settling.hear(&asks);
    assert_eq!(settling.sent(), "fSCS");
    assert_eq!(settling.at(500), settling.wait(1000), "what is ending is not cancelled");
    settling.hear(&[error("ERROR", CANCELED, ""), ready(b'I'), msg(b'3', b""), ready(b'I')].concat());
    assert_eq!(settling.at(501), Settle::Settled);
}

#[test]
fn a_copy_to_the_client_is_cancelled_and_drained() {
    let mut settling = abandoned(|client, out| {
        client.copy("copy t to stdout", CopyDirection::Out, out).unwrap();
        feed(client, &msg(b'H', b"\0\0\0"), out).unwrap();
    });
    settling.hear(&msg(b'd', b"1\n"));
    assert_eq!(settling.at(10), Settle::Cancel);
    settling.hear(&[msg(b'd', b"2\n"), error("ERROR", CANCELED, ""), ready(b'I')].concat());
    settling.cancel_over(CancelOutcome::Delivered);
    assert_eq!(settling.at(11), settling.wait(1000));
    settling.hear(&ready(b'I'));
    assert_eq!(settling.at(12), Settle::Settled);
}

#[test]
fn a_stream_of_both_directions_is_ended_on_our_side_and_drained_without_a_cancel() {
    let mut settling = abandoned(|client, out| {
        client.copy("start_replication", CopyDirection::Both, out).unwrap();
        feed(client, &msg(b'W', b"\0\0\0"), out).unwrap();
    });
    assert_eq!(settling.sent(), "c");
    assert_eq!(settling.at(500), settling.wait(1000));
    settling
        .hear(&[msg(b'd', b"w"), msg(b'c', b""), complete("COPY 0"), complete("S"), ready(b'I')].concat());
    assert_eq!(settling.at(501), Settle::Settled);
}

#[test]
fn a_suspended_portal_is_ended_by_a_sync() {
    let mut settling = abandoned(|client, out| {
        client.queue("select 1", &NONE, 1, out).unwrap();
        client.flush(out).unwrap();
        let first = [msg(b'1', b""), described(&[], &[25]), msg(b'2', b""), ROW.to_vec(), msg(b's', b"")];
        feed(client, &first.concat(), out).unwrap();
    });
    assert_eq!(settling.sent(), "S");
    settling.hear(&ready(b'I'));
    assert_eq!(settling.at(1), Settle::Settled);
}

#[test]
fn an_open_segment_is_ended_by_a_sync_also_after_an_error() {
    for fails in [false, true] {
        let mut settling = abandoned(|client, out| {
            client.queue("select 1", &NONE, 0, out).unwrap();
            client.flush(out).unwrap();
            if fails {
                feed(client, &error("ERROR", "42601", ""), out).unwrap();
            }
        });
        assert_eq!(settling.sent(), "S");
        if !fails {
            settling.hear(&error("ERROR", "42601", ""));
        }
        settling.hear(&ready(b'I'));
        assert_eq!(settling.at(1), Settle::Settled);
    }
}

#[test]
fn without_a_key_it_is_waited_for_and_then_closed() {
    let mut client = started(8);
    client.key = None;
    client.script("select pg_sleep(9)", &mut Vec::new()).unwrap();
    let mut settling = Settling::new(client, POLICY);
    assert_eq!(settling.at(999), settling.wait(1000));
    assert_eq!(settling.at(1000), Settle::Close(Unsettled::Bound));
}

#[test]
fn a_request_whose_end_is_not_seen_closes_the_session_even_when_nothing_is_owed() {
    for in_time in [true, false] {
        let mut settling = abandoned(|client, out| client.script("select 1", out).unwrap());
        assert_eq!(settling.at(10), Settle::Cancel);
        settling.hear(&[complete("SELECT 1"), ready(b'I')].concat());
        if in_time {
            settling.cancel_over(CancelOutcome::Lost);
            assert_eq!(settling.at(11), Settle::Close(Unsettled::CancelLost));
        } else {
            assert_eq!(settling.at(209), settling.wait(210));
            assert_eq!(settling.at(210), Settle::Close(Unsettled::CancelLost));
        }
    }
}

#[test]
fn a_request_that_was_not_sent_is_tried_again_and_needs_no_round_trip() {
    let mut settling = abandoned(|client, out| client.script("select 1", out).unwrap());
    assert_eq!(settling.at(10), Settle::Cancel);
    settling.cancel_over(CancelOutcome::NotSent);
    assert_eq!(settling.at(11), settling.wait(60));
    assert_eq!(settling.at(60), Settle::Cancel);
    settling.cancel_over(CancelOutcome::NotSent);
    settling.hear(&[complete("SELECT 1"), ready(b'I')].concat());
    assert_eq!(settling.at(61), Settle::Settled);
    assert!(settling.out.is_empty());
}

#[test]
fn behind_a_proxy_that_hides_the_end_of_a_request_the_session_is_closed_after_one() {
    let mut client = started(8);
    client.script("select 1", &mut Vec::new()).unwrap();
    let mut settling = Settling::new(client, SettlePolicy { after_cancel: AfterCancel::Close, ..POLICY });
    assert_eq!(settling.at(10), Settle::Cancel);
    settling.cancel_over(CancelOutcome::Delivered);
    assert_eq!(settling.at(11), Settle::Close(Unsettled::CancelSent));
}

#[test]
fn all_of_it_takes_no_longer_than_its_bound() {
    let mut settling = abandoned(|client, out| client.script("select pg_sleep(9)", out).unwrap());
    let mut requests = 0;
    for millis in 0..=1000 {
        match settling.at(millis) {
            Settle::Cancel => {
                requests += 1;
                settling.cancel_over(CancelOutcome::Delivered);
            }
            Settle::Wait(_) => assert!(millis < 1000),
            Settle::Close(reason) => {
                assert_eq!((reason, millis), (Unsettled::Bound, 1000));
                assert_eq!(requests, 5, "at 10, 60, 160, 360 and 760");
                return;
            }
            Settle::Settled => panic!("it sleeps"),
        }
    }
    panic!("it never ends");
}

#[test]
fn an_abandoned_query_is_never_sent_again() {
    for code in ["26000", "42P05"] {
        let mut client = started(8);
        warm(&mut client, "select $1");
        client.query("select $1", &ONE, &mut Vec::new()).unwrap();
        let mut settling = Settling::new(client, POLICY);
        settling.hear(&[error("ERROR", code, ""), ready(b'I')].concat());
        assert!(settling.out.is_empty());
        assert_eq!(settling.at(1), Settle::Settled);
    }
}

#[test]
fn what_is_said_unasked_is_heard_and_commands_are_refused() {
    let mut settling = abandoned(|client, out| client.script("select 1", out).unwrap());
    let unasked = [error("NOTICE", "00000", ""), msg(b'S', b"TimeZone\0UTC\0")].concat();
    let notice = [&b"N"[..], &unasked[1..]].concat();
    let told = feed(&mut settling.client, &notice, &mut settling.out).unwrap();
    assert_eq!(told, ["notice 00000", "parameter TimeZone"]);
    settling.hear(&[complete("SELECT 1"), ready(b'I')].concat());
    let out = &mut settling.out;
    assert_eq!(settling.client.query("select 1", &ONE, out), Err(CommandError::Busy));
    assert_eq!(settling.client.script("select 1", out), Err(CommandError::Busy));
    assert_eq!(settling.client.queue("select 1", &ONE, 0, out), Err(CommandError::Busy));
    assert_eq!(settling.client.sync(out), Err(CommandError::Busy));
    assert!(out.is_empty());
    assert_eq!(settling.at(1), Settle::Settled);
    settling.client.script("select 1", &mut settling.out).unwrap();
}

#[test]
fn a_session_that_ends_while_it_is_settled_says_so() {
    let mut settling = abandoned(|client, out| client.script("select 1", out).unwrap());
    let fatal = feed(&mut settling.client, &error("FATAL", "57P01", ""), &mut settling.out);
    assert!(matches!(fatal, Err(SessionError::Fatal(_))));
}
