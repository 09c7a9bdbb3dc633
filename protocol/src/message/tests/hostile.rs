use proptest::prelude::*;

use super::strategies::anything;
use crate::message::{BackendMessage, FrontendMessage, PasswordContext, StartupPacket};
use crate::wire::{FrontendTag, Tag};

const CONTEXTS: [PasswordContext; 5] = [
    PasswordContext::Unasked,
    PasswordContext::Password,
    PasswordContext::SaslInitial,
    PasswordContext::SaslResponse,
    PasswordContext::Gss,
];

/// A message of every shape, whole.
const BACKEND: [(Tag, &[u8]); 18] = [
    (Tag::Authentication, b"\0\0\0\x05salt"),
    (Tag::Authentication, b"\0\0\0\x0aSCRAM-SHA-256\0\0"),
    (Tag::Authentication, b"\0\0\0\x0bdata"),
    (Tag::BackendKeyData, b"\0\0\0\x01key!"),
    (Tag::CommandComplete, b"SELECT 1\0"),
    (Tag::CopyInResponse, b"\x01\0\x02\0\x01\0\x01"),
    (Tag::DataRow, b"\0\x03\0\0\0\x02ab\xff\xff\xff\xff\0\0\0\0"),
    (Tag::ErrorResponse, b"SERROR\0C42601\0Mno\0P7\0\0"),
    (Tag::NoticeResponse, b"SNOTICE\0C00000\0Mwell\0\0"),
    (Tag::FunctionCallResponse, b"\0\0\0\x02ab"),
    (Tag::NegotiateProtocolVersion, b"\0\x03\0\0\0\0\0\x02_pq_.a\0_pq_.b\0"),
    (Tag::NotificationResponse, b"\0\0\0\x01ch\0pay\0"),
    (Tag::ParameterDescription, b"\0\x02\0\0\0\x17\0\0\0\x19"),
    (Tag::ParameterStatus, b"TimeZone\0UTC\0"),
    (Tag::ReadyForQuery, b"I"),
    (Tag::RowDescription, b"\0\x01id\0\0\0\x40\0\0\x01\0\0\0\x14\0\x08\xff\xff\xff\xff\0\x01"),
    (Tag::CopyBothResponse, b"\0\0\0"),
    (Tag::NoData, b""),
];

const FRONTEND: [(FrontendTag, &[u8]); 10] = [
    (FrontendTag::Bind, b"p\0s\0\0\x02\0\x01\0\0\0\x02\0\0\0\x01a\xff\xff\xff\xff\0\x01\0\x01"),
    (FrontendTag::Close, b"Ss\0"),
    (FrontendTag::CopyFail, b"no\0"),
    (FrontendTag::Execute, b"p\0\0\0\0\x01"),
    (FrontendTag::FunctionCall, b"\0\0\x04\xd2\0\x01\0\x01\0\x02\0\0\0\x01a\xff\xff\xff\xff\0\x01"),
    (FrontendTag::Parse, b"s\0select $1\0\0\x01\0\0\0\x17"),
    (FrontendTag::Password, b"SCRAM-SHA-256\0\0\0\0\x03n,,"),
    (FrontendTag::Query, b"select 1\0"),
    (FrontendTag::CopyDone, b""),
    (FrontendTag::Sync, b""),
];

const STARTUP: [&[u8]; 3] =
    [b"\0\x03\0\x02user\0app\0database\0shop\0\0", b"\x04\xd2\x16\x2e\0\0\0\x01key!", b"\x04\xd2\x16\x2f"];

/// What is read says the same again when it is written, and holds no more than the bytes did.
fn backend(tag: Tag, body: &[u8]) {
    let Ok(message) = BackendMessage::parse(tag, body) else { return };
    let out = &mut Vec::new();
    message.encode(out).unwrap();
    assert!(out.len() <= body.len() + 5, "{message:?}");
    assert_eq!(BackendMessage::parse(tag, &out[5..]), Ok(message));
}

fn frontend(tag: FrontendTag, body: &[u8]) {
    for context in CONTEXTS {
        let Ok(message) = FrontendMessage::parse(tag, body, context) else { continue };
        let out = &mut Vec::new();
        message.encode(out).unwrap();
        // The length that libpq leaves out is written.
        assert!(out.len() <= body.len() + 5 + 4, "{message:?}");
        assert_eq!(FrontendMessage::parse(tag, &out[5..], context), Ok(message));
    }
}

fn startup(body: &[u8]) {
    let Ok(packet) = StartupPacket::parse(body) else { return };
    let out = &mut Vec::new();
    packet.encode(out).unwrap();
    assert_eq!(&out[4..], body);
}

/// Every byte of `body` in every value that it may have, one at a time.
fn altered(body: &[u8], check: impl Fn(&[u8])) {
    for place in 0..body.len() {
        let mut body = body.to_vec();
        for byte in 0..=u8::MAX {
            body[place] = byte;
            check(&body);
        }
    }
}

#[test]
fn whole_samples_are_read() {
    for (tag, body) in BACKEND {
        assert!(BackendMessage::parse(tag, body).is_ok(), "{tag}");
    }
    for (tag, body) in FRONTEND {
        assert!(FrontendMessage::parse(tag, body, PasswordContext::SaslInitial).is_ok(), "{tag}");
    }
    assert!(STARTUP.iter().all(|body| StartupPacket::parse(body).is_ok()));
}

#[test]
fn one_wrong_byte_is_read_or_refused() {
    for (tag, body) in BACKEND {
        altered(body, |body| backend(tag, body));
    }
    for (tag, body) in FRONTEND {
        altered(body, |body| frontend(tag, body));
    }
    STARTUP.iter().for_each(|body| altered(body, startup));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn any_bytes_of_a_server_are_read_or_refused(body in anything()) {
        (0..=u8::MAX).filter_map(Tag::from_byte).for_each(|tag| backend(tag, &body));
    }

    #[test]
    fn any_bytes_of_a_client_are_read_or_refused(body in anything()) {
        (0..=u8::MAX).filter_map(FrontendTag::from_byte).for_each(|tag| frontend(tag, &body));
    }

    #[test]
    fn any_startup_packet_is_read_or_refused(body in anything(), code in prop::sample::select(&CODES[..])) {
        startup(&body);
        startup(&[&code.to_be_bytes()[..], &body].concat());
    }
}

const CODES: [u32; 5] = [0x0003_0000, 0x0003_0002, 80_877_102, 80_877_103, 80_877_104];
