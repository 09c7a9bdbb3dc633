//! The crate `pgwire` beside ours: both take or refuse a message of either side, see the same fields in it, and write
//! it as the same bytes, except where a function in [`KNOWN`] says why not.
//!
//! Records: `^` the body of a start-up packet, anything else a message of that type. All have a right length.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use molt_db_fuzz::seen::{self, Field, Seen};
use molt_db_fuzz::{Record, caught, records};
use molt_db_protocol::Malformed;
use molt_db_protocol::message::{BackendMessage, FrontendMessage, PasswordContext, StartupPacket};
use molt_db_protocol::wire::{FrontendTag, Tag};
use pgwire::error::PgWireError;
use pgwire::messages::cancel::CancelRequest;
use pgwire::messages::startup::{Authentication, GssEncRequest, PasswordMessageFamily, SslRequest, Startup};
use pgwire::messages::{
    DecodeContext, Message, PgWireBackendMessage as Back, PgWireFrontendMessage as Front, ProtocolVersion,
    SslNegotiationMetaMessage as Negotiation,
};

fuzz_target!(|input: &[u8]| {
    for record in records(input) {
        if record.kind == b'^' {
            packet(record.body);
            continue;
        }
        if let Some(tag) = Tag::from_byte(record.kind) {
            backend(tag, record);
        }
        if let Some(tag) = FrontendTag::from_byte(record.kind) {
            for context in CONTEXTS {
                frontend(tag, record, context);
            }
        }
    }
});

/// What the crate makes of a message.
#[derive(Debug, PartialEq)]
enum Theirs {
    Panicked,
    Refused,
    /// What it says, how many bytes of it were not looked at, and how the crate writes it.
    Read(Seen, usize, Vec<u8>),
}

/// A message on which the two do not agree.
#[derive(Debug)]
struct Case<'i> {
    side: Side,
    kind: u8,
    #[expect(dead_code, reason = "for who reads of it")]
    body: &'i [u8],
    /// What it says and how we write it, or why we refuse it.
    ours: Result<(Seen, Vec<u8>), Malformed>,
    theirs: Theirs,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Side {
    Backend,
    Frontend,
    Packet,
}

impl Case<'_> {
    fn check(self) {
        let same = match (&self.ours, &self.theirs) {
            (Ok((seen, written)), Theirs::Read(theirs, 0, theirs_written)) => {
                seen == theirs && written == theirs_written
            }
            (Err(_), Theirs::Refused) => true,
            _ => false,
        };
        assert!(same || KNOWN.iter().any(|known| known(&self)), "{self:?}");
    }

    fn is(&self, side: Side, kinds: &[u8]) -> bool {
        self.side == side && kinds.contains(&self.kind)
    }

    /// Whether it is read there and refused here for one of these reasons.
    fn is_taken_there(&self, problems: &[Malformed]) -> bool {
        matches!(&self.ours, Err(problem) if problems.contains(problem))
            && matches!(self.theirs, Theirs::Read(..))
    }
}

