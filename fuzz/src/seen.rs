//! What a message says, whoever has read it: so that two readers can be compared.

use molt_db_protocol::message::{
    Authentication, BackendMessage, CopyResponse, Formats, FrontendMessage, OtherMethod, PasswordMessage,
    StartupPacket, Target, TransactionStatus, Values, WireFormat,
};

/// The fields of a message, in the order of the specification. Counts are not among them: they say nothing more.
pub type Seen = Vec<Field>;

/// One field, or one element of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// Any integer, code or flag.
    Number(i64),
    /// A string without its NUL, or data.
    Bytes(Vec<u8>),
    /// A value that is NULL.
    Null,
}

impl Field {
    /// Data that may be NULL.
    pub fn value(value: Option<&[u8]>) -> Self {
        value.map_or(Self::Null, |value| Self::Bytes(value.to_vec()))
    }
}

impl From<&str> for Field {
    fn from(text: &str) -> Self {
        Self::Bytes(text.into())
    }
}

impl From<&[u8]> for Field {
    fn from(data: &[u8]) -> Self {
        Self::Bytes(data.into())
    }
}

impl From<u8> for Field {
    fn from(number: u8) -> Self {
        Self::Number(number.into())
    }
}

impl From<i8> for Field {
    fn from(number: i8) -> Self {
        Self::Number(number.into())
    }
}

impl From<u16> for Field {
    fn from(number: u16) -> Self {
        Self::Number(number.into())
    }
}

impl From<i16> for Field {
    fn from(number: i16) -> Self {
        Self::Number(number.into())
    }
}

