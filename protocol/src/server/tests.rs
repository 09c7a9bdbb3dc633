//! The two sides against each other, in memory: what one may send, the other takes.

mod backend;
mod requests;
mod scram;
mod toy;
mod transcripts;

use proptest::prelude::*;

use super::*;
use crate::ProtocolError;
use crate::client::{
    Arguments, Client, Credentials, Event, Handshake, HandshakeEvent, Received, SessionError, Startup,
};
use crate::message::{
    Authentication, BackendMessage, CancelKey, CommandTag, CopyResponse, FrontendMessage, ServerError,
    Severity, SqlState, SslAnswer, TransactionStatus, copy_data, copy_done, copy_fail, flush, query,
    ssl_request, sync, terminate,
};
use crate::wire::{FrontendTag, Tag};

fn error(severity: Severity) -> BackendMessage<'static> {
    let error = ServerError::builder(severity, SqlState::SYNTAX_ERROR, "no").unwrap().build();
    BackendMessage::ErrorResponse(error)
}

fn complete(tag: &str) -> BackendMessage<'static> {
    BackendMessage::CommandComplete(CommandTag::new(tag))
}

const READY: BackendMessage<'static> = BackendMessage::ReadyForQuery(TransactionStatus::Idle);

/// A server's message without content that matters, by its type.
fn example(tag: Tag) -> BackendMessage<'static> {
    let body: &[u8] = match tag {
        Tag::ParameterDescription | Tag::RowDescription | Tag::DataRow => b"\0\0",
        Tag::CommandComplete => b"SELECT 1\0",
        Tag::ReadyForQuery => b"I",
        Tag::CopyInResponse | Tag::CopyOutResponse | Tag::CopyBothResponse => b"\0\0\0",
        Tag::ErrorResponse | Tag::NoticeResponse => b"SERROR\0VERROR\0C42601\0Mno\0\0",
        Tag::ParameterStatus => b"TimeZone\0UTC\0",
        Tag::NotificationResponse => b"\0\0\0\x01jobs\0\0",
        Tag::BackendKeyData => b"\0\0\0\x01abcd",
        Tag::Authentication => b"\0\0\0\0",
        Tag::NegotiateProtocolVersion => b"\0\x03\0\0\0\0\0\0",
        Tag::FunctionCallResponse => b"\xff\xff\xff\xff",
        _ => b"",
    };
    BackendMessage::parse(tag, body).unwrap()
}

fn open() -> Session {
    let mut session = admitted();
    session.send(&READY, &mut Vec::new()).unwrap();
    session
}

/// A session that has sent nothing yet.
fn admitted() -> Session {
    let mut reception = Reception::default();
    let startup = b"\0\0\0\x12\0\x03\0\0user\0app\0\0";
    let arrived = reception.receive(startup, &mut Vec::new()).unwrap();
    assert!(matches!(arrived, Received::Event { event: Arrival::Startup(_), .. }));
    reception.admit(&mut Vec::new()).unwrap()
}

/// Feeds all of the input and returns the types of the requests.
fn requests(session: &mut Session, mut input: &[u8]) -> Result<Vec<FrontendTag>, RequestError> {
    let mut tags = Vec::new();
    loop {
        match session.receive(input)? {
            Received::Event { consumed, event } => {
                tags.push(event.tag());
                input = &input[consumed..];
            }
            Received::Partial { .. } => return Ok(tags),
        }
    }
}

fn send_all(session: &mut Session, tags: &[Tag]) -> Result<Vec<u8>, SendError> {
    let mut out = Vec::new();
    tags.iter().try_for_each(|tag| session.send(&example(*tag), &mut out)).map(|()| out)
}

fn extended(max_rows: i32) -> Vec<u8> {
    let mut out = Vec::new();
    crate::message::parse("", "select", &[], &mut out).unwrap();
    crate::message::describe(crate::message::Target::Statement(""), &mut out).unwrap();
    let bind = crate::message::Bind { portal: "", statement: "", formats: &[], values: &[], results: &[] };
    crate::message::bind(&bind, &mut out).unwrap();
    crate::message::execute("", max_rows, &mut out).unwrap();
    out
}