/// Every way in which the two are known to disagree. `DISAGREEMENTS.md` lists them.
const KNOWN: [fn(&Case<'_>) -> bool; 15] = [
    panics_where_a_field_is_cut,
    leaves_what_follows,
    drops_what_follows_an_answer,
    takes_no_string_for_an_empty_one,
    lists_need_no_end_there,
    replaces_what_is_not_utf8,
    does_not_look_into_rows,
    negative_lengths_are_null_there,
    codes_not_looked_at,
    formats_not_counted,
    no_such_message_there,
    no_such_authentication_there,
    needs_a_first_response,
    start_up_parameters_are_a_map_there,
    no_other_version_there,
];

/// It reads integers and data without asking whether they are there. PG docs: protocol-message-formats. What ours sees
/// first may be another fault.
fn panics_where_a_field_is_cut(case: &Case<'_>) -> bool {
    case.ours.is_err() && case.theirs == Theirs::Panicked
}

/// Bytes behind the last field stay in its buffer and become the beginning of the next message, which is how messages
/// are smuggled. PG source: pqformat.c, pq_getmsgend, refuses them, and so does ours.
fn leaves_what_follows(case: &Case<'_>) -> bool {
    matches!(case.theirs, Theirs::Read(_, left, _) if left > 0)
        && (case.ours.is_err() || case.is(Side::Frontend, b"c"))
}

/// The same of an answer to authentication, whose bytes are apart: they are lost.
fn drops_what_follows_an_answer(case: &Case<'_>) -> bool {
    case.is(Side::Frontend, b"p") && case.is_taken_there(&[Malformed::TrailingBytes])
}

/// A string that is not there, or has no NUL, is an empty one there. PG source: pqformat.c, pq_getmsgstring, "invalid
/// string in message".
fn takes_no_string_for_an_empty_one(case: &Case<'_>) -> bool {
    case.is_taken_there(&[Malformed::Unterminated])
        && matches!(&case.theirs, Theirs::Read(seen, 0, _) if seen.iter().any(is_empty))
}

/// Mechanisms and start-up parameters end with an empty string, or with the message there. PG source:
/// backend_startup.c, "invalid startup packet layout: expected terminator as last byte"; PG docs:
/// protocol-message-formats, "AuthenticationSASL".
fn lists_need_no_end_there(case: &Case<'_>) -> bool {
    (case.is(Side::Backend, b"R") || case.is(Side::Packet, b"^"))
        && case.is_taken_there(&[Malformed::Unterminated])
}

/// Texts that are not UTF-8 are changed there. Here names are refused, and SQL and the like are kept as they are.
/// PG docs: multibyte, "Automatic Character Set Conversion": the client chooses the encoding, and SQL is in it.
fn replaces_what_is_not_utf8(case: &Case<'_>) -> bool {
    let Theirs::Read(theirs, 0, _) = &case.theirs else { return false };
    let is_replaced = theirs.iter().any(|field| {
        matches!(field, Field::Bytes(text) if str::from_utf8(text).is_ok_and(|text| text.contains('\u{fffd}')))
    });
    is_replaced
        && match &case.ours {
            Ok((seen, _)) => seen.iter().map(lossy).eq(theirs.iter().map(lossy)),
            Err(problem) => *problem == Malformed::Utf8,
        }
}

/// A row is a count and bytes there; whoever reads its fields has to check them. PG docs: protocol-message-formats,
/// "DataRow".
fn does_not_look_into_rows(case: &Case<'_>) -> bool {
    case.is(Side::Backend, b"D") && matches!(case.theirs, Theirs::Read(_, 0, _)) && case.ours.is_err()
}

/// A parameter with a length below -1 is NULL there. PG source: postgres.c, exec_bind_message, reads -1 alone so, and
/// pq_getmsgbytes refuses the others.
fn negative_lengths_are_null_there(case: &Case<'_>) -> bool {
    case.is(Side::Frontend, b"B")
        && case.is_taken_there(&[Malformed::FieldLength])
        && matches!(&case.theirs, Theirs::Read(seen, 0, _) if seen.contains(&Field::Null))
}

/// Codes of formats and of what is described or closed are numbers there, whatever they are. PG docs:
/// protocol-message-formats, "Bind", "Close", "Describe", "CopyInResponse", "RowDescription".
fn codes_not_looked_at(case: &Case<'_>) -> bool {
    (case.is(Side::Frontend, b"BCD") || case.is(Side::Backend, b"GHWT"))
        && case.is_taken_there(&[Malformed::Code])
}

/// Formats of parameters are none, one, or as many as parameters. PG source: postgres.c, exec_bind_message, "bind
/// message has %d parameter formats but %d parameters".
fn formats_not_counted(case: &Case<'_>) -> bool {
    case.is(Side::Frontend, b"B") && case.is_taken_there(&[Malformed::Count])
}

/// It has no FunctionCall and no FunctionCallResponse. PG docs: protocol-message-formats.
fn no_such_message_there(case: &Case<'_>) -> bool {
    let is_call = case.is(Side::Frontend, b"F") || case.is(Side::Backend, b"V");
    is_call && case.theirs == Theirs::Refused
}

/// Authentication requests of other numbers are an error there, and a value here that says which number it was.
fn no_such_authentication_there(case: &Case<'_>) -> bool {
    let is_known = |number: &Field| [0, 2, 3, 5, 10, 11, 12].map(Field::Number).contains(number);
    case.is(Side::Backend, b"R")
        && matches!(&case.ours, Ok((seen, _)) if !is_known(&seen[0]))
        && case.theirs == Theirs::Refused
}

/// A SASLInitialResponse may end behind the name of the mechanism. PG source: fe-auth.c, pg_SASL_init, writes it so.
fn needs_a_first_response(case: &Case<'_>) -> bool {
    case.is(Side::Frontend, b"p")
        && matches!(&case.ours, Ok((seen, _)) if seen.last() == Some(&Field::Null))
        && case.theirs == Theirs::Panicked
}

/// Start-up parameters have no order there, and each name is there once: the last one wins, as in ours. The one that is
/// not UTF-8 may be among those that lost.
fn start_up_parameters_are_a_map_there(case: &Case<'_>) -> bool {
    case.side == Side::Packet
        && match (&case.ours, &case.theirs) {
            (Ok((ours, _)), Theirs::Read(theirs, 0, _)) => as_map(ours) == as_map(theirs),
            (Err(Malformed::Utf8), Theirs::Read(_, 0, _)) => true,
            _ => false,
        }
}

/// A start-up packet of another major version is an error there, and a value here, so that a server can refuse it with
/// words. PG source: backend_startup.c, "unsupported frontend protocol".
fn no_other_version_there(case: &Case<'_>) -> bool {
    let is_other = |version: &Field| !matches!(version, Field::Number(version) if version >> 16 == 3);
    case.is(Side::Packet, b"^")
        && matches!(&case.ours, Ok((seen, _)) if is_other(&seen[0]))
        && case.theirs == Theirs::Refused
}

fn as_map(seen: &[Field]) -> std::collections::BTreeMap<Vec<u8>, Vec<u8>> {
    seen[1..].chunks(2).map(|pair| (lossy(&pair[0]), lossy(&pair[1]))).collect()
}

fn is_empty(field: &Field) -> bool {
    matches!(field, Field::Bytes(bytes) if bytes.is_empty())
}

fn lossy(field: &Field) -> Vec<u8> {
    match field {
        Field::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned().into_bytes(),
        other => format!("{other:?}").into_bytes(),
    }
}

fn backend(tag: Tag, record: Record<'_>) {
    let ours = BackendMessage::parse(tag, record.body).map(|message| {
        let mut written = Vec::new();
        message.encode(&mut written).expect("what was read can be written");
        (seen::backend(&message), written)
    });
    let theirs = read(&record, |buffer| Back::decode(buffer, &context()), see_backend, Back::encode);
    Case { side: Side::Backend, kind: record.kind, body: record.body, ours, theirs }.check();
}

fn frontend(tag: FrontendTag, record: Record<'_>, context: PasswordContext) {
    let ours = FrontendMessage::parse(tag, record.body, context).map(|message| {
        let mut written = Vec::new();
        message.encode(&mut written).expect("what was read can be written");
        (seen::frontend(&message), written)
    });
    let see = |message: &Front| see_frontend(message);
    let decode = |buffer: &mut BytesMut| {
        Front::decode(buffer, &self::context())?.map(|read| asked(read, context)).transpose()
    };
    let theirs = read(&record, decode, see, Front::encode);
    Case { side: Side::Frontend, kind: record.kind, body: record.body, ours, theirs }.check();
}

fn packet(body: &[u8]) {
    let ours = StartupPacket::parse(body).map(|packet| {
        let mut written = Vec::new();
        packet.encode(&mut written).expect("what was read can be written");
        (seen::packet(&packet), written)
    });
    let mut message = (body.len() as u32 + 4).to_be_bytes().to_vec();
    message.extend(body);
    let theirs = outcome(&message, decode_packet, see_frontend, Front::encode);
    Case { side: Side::Packet, kind: b'^', body, ours, theirs }.check();
}

fn read<M>(
    record: &Record<'_>,
    decode: impl FnOnce(&mut BytesMut) -> Result<Option<M>, PgWireError>,
    see: impl FnOnce(&M) -> Seen,
    encode: impl FnOnce(&M, &mut BytesMut) -> Result<(), PgWireError>,
) -> Theirs {
    let mut message = Vec::new();
    record.frame(&mut message);
    outcome(&message, decode, see, encode)
}

fn outcome<M>(
    message: &[u8],
    decode: impl FnOnce(&mut BytesMut) -> Result<Option<M>, PgWireError>,
    see: impl FnOnce(&M) -> Seen,
    encode: impl FnOnce(&M, &mut BytesMut) -> Result<(), PgWireError>,
) -> Theirs {
    let mut buffer = BytesMut::from(message);
    match caught(|| decode(&mut buffer)) {
        None => Theirs::Panicked,
        Some(Ok(Some(read))) => {
            let mut written = BytesMut::new();
            encode(&read, &mut written).expect("what was read there can be written there");
            Theirs::Read(see(&read), buffer.len(), written.to_vec())
        }
        Some(Ok(None) | Err(_)) => Theirs::Refused,
    }
}

/// A session of protocol 3.2 that has begun.
fn context() -> DecodeContext {
    let mut context = DecodeContext::new(ProtocolVersion::PROTOCOL3_2);
    (context.awaiting_frontend_ssl, context.awaiting_frontend_startup) = (false, false);
    context
}

fn decode_packet(buffer: &mut BytesMut) -> Result<Option<Front>, PgWireError> {
    let context = DecodeContext::new(ProtocolVersion::PROTOCOL3_2);
    if SslRequest::is_ssl_request_packet(buffer) {
        let read = SslRequest::decode(buffer, &context)?;
        return Ok(read.map(|read| Front::SslNegotiation(Negotiation::PostgresSsl(read))));
    }
    if GssEncRequest::is_gss_enc_request_packet(buffer) {
        let read = GssEncRequest::decode(buffer, &context)?;
        return Ok(read.map(|read| Front::SslNegotiation(Negotiation::PostgresGss(read))));
    }
    if CancelRequest::is_cancel_request_packet(buffer) {
        return Ok(CancelRequest::decode(buffer, &context)?.map(Front::CancelRequest));
    }
    Ok(Startup::decode(buffer, &context)?.map(Front::Startup))
}

/// Makes an answer to authentication what it was asked to be.
fn asked(message: Front, context: PasswordContext) -> Result<Front, PgWireError> {
    let Front::PasswordMessageFamily(answer) = message else { return Ok(message) };
    Ok(Front::PasswordMessageFamily(match context {
        PasswordContext::Password => PasswordMessageFamily::Password(answer.into_password()?),
        PasswordContext::SaslInitial => {
            PasswordMessageFamily::SASLInitialResponse(answer.into_sasl_initial_response()?)
        }
        _ => PasswordMessageFamily::SASLResponse(answer.into_sasl_response()?),
    }))
}

fn see_backend(message: &Back) -> Seen {
    match message {
        Back::Authentication(request) => see_authentication(request),
        Back::ParameterStatus(status) => vec![status.name.as_str().into(), status.value.as_str().into()],
        Back::BackendKeyData(key) => vec![key.pid.into(), key.secret_key.to_bytes()[..].into()],
        Back::NegotiateProtocolVersion(offer) => {
            let names = offer.unsupported_options.iter().map(|name| name.as_str().into());
            std::iter::once((offer.newest_minor_protocol as u32).into()).chain(names).collect()
        }
        Back::CommandComplete(complete) => vec![complete.tag.as_str().into()],
        Back::ReadyForQuery(ready) => vec![(ready.status as u8).into()],
        Back::ErrorResponse(error) => see_fields(&error.fields),
        Back::NoticeResponse(notice) => see_fields(&notice.fields),
        Back::NotificationResponse(told) => {
            vec![told.pid.into(), told.channel.as_str().into(), told.payload.as_str().into()]
        }
        Back::ParameterDescription(described) => described.types.iter().map(|oid| (*oid).into()).collect(),
        Back::RowDescription(described) => described
            .fields
            .iter()
            .flat_map(|field| {
                [
                    field.name.as_str().into(),
                    (field.table_id as u32).into(),
                    field.column_id.into(),
                    field.type_id.into(),
                    field.type_size.into(),
                    field.type_modifier.into(),
                    field.format_code.into(),
                ]
            })
            .collect(),
        Back::DataRow(row) => see_row(&row.data),
        Back::CopyData(data) => vec![data.data[..].into()],
        Back::CopyInResponse(response) => see_copy(response.format, &response.column_formats),
        Back::CopyOutResponse(response) => see_copy(response.format, &response.column_formats),
        Back::CopyBothResponse(response) => see_copy(response.format, &response.column_formats),
        _ => Seen::new(),
    }
}

fn see_authentication(request: &Authentication) -> Seen {
    match request {
        Authentication::Ok => vec![0.into()],
        Authentication::KerberosV5 => vec![2.into()],
        Authentication::CleartextPassword => vec![3.into()],
        Authentication::MD5Password(salt) => vec![5.into(), salt[..].into()],
        Authentication::SASL(names) => {
            std::iter::once(10.into()).chain(names.iter().map(|name| name.as_str().into())).collect()
        }
        Authentication::SASLContinue(data) => vec![11.into(), data[..].into()],
        Authentication::SASLFinal(data) => vec![12.into(), data[..].into()],
        _ => Seen::new(),
    }
}

fn see_fields(fields: &[(u8, String)]) -> Seen {
    fields.iter().flat_map(|(code, value)| [(*code).into(), value.as_str().into()]).collect()
}

/// Walks a row that is known to be one; of another, what is before the fault.
fn see_row(mut rest: &[u8]) -> Seen {
    let mut seen = Seen::new();
    while let Some((length, tail)) = rest.split_first_chunk() {
        let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
            (rest, _) = (tail, seen.push(Field::Null));
            continue;
        };
        let Some((value, tail)) = tail.split_at_checked(length) else { break };
        (rest, _) = (tail, seen.push(value.into()));
    }
    seen
}