impl From<u32> for Field {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<i32> for Field {
    fn from(number: i32) -> Self {
        Self::Number(number.into())
    }
}

/// Lists the fields of a server's message.
pub fn backend(message: &BackendMessage<'_>) -> Seen {
    match message {
        BackendMessage::Authentication(request) => authentication(request),
        BackendMessage::BackendKeyData(key) => vec![key.process().into(), key.secret().into()],
        BackendMessage::CommandComplete(tag) => vec![tag.as_str().into()],
        BackendMessage::CopyBothResponse(response)
        | BackendMessage::CopyInResponse(response)
        | BackendMessage::CopyOutResponse(response) => copy_response(response),
        BackendMessage::CopyData(data) => vec![(*data).into()],
        BackendMessage::DataRow(row) => values(row),
        BackendMessage::ErrorResponse(error) | BackendMessage::NoticeResponse(error) => {
            error.fields().flat_map(|(code, value)| [code.into(), value.into()]).collect()
        }
        BackendMessage::FunctionCallResponse(value) => vec![Field::value(*value)],
        BackendMessage::NegotiateProtocolVersion(offer) => {
            let names = offer.unknown_options.iter().map(|name| name.as_str().into());
            std::iter::once(offer.version.into()).chain(names).collect()
        }
        BackendMessage::NotificationResponse(told) => {
            vec![told.process.into(), told.channel.into(), told.payload.into()]
        }
        BackendMessage::ParameterDescription(types) => types.iter().map(|oid| (*oid).into()).collect(),
        BackendMessage::ParameterStatus(status) => vec![status.name.into(), status.value.into()],
        BackendMessage::ReadyForQuery(status) => vec![status_byte(*status).into()],
        BackendMessage::RowDescription(fields) => fields
            .iter()
            .flat_map(|field| {
                [
                    field.name.as_str().into(),
                    field.table.into(),
                    field.attribute.into(),
                    field.type_oid.into(),
                    field.type_size.into(),
                    field.type_modifier.into(),
                    code(field.format),
                ]
            })
            .collect(),
        BackendMessage::BindComplete
        | BackendMessage::CloseComplete
        | BackendMessage::CopyDone
        | BackendMessage::EmptyQueryResponse
        | BackendMessage::NoData
        | BackendMessage::ParseComplete
        | BackendMessage::PortalSuspended => Seen::new(),
    }
}

/// Lists the fields of a client's message.
pub fn frontend(message: &FrontendMessage<'_>) -> Seen {
    match message {
        FrontendMessage::Bind(bind) => {
            let mut seen = vec![bind.portal.into(), bind.statement.into()];
            seen.extend(formats(&bind.formats));
            seen.extend(values(&bind.values));
            seen.extend(formats(&bind.results));
            seen
        }
        FrontendMessage::Close(target) | FrontendMessage::Describe(target) => match target {
            Target::Statement(name) => vec![b'S'.into(), (*name).into()],
            Target::Portal(name) => vec![b'P'.into(), (*name).into()],
        },
        FrontendMessage::CopyData(data) => vec![(*data).into()],
        FrontendMessage::CopyFail(reason) => vec![(*reason).into()],
        FrontendMessage::Execute(run) => vec![run.portal.into(), run.max_rows.into()],
        FrontendMessage::FunctionCall(call) => {
            let mut seen = vec![call.function.into()];
            seen.extend(formats(&call.formats));
            seen.extend(values(&call.arguments));
            seen.push(code(call.result));
            seen
        }
        FrontendMessage::Parse(parse) => {
            let mut seen = vec![parse.name.into(), parse.sql.into()];
            seen.extend(parse.types.iter().map(Field::from));
            seen
        }
        FrontendMessage::Password(answer) => password(answer),
        FrontendMessage::Query(sql) => vec![(*sql).into()],
        FrontendMessage::CopyDone
        | FrontendMessage::Flush
        | FrontendMessage::Sync
        | FrontendMessage::Terminate => Seen::new(),
    }
}

/// Lists the fields of what comes before the first message.
pub fn packet(packet: &StartupPacket<'_>) -> Seen {
    match packet {
        StartupPacket::Startup { version, parameters } => {
            let pairs = parameters.iter().flat_map(|(name, value)| [name.into(), value.into()]);
            std::iter::once((*version).into()).chain(pairs).collect()
        }
        StartupPacket::SslRequest => vec!["ssl".into()],
        StartupPacket::GssEncRequest => vec!["gss".into()],
        StartupPacket::Cancel { key } => vec![key.process().into(), key.secret().into()],
        StartupPacket::Unsupported { version, rest } => vec![(*version).into(), (*rest).into()],
    }
}

fn authentication(request: &Authentication<'_>) -> Seen {
    let mut seen = vec![request.code().into()];
    match request {
        Authentication::Md5Password(salt) => seen.push(salt[..].into()),
        Authentication::Sasl(mechanisms) => seen.extend(mechanisms.iter().map(Field::from)),
        Authentication::SaslContinue(data) | Authentication::SaslFinal(data) => seen.push((*data).into()),
        Authentication::Other(other @ (OtherMethod::GssContinue(_) | OtherMethod::Unknown { .. })) => {
            seen.push(other.data().into());
        }
        _ => {}
    }
    seen
}

fn password(answer: &PasswordMessage<'_>) -> Seen {
    match answer {
        PasswordMessage::SaslInitial { mechanism, response } => {
            vec![(*mechanism).into(), Field::value(*response)]
        }
        PasswordMessage::Password(data)
        | PasswordMessage::SaslResponse(data)
        | PasswordMessage::Gss(data) => {
            vec![(*data).into()]
        }
    }
}

fn copy_response(response: &CopyResponse<'_>) -> Seen {
    std::iter::once(code(response.format)).chain(formats(&response.columns)).collect()
}

fn formats(formats: &Formats<'_>) -> impl Iterator<Item = Field> {
    formats.iter().map(code)
}

fn values(values: &Values<'_>) -> Seen {
    values.iter().map(Field::value).collect()
}

fn code(format: WireFormat) -> Field {
    format.code().into()
}

fn status_byte(status: TransactionStatus) -> u8 {
    match status {
        TransactionStatus::Idle => b'I',
        TransactionStatus::InTransaction => b'T',
        TransactionStatus::Failed => b'E',
    }
}
