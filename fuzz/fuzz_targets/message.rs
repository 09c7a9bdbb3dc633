//! Any values of messages, written one after the other: what is read is what was written, and a value that cannot be
//! written leaves nothing behind.
//!
//! The crate `arbitrary` makes the values out of the input.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use molt_db_fuzz::values::{Backend, Frontend};
use molt_db_protocol::EncodeError;
use molt_db_protocol::message::{
    BackendMessage, Bind, CancelKey, CopyDirection, CopyResponse, FrontendMessage, PasswordContext,
    PasswordMessage, StartupMessage, StartupPacket, bind, cancel_request, copy_fail, copy_response, data_row,
    gss_response, parse, password, query, sasl_initial_response, startup_message,
};
use molt_db_protocol::wire::{Framed, Limits, Phase, StartupFrame, frame, frontend_frame, startup_frame};

#[derive(Debug, Arbitrary)]
struct Conversation<'i> {
    server: Vec<Backend<'i>>,
    client: Vec<Frontend<'i>>,
    version: u16,
    parameters: Vec<(&'i str, &'i str)>,
    cancel: (i32, &'i [u8]),
}

fuzz_target!(|conversation: Conversation<'_>| {
    let mut out = Vec::new();
    for value in &conversation.server {
        value.lend(|message| backend(&message, &mut out));
    }
    out.clear();
    for value in &conversation.client {
        value.lend(|message| frontend(&message, value.context(), &mut out));
    }
    startup(conversation.version, &conversation.parameters);
    cancel(conversation.cancel);
});

fn backend(message: &BackendMessage<'_>, out: &mut Vec<u8>) {
    let start = out.len();
    if let Err(error) = message.encode(out) {
        return refused(&error, start, out);
    }
    let Ok(Framed::Whole(found)) = frame(&out[start..], &LIMITS, Phase::Session) else {
        panic!("{message:?}")
    };
    assert_eq!((found.tag, start + found.size()), (message.tag(), out.len()));
    assert_eq!(BackendMessage::parse(found.tag, found.body).as_ref(), Ok(message));
    streamed(message, &out[start..]);
}

/// Some messages can be written without a value of them.
fn streamed(message: &BackendMessage<'_>, written: &[u8]) {
    let mut out = Vec::new();
    let streamed = match message {
        BackendMessage::DataRow(row) => data_row(row.iter(), &mut out),
        BackendMessage::CopyInResponse(begun) => copy_begins(CopyDirection::In, begun, &mut out),
        BackendMessage::CopyOutResponse(begun) => copy_begins(CopyDirection::Out, begun, &mut out),
        BackendMessage::CopyBothResponse(begun) => copy_begins(CopyDirection::Both, begun, &mut out),
        _ => return,
    };
    assert_eq!((streamed, &out[..]), (Ok(()), written));
}

fn copy_begins(
    direction: CopyDirection,
    begun: &CopyResponse<'_>,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    copy_response(direction, begun.format, &begun.columns.iter().collect::<Vec<_>>(), out)
}

fn frontend(message: &FrontendMessage<'_>, context: PasswordContext, out: &mut Vec<u8>) {
    let start = out.len();
    if let Err(error) = message.encode(out) {
        return refused(&error, start, out);
    }
    let Ok(Framed::Whole(found)) = frontend_frame(&out[start..], &LIMITS, Phase::Session) else {
        panic!("{message:?}")
    };
    assert_eq!((found.tag, start + found.size()), (message.tag(), out.len()));
    assert_eq!(FrontendMessage::parse(found.tag, found.body, context).as_ref(), Ok(message));
    said(message, &out[start..]);
}

/// A client writes its messages without a value of them.
fn said(message: &FrontendMessage<'_>, written: &[u8]) {
    let mut out = Vec::new();
    let said = match message {
        FrontendMessage::Bind(given) if given.formats.len() == given.values.len() => {
            let formats: Vec<_> = given.formats.iter().collect();
            let results: Vec<_> = given.results.iter().collect();
            let mut values = Vec::new();
            for value in given.values.iter() {
                values.extend(value.map_or(-1, |value| value.len() as i32).to_be_bytes());
                values.extend(value.unwrap_or_default());
            }
            let (portal, statement) = (given.portal, given.statement);
            let given = Bind { portal, statement, formats: &formats, values: &values, results: &results };
            bind(&given, &mut out)
        }
        FrontendMessage::Parse(given) => {
            let Ok(sql) = str::from_utf8(given.sql) else { return };
            parse(given.name, sql, &given.types.iter().collect::<Vec<_>>(), &mut out)
        }
        FrontendMessage::Query(sql) => {
            let Ok(sql) = str::from_utf8(sql) else { return };
            query(sql, &mut out)
        }
        FrontendMessage::CopyFail(reason) => {
            let Ok(reason) = str::from_utf8(reason) else { return };
            copy_fail(reason, &mut out)
        }
        FrontendMessage::Password(PasswordMessage::Password(text)) => password(text, &mut out),
        FrontendMessage::Password(PasswordMessage::Gss(data)) => gss_response(data, &mut out),
        FrontendMessage::Password(PasswordMessage::SaslInitial { mechanism, response: Some(response) }) => {
            sasl_initial_response(mechanism, response, &mut out)
        }
        _ => return,
    };
    assert_eq!((said, &out[..]), (Ok(()), written));
}

/// Values of this size fail for a NUL alone.
fn refused(error: &EncodeError, start: usize, out: &[u8]) {
    assert!(matches!(error, EncodeError::Nul { .. }), "{error}");
    assert_eq!(start, out.len(), "what is refused is not written");
}

fn startup(minor: u16, parameters: &[(&str, &str)]) {
    let version = 3 << 16 | u32::from(minor);
    let mut out = Vec::new();
    if let Err(error) = startup_message(&StartupMessage { version, parameters }, &mut out) {
        return refused(&error, 0, &out);
    }
    let Ok(StartupFrame::Whole(body)) = startup_frame(&out, &LIMITS) else { panic!("{out:?}") };
    let Ok(StartupPacket::Startup { version: read, parameters: pairs }) = StartupPacket::parse(body) else {
        panic!("{body:?}")
    };
    assert_eq!((read, body.len() + 4), (version, out.len()));
    assert!(pairs.iter().eq(parameters.iter().copied()));
    for (name, _) in parameters {
        let last = parameters.iter().rev().find(|(other, _)| other == name);
        assert_eq!(pairs.get(name), last.map(|(_, value)| *value));
    }
}

fn cancel((process, secret): (i32, &[u8])) {
    let Ok(key) = CancelKey::new(process, secret) else {
        return assert!(!(4..=256).contains(&secret.len()));
    };
    let mut out = Vec::new();
    cancel_request(&key, &mut out).expect("a short packet");
    assert_eq!(StartupPacket::parse(&out[4..]), Ok(StartupPacket::Cancel { key }));
}

/// Longer than any input.
const LIMITS: Limits =
    Limits { large: i32::MAX, small: i32::MAX, unauthenticated: i32::MAX, startup_packet: 1 << 20 };
