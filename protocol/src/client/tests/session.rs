//! The session below the driver, against its counterpart: what one side may send, the other takes.

use super::*;
use crate::message::{BackendMessage, FrontendMessage};
use crate::server;
use crate::wire::{FrontendTag, Tag};

fn message(tag: FrontendTag) -> FrontendMessage<'static> {
    let body: &[u8] = match tag {
        FrontendTag::Bind => b"\0\0\0\0\0\0\0\0",
        FrontendTag::Close | FrontendTag::Describe => b"S\0",
        FrontendTag::CopyData => b"1\n",
        FrontendTag::Execute => b"\0\0\0\0\0",
        FrontendTag::FunctionCall => b"\0\0\0\x01\0\0\0\0\0\0",
        FrontendTag::Parse => b"\0\0\0\0",
        FrontendTag::CopyFail | FrontendTag::Query | FrontendTag::Password => b"\0",
        FrontendTag::CopyDone | FrontendTag::Flush | FrontendTag::Sync | FrontendTag::Terminate => b"",
    };
    let context = crate::message::PasswordContext::Password;
    FrontendMessage::parse(tag, body, context).unwrap()
}

fn send(session: &mut Session, tags: &[FrontendTag]) -> Result<Vec<u8>, SendError> {
    let mut out = Vec::new();
    tags.iter().try_for_each(|tag| session.send(&message(*tag), &mut out)).map(|()| out)
}

fn receive(session: &mut Session, mut input: &[u8]) -> Result<Vec<Tag>, SessionError> {
    let mut tags = Vec::new();
    while let Received::Event { consumed, event } = session.receive(input)? {
        tags.push(event.tag());
        input = &input[consumed..];
    }
    Ok(tags)
}

fn session() -> Session {
    started(0).into_session().unwrap()
}

#[test]
fn a_client_in_the_middle_of_something_does_not_become_a_session() {
    let mut client = started(0);
    client.script("select 1", &mut Vec::new()).unwrap();
    assert!(client.into_session().is_err());
}

#[test]
fn commands_go_ahead_of_answers_with_several_syncs() {
    use FrontendTag::{Bind, Execute, Parse, Sync};
    let mut session = session();
    send(&mut session, &[Parse, Bind, Execute, Sync, Bind, Execute, Sync]).unwrap();
    let failed = [msg(b'1', b""), error("ERROR", "22012", ""), ready(b'I')].concat();
    assert_eq!(receive(&mut session, &failed).unwrap().len(), 3);
    assert!(!session.is_settled());
    let second = [msg(b'2', b""), complete("SELECT 0"), ready(b'I')].concat();
    assert_eq!(receive(&mut session, &second).unwrap().len(), 3);
    assert!(session.is_settled());
}

#[test]
fn messages_out_of_place_are_refused_and_not_written() {
    let mut session = session();
    for tag in [FrontendTag::CopyData, FrontendTag::CopyDone, FrontendTag::CopyFail, FrontendTag::Password] {
        assert!(matches!(send(&mut session, &[tag]), Err(SendError::Unexpected { .. })), "{tag}");
    }
    send(&mut session, &[FrontendTag::Query]).unwrap();
    receive(&mut session, &msg(b'G', b"\0\0\0")).unwrap();
    let refused = send(&mut session, &[FrontendTag::Query]).unwrap_err().to_string();
    assert_eq!(refused, "Query cannot be sent while the client copies into the server");
    send(&mut session, &[FrontendTag::CopyData, FrontendTag::CopyFail]).unwrap();
    assert!(receive(&mut session, &complete("COPY 0")).is_err(), "it has failed");
}

#[test]
fn after_goodbye_nothing_is_sent() {
    let mut session = session();
    send(&mut session, &[FrontendTag::Terminate]).unwrap();
    assert!(session.is_over());
    assert!(send(&mut session, &[FrontendTag::Sync]).is_err());
    let mut other = self::session();
    assert!(matches!(receive(&mut other, &error("FATAL", "57P01", "")), Err(SessionError::Fatal(_))));
    assert!(other.is_over());
}

/// Found by the property below.
#[test]
fn a_function_call_behind_an_error_is_skipped_with_all_else_up_to_the_sync() {
    let mut session = session();
    send(&mut session, &[FrontendTag::Parse]).unwrap();
    receive(&mut session, &error("ERROR", "42601", "")).unwrap();
    send(&mut session, &[FrontendTag::FunctionCall, FrontendTag::Sync]).unwrap();
    receive(&mut session, b"Z\0\0\0\x05I").unwrap();
    assert!(session.is_settled());
    assert!(receive(&mut session, b"V\0\0\0\x08\xff\xff\xff\xff").is_err());
}