fn see_copy(format: i8, columns: &[i16]) -> Seen {
    std::iter::once(format.into()).chain(columns.iter().map(|format| (*format).into())).collect()
}

fn see_frontend(message: &Front) -> Seen {
    let name = |name: &Option<String>| name.as_deref().unwrap_or_default().into();
    match message {
        Front::SslNegotiation(Negotiation::PostgresSsl(_)) => vec!["ssl".into()],
        Front::SslNegotiation(Negotiation::PostgresGss(_)) => vec!["gss".into()],
        Front::Startup(startup) => {
            let version =
                u32::from(startup.protocol_number_major) << 16 | u32::from(startup.protocol_number_minor);
            let pairs = startup.parameters.iter();
            let pairs = pairs.flat_map(|(name, value)| [name.as_str().into(), value.as_str().into()]);
            std::iter::once(version.into()).chain(pairs).collect()
        }
        Front::CancelRequest(cancel) => vec![cancel.pid.into(), cancel.secret_key.to_bytes()[..].into()],
        Front::PasswordMessageFamily(PasswordMessageFamily::Password(answer)) => {
            vec![answer.password.as_str().into()]
        }
        Front::PasswordMessageFamily(PasswordMessageFamily::SASLInitialResponse(answer)) => {
            vec![answer.auth_method.as_str().into(), Field::value(answer.data.as_deref())]
        }
        Front::PasswordMessageFamily(PasswordMessageFamily::SASLResponse(answer)) => {
            vec![answer.data[..].into()]
        }
        Front::Query(query) => vec![query.query.as_str().into()],
        Front::Parse(parse) => {
            let mut seen = vec![name(&parse.name), parse.query.as_str().into()];
            seen.extend(parse.type_oids.iter().map(|oid| Field::from(*oid)));
            seen
        }
        Front::Close(close) => vec![close.target_type.into(), name(&close.name)],
        Front::Describe(describe) => vec![describe.target_type.into(), name(&describe.name)],
        Front::Bind(bind) => {
            let mut seen = vec![name(&bind.portal_name), name(&bind.statement_name)];
            seen.extend(bind.parameter_format_codes.iter().map(|code| Field::from(*code)));
            seen.extend(bind.parameters.iter().map(|value| Field::value(value.as_deref())));
            seen.extend(bind.result_column_format_codes.iter().map(|code| Field::from(*code)));
            seen
        }
        Front::Execute(run) => vec![name(&run.name), run.max_rows.into()],
        Front::CopyData(data) => vec![data.data[..].into()],
        Front::CopyFail(fail) => vec![fail.message.as_str().into()],
        _ => Seen::new(),
    }
}

const CONTEXTS: [PasswordContext; 3] =
    [PasswordContext::Password, PasswordContext::SaslInitial, PasswordContext::SaslResponse];
