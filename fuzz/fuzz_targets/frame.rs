//! Any bytes as messages of a server: framing holds its promises, no body makes a parser panic, and what is read comes
//! back from what is written of it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use molt_db_protocol::message::{
    Authentication, BackendMessage, CancelKey, CommandTag, NegotiateProtocolVersion, Notification,
    ParameterStatus, ServerError, parameter_description, ready_for_query, row_description, ssl_answer,
};
use molt_db_protocol::wire::{Framed, Limits, Phase, Tag, frame};

fuzz_target!(|input: &[u8]| {
    parse_all(input);
    for phase in [Phase::Startup, Phase::Session] {
        walk(input, phase);
    }
});

fn walk(input: &[u8], phase: Phase) {
    let limits = Limits::default();
    let mut rest = input;
    loop {
        match frame(rest, &limits, phase) {
            Ok(Framed::Whole(found)) => {
                assert_eq!(found.body, &rest[5..found.size()]);
                assert_cut(&rest[..found.size()], &limits, phase);
                parse_all(found.body);
                rest = &rest[found.size()..];
            }
            Ok(Framed::Partial(needed)) => {
                assert!(needed > rest.len(), "{needed} are enough, and there are {}", rest.len());
                return;
            }
            Err(error) => {
                let _ = error.to_string();
                return;
            }
        }
    }
}

/// A message that lacks its last byte asks for exactly that one, or for its header.
fn assert_cut(message: &[u8], limits: &Limits, phase: Phase) {
    let cut = &message[..message.len() - 1];
    assert_eq!(frame(cut, limits, phase), Ok(Framed::Partial(message.len())));
}

fn parse_all(body: &[u8]) {
    for tag in (0..=u8::MAX).filter_map(Tag::from_byte) {
        comes_back(tag, body);
    }
    if let Ok(Authentication::Sasl(mechanisms)) = Authentication::parse(body) {
        assert!(mechanisms.iter().count() <= body.len());
    }
    if let Ok(key) = CancelKey::parse(body) {
        assert_eq!([&key.process().to_be_bytes()[..], key.secret()].concat(), body);
    }
    if let Ok(tag) = CommandTag::parse(body) {
        assert!(tag.rows() == 0 || tag.as_str().ends_with(char::is_numeric));
    }
    if let Ok(error) = ServerError::parse(body) {
        let _ = (error.to_string(), format!("{error:?}"), error.code(), error.position(), error.is_fatal());
        assert!(error.fields().map(|(_, value)| value.len() + 2).sum::<usize>() < body.len());
    }
    if let Ok(types) = parameter_description(body) {
        assert_eq!(types.len() * 4 + 2, body.len());
    }
    if let Ok(columns) = row_description(body) {
        assert_eq!(columns.iter().map(|column| column.name.len() + 19).sum::<usize>() + 2, body.len());
    }
    let _ = NegotiateProtocolVersion::parse(body);
    let _ = Notification::parse(body);
    let _ = ParameterStatus::parse(body);
    let _ = ready_for_query(body);
    let _ = body.first().map(|byte| ssl_answer(*byte));
}

fn comes_back(tag: Tag, body: &[u8]) {
    let Ok(message) = BackendMessage::parse(tag, body) else { return };
    let _ = format!("{message:?}");
    let mut out = Vec::new();
    message.encode(&mut out).expect("what was read can be written");
    assert!(out.len() <= body.len() + 16, "{} bytes of {}", out.len(), body.len());
    assert_eq!((out[0], message.tag()), (tag.byte(), tag));
    assert_eq!(BackendMessage::parse(tag, &out[5..]), Ok(message));
}