/// What is in flight behind the error is skipped too, whatever it would have been answered with.
#[test]
fn an_error_of_the_extended_protocol_skips_functions_and_scripts_up_to_the_sync() {
    for skipped in [FrontendTag::FunctionCall, FrontendTag::Query] {
        let mut session = session();
        send(&mut session, &[FrontendTag::Bind, skipped, FrontendTag::Sync, FrontendTag::Sync]).unwrap();
        receive(&mut session, &error("ERROR", "42601", "")).unwrap();
        receive(&mut session, b"Z\0\0\0\x05I").unwrap();
        assert!(!session.is_settled(), "{skipped:?}");
        receive(&mut session, b"Z\0\0\0\x05I").unwrap();
        assert!(session.is_settled(), "{skipped:?}");
    }
}

#[test]
fn an_error_of_a_function_is_followed_by_its_own_end() {
    let mut session = session();
    send(&mut session, &[FrontendTag::FunctionCall, FrontendTag::Bind, FrontendTag::Sync]).unwrap();
    receive(&mut session, &error("ERROR", "42883", "")).unwrap();
    receive(&mut session, b"Z\0\0\0\x05I2\0\0\0\x04Z\0\0\0\x05I").unwrap();
    assert!(session.is_settled());
}

const FRONTEND: [FrontendTag; 13] = [
    FrontendTag::Bind,
    FrontendTag::Close,
    FrontendTag::CopyData,
    FrontendTag::CopyDone,
    FrontendTag::CopyFail,
    FrontendTag::Describe,
    FrontendTag::Execute,
    FrontendTag::Flush,
    FrontendTag::FunctionCall,
    FrontendTag::Parse,
    FrontendTag::Query,
    FrontendTag::Sync,
    FrontendTag::Terminate,
];

const BACKEND: [&[u8]; 18] = [
    b"1\0\0\0\x04",
    b"2\0\0\0\x04",
    b"3\0\0\0\x04",
    b"n\0\0\0\x04",
    b"t\0\0\0\x06\0\0",
    b"T\0\0\0\x06\0\0",
    b"D\0\0\0\x06\0\0",
    b"C\0\0\0\x0dSELECT 1\0",
    b"I\0\0\0\x04",
    b"s\0\0\0\x04",
    b"Z\0\0\0\x05I",
    b"E\0\0\0\x1aSERROR\0VERROR\0C42601\0\0",
    b"G\0\0\0\x07\0\0\0",
    b"H\0\0\0\x07\0\0\0",
    b"W\0\0\0\x07\0\0\0",
    b"d\0\0\0\x051",
    b"c\0\0\0\x04",
    b"V\0\0\0\x08\xff\xff\xff\xff",
];

proptest! {
    /// Both sides keep the same order: neither sends what the other refuses, whatever they choose of what they may
    /// send, as long as what one says has reached the other.
    #[test]
    fn what_one_side_may_send_the_other_takes(
        moves in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>()), 0..60)
    ) {
        let mut reception = server::Reception::default();
        reception.receive(b"\0\0\0\x12\0\x03\0\0user\0app\0\0", &mut Vec::new()).unwrap();
        let mut theirs = reception.admit(&mut Vec::new()).unwrap();
        let idle = BackendMessage::ReadyForQuery(TransactionStatus::Idle);
        theirs.send(&idle, &mut Vec::new()).unwrap();
        let mut ours = session();
        for (from_client, pick) in moves {
            let mut bytes = Vec::new();
            if from_client {
                if ours.send(&message(*pick.get(&FRONTEND)), &mut bytes).is_ok() {
                    prop_assert!(theirs.receive(&bytes).is_ok());
                }
            } else {
                let bytes_of = *pick.get(&BACKEND);
                let tag = Tag::from_byte(bytes_of[0]).unwrap();
                let answer = BackendMessage::parse(tag, &bytes_of[5..]);
                if let Ok(answer) = answer && theirs.send(&answer, &mut bytes).is_ok() {
                    prop_assert!(ours.receive(&bytes).is_ok(), "{answer:?}");
                }
            }
            prop_assert_eq!(ours.is_settled(), theirs.is_settled());
            if ours.is_over() || theirs.is_over() {
                break;
            }
        }
    }

    #[test]
    fn any_bytes_of_a_server_end_in_an_error_or_in_waiting(input in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut session = session();
        send(&mut session, &[FrontendTag::Parse, FrontendTag::Query]).unwrap();
        let _ = receive(&mut session, &input);
    }
}
