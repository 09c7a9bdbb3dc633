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
    BackendMessage, CancelKey, FrontendMessage, PasswordContext, StartupMessage, StartupPacket,
    cancel_request, startup_message,
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
    let Ok(Framed::Whole(found)) = frame(&out[start..], &Limits::BACKEND, Phase::Session) else {
        panic!("{message:?}")
    };
    assert_eq!((found.tag, start + found.size()), (message.tag(), out.len()));
    assert_eq!(BackendMessage::parse(found.tag, found.body).as_ref(), Ok(message));
}

fn frontend(message: &FrontendMessage<'_>, context: PasswordContext, out: &mut Vec<u8>) {
    let start = out.len();
    if let Err(error) = message.encode(out) {
        return refused(&error, start, out);
    }
    let Ok(Framed::Whole(found)) = frontend_frame(&out[start..], &Limits::FRONTEND, Phase::Session) else {
        panic!("{message:?}")
    };
    assert_eq!((found.tag, start + found.size()), (message.tag(), out.len()));
    assert_eq!(FrontendMessage::parse(found.tag, found.body, context).as_ref(), Ok(message));
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
    let Ok(StartupFrame::Whole(body)) = startup_frame(&out, &Limits::FRONTEND) else { panic!("{out:?}") };
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
