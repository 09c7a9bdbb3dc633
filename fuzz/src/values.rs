//! Values of messages out of any bytes, each lent to whoever asks. Some cannot be: the constructors say so, and then
//! nobody is asked.

use arbitrary::Arbitrary;
use molt_db_protocol::message::{
    Authentication, BackendMessage, BindMessage, CancelKey, CommandTag, CopyResponse, ErrorField, Execute,
    FieldDescription, Formats, FrontendMessage, FunctionCall, NegotiateProtocolVersion, Notification, Oids,
    OtherMethod, ParameterStatus, ParseMessage, PasswordContext, PasswordMessage, SaslMechanisms,
    ServerError, Severity, SqlState, Target, TransactionStatus, Values, WireFormat,
};

/// What a server may say.
#[derive(Debug, Arbitrary)]
pub enum Backend<'i> {
    /// A request without data.
    Request(Request),
    /// The salt.
    Md5Password([u8; 4]),
    /// The mechanisms.
    Sasl(Vec<&'i str>),
    /// The challenge.
    SaslContinue(&'i [u8]),
    /// The proof.
    SaslFinal(&'i [u8]),
    /// A message of GSSAPI.
    GssContinue(&'i [u8]),
    /// Process and secret.
    KeyData(i32, &'i [u8]),
    /// A message without a body.
    Bare(Bare),
    /// The tag.
    CommandComplete(&'i str),
    /// The format, and that of each column.
    CopyBothResponse(Format, Vec<Format>),
    /// The same.
    CopyInResponse(Format, Vec<Format>),
    /// The same.
    CopyOutResponse(Format, Vec<Format>),
    /// A piece.
    CopyData(&'i [u8]),
    /// The values.
    DataRow(Vec<Option<&'i [u8]>>),
    /// An error.
    Error(Fault<'i>),
    /// A notice.
    Notice(Fault<'i>),
    /// A result.
    FunctionCallResponse(Option<&'i [u8]>),
    /// The version, and options nobody knows.
    Negotiate(u32, Vec<String>),
    /// Process, channel and payload.
    Notification(i32, &'i str, &'i str),
    /// The types.
    ParameterDescription(Vec<u32>),
    /// Name and value.
    ParameterStatus(&'i str, &'i str),
    /// The transaction.
    ReadyForQuery(Transaction),
    /// The columns.
    RowDescription(Vec<Column<'i>>),
}

/// What a client may say.
#[derive(Debug, Arbitrary)]
pub enum Frontend<'i> {
    /// Portal and statement, one format or many, the values, the formats of the results.
    Bind(&'i str, &'i str, Parameters<'i>, Vec<Format>),
    /// What is to be forgotten.
    Close(Named<'i>),
    /// A piece.
    CopyData(&'i [u8]),
    /// The end.
    CopyDone,
    /// The reason.
    CopyFail(&'i [u8]),
    /// What is to be told of.
    Describe(Named<'i>),
    /// Portal and limit.
    Execute(&'i str, i32),
    /// Nothing.
    Flush,
    /// The function, its arguments, and the format of its result.
    FunctionCall(u32, Parameters<'i>, Format),
    /// Name, SQL and types.
    Parse(&'i str, &'i [u8], Vec<u32>),
    /// A password.
    Password(&'i [u8]),
    /// Mechanism and first response.
    SaslInitial(&'i str, Option<&'i [u8]>),
    /// Another response.
    SaslResponse(&'i [u8]),
    /// A message of GSSAPI.
    Gss(&'i [u8]),
    /// SQL.
    Query(&'i [u8]),
    /// Nothing.
    Sync,
    /// Nothing.
    Terminate,
}

/// Requests of authentication that are a number and no more.
#[derive(Debug, Clone, Copy, Arbitrary)]
#[expect(missing_docs, reason = "the names are the specification's")]
pub enum Request {
    Ok,
    CleartextPassword,
    KerberosV5,
    ScmCredential,
    Gss,
    Sspi,
}

/// Messages that are a type and no more.
#[derive(Debug, Clone, Copy, Arbitrary)]
#[expect(missing_docs, reason = "the names are the specification's")]
pub enum Bare {
    BindComplete,
    CloseComplete,
    CopyDone,
    EmptyQueryResponse,
    NoData,
    ParseComplete,
    PortalSuspended,
}

/// A format of values.
#[derive(Debug, Clone, Copy, Arbitrary)]
#[expect(missing_docs, reason = "the names are the specification's")]
pub enum Format {
    Text,
    Binary,
}

/// The state of a transaction.
#[derive(Debug, Clone, Copy, Arbitrary)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Transaction {
    Idle,
    Open,
    Failed,
}

/// A statement or a portal.
#[derive(Debug, Clone, Copy, Arbitrary)]
#[expect(missing_docs, reason = "the names are the specification's")]
pub enum Named<'i> {
    Statement(&'i str),
    Portal(&'i str),
}

/// Parameters with no format, one for all, or one each.
#[derive(Debug, Arbitrary)]
pub enum Parameters<'i> {
    /// All are text.
    AsText(Vec<Option<&'i [u8]>>),
    /// All have this format.
    As(Format, Vec<Option<&'i [u8]>>),
    /// Each has its own.
    Each(Vec<(Format, Option<&'i [u8]>)>),
}

/// What an error or a notice says.
#[derive(Debug, Arbitrary)]
pub struct Fault<'i> {
    severity: u8,
    code: [u8; 5],
    message: &'i str,
    more: Vec<(u8, &'i str)>,
}

/// A column of a result.
#[derive(Debug, Clone, Copy, Arbitrary)]
pub struct Column<'i> {
    name: &'i str,
    table: u32,
    attribute: i16,
    type_oid: u32,
    type_size: i16,
    type_modifier: i32,
    format: Format,
}

impl Backend<'_> {
    /// Lends the message, and says whether there is one.
    pub fn lend(&self, lend: impl FnOnce(BackendMessage<'_>)) -> bool {
        let mut store = Vec::new();
        let message = match self {
            Self::Request(request) => BackendMessage::Authentication((*request).into()),
            Self::Md5Password(salt) => BackendMessage::Authentication(Authentication::Md5Password(*salt)),
            Self::Sasl(names) => {
                if SaslMechanisms::write(names, &mut store).is_err() {
                    return false;
                }
                let mechanisms = SaslMechanisms::parse(&store).expect("it was written here");
                assert!(mechanisms.iter().eq(names.iter().map(|name| name.as_bytes())));
                BackendMessage::Authentication(Authentication::Sasl(mechanisms))
            }
            Self::SaslContinue(data) => BackendMessage::Authentication(Authentication::SaslContinue(data)),
            Self::SaslFinal(data) => BackendMessage::Authentication(Authentication::SaslFinal(data)),
            Self::GssContinue(data) => {
                BackendMessage::Authentication(Authentication::Other(OtherMethod::GssContinue(data)))
            }
            Self::KeyData(process, secret) => match CancelKey::new(*process, secret) {
                Ok(key) => BackendMessage::BackendKeyData(key),
                Err(_) => return false,
            },
            Self::Bare(bare) => (*bare).into(),
            Self::CommandComplete(tag) => BackendMessage::CommandComplete(CommandTag::new(tag)),
            Self::CopyBothResponse(format, columns) => {
                BackendMessage::CopyBothResponse(copy_response(*format, columns, &mut store))
            }
            Self::CopyInResponse(format, columns) => {
                BackendMessage::CopyInResponse(copy_response(*format, columns, &mut store))
            }
            Self::CopyOutResponse(format, columns) => {
                BackendMessage::CopyOutResponse(copy_response(*format, columns, &mut store))
            }
            Self::CopyData(data) => BackendMessage::CopyData(data),
            Self::DataRow(row) => BackendMessage::DataRow(values(row.iter().copied(), &mut store)),
            Self::Error(fault) => match fault.build() {
                Some(error) => BackendMessage::ErrorResponse(error),
                None => return false,
            },
            Self::Notice(fault) => match fault.build() {
                Some(notice) => BackendMessage::NoticeResponse(notice),
                None => return false,
            },
            Self::FunctionCallResponse(value) => BackendMessage::FunctionCallResponse(*value),
            Self::Negotiate(version, options) => {
                BackendMessage::NegotiateProtocolVersion(NegotiateProtocolVersion {
                    version: *version,
                    unknown_options: options.clone(),
                })
            }
            Self::Notification(process, channel, payload) => {
                BackendMessage::NotificationResponse(Notification { process: *process, channel, payload })
            }
            Self::ParameterDescription(types) => {
                BackendMessage::ParameterDescription(types.as_slice().into())
            }
            Self::ParameterStatus(name, value) => {
                BackendMessage::ParameterStatus(ParameterStatus { name, value })
            }
            Self::ReadyForQuery(status) => BackendMessage::ReadyForQuery((*status).into()),
            Self::RowDescription(columns) => {
                BackendMessage::RowDescription(columns.iter().map(|column| (*column).into()).collect())
            }
        };
        lend(message);
        true
    }
}

impl Frontend<'_> {
    /// Lends the message.
    pub fn lend(&self, lend: impl FnOnce(FrontendMessage<'_>)) {
        let (mut formats, mut store, mut more) = (Vec::new(), Vec::new(), Vec::new());
        lend(match self {
            Self::Bind(portal, statement, parameters, results) => {
                let (formats, values) = parameters.split(&mut formats, &mut store);
                let results = codes(results.iter().copied(), &mut more);
                FrontendMessage::Bind(BindMessage { portal, statement, formats, values, results })
            }
            Self::Close(target) => FrontendMessage::Close((*target).into()),
            Self::CopyData(data) => FrontendMessage::CopyData(data),
            Self::CopyDone => FrontendMessage::CopyDone,
            Self::CopyFail(reason) => FrontendMessage::CopyFail(reason),
            Self::Describe(target) => FrontendMessage::Describe((*target).into()),
            Self::Execute(portal, max_rows) => {
                FrontendMessage::Execute(Execute { portal, max_rows: *max_rows })
            }
            Self::Flush => FrontendMessage::Flush,
            Self::FunctionCall(function, parameters, result) => {
                let (formats, arguments) = parameters.split(&mut formats, &mut store);
                let (function, result) = (*function, (*result).into());
                FrontendMessage::FunctionCall(FunctionCall { function, formats, arguments, result })
            }
            Self::Parse(name, sql, types) => {
                store.extend(types.iter().flat_map(|oid| oid.to_be_bytes()));
                let types = Oids::new(&store).expect("four bytes each");
                FrontendMessage::Parse(ParseMessage { name, sql, types })
            }
            Self::Password(text) => FrontendMessage::Password(PasswordMessage::Password(text)),
            Self::SaslInitial(mechanism, response) => {
                let response = *response;
                FrontendMessage::Password(PasswordMessage::SaslInitial { mechanism, response })
            }
            Self::SaslResponse(data) => FrontendMessage::Password(PasswordMessage::SaslResponse(data)),
            Self::Gss(data) => FrontendMessage::Password(PasswordMessage::Gss(data)),
            Self::Query(sql) => FrontendMessage::Query(sql),
            Self::Sync => FrontendMessage::Sync,
            Self::Terminate => FrontendMessage::Terminate,
        });
    }

    /// What the server must have asked for.
    pub fn context(&self) -> PasswordContext {
        match self {
            Self::Password(_) => PasswordContext::Password,
            Self::SaslInitial(..) => PasswordContext::SaslInitial,
            Self::SaslResponse(_) => PasswordContext::SaslResponse,
            Self::Gss(_) => PasswordContext::Gss,
            _ => PasswordContext::Unasked,
        }
    }
}

impl Parameters<'_> {
    fn split<'s>(&self, formats: &'s mut Vec<u8>, store: &'s mut Vec<u8>) -> (Formats<'s>, Values<'s>) {
        match self {
            Self::AsText(parameters) => (Formats::default(), values(parameters.iter().copied(), store)),
            Self::As(format, parameters) => {
                (codes([*format], formats), values(parameters.iter().copied(), store))
            }
            Self::Each(parameters) => {
                let each = parameters.iter().map(|(format, _)| *format);
                (codes(each, formats), values(parameters.iter().map(|(_, value)| *value), store))
            }
        }
    }
}

impl Fault<'_> {
    fn build(&self) -> Option<ServerError> {
        let severity = SEVERITIES[usize::from(self.severity) % SEVERITIES.len()];
        let code = SqlState::new(str::from_utf8(&self.code).ok()?)?;
        let mut builder = ServerError::builder(severity, code, self.message).ok()?;
        for (field, text) in &self.more {
            builder = builder.field(FIELDS[usize::from(*field) % FIELDS.len()], text).ok()?;
        }
        let error = builder.build();
        assert_eq!((error.message().as_ref(), error.severity().as_ref()), (self.message, severity.as_str()));
        Some(error)
    }
}

impl From<Request> for Authentication<'_> {
    fn from(request: Request) -> Self {
        match request {
            Request::Ok => Self::Ok,
            Request::CleartextPassword => Self::CleartextPassword,
            Request::KerberosV5 => Self::Other(OtherMethod::KerberosV5),
            Request::ScmCredential => Self::Other(OtherMethod::ScmCredential),
            Request::Gss => Self::Other(OtherMethod::Gss),
            Request::Sspi => Self::Other(OtherMethod::Sspi),
        }
    }
}

impl From<Bare> for BackendMessage<'_> {
    fn from(bare: Bare) -> Self {
        match bare {
            Bare::BindComplete => Self::BindComplete,
            Bare::CloseComplete => Self::CloseComplete,
            Bare::CopyDone => Self::CopyDone,
            Bare::EmptyQueryResponse => Self::EmptyQueryResponse,
            Bare::NoData => Self::NoData,
            Bare::ParseComplete => Self::ParseComplete,
            Bare::PortalSuspended => Self::PortalSuspended,
        }
    }
}

impl From<Format> for WireFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Text => Self::Text,
            Format::Binary => Self::Binary,
        }
    }
}

impl From<Transaction> for TransactionStatus {
    fn from(status: Transaction) -> Self {
        match status {
            Transaction::Idle => Self::Idle,
            Transaction::Open => Self::InTransaction,
            Transaction::Failed => Self::Failed,
        }
    }
}

impl<'i> From<Named<'i>> for Target<'i> {
    fn from(named: Named<'i>) -> Self {
        match named {
            Named::Statement(name) => Self::Statement(name),
            Named::Portal(name) => Self::Portal(name),
        }
    }
}

impl From<Column<'_>> for FieldDescription {
    fn from(column: Column<'_>) -> Self {
        let Column { name, table, attribute, type_oid, type_size, type_modifier, format } = column;
        let name = name.to_owned();
        Self { name, table, attribute, type_oid, type_size, type_modifier, format: format.into() }
    }
}

fn copy_response<'s>(format: Format, columns: &[Format], store: &'s mut Vec<u8>) -> CopyResponse<'s> {
    CopyResponse { format: format.into(), columns: codes(columns.iter().copied(), store) }
}

fn codes(formats: impl IntoIterator<Item = Format>, store: &mut Vec<u8>) -> Formats<'_> {
    store.extend(formats.into_iter().flat_map(|format| WireFormat::from(format).code().to_be_bytes()));
    Formats::new(store).expect("codes of formats")
}

fn values<'i, 's>(
    values: impl Iterator<Item = Option<&'i [u8]>> + Clone,
    store: &'s mut Vec<u8>,
) -> Values<'s> {
    for value in values.clone() {
        store.extend(value.map_or(-1, |value| value.len() as i32).to_be_bytes());
        store.extend(value.unwrap_or_default());
    }
    let made = Values::new(store).expect("lengths and values");
    let equals = |(a, b): (Option<&[u8]>, Option<&[u8]>)| a == b;
    assert!(values.zip(made.iter()).all(equals));
    made
}

const SEVERITIES: [Severity; 8] = [
    Severity::Error,
    Severity::Fatal,
    Severity::Panic,
    Severity::Warning,
    Severity::Notice,
    Severity::Debug,
    Severity::Info,
    Severity::Log,
];

/// What an error may say beside severity, code and message.
const FIELDS: [ErrorField; 14] = [
    ErrorField::Detail,
    ErrorField::Hint,
    ErrorField::Position,
    ErrorField::InternalPosition,
    ErrorField::InternalQuery,
    ErrorField::Where,
    ErrorField::Schema,
    ErrorField::Table,
    ErrorField::Column,
    ErrorField::DataType,
    ErrorField::Constraint,
    ErrorField::File,
    ErrorField::Line,
    ErrorField::Routine,
];