fn with_sync(mut out: Vec<u8>) -> Vec<u8> {
    sync(&mut out);
    out
}

#[test]
fn requests_are_handed_out_ahead_and_answered_in_order() {
    use Tag::*;
    let mut session = open();
    let two = [with_sync(extended(0)), with_sync(extended(0))].concat();
    assert_eq!(requests(&mut session, &two).unwrap().len(), 10);
    let answer = [
        ParseComplete,
        ParameterDescription,
        RowDescription,
        BindComplete,
        DataRow,
        CommandComplete,
        ReadyForQuery,
    ];
    send_all(&mut session, &answer).unwrap();
    assert!(!session.is_settled());
    send_all(&mut session, &answer).unwrap();
    assert!(session.is_settled());
}

#[test]
fn answers_that_nobody_waits_for_are_refused_and_not_written() {
    let mut session = open();
    let out = &mut Vec::new();
    for message in [complete("SELECT 1"), READY, example(Tag::DataRow), error(Severity::Error)] {
        assert!(matches!(session.send(&message, out), Err(SendError::Unexpected { .. })), "{message:?}");
    }
    requests(&mut session, &extended(0)).unwrap();
    let refused = session.send(&READY, out).unwrap_err().to_string();
    assert_eq!(refused, "ReadyForQuery cannot be sent while ParseComplete is due");
    assert!(out.is_empty());
}

#[test]
fn after_an_error_everything_up_to_the_sync_is_skipped() {
    let mut session = open();
    requests(&mut session, &extended(0)).unwrap();
    session.send(&error(Severity::Error), &mut Vec::new()).unwrap();
    let mut rest = extended(0);
    query("select 1", &mut rest).unwrap();
    assert_eq!(requests(&mut session, &with_sync(rest)).unwrap(), [FrontendTag::Sync]);
    session.send(&READY, &mut Vec::new()).unwrap();
    assert!(session.is_settled());
}

#[test]
fn a_portal_is_suspended_only_where_rows_were_limited() {
    for (max_rows, suspends) in [(0, false), (5, true)] {
        let mut session = open();
        requests(&mut session, &extended(max_rows)).unwrap();
        send_all(
            &mut session,
            &[Tag::ParseComplete, Tag::ParameterDescription, Tag::NoData, Tag::BindComplete],
        )
        .unwrap();
        let sent = session.send(&BackendMessage::PortalSuspended, &mut Vec::new());
        assert_eq!(sent.is_ok(), suspends);
    }
}

#[test]
fn a_copy_into_the_server_takes_data_and_ignores_sync() {
    for ends_well in [true, false] {
        let mut session = open();
        let mut input = Vec::new();
        query("copy t from stdin", &mut input).unwrap();
        requests(&mut session, &input).unwrap();
        send_all(&mut session, &[Tag::CopyInResponse]).unwrap();
        input.clear();
        copy_data(b"1\n", &mut input).unwrap();
        sync(&mut input);
        flush(&mut input);
        match ends_well {
            true => copy_done(&mut input),
            false => copy_fail("no", &mut input).unwrap(),
        }
        let end = if ends_well { FrontendTag::CopyDone } else { FrontendTag::CopyFail };
        assert_eq!(requests(&mut session, &input).unwrap(), [FrontendTag::CopyData, end]);
        let last = if ends_well { complete("COPY 1") } else { error(Severity::Error) };
        session.send(&last, &mut Vec::new()).unwrap();
        session.send(&READY, &mut Vec::new()).unwrap();
        assert_eq!(
            requests(&mut session, &input).unwrap(),
            [FrontendTag::Sync, FrontendTag::Flush],
            "strays"
        );
    }
}

#[test]
fn a_query_in_the_middle_of_a_copy_is_a_violation() {
    let mut session = open();
    let mut input = Vec::new();
    query("copy t from stdin", &mut input).unwrap();
    requests(&mut session, &input).unwrap();
    send_all(&mut session, &[Tag::CopyInResponse]).unwrap();
    let refused = requests(&mut session, &input).unwrap_err();
    assert_eq!(refused.to_string(), "the client sent Query while the client copies into the server");
}

