//! What a [`Backend`] refuses, what a client may make it hold, and the two against each other.

use proptest::prelude::*;

use super::requests::*;
use super::toy::{Toy, transcript};
use super::{ANSWERS, admitted, complete, error, example};
use crate::client::{Arguments, Client, Credentials, Event, Failure, Handshake, HandshakeEvent, Startup};
use crate::message::{
    BackendMessage, Bind, CancelKey, FieldDescription, ParameterStatus, ServerError, Severity, SqlState,
    TransactionStatus, WireFormat, bind,
};
use crate::server::{
    Backend, Quota, Received, Reception, Request, RequestError, Segment, SendError, Statement,
};
use crate::wire::{Framed, Limits, Phase, Tag, frame};

fn backend() -> Backend<&'static str, u8> {
    Backend::open(admitted(), &[], None, &mut Vec::new()).unwrap()
}

/// Feeds a message and expects a request.
fn ask<'b>(
    backend: &mut Backend<&'static str, u8>,
    input: &'b [u8],
    out: &mut Vec<u8>,
) -> Request<'b, &'static str, u8> {
    match backend.receive(input, out).unwrap() {
        Received::Event { event, .. } => event,
        partial @ Received::Partial { .. } => panic!("{partial:?}"),
    }
}

/// Prepares and binds a statement of two columns and runs it for so many rows.
fn running(max_rows: i32) -> Backend<&'static str, u8> {
    let (mut backend, out) = (backend(), &mut Vec::new());
    let prepare = p("", "pairs");
    assert!(matches!(ask(&mut backend, &prepare, out), Request::Prepare { sql: b"pairs", .. }));
    let columns = ["a", "b"].map(|name| FieldDescription::new(name, 25)).to_vec();
    backend.prepared([Statement { columns: Some(columns), ..Statement::new("pairs") }], out).unwrap();
    let execute = [b("", ""), e("", max_rows)].concat();
    assert!(matches!(ask(&mut backend, &execute, out), Request::Run { cursor: None, .. }));
    assert_eq!(transcript(out), "ParseComplete BindComplete");
    backend
}

