//! Any bytes as messages of a server: framing holds its promises, no body makes a parser panic, and what is read comes
//! back from what is written of it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use molt_db_fuzz::{Told, assert_cuts, bounded};
use molt_db_protocol::message::{
    Authentication, BackendMessage, CancelKey, CommandTag, Fields, NegotiateProtocolVersion, Notification,
    ParameterStatus, ServerError, Values, parameter_description, ready_for_query, row_description,
    ssl_answer,
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
        assert_cuts(rest, 5, |input| told(input, &limits, phase));
        match frame(rest, &limits, phase) {
            Ok(Framed::Whole(found)) => {
                assert_eq!(found.body, &rest[5..found.size()]);
                parse_all(found.body);
                rest = &rest[found.size()..];
            }
            Ok(Framed::Partial(needed)) => {
                assert!(needed > rest.len(), "{needed} are enough, and there are {}", rest.len());
                return;
            }
            Err(error) => return drop(error.to_string()),
        }
    }
}

fn told(input: &[u8], limits: &Limits, phase: Phase) -> Told {
    match frame(input, limits, phase) {
        Ok(Framed::Partial(needed)) => Told::Partial(needed),
        Ok(Framed::Whole(found)) => Told::Whole(found.size()),
        Err(error) => Told::Refused(error.to_string()),
    }
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
    row_by_row(body);
    let _ = NegotiateProtocolVersion::parse(body);
    let _ = Notification::parse(body);
    let _ = ParameterStatus::parse(body);
    let _ = ready_for_query(body);
    let _ = body.first().map(|byte| ssl_answer(*byte));
}

/// A row that is walked without being checked first is the same row, and the same bytes are refused.
fn row_by_row(body: &[u8]) {
    let checked = Values::parse(body).map(|values| values.iter().collect::<Vec<_>>());
    let walked = Fields::new(body).and_then(|mut fields| {
        let mut values = Vec::new();
        while let Some(value) = fields.next_field()? {
            values.push(value);
        }
        assert_eq!(fields.left(), 0);
        Ok(values)
    });
    assert_eq!(walked.ok(), checked.ok());
}

/// Each option that a NegotiateProtocolVersion names takes a `String`, if the name is empty too. `Limits` let no such
/// message above 2,000 bytes in before authentication, and a session has no use for one.
fn names(tag: Tag, body: &[u8]) -> usize {
    let is_list = tag == Tag::NegotiateProtocolVersion;
    if is_list { body.len() * size_of::<String>() / 4 } else { 0 }
}

fn comes_back(tag: Tag, body: &[u8]) {
    let read = bounded(body.len() + names(tag, body), || BackendMessage::parse(tag, body));
    let Ok(message) = read else { return };
    let _ = format!("{message:?}");
    let mut out = Vec::new();
    message.encode(&mut out).expect("what was read can be written");
    assert!(out.len() <= body.len() + 16, "{} bytes of {}", out.len(), body.len());
    assert_eq!((out[0], message.tag()), (tag.byte(), tag));
    assert_eq!(BackendMessage::parse(tag, &out[5..]), Ok(message));
}
