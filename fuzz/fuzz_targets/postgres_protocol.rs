//! The crate `postgres-protocol` beside ours: both take or refuse a message, see the same fields in it, and write the
//! same bytes, except where a function in [`KNOWN`] says why not.
//!
//! Records: `!` the bytes of a message as they are, anything else a message of that type with a right length. Each is
//! read as a message of the server, and as one of the client which is then written.
#![no_main]

use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use libfuzzer_sys::fuzz_target;
use molt_db_fuzz::records;
use molt_db_fuzz::seen::{self, Field, Seen};
use molt_db_protocol::message::{
    BackendMessage, FrontendMessage, PasswordContext, PasswordMessage, StartupPacket, Target, WireFormat,
};
use molt_db_protocol::wire::{Framed, FrontendTag, Limits, Phase, frame};
use molt_db_protocol::{Malformed, ProtocolError};
use postgres_protocol::IsNull;
use postgres_protocol::message::backend::{ErrorFields, Message};
use postgres_protocol::message::frontend;

fuzz_target!(|input: &[u8]| {
    for record in records(input) {
        let mut message = Vec::new();
        match record.kind {
            b'!' => message.extend(record.body),
            _ => record.frame(&mut message),
        }
        read(&message);
        if let Some(tag) = FrontendTag::from_byte(record.kind) {
            write(tag, record.body);
        }
        write_packet(record.body);
    }
});

/// What a reader makes of bytes.
#[derive(Debug, PartialEq)]
enum Told {
    Partial,
    Refused,
    /// So many bytes of it, and what they say.
    Read(usize, Seen),
}

/// A message on which the two do not agree.
struct Case<'i> {
    message: &'i [u8],
    ours: Told,
    /// Why we refuse it.
    reason: Option<ProtocolError>,
    theirs: Told,
}

fn read(message: &[u8]) {
    if reserves_what_is_announced(message) {
        return;
    }
    let (ours, reason) = read_ours(message);
    let theirs = read_theirs(message);
    if ours != theirs {
        let case = Case { message, ours, reason, theirs };
        let is_known = KNOWN.iter().any(|known| known(&case));
        assert!(
            is_known,
            "{:?}: ours {:?} ({:?}), theirs {:?}",
            message, case.ours, case.reason, case.theirs
        );
    }
}