fn unexpected(sent: Result<(), SendError>) -> &'static str {
    match sent {
        Err(SendError::Unexpected { state, .. }) => state,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_session_is_opened_with_settings_a_key_and_ready() {
    let out = &mut Vec::new();
    let settings = [ParameterStatus { name: "a", value: "b" }];
    let key = CancelKey::new(7, b"1234").unwrap();
    let backend: Backend<()> = Backend::open(admitted(), &settings, Some(key), out).unwrap();
    assert_eq!(*out, b"S\0\0\0\x08a\0b\0K\0\0\0\x0c\0\0\0\x071234Z\0\0\0\x05I");
    assert_eq!((backend.status(), backend.is_over()), (TransactionStatus::Idle, false));
    let written = out.len();
    assert!(Backend::<()>::open(super::open(), &settings, None, out).is_err(), "twice");
    let settings = [settings[0], ParameterStatus { name: "a", value: "\0" }];
    assert!(Backend::<()>::open(admitted(), &settings, None, out).is_err());
    assert_eq!(out.len(), written);
}

#[test]
fn what_a_backend_sends_by_itself_nobody_else_sends() {
    for mut backend in [backend(), running(0)] {
        let out = &mut Vec::new();
        for tag in [
            Tag::ReadyForQuery,
            Tag::ParseComplete,
            Tag::BindComplete,
            Tag::CloseComplete,
            Tag::RowDescription,
            Tag::NoData,
            Tag::ParameterDescription,
            Tag::PortalSuspended,
            Tag::EmptyQueryResponse,
            Tag::BackendKeyData,
            Tag::Authentication,
            Tag::FunctionCallResponse,
            Tag::CopyBothResponse,
        ] {
            unexpected(backend.send(&example(tag), out));
        }
        assert!(out.is_empty());
    }
}

#[test]
fn answers_that_nothing_has_asked_for_are_refused_and_not_written() {
    let (mut backend, out) = (backend(), &mut Vec::new());
    for message in [
        complete("SELECT 1"),
        error(Severity::Error),
        example(Tag::DataRow),
        example(Tag::CopyInResponse),
        example(Tag::CopyData),
    ] {
        unexpected(backend.send(&message, out));
    }
    unexpected(backend.row(&[None], out));
    unexpected(backend.suspend(0, out));
    unexpected(backend.prepared([], out));
    assert!(out.is_empty());
    backend.notice("still here", out).unwrap();
    assert!(out.starts_with(b"N"));
}

#[test]
fn a_row_is_as_wide_as_its_description() {
    let (mut backend, out) = (running(0), &mut Vec::new());
    for narrow_or_wide in [&[][..], &[None], &[None; 3]] {
        assert_eq!(unexpected(backend.row(narrow_or_wide, out)), "rows of another number of columns are due");
    }
    let values = crate::message::Values::new(b"\xff\xff\xff\xff").unwrap();
    unexpected(backend.send(&BackendMessage::DataRow(values), out));
    assert!(out.is_empty());
    backend.row(&[None, Some(b"x")], out).unwrap();
    assert_eq!((transcript(out), backend.rows()), ("Row(NULL,x)".to_owned(), 1));
}

#[test]
fn rows_end_at_the_limit_of_the_execute_and_a_portal_is_suspended_there_only() {
    let (mut backend, out) = (running(2), &mut Vec::new());
    let row = [None, None];
    for _ in 0..2 {
        assert!(!backend.is_full());
        assert_eq!(unexpected(backend.suspend(7, out)), "rows are due");
        backend.row(&row, out).unwrap();
    }
    assert!(backend.is_full());
    assert_eq!(unexpected(backend.row(&row, out)), "all rows are there that were asked for");
    backend.suspend(7, out).unwrap();
    assert_eq!(transcript(out), "Row(NULL,NULL) Row(NULL,NULL) Suspended");
    let again = e("", 2);
    assert!(matches!(ask(&mut backend, &again, out), Request::Run { cursor: Some(7), .. }));
    assert_eq!((backend.rows(), backend.is_full()), (0, false));
}

#[test]
fn a_statement_without_columns_has_no_rows() {
    let (mut backend, out) = (backend(), &mut Vec::new());
    let query = q("insert");
    ask(&mut backend, &query, out);
    backend.prepared([Statement::new("insert")], out).unwrap();
    assert!(matches!(ask(&mut backend, b"", out), Request::Run { .. }));
    assert_eq!(unexpected(backend.row(&[], out)), "a command runs that returns no rows");
}

#[test]
fn the_next_request_comes_when_the_one_before_is_answered() {
    let (mut backend, out) = (backend(), &mut Vec::new());
    let query = q("insert");
    ask(&mut backend, &query, out);
    assert_eq!(backend.receive(&query, out).unwrap_err(), RequestError::Unanswered);
    backend.prepared([Statement::new("insert")], out).unwrap();
    ask(&mut backend, b"", out);
    assert_eq!(backend.receive(b"", out).unwrap_err(), RequestError::Unanswered);
    backend.complete("INSERT 0 1", out).unwrap();
    assert!(matches!(ask(&mut backend, b"", out), Request::End(Segment::Whole)));
    assert!(matches!(backend.receive(b"", out).unwrap(), Received::Partial { consumed: 0, needed: 5 }));
    assert_eq!(transcript(out), "CC[INSERT 0 1] RFQ(I)");
}

#[test]
fn a_description_that_cannot_be_sent_prepares_nothing() {
    let (mut backend, out) = (backend(), &mut Vec::new());
    let query = q("x");
    ask(&mut backend, &query, out);
    let columns = Some(vec![FieldDescription::new("a\0", 25)]);
    let refused = backend.prepared([Statement { columns, ..Statement::new("x") }], out);
    assert!(matches!(refused, Err(SendError::Encode(_))));
    let parameters = vec![25; 65_536];
    let refused = backend.prepared([Statement { parameters, ..Statement::new("x") }], out);
    assert!(matches!(refused, Err(SendError::Encode(_))));
    assert!(out.is_empty());
    backend.prepared([], out).unwrap();
}

#[test]
fn a_fatal_error_ends_the_session_whatever_is_going_on() {
    for mut backend in [backend(), running(0)] {
        let out = &mut Vec::new();
        backend.fail(ServerError::new(Severity::Fatal, SqlState::ADMIN_SHUTDOWN, "bye"), out).unwrap();
        assert!(backend.is_over());
        assert!(backend.receive(&s(), out).is_err());
        assert!(backend.notice("too late", out).is_err());
        assert_eq!(transcript(out), "Error[57P01]");
    }
}

#[test]
fn goodbye_ends_the_session() {
    let (mut backend, out) = (backend(), &mut Vec::new());
    assert!(matches!(ask(&mut backend, &goodbye(), out), Request::Terminate));
    assert!(backend.is_over() && out.is_empty());
}

#[test]
fn parameters_come_with_their_types_and_formats_and_do_not_print() {
    let parse = p("", "x");
    let (mut backend, out) = (backend(), &mut Vec::new());
    ask(&mut backend, &parse, out);
    let columns = Some(["a", "b"].map(|name| FieldDescription::new(name, 25)).to_vec());
    backend.prepared([Statement { plan: "x", parameters: vec![20, 25], columns }], out).unwrap();
    let (formats, results) = ([WireFormat::Binary, WireFormat::Text], [WireFormat::Text, WireFormat::Binary]);
    let values = b"\0\0\0\x06secret\xff\xff\xff\xff";
    let mut input = Vec::new();
    let bound = Bind { portal: "", statement: "", formats: &formats, values, results: &results };
    bind(&bound, &mut input).unwrap();
    input.extend(e("", 0));
    let Request::Run { portal, .. } = ask(&mut backend, &input, out) else { panic!() };
    let parameters: Vec<_> = portal.parameters().map(|it| (it.type_oid, it.format, it.value)).collect();
    let expected = [(20, WireFormat::Binary, Some(&b"secret"[..])), (25, WireFormat::Text, None)];
    assert_eq!(parameters, expected);
    assert_eq!(portal.formats().collect::<Vec<_>>(), results);
    let printed = format!("{portal:?} {:?} {backend:?}", portal.parameters().next());
    assert!(!printed.contains("secret") && !printed.contains("115, 101"), "{printed}");
}

fn limited(quota: Quota) -> Toy {
    let mut toy = Toy::new(quota);
    assert_eq!(transcript(&toy.feed(&q("begin")).unwrap()), "CC[BEGIN] RFQ(T)");
    toy
}

#[test]
fn a_client_holds_as_many_statements_as_its_quota_says() {
    let mut toy = Toy::new(Quota { statements: 2, ..Quota::default() });
    let more = [p("a", "insert"), p("", "insert"), p("", "insert"), p("b", "insert"), s()].concat();
    let heard = transcript(&toy.feed(&more).unwrap());
    assert_eq!(heard, "ParseComplete ParseComplete ParseComplete Error[53400] RFQ(I)");
    let room = transcript(&toy.feed(&[cs("a"), p("b", "insert"), s()].concat()).unwrap());
    assert_eq!(room, "CloseComplete ParseComplete RFQ(I)");
}

#[test]
fn a_client_holds_as_many_portals_as_its_quota_says() {
    let mut toy = limited(Quota { portals: 2, ..Quota::default() });
    let more = [p("", "insert"), b("a", ""), b("", ""), b("", ""), s()].concat();
    assert!(transcript(&toy.feed(&more).unwrap()).ends_with("BindComplete BindComplete BindComplete RFQ(T)"));
    let room = transcript(&toy.feed(&[cp("a"), b("b", ""), s(), b("c", ""), s()].concat()).unwrap());
    assert_eq!(room, "CloseComplete BindComplete RFQ(T) Error[53400] RFQ(E)");
}

/// A parameter of 4 bytes takes 8 with its length, its format 2, and a name of one byte one more.
#[test]
fn a_client_holds_as_many_bytes_as_its_quota_says() {
    for (bytes, last) in [(21, "BindComplete RFQ(T)"), (20, "Error[53400] RFQ(E)")] {
        let mut toy = limited(Quota { bytes, ..Quota::default() });
        let bind = |portal| bound(portal, "", &[Some("four")], &[]);
        let first = [p("", "echo 1"), bind(""), bind(""), s()].concat();
        let heard = transcript(&toy.feed(&first).unwrap());
        assert_eq!(heard, "ParseComplete BindComplete BindComplete RFQ(T)", "replaced, not added");
        let named =
            [cp(""), bind("a"), cp("a"), bind("b"), bound("", "", &[Some("four4")], &[]), s()].concat();
        let heard = transcript(&toy.feed(&named).unwrap());
        assert!(heard.ends_with("Error[53400] RFQ(E)"), "{heard}");
        let mut toy = limited(Quota { bytes, ..Quota::default() });
        let heard = transcript(&toy.feed(&[first, [bind("p"), s()].concat()].concat()).unwrap());
        assert!(heard.ends_with(last), "{bytes}: {heard}");
    }
}

#[test]
fn the_names_of_statements_count_as_bytes_until_they_are_closed() {
    let mut toy = Toy::new(Quota { bytes: 5, ..Quota::default() });
    let names = [p("five5", "insert"), s(), p("a", "insert"), s(), cs("five5"), p("a", "insert"), s()];
    let heard = transcript(&toy.feed(&names.concat()).unwrap());
    assert_eq!(heard, "ParseComplete RFQ(I) Error[53400] RFQ(I) CloseComplete ParseComplete RFQ(I)");
}

#[test]
fn what_a_failed_or_ended_transaction_held_is_given_back() {
    let mut toy = Toy::new(Quota { portals: 3, bytes: 64, ..Quota::default() });
    for round in 0..100 {
        let bind = |portal| bound(portal, "", &[Some("value")], &[]);
        let input = [p("", "echo 1"), bind("a"), bind("b"), bind(""), s()].concat();
        let heard = transcript(&toy.feed(&input).unwrap());
        assert!(heard.ends_with("BindComplete RFQ(I)"), "round {round}: {heard}");
    }
}

#[test]
fn a_name_as_long_as_a_message_is_not_told_back_whole() {
    let mut toy = Toy::new(Quota::default());
    let heard = toy.feed(&[b("", &"ß".repeat(1_000_000)), s()].concat()).unwrap();
    assert!(heard.len() < 400, "{}", heard.len());
}

/// A client and a toy joined in memory.
fn joined() -> (Client, Toy) {
    let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
    let startup =
        Startup { user: "app", database: None, application_name: None, options: None, replication: None };
    let mut handshake = Handshake::start(&startup, Credentials::default(), &mut to_server).unwrap();
    let mut reception = Reception::default();
    reception.receive(&to_server, &mut to_client).unwrap();
    let session = reception.admit(&mut to_client).unwrap();
    let toy = Toy::on(Backend::open(session, &[], None, &mut to_client).unwrap());
    match handshake.receive(&to_client, &mut Vec::new()).unwrap() {
        Received::Event { event: HandshakeEvent::Ready(client), .. } => (*client, toy),
        other => panic!("{other:?}"),
    }
}

/// Has both talk until the client's command is over. Returns its tag or its error, and how many rows came.
fn converse(client: &mut Client, toy: &mut Toy, to_server: &mut Vec<u8>) -> (String, usize) {
    let (mut rows, mut arrived) = (0, Vec::new());
    for _ in 0..10 {
        arrived.extend(toy.feed(&std::mem::take(to_server)).unwrap());
        loop {
            let (consumed, event) = client.receive(&arrived, to_server).unwrap().into_parts();
            let Some(event) = event else {
                arrived.drain(..consumed);
                break;
            };
            match event {
                Event::Finished(Ok(tag)) => return (tag.to_string(), rows),
                Event::Finished(Err(Failure::Server(error))) => return (error.code().to_string(), rows),
                Event::Finished(Err(other)) => return (format!("{other:?}"), rows),
                Event::Row(_) => rows += 1,
                _ => {}
            }
            arrived.drain(..consumed);
        }
    }
    panic!("no end of it")
}

/// Texts with how they end for a query, and the rows that come.
const COMMANDS: [(&str, &str, usize); 10] = [
    ("rows 3", "SELECT 3", 3),
    ("rows 0", "SELECT 0", 0),
    ("returning 2", "INSERT 0 2", 2),
    ("nothing", "SELECT 1", 1),
    ("insert", "INSERT 0 1", 0),
    ("boom 2", "22012", 2),
    ("selct", "42601", 0),
    ("defer", "23505", 0),
    ("copyin", "CopyIn", 0),
    ("copyout 2", "CopyOut", 0),
];

/// Messages of every kind, some of which are wrong wherever they stand.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let texts =
        ["rows 3", "insert", "begin", "commit", "selct", "boom 1", "copyin", "copyout 1", "", "echo 1"];
    let name = || prop::sample::select(vec!["", "a", "b"]);
    let text = || prop::sample::select(texts.to_vec());
    prop_oneof![
        (name(), text()).prop_map(|(name, sql)| p(name, sql)),
        (name(), name()).prop_map(|(portal, statement)| b(portal, statement)),
        (name(), name()).prop_map(|(portal, statement)| bound(portal, statement, &[Some("x")], &[])),
        (name(), 0..3).prop_map(|(portal, rows)| e(portal, rows)),
        name().prop_map(ds),
        name().prop_map(dp),
        name().prop_map(cs),
        name().prop_map(cp),
        text().prop_map(q),
        Just(s()),
        Just(s()),
        Just(h()),
        Just(copy("1\n")),
        Just(copy("bad")),
        Just(done()),
        Just(give_up()),
        Just(call()),
    ]
}

