use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::Ends;
use super::strategies::{
    data, foreign_text, format, format_codes, formatted_values, name, text, value_bytes,
};
use crate::message::{
    BindMessage, CancelKey, Execute, Formats, FrontendMessage, FunctionCall, Oids, ParseMessage,
    PasswordContext, PasswordMessage, StartupMessage, StartupPacket, Target, Values, startup_message,
};
use crate::wire::{Framed, Limits, Phase, StartupFrame, frontend_frame, startup_frame};

fn comes_back(message: &FrontendMessage<'_>, ends: Ends) {
    answer_comes_back(message, PasswordContext::Unasked, ends);
}

fn answer_comes_back(message: &FrontendMessage<'_>, context: PasswordContext, ends: Ends) {
    let mut out = vec![9];
    message.encode(&mut out).unwrap();
    let frame = |input| frontend_frame(input, &Limits::FRONTEND, Phase::Session);
    let bytes = &out[1..];
    let Ok(Framed::Whole(found)) = frame(bytes) else { panic!("{message:?}") };
    assert_eq!((out[0], found.tag, found.size()), (9, message.tag(), bytes.len()));
    for end in 0..bytes.len() {
        assert!(matches!(frame(&bytes[..end]), Ok(Framed::Partial(_))));
    }
    let parse = |body: &[u8]| FrontendMessage::parse(found.tag, body, context).map(|message| message.tag());
    assert_eq!(FrontendMessage::parse(found.tag, found.body, context).as_ref(), Ok(message));
    if ends == Ends::Exactly {
        for end in 0..found.body.len() {
            assert!(parse(&found.body[..end]).is_err(), "{message:?} cut at {end}");
        }
        for trailing in [0, 1, b'S'] {
            let longer = [found.body, &[trailing]].concat();
            assert!(parse(&longer).is_err(), "{message:?} and {trailing}");
        }
    }
}

fn packet_comes_back(packet: &StartupPacket<'_>, ends: Ends) {
    let out = &mut Vec::new();
    packet.encode(out).unwrap();
    let Ok(StartupFrame::Whole(body)) = startup_frame(out, &Limits::FRONTEND) else { panic!("{packet:?}") };
    assert_eq!(body.len() + 4, out.len());
    assert_eq!(StartupPacket::parse(body).as_ref(), Ok(packet));
    if ends == Ends::Exactly {
        for end in 0..body.len() {
            assert!(StartupPacket::parse(&body[..end]).is_err(), "{packet:?} cut at {end}");
        }
        assert!(StartupPacket::parse(&[body, &[0]].concat()).is_err());
    }
}

#[test]
fn messages_without_a_body_come_back() {
    for message in [FrontendMessage::Flush, FrontendMessage::Sync, FrontendMessage::Terminate] {
        comes_back(&message, Ends::Exactly);
    }
}

#[test]
fn copy_done_comes_back_and_may_carry_bytes() {
    comes_back(&FrontendMessage::CopyDone, Ends::Openly);
    let tag = FrontendMessage::CopyDone.tag();
    let read = FrontendMessage::parse(tag, b"ignored", PasswordContext::Unasked);
    assert_eq!(read, Ok(FrontendMessage::CopyDone));
}

#[test]
fn encryption_requests_come_back() {
    packet_comes_back(&StartupPacket::SslRequest, Ends::Exactly);
    packet_comes_back(&StartupPacket::GssEncRequest, Ends::Exactly);
}