#[test]
fn a_copy_of_both_directions_closes_one_after_the_other() {
    for client_first in [true, false] {
        let mut session = open();
        let mut input = Vec::new();
        query("start_replication", &mut input).unwrap();
        requests(&mut session, &input).unwrap();
        send_all(&mut session, &[Tag::CopyBothResponse, Tag::CopyData]).unwrap();
        let mut done = Vec::new();
        copy_data(b"r", &mut done).unwrap();
        copy_done(&mut done);
        if client_first {
            assert_eq!(
                requests(&mut session, &done).unwrap(),
                [FrontendTag::CopyData, FrontendTag::CopyDone]
            );
            send_all(&mut session, &[Tag::CopyData, Tag::CopyDone]).unwrap();
        } else {
            send_all(&mut session, &[Tag::CopyDone]).unwrap();
            assert!(send_all(&mut session, &[Tag::CopyData]).is_err(), "that direction is closed");
            assert_eq!(
                requests(&mut session, &done).unwrap(),
                [FrontendTag::CopyData, FrontendTag::CopyDone]
            );
        }
        send_all(&mut session, &[Tag::CommandComplete, Tag::CommandComplete, Tag::ReadyForQuery]).unwrap();
        assert!(session.is_settled());
    }
}

#[test]
fn a_copy_of_both_directions_takes_nothing_but_its_own() {
    for stray in [b"S\0\0\0\x04", b"H\0\0\0\x04"] {
        let mut session = open();
        let mut input = Vec::new();
        query("start_replication", &mut input).unwrap();
        requests(&mut session, &input).unwrap();
        send_all(&mut session, &[Tag::CopyBothResponse]).unwrap();
        assert!(requests(&mut session, stray).is_err());
    }
}

#[test]
fn asynchronous_messages_and_fatal_errors_may_come_anywhere() {
    for before in 0..5 {
        let mut session = open();
        requests(&mut session, &with_sync(extended(0))).unwrap();
        let answer = [Tag::ParseComplete, Tag::ParameterDescription, Tag::NoData, Tag::BindComplete];
        send_all(&mut session, &answer[..before.min(4)]).unwrap();
        send_all(&mut session, &[Tag::NoticeResponse, Tag::ParameterStatus, Tag::NotificationResponse])
            .unwrap();
        session.send(&error(Severity::Fatal), &mut Vec::new()).unwrap();
        assert!(session.is_over());
        assert!(session.send(&READY, &mut Vec::new()).is_err());
        assert!(requests(&mut session, b"S\0\0\0\x04").is_err());
    }
}

#[test]
fn terminate_ends_the_session_even_while_skipping() {
    let mut session = open();
    requests(&mut session, &extended(0)).unwrap();
    session.send(&error(Severity::Error), &mut Vec::new()).unwrap();
    let mut goodbye = Vec::new();
    terminate(&mut goodbye);
    assert_eq!(requests(&mut session, &goodbye).unwrap(), [FrontendTag::Terminate]);
    assert!(session.is_over());
}

#[test]
fn what_came_in_the_clear_is_not_taken_for_what_comes_encrypted() {
    let mut input = Vec::new();
    ssl_request(&mut input);
    input.extend_from_slice(b"\0\0\0\x12\0\x03\0\0user\0app\0\0");
    let mut reception = Reception::default();
    let out = &mut Vec::new();
    let Received::Event { consumed, event: Arrival::Ssl } = reception.receive(&input, out).unwrap() else {
        panic!()
    };
    assert_eq!(reception.answer_ssl(SslAnswer::Willing, out), Err(RequestError::EarlyBytes));
    assert!(reception.answer_ssl(SslAnswer::Unwilling, out).is_ok());
    assert!(matches!(
        reception.receive(&input[consumed..], out).unwrap(),
        Received::Event { event: Arrival::Startup(_), .. }
    ));
    assert_eq!(*out, b"N");
}

