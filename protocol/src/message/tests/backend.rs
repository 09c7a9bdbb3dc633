use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::Ends;
use super::strategies::{
    column, data, error_field, format, format_codes, name, severity, text, value_bytes, values,
};
use crate::message::{
    Authentication, BackendMessage, CancelKey, CommandTag, CopyResponse, ErrorField, Formats,
    NegotiateProtocolVersion, Notification, OtherMethod, ParameterStatus, SaslMechanisms, ServerError,
    Severity, SqlState, TransactionStatus, Values, data_row,
};
use crate::wire::{Framed, Limits, Phase, frame};

fn comes_back(message: &BackendMessage<'_>, ends: Ends) {
    let mut out = vec![9];
    message.encode(&mut out).unwrap();
    let bytes = &out[1..];
    let Ok(Framed::Whole(found)) = frame(bytes, &Limits::BACKEND, Phase::Session) else {
        panic!("{message:?}")
    };
    assert_eq!((out[0], found.tag, found.size()), (9, message.tag(), bytes.len()));
    for end in 0..bytes.len() {
        assert!(matches!(frame(&bytes[..end], &Limits::BACKEND, Phase::Session), Ok(Framed::Partial(_))));
    }
    assert_eq!(BackendMessage::parse(found.tag, found.body).as_ref(), Ok(message));
    if ends == Ends::Exactly {
        for end in 0..found.body.len() {
            assert!(
                BackendMessage::parse(found.tag, &found.body[..end]).is_err(),
                "{message:?} cut at {end}"
            );
        }
        for trailing in [0, 1, b'S'] {
            let longer = [found.body, &[trailing]].concat();
            assert!(BackendMessage::parse(found.tag, &longer).is_err(), "{message:?} and {trailing}");
        }
    }
}

fn request_comes_back(request: Authentication<'_>, ends: Ends) {
    comes_back(&BackendMessage::Authentication(request), ends);
}

fn error(severity: Severity, message: &str, more: &[(ErrorField, String)]) -> ServerError {
    let builder = ServerError::builder(severity, SqlState::SYNTAX_ERROR, message).unwrap();
    more.iter().fold(builder, |builder, (field, text)| builder.field(*field, text).unwrap()).build()
}

#[test]
fn authentication_without_data_comes_back() {
    request_comes_back(Authentication::Ok, Ends::Exactly);
    request_comes_back(Authentication::CleartextPassword, Ends::Exactly);
    for method in [OtherMethod::KerberosV5, OtherMethod::ScmCredential, OtherMethod::Gss, OtherMethod::Sspi] {
        request_comes_back(Authentication::Other(method), Ends::Exactly);
    }
}

#[test]
fn messages_without_a_body_come_back() {
    let messages = [
        BackendMessage::BindComplete,
        BackendMessage::CloseComplete,
        BackendMessage::CopyDone,
        BackendMessage::EmptyQueryResponse,
        BackendMessage::NoData,
        BackendMessage::ParseComplete,
        BackendMessage::PortalSuspended,
    ];
    messages.iter().for_each(|message| comes_back(message, Ends::Exactly));
}

#[test]
fn ready_for_query_comes_back() {
    for status in [TransactionStatus::Idle, TransactionStatus::InTransaction, TransactionStatus::Failed] {
        comes_back(&BackendMessage::ReadyForQuery(status), Ends::Exactly);
    }
}