proptest! {
    #[test]
    fn startup_message_comes_back(minor: u16, parameters in vec((name(), text()), 0..5)) {
        let pairs: Vec<_> = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let version = 0x0003_0000 | u32::from(minor);
        let out = &mut Vec::new();
        startup_message(&StartupMessage { version, parameters: &pairs }, out).unwrap();
        let packet = StartupPacket::parse(&out[4..]).unwrap();
        packet_comes_back(&packet, Ends::Exactly);
        let StartupPacket::Startup { version: read, parameters } = packet else { panic!() };
        prop_assert_eq!(read, version);
        prop_assert!(parameters.iter().eq(pairs));
    }

    #[test]
    fn cancel_request_comes_back(process: i32, secret in vec(any::<u8>(), 4..=256)) {
        packet_comes_back(&StartupPacket::Cancel { key: CancelKey::new(process, &secret).unwrap() }, Ends::Openly);
    }

    #[test]
    fn bind_comes_back(
        portal in text(),
        statement in text(),
        (formats, values) in formatted_values(),
        results in format_codes(0..4),
    ) {
        let bytes = value_bytes(&values);
        let (formats, results) = (Formats::new(&formats).unwrap(), Formats::new(&results).unwrap());
        let values = Values::new(&bytes).unwrap();
        let bind = BindMessage { portal: &portal, statement: &statement, formats, values, results };
        comes_back(&FrontendMessage::Bind(bind), Ends::Exactly);
    }

    #[test]
    fn close_and_describe_come_back(name in text()) {
        for target in [Target::Statement(&name), Target::Portal(&name)] {
            comes_back(&FrontendMessage::Close(target), Ends::Exactly);
            comes_back(&FrontendMessage::Describe(target), Ends::Exactly);
        }
    }

    #[test]
    fn copy_data_comes_back(data in data()) {
        comes_back(&FrontendMessage::CopyData(&data), Ends::Openly);
    }

    #[test]
    fn copy_fail_comes_back(reason in foreign_text()) {
        comes_back(&FrontendMessage::CopyFail(&reason), Ends::Exactly);
    }

    #[test]
    fn execute_comes_back(portal in text(), max_rows: i32) {
        comes_back(&FrontendMessage::Execute(Execute { portal: &portal, max_rows }), Ends::Exactly);
    }

    #[test]
    fn function_call_comes_back(function: u32, (formats, values) in formatted_values(), result in format()) {
        let bytes = value_bytes(&values);
        let (formats, arguments) = (Formats::new(&formats).unwrap(), Values::new(&bytes).unwrap());
        let call = FunctionCall { function, formats, arguments, result };
        comes_back(&FrontendMessage::FunctionCall(call), Ends::Exactly);
    }

    #[test]
    fn parse_comes_back(name in text(), sql in foreign_text(), types in vec(any::<[u8; 4]>(), 0..4)) {
        let types = types.concat();
        let parse = ParseMessage { name: &name, sql: &sql, types: Oids::new(&types).unwrap() };
        comes_back(&FrontendMessage::Parse(parse), Ends::Exactly);
    }

    #[test]
    fn query_comes_back(sql in foreign_text()) {
        comes_back(&FrontendMessage::Query(&sql), Ends::Exactly);
    }

    #[test]
    fn password_comes_back(password in foreign_text()) {
        let answer = FrontendMessage::Password(PasswordMessage::Password(&password));
        answer_comes_back(&answer, PasswordContext::Password, Ends::Exactly);
    }

    #[test]
    fn sasl_initial_response_comes_back(mechanism in text(), response in option::of(data())) {
        let answer = PasswordMessage::SaslInitial { mechanism: &mechanism, response: response.as_deref() };
        answer_comes_back(&FrontendMessage::Password(answer), PasswordContext::SaslInitial, Ends::Openly);
        let out = &mut Vec::new();
        answer.encode(out).unwrap();
        let body = &out[5..];
        for end in (0..body.len()).filter(|end| *end != mechanism.len() + 1) {
            prop_assert!(PasswordMessage::parse(&body[..end], PasswordContext::SaslInitial).is_err());
        }
        let longer = [body, b"x"].concat();
        prop_assert!(PasswordMessage::parse(&longer, PasswordContext::SaslInitial).is_err());
    }

    #[test]
    fn sasl_and_gss_responses_come_back(data in data()) {
        let sasl = FrontendMessage::Password(PasswordMessage::SaslResponse(&data));
        answer_comes_back(&sasl, PasswordContext::SaslResponse, Ends::Openly);
        let gss = FrontendMessage::Password(PasswordMessage::Gss(&data));
        answer_comes_back(&gss, PasswordContext::Gss, Ends::Openly);
    }
}