#[test]
fn a_second_request_for_encryption_is_refused_inside_of_it() {
    let mut input = Vec::new();
    ssl_request(&mut input);
    let mut reception = Reception::default();
    let out = &mut Vec::new();
    reception.receive(&input, out).unwrap();
    reception.answer_ssl(SslAnswer::Willing, out).unwrap();
    assert!(reception.receive(&input, out).is_err());
}

#[test]
fn newer_versions_and_unknown_options_are_negotiated_down() {
    let packet = |version: u32, options: &[u8]| {
        let body = [&version.to_be_bytes()[..], b"user\0app\0", options, b"\0"].concat();
        [&(body.len() as u32 + 4).to_be_bytes()[..], &body].concat()
    };
    let cases: [(u32, &[u8], u32, &[u8]); 4] = [
        (0x0003_0000, b"", 0x0003_0000, b""),
        (0x0003_0002, b"", 0x0003_0002, b""),
        (0x0003_270f, b"", 0x0003_0002, b"v\0\0\0\x0c\0\x03\0\x02\0\0\0\0"),
        (0x0003_0000, b"_pq_.x\0y\0", 0x0003_0000, b"v\0\0\0\x13\0\x03\0\0\0\0\0\x01_pq_.x\0"),
    ];
    for (version, options, settled, told) in cases {
        let out = &mut Vec::new();
        let mut reception = Reception::default();
        let input = packet(version, options);
        let Received::Event { event: Arrival::Startup(asked), .. } = reception.receive(&input, out).unwrap()
        else {
            panic!()
        };
        assert_eq!((asked.version(), &out[..], asked.iter().count()), (settled, told, 1));
    }
}

// PG docs: protocol-message-formats, "BackendKeyData"
#[test]
fn a_client_of_protocol_3_0_gets_a_secret_of_four_bytes() {
    for (version, length, is_sent) in
        [(0, 4, true), (0, 5, false), (0, 32, false), (2, 4, true), (2, 32, true)]
    {
        let (mut reception, out) = (Reception::default(), &mut Vec::new());
        let startup = [b"\0\0\0\x12\0\x03\0", &[version][..], b"user\0app\0\0"].concat();
        reception.receive(&startup, out).unwrap();
        let mut session = reception.admit(out).unwrap();
        out.clear();
        let key = CancelKey::new(7, &vec![1; length]).unwrap();
        let sent = session.send(&BackendMessage::BackendKeyData(key), out);
        assert_eq!((sent.is_ok(), out.is_empty()), (is_sent, !is_sent), "3.{version}, {length}");
    }
}

#[test]
fn a_start_up_without_a_user_is_refused() {
    let mut reception = Reception::default();
    assert!(reception.receive(b"\0\0\0\x09\0\x03\0\0\0", &mut Vec::new()).is_err());
}

#[test]
fn nobody_is_let_in_before_the_answer() {
    let out = &mut Vec::new();
    let mut reception = Reception::default();
    assert!(reception.admit(out).is_err());
    reception.receive(b"\0\0\0\x12\0\x03\0\0user\0app\0\0", out).unwrap();
    reception.ask(Authentication::CleartextPassword, out).unwrap();
    assert!(reception.admit(out).is_err());
    assert!(reception.ask(Authentication::CleartextPassword, out).is_err());
    assert!(reception.receive(b"Q\0\0\0\x05\0", out).is_err(), "a query is no password");
    assert!(matches!(
        reception.receive(b"p\0\0\0\x07pw\0", out).unwrap(),
        Received::Event { event: Arrival::Answer(_), .. }
    ));
    assert!(reception.admit(out).is_ok());
}

/// A client and a server joined in memory.
fn joined() -> (Client, Session) {
    let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
    let startup =
        Startup { user: "app", database: None, application_name: None, options: None, replication: None };
    let mut handshake = Handshake::start(&startup, Credentials::default(), &mut to_server).unwrap();
    let mut reception = Reception::default();
    reception.receive(&to_server, &mut to_client).unwrap();
    let mut session = reception.admit(&mut to_client).unwrap();
    session.send(&READY, &mut to_client).unwrap();
    match handshake.receive(&to_client, &mut Vec::new()).unwrap() {
        Received::Event { event: HandshakeEvent::Ready(client), .. } => (*client, session),
        other => panic!("{other:?}"),
    }
}