/// Every way in which the two are known to disagree. `DISAGREEMENTS.md` lists them.
const KNOWN: [fn(&Case<'_>) -> bool; 7] = [
    refused_at_the_first_bytes,
    no_such_message_there,
    no_such_authentication_there,
    long_cancel_keys,
    codes_not_looked_at,
    negative_lengths_are_null_there,
    mechanisms_have_to_be_utf8_there,
];

/// It reserves memory for as many bytes as the length word says, up to 4 GiB, when the first five bytes are there.
/// Ours asks `Limits` first. To fuzz it would be to run out of memory.
fn reserves_what_is_announced(message: &[u8]) -> bool {
    let [_, length @ ..] = message.first_chunk::<5>().copied().unwrap_or_default();
    u32::from_be_bytes(length) > 0x1_0000
}

/// Ours refuses an unknown type at its first byte and a long message at its fifth; it waits for the whole first.
/// PG source: fe-protocol3.c, pqParseInput3, which refuses as early as ours.
fn refused_at_the_first_bytes(case: &Case<'_>) -> bool {
    let is_early =
        matches!(case.reason, Some(ProtocolError::UnknownMessage { .. } | ProtocolError::Length { .. }));
    is_early && case.ours == Told::Refused && case.theirs == Told::Partial
}

/// It has no CopyBothResponse, FunctionCallResponse or NegotiateProtocolVersion.
/// PG docs: protocol-message-formats has them.
fn no_such_message_there(case: &Case<'_>) -> bool {
    matches!(case.message, [b'W' | b'V' | b'v', ..]) && case.theirs == Told::Refused
}

/// Authentication requests of unknown number are an error there, and a value here: the session fails either way, and
/// ours says which number it was. PG docs: protocol-message-formats, "AuthenticationOk" and the others.
fn no_such_authentication_there(case: &Case<'_>) -> bool {
    let number = case.message.get(5..9).map(|code| i32::from_be_bytes([code[0], code[1], code[2], code[3]]));
    case.message[0] == b'R'
        && number.is_some_and(|number| !matches!(number, 0 | 2 | 3 | 5..=12))
        && case.theirs == Told::Refused
}

/// A cancel key has four bytes there, and 4 to 256 here. PG docs: protocol-message-formats, "BackendKeyData", since
/// protocol 3.2.
fn long_cancel_keys(case: &Case<'_>) -> bool {
    case.message[0] == b'K' && case.message.len() > 1 + 4 + 4 + 4 && case.theirs == Told::Refused
}

/// Codes of formats and of the transaction's status are numbers there, whatever they are: whoever uses them has to
/// check. PG docs: protocol-message-formats, "RowDescription", "CopyInResponse", "ReadyForQuery".
fn codes_not_looked_at(case: &Case<'_>) -> bool {
    let has_codes = matches!(case.message, [b'T' | b'G' | b'H' | b'Z', ..]);
    has_codes && is_malformed(case, Malformed::Code) && matches!(case.theirs, Told::Read(..))
}

/// A field of a row with a length below -1 is NULL there. PG docs: protocol-message-formats, "DataRow" has -1 alone;
/// CVE-2026-32286 is what comes of such lengths elsewhere.
fn negative_lengths_are_null_there(case: &Case<'_>) -> bool {
    case.message[0] == b'D'
        && is_malformed(case, Malformed::FieldLength)
        && matches!(&case.theirs, Told::Read(_, seen) if seen.contains(&Field::Null))
}

/// Names of SASL mechanisms are text there, and bytes here: one that nobody can spell is one that nobody chooses.
/// RFC 4422 §3.1 has ASCII alone.
fn mechanisms_have_to_be_utf8_there(case: &Case<'_>) -> bool {
    case.message[0] == b'R'
        && case.theirs == Told::Refused
        && matches!(&case.ours, Told::Read(_, seen)
            if seen[0] == Field::Number(10) && seen.iter().any(|field| !is_utf8(field)))
}

fn is_malformed(case: &Case<'_>, expected: Malformed) -> bool {
    matches!(case.reason, Some(ProtocolError::Malformed { problem, .. }) if problem == expected)
}

fn is_utf8(field: &Field) -> bool {
    !matches!(field, Field::Bytes(bytes) if str::from_utf8(bytes).is_err())
}

fn read_ours(message: &[u8]) -> (Told, Option<ProtocolError>) {
    match frame(message, &Limits::BACKEND, Phase::Session) {
        Ok(Framed::Partial(_)) => (Told::Partial, None),
        Ok(Framed::Whole(found)) => match BackendMessage::parse(found.tag, found.body) {
            Ok(read) => (Told::Read(found.size(), seen::backend(&read)), None),
            Err(problem) => (Told::Refused, Some(ProtocolError::Malformed { tag: found.tag, problem })),
        },
        Err(error) => (Told::Refused, Some(error)),
    }
}

fn read_theirs(message: &[u8]) -> Told {
    let mut buffer = BytesMut::from(message);
    match Message::parse(&mut buffer) {
        Ok(None) => Told::Partial,
        Ok(Some(read)) => match theirs(&read) {
            Ok(seen) => Told::Read(message.len() - buffer.len(), seen),
            Err(_) => Told::Refused,
        },
        Err(_) => Told::Refused,
    }
}

fn theirs(message: &Message) -> std::io::Result<Seen> {
    Ok(match message {
        Message::AuthenticationOk => vec![0.into()],
        Message::AuthenticationKerberosV5 => vec![2.into()],
        Message::AuthenticationCleartextPassword => vec![3.into()],
        Message::AuthenticationMd5Password(body) => vec![5.into(), body.salt()[..].into()],
        Message::AuthenticationScmCredential => vec![6.into()],
        Message::AuthenticationGss => vec![7.into()],
        Message::AuthenticationGssContinue(body) => vec![8.into(), body.data().into()],
        Message::AuthenticationSspi => vec![9.into()],
        Message::AuthenticationSasl(body) => {
            let names: Vec<_> = body.mechanisms().map(|name| Ok(name.into())).collect()?;
            [vec![10.into()], names].concat()
        }
        Message::AuthenticationSaslContinue(body) => vec![11.into(), body.data().into()],
        Message::AuthenticationSaslFinal(body) => vec![12.into(), body.data().into()],
        Message::BackendKeyData(body) => {
            vec![body.process_id().into(), body.secret_key().to_be_bytes()[..].into()]
        }
        Message::CommandComplete(body) => vec![body.tag()?.into()],
        Message::CopyData(body) => vec![body.data().into()],
        Message::CopyInResponse(body) => {
            let formats: Vec<_> = body.column_formats().map(|format| Ok(format.into())).collect()?;
            [vec![body.format().into()], formats].concat()
        }
        Message::CopyOutResponse(body) => {
            let formats: Vec<_> = body.column_formats().map(|format| Ok(format.into())).collect()?;
            [vec![body.format().into()], formats].concat()
        }
        Message::DataRow(body) => {
            body.ranges().map(|range| Ok(Field::value(range.map(|range| &body.buffer()[range])))).collect()?
        }
        Message::ErrorResponse(body) => error_fields(body.fields())?,
        Message::NoticeResponse(body) => error_fields(body.fields())?,
        Message::NotificationResponse(body) => {
            vec![body.process_id().into(), body.channel()?.into(), body.message()?.into()]
        }
        Message::ParameterDescription(body) => body.parameters().map(|oid| Ok(oid.into())).collect()?,
        Message::ParameterStatus(body) => vec![body.name()?.into(), body.value()?.into()],
        Message::ReadyForQuery(body) => vec![body.status().into()],
        Message::RowDescription(body) => {
            let columns: Vec<[Field; 7]> = body
                .fields()
                .map(|field| {
                    Ok([
                        field.name().into(),
                        field.table_oid().into(),
                        field.column_id().into(),
                        field.type_oid().into(),
                        field.type_size().into(),
                        field.type_modifier().into(),
                        field.format().into(),
                    ])
                })
                .collect()?;
            columns.into_iter().flatten().collect()
        }
        _ => Seen::new(),
    })
}

fn error_fields(fields: ErrorFields<'_>) -> std::io::Result<Seen> {
    let fields: Vec<[Field; 2]> =
        fields.map(|field| Ok([field.type_().into(), field.value_bytes().into()])).collect()?;
    Ok(fields.into_iter().flatten().collect())
}

/// Writes what a client's message says, by either crate.
fn write(tag: FrontendTag, body: &[u8]) {
    for context in [PasswordContext::Password, PasswordContext::SaslInitial, PasswordContext::SaslResponse] {
        let Ok(message) = FrontendMessage::parse(tag, body, context) else { continue };
        let mut ours = Vec::new();
        message.encode(&mut ours).expect("what was read can be written");
        if let Some(theirs) = written(&message) {
            assert_eq!(ours, theirs, "{message:?}");
        }
    }
}

/// `None` where it cannot say this: it has no FunctionCall, its SQL is UTF-8, its SASL always has a first response.
fn written(message: &FrontendMessage<'_>) -> Option<BytesMut> {
    let mut out = BytesMut::new();
    match message {
        FrontendMessage::Bind(bind) => {
            let code = |format: WireFormat| format.code() as i16;
            let value = |value: Option<&[u8]>, out: &mut BytesMut| {
                out.extend_from_slice(value.unwrap_or_default());
                Ok(if value.is_some() { IsNull::No } else { IsNull::Yes })
            };
            let (formats, results) = (bind.formats.iter().map(code), bind.results.iter().map(code));
            frontend::bind(
                bind.portal,
                bind.statement,
                formats,
                bind.values.iter(),
                value,
                results,
                &mut out,
            )
            .ok()?;
        }
        FrontendMessage::Close(Target::Statement(name)) => frontend::close(b'S', name, &mut out).ok()?,
        FrontendMessage::Close(Target::Portal(name)) => frontend::close(b'P', name, &mut out).ok()?,
        FrontendMessage::CopyData(data) => frontend::CopyData::new(*data).ok()?.write(&mut out),
        FrontendMessage::CopyDone => frontend::copy_done(&mut out),
        FrontendMessage::CopyFail(reason) => {
            frontend::copy_fail(str::from_utf8(reason).ok()?, &mut out).ok()?;
        }
        FrontendMessage::Describe(Target::Statement(name)) => {
            frontend::describe(b'S', name, &mut out).ok()?
        }
        FrontendMessage::Describe(Target::Portal(name)) => frontend::describe(b'P', name, &mut out).ok()?,
        FrontendMessage::Execute(run) => frontend::execute(run.portal, run.max_rows, &mut out).ok()?,
        FrontendMessage::Flush => frontend::flush(&mut out),
        FrontendMessage::Parse(parse) => {
            let sql = str::from_utf8(parse.sql).ok()?;
            frontend::parse(parse.name, sql, parse.types.iter(), &mut out).ok()?;
        }
        FrontendMessage::Password(PasswordMessage::Password(text)) => {
            frontend::password_message(text, &mut out).ok()?;
        }
        FrontendMessage::Password(PasswordMessage::SaslInitial { mechanism, response }) => {
            frontend::sasl_initial_response(mechanism, (*response)?, &mut out).ok()?;
        }
        FrontendMessage::Password(PasswordMessage::SaslResponse(data) | PasswordMessage::Gss(data)) => {
            frontend::sasl_response(data, &mut out).ok()?;
        }
        FrontendMessage::Query(sql) => frontend::query(str::from_utf8(sql).ok()?, &mut out).ok()?,
        FrontendMessage::Sync => frontend::sync(&mut out),
        FrontendMessage::Terminate => frontend::terminate(&mut out),
        FrontendMessage::FunctionCall(_) => return None,
    }
    Some(out)
}

fn write_packet(body: &[u8]) {
    let Ok(packet) = StartupPacket::parse(body) else { return };
    let (mut ours, mut theirs) = (Vec::new(), BytesMut::new());
    packet.encode(&mut ours).expect("what was read can be written");
    match &packet {
        StartupPacket::Startup { version: 0x0003_0000, parameters } => {
            frontend::startup_message(parameters.iter(), &mut theirs).expect("no NUL in it");
        }
        StartupPacket::SslRequest => frontend::ssl_request(&mut theirs),
        StartupPacket::Cancel { key } => {
            let Ok(secret) = key.secret().try_into() else { return };
            frontend::cancel_request(key.process(), i32::from_be_bytes(secret), &mut theirs);
        }
        // Not to be had there: other versions, and encryption by GSSAPI.
        StartupPacket::Startup { .. } | StartupPacket::GssEncRequest | StartupPacket::Unsupported { .. } => {
            return;
        }
    }
    assert_eq!(ours, theirs, "{packet:?}");
}
