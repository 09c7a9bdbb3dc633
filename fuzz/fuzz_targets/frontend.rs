//! Any bytes as messages of a client: no panic, and what is read comes back from what is written of it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use molt_db_fuzz::{Told, assert_cuts, bounded};
use molt_db_protocol::message::{FrontendMessage, PasswordContext, StartupPacket};
use molt_db_protocol::wire::{
    Framed, FrontendTag, Limits, Phase, StartupFrame, frontend_frame, startup_frame,
};

fuzz_target!(|input: &[u8]| {
    for tag in (0..=u8::MAX).filter_map(FrontendTag::from_byte) {
        comes_back(tag, input);
    }
    packet_comes_back(input);
    walk_packets(input);
    for phase in [Phase::Startup, Phase::Session] {
        walk(input, phase);
    }
});

fn walk(input: &[u8], phase: Phase) {
    let mut rest = input;
    loop {
        assert_cuts(rest, 5, |input| told(input, phase));
        match frontend_frame(rest, &Limits::FRONTEND, phase) {
            Ok(Framed::Whole(found)) => {
                assert_eq!(found.body, &rest[5..found.size()]);
                comes_back(found.tag, found.body);
                rest = &rest[found.size()..];
            }
            Ok(Framed::Partial(needed)) => {
                return assert!(needed > rest.len(), "{needed} are enough, and there are {}", rest.len());
            }
            Err(error) => return drop(error.to_string()),
        }
    }
}

fn walk_packets(input: &[u8]) {
    let mut rest = input;
    loop {
        assert_cuts(rest, 4, packet_told);
        match startup_frame(rest, &Limits::FRONTEND) {
            Ok(StartupFrame::Whole(body)) => {
                packet_comes_back(body);
                rest = &rest[body.len() + 4..];
            }
            Ok(StartupFrame::Partial(needed)) => {
                return assert!(needed > rest.len(), "{needed} are enough, and there are {}", rest.len());
            }
            Err(error) => return drop(error.to_string()),
        }
    }
}

fn told(input: &[u8], phase: Phase) -> Told {
    match frontend_frame(input, &Limits::FRONTEND, phase) {
        Ok(Framed::Partial(needed)) => Told::Partial(needed),
        Ok(Framed::Whole(found)) => Told::Whole(found.size()),
        Err(error) => Told::Refused(error.to_string()),
    }
}

fn packet_told(input: &[u8]) -> Told {
    match startup_frame(input, &Limits::FRONTEND) {
        Ok(StartupFrame::Partial(needed)) => Told::Partial(needed),
        Ok(StartupFrame::Whole(body)) => Told::Whole(body.len() + 4),
        Err(error) => Told::Refused(error.to_string()),
    }
}

fn comes_back(tag: FrontendTag, body: &[u8]) {
    for context in CONTEXTS {
        let read = bounded(body.len(), || FrontendMessage::parse(tag, body, context));
        let Ok(message) = read else { continue };
        let _ = format!("{message:?}");
        let mut out = Vec::new();
        message.encode(&mut out).expect("what was read can be written");
        assert!(out.len() <= body.len() + 16, "{} bytes of {}", out.len(), body.len());
        assert_eq!((out[0], message.tag()), (tag.byte(), tag));
        assert_eq!(FrontendMessage::parse(tag, &out[5..], context), Ok(message));
    }
}

fn packet_comes_back(body: &[u8]) {
    let Ok(packet) = bounded(body.len(), || StartupPacket::parse(body)) else { return };
    let _ = format!("{packet:?}");
    if let StartupPacket::Startup { parameters, .. } = &packet {
        assert!(
            parameters.iter().map(|(name, value)| name.len() + value.len() + 2).sum::<usize>() < body.len()
        );
    }
    let mut out = Vec::new();
    packet.encode(&mut out).expect("what was read can be written");
    assert_eq!(out.len(), body.len() + 4);
    assert_eq!(StartupPacket::parse(&out[4..]), Ok(packet));
}

const CONTEXTS: [PasswordContext; 5] = [
    PasswordContext::Unasked,
    PasswordContext::Password,
    PasswordContext::SaslInitial,
    PasswordContext::SaslResponse,
    PasswordContext::Gss,
];