const ANSWERS: [Tag; 21] = [
    Tag::ParseComplete,
    Tag::BindComplete,
    Tag::CloseComplete,
    Tag::NotificationResponse,
    Tag::CommandComplete,
    Tag::DataRow,
    Tag::ErrorResponse,
    Tag::CopyInResponse,
    Tag::CopyOutResponse,
    Tag::EmptyQueryResponse,
    Tag::NoticeResponse,
    Tag::ParameterStatus,
    Tag::RowDescription,
    Tag::FunctionCallResponse,
    Tag::CopyBothResponse,
    Tag::ReadyForQuery,
    Tag::CopyDone,
    Tag::CopyData,
    Tag::NoData,
    Tag::PortalSuspended,
    Tag::ParameterDescription,
];

proptest! {
    /// Whatever order of answers the server's machine lets through, the client's machine takes, and both agree on
    /// when it is over.
    #[test]
    fn what_the_server_may_send_the_client_takes(
        commands in prop::collection::vec(0_u8..3, 1..6),
        picks in prop::collection::vec(0..ANSWERS.len(), 0..200),
    ) {
        let (mut client, mut session) = joined();
        let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
        let mut commands = commands.into_iter();
        for pick in picks {
            if client.is_settled() {
                prop_assert!(session.is_settled());
                match commands.next() {
                    Some(0) => client.query("select", &Arguments::default(), &mut to_server).unwrap(),
                    Some(1) => client.script("select", &mut to_server).unwrap(),
                    Some(_) => drop(client.prepare("prepared", &[], &mut to_server).unwrap()),
                    None => break,
                }
            }
            requests(&mut session, &std::mem::take(&mut to_server)).unwrap();
            // A driver that never asks to replicate does not take the other side of it.
            let is_both = ANSWERS[pick] == Tag::CopyBothResponse;
            if is_both || session.send(&example(ANSWERS[pick]), &mut to_client).is_err() {
                continue;
            }
            let mut input = &to_client[..];
            loop {
                let (consumed, event) = match client.receive(input, &mut to_server) {
                    Ok(Received::Event { consumed, event }) => (consumed, event),
                    Ok(Received::Partial { .. }) => break,
                    // The one error that leaves open where the answers end: only a late cancel request causes it.
                    Err(SessionError::Protocol(ProtocolError::Unexpected {
                        tag: Tag::ErrorResponse,
                        state: "the end of a refused copy is due",
                    })) => return Ok(()),
                    Err(error) => panic!("{error}"),
                };
                if let Event::Finished(_) = event {
                    prop_assert!(client.is_settled());
                }
                input = &input[consumed..];
            }
            to_client.clear();
        }
    }

    #[test]
    fn any_bytes_of_a_client_end_in_an_error_or_in_waiting(input in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = requests(&mut open(), &input);
        let mut reception = Reception::default();
        let _ = reception.receive(&input, &mut Vec::new());
    }

    #[test]
    fn requests_come_out_the_same_in_pieces(size in 1_usize..40) {
        let mut input = with_sync(extended(3));
        query("select 1", &mut input).unwrap();
        terminate(&mut input);
        let whole = requests(&mut open(), &input).unwrap();
        let mut session = open();
        let (mut arrived, mut tags) = (Vec::new(), Vec::new());
        for piece in input.chunks(size) {
            arrived.extend_from_slice(piece);
            while let Received::Event { consumed, event } = session.receive(&arrived).unwrap() {
                tags.push(event.tag());
                arrived.drain(..consumed);
            }
        }
        prop_assert_eq!(tags, whole);
    }
}

#[test]
fn copy_responses_of_the_examples_are_what_they_seem() {
    let BackendMessage::CopyInResponse(CopyResponse { columns, .. }) = example(Tag::CopyInResponse) else {
        panic!()
    };
    assert_eq!(columns.iter().count(), 0);
    assert!(matches!(FrontendMessage::Sync.tag(), FrontendTag::Sync));
}