/// Feeds until the client breaks the protocol, if it does. Returns all that was said, and the violation.
fn fed<'i>(pieces: impl Iterator<Item = &'i [u8]>) -> (Vec<u8>, Option<RequestError>) {
    let mut toy = Toy::new(Quota { statements: 2, portals: 2, bytes: 40 });
    let mut said = Vec::new();
    for piece in pieces {
        match toy.feed(piece) {
            Ok(heard) => said.extend(heard),
            Err(error) => return ([said, toy.out].concat(), Some(error)),
        }
    }
    (said, None)
}

proptest! {
    /// What a backend answers our own client takes, and understands as it was meant.
    #[test]
    fn a_client_and_a_backend_understand_each_other(
        commands in prop::collection::vec((0..COMMANDS.len(), 0_u8..3), 1..12),
    ) {
        let (mut client, mut toy) = joined();
        let mut to_server = Vec::new();
        for (command, way) in commands {
            let (sql, outcome, rows) = COMMANDS[command];
            let expected = match way {
                0 => {
                    client.query(sql, &Arguments::default(), &mut to_server).unwrap();
                    (outcome.to_owned(), rows)
                }
                1 => {
                    client.script(sql, &mut to_server).unwrap();
                    (outcome.to_owned(), 0)
                }
                _ if client.prepare(sql, &[], &mut to_server).unwrap().is_some() => continue,
                _ => (if sql == "selct" { "42601" } else { "" }.to_owned(), 0),
            };
            prop_assert_eq!(converse(&mut client, &mut toy, &mut to_server), expected, "{} {}", sql, way);
            prop_assert!(client.is_settled());
        }
    }

    /// Whatever a client sends, every Sync and every simple query outside of an error is answered with ReadyForQuery
    /// once, or the client has broken the protocol; and the pieces do not matter.
    #[test]
    fn any_messages_of_a_client_are_answered_the_same_in_pieces(
        messages in prop::collection::vec(message(), 0..40),
        size in 1_usize..30,
    ) {
        let input = messages.concat();
        let whole = fed(std::iter::once(&input[..]));
        prop_assert_eq!(&fed(input.chunks(size)), &whole);
        prop_assert_eq!(&fed(input.chunks(1)), &whole);
        let syncs = messages.iter().filter(|message| message[0] == b'S').count();
        let scripts = messages.iter().filter(|message| matches!(message[0], b'Q' | b'F')).count();
        let ready = transcript(&whole.0).matches("RFQ").count();
        prop_assert!(ready <= syncs + scripts, "{} of {} and {}", ready, syncs, scripts);
    }

    #[test]
    fn any_bytes_of_a_client_end_a_backend_in_an_error_or_in_waiting(
        messages in prop::collection::vec(message(), 0..8),
        noise in prop::collection::vec(any::<u8>(), 0..60),
        place in any::<prop::sample::Index>(),
    ) {
        let mut input = messages.concat();
        let place = place.index(input.len() + 1);
        input.splice(place..place, noise);
        fed(std::iter::once(&input[..]));
    }

    /// Whatever an embedder tries, what is written is what the session's order allows, and what is refused is not
    /// written.
    #[test]
    fn any_answers_of_an_embedder_are_in_order(picks in prop::collection::vec(0..ANSWERS.len() + 3, 0..80)) {
        let (mut backend, mut out) = (backend(), Vec::new());
        let input = [p("", "x"), b("", ""), e("", 2), s(), q("x")].concat();
        let mut rest = &input[..];
        let columns = Some(vec![FieldDescription::new("n", 23)]);
        for pick in picks {
            if let Ok(Received::Event { consumed, .. } | Received::Partial { consumed, .. }) =
                backend.receive(rest, &mut out)
            {
                rest = &rest[consumed..];
            }
            let before = out.len();
            let sent = match pick.checked_sub(ANSWERS.len()) {
                None => backend.send(&example(ANSWERS[pick]), &mut out),
                Some(0) => backend.row(&[None], &mut out),
                Some(1) => backend.suspend(0, &mut out),
                Some(_) => backend.prepared([Statement { columns: columns.clone(), ..Statement::new("x") }], &mut out),
            };
            prop_assert!(sent.is_ok() || out.len() == before, "{:?}", sent);
        }
        whole_messages(&out);
    }
}

/// Checks that these are whole messages.
fn whole_messages(mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let Ok(Framed::Whole(frame)) = frame(bytes, &Limits::BACKEND, Phase::Session) else {
            panic!("{bytes:?}")
        };
        BackendMessage::parse(frame.tag, frame.body).unwrap();
        bytes = &bytes[frame.size()..];
    }
}