proptest! {
    #[test]
    fn authentication_with_data_comes_back(salt: [u8; 4], data in data(), code in 13..i32::MAX) {
        request_comes_back(Authentication::Md5Password(salt), Ends::Exactly);
        request_comes_back(Authentication::SaslContinue(&data), Ends::Openly);
        request_comes_back(Authentication::SaslFinal(&data), Ends::Openly);
        for method in [OtherMethod::GssContinue(&data), OtherMethod::Unknown { code, data: &data }] {
            request_comes_back(Authentication::Other(method), Ends::Openly);
        }
    }

    #[test]
    fn authentication_sasl_comes_back(names in vec(name(), 0..4)) {
        let (list, names) = (&mut Vec::new(), names.iter().map(String::as_str).collect::<Vec<_>>());
        SaslMechanisms::write(&names, list).unwrap();
        let mechanisms = SaslMechanisms::parse(list).unwrap();
        prop_assert!(mechanisms.iter().eq(names.iter().map(|name| name.as_bytes())));
        request_comes_back(Authentication::Sasl(mechanisms), Ends::Exactly);
    }

    #[test]
    fn backend_key_data_comes_back(process: i32, secret in vec(any::<u8>(), 4..=256)) {
        comes_back(&BackendMessage::BackendKeyData(CancelKey::new(process, &secret).unwrap()), Ends::Openly);
    }

    #[test]
    fn command_complete_comes_back(tag in text()) {
        comes_back(&BackendMessage::CommandComplete(CommandTag::new(&tag)), Ends::Exactly);
    }

    #[test]
    fn copy_data_comes_back(data in data()) {
        comes_back(&BackendMessage::CopyData(&data), Ends::Openly);
    }

    #[test]
    fn copy_responses_come_back(format in format(), codes in format_codes(0..5)) {
        let response = CopyResponse { format, columns: Formats::new(&codes).unwrap() };
        comes_back(&BackendMessage::CopyInResponse(response), Ends::Exactly);
        comes_back(&BackendMessage::CopyOutResponse(response), Ends::Exactly);
        comes_back(&BackendMessage::CopyBothResponse(response), Ends::Exactly);
    }

    #[test]
    fn data_row_comes_back(values in values()) {
        let bytes = value_bytes(&values);
        let row = Values::new(&bytes).unwrap();
        prop_assert!(row.iter().eq(values.iter().map(Option::as_deref)));
        comes_back(&BackendMessage::DataRow(row), Ends::Exactly);
        let (streamed, encoded) = (&mut Vec::new(), &mut Vec::new());
        data_row(values.iter().map(Option::as_deref), streamed).unwrap();
        BackendMessage::DataRow(row).encode(encoded).unwrap();
        prop_assert_eq!(streamed, encoded);
    }

    #[test]
    fn errors_and_notices_come_back(
        severity in severity(),
        message in text(),
        more in vec((error_field(), text()), 0..4),
    ) {
        let error = error(severity, &message, &more);
        prop_assert_eq!(error.severity(), severity.as_str());
        prop_assert_eq!(error.message(), message);
        comes_back(&BackendMessage::ErrorResponse(error.clone()), Ends::Exactly);
        comes_back(&BackendMessage::NoticeResponse(error), Ends::Exactly);
    }

    #[test]
    fn function_call_response_comes_back(value in option::of(data())) {
        comes_back(&BackendMessage::FunctionCallResponse(value.as_deref()), Ends::Exactly);
    }

    #[test]
    fn negotiate_protocol_version_comes_back(version: u32, unknown_options in vec(text(), 0..4)) {
        let offer = NegotiateProtocolVersion { version, unknown_options };
        comes_back(&BackendMessage::NegotiateProtocolVersion(offer), Ends::Exactly);
    }

    #[test]
    fn notification_response_comes_back(process: i32, channel in text(), payload in text()) {
        let notification = Notification { process, channel: &channel, payload: &payload };
        comes_back(&BackendMessage::NotificationResponse(notification), Ends::Exactly);
    }

    #[test]
    fn parameter_description_comes_back(types in vec(any::<u32>(), 0..6)) {
        comes_back(&BackendMessage::ParameterDescription(types.into()), Ends::Exactly);
    }

    #[test]
    fn parameter_status_comes_back(name in text(), value in text()) {
        let status = ParameterStatus { name: &name, value: &value };
        comes_back(&BackendMessage::ParameterStatus(status), Ends::Exactly);
    }

    #[test]
    fn row_description_comes_back(columns in vec(column(), 0..4)) {
        comes_back(&BackendMessage::RowDescription(columns), Ends::Exactly);
    }
}
