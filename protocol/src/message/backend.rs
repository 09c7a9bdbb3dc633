use super::copy::{copy_data, copy_done};
use super::{
    Authentication, CancelKey, CommandTag, CopyDirection, CopyResponse, FieldDescription,
    NegotiateProtocolVersion, Notification, ParameterStatus, ServerError, TransactionStatus, Values,
    encode_parameter_description, encode_row_description, function_call_response, parameter_description,
    parse_function_call_response, ready_for_query, row_description,
};
use crate::wire::{Reader, Tag, message};
use crate::{EncodeError, Malformed};

/// Any message of a server: what a client reads and a server, a proxy or a test's peer writes.
///
/// ```
/// use molt_db_protocol::message::{BackendMessage, CommandTag, TransactionStatus};
/// use molt_db_protocol::wire::Tag;
///
/// let mut out = Vec::new();
/// BackendMessage::CommandComplete(CommandTag::new("SELECT 1")).encode(&mut out)?;
/// BackendMessage::ReadyForQuery(TransactionStatus::Idle).encode(&mut out)?;
/// assert_eq!(out, b"C\0\0\0\x0dSELECT 1\0Z\0\0\0\x05I");
/// let read = BackendMessage::parse(Tag::ReadyForQuery, b"I")?;
/// assert_eq!(read, BackendMessage::ReadyForQuery(TransactionStatus::Idle));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
// PG docs: protocol-message-formats
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackendMessage<'b> {
    /// What the server asks for, or says, about authentication.
    Authentication(Authentication<'b>),
    /// What a CancelRequest has to show.
    BackendKeyData(CancelKey),
    /// The portal is made.
    BindComplete,
    /// The statement or the portal is forgotten.
    CloseComplete,
    /// A command is complete.
    CommandComplete(CommandTag),
    /// Both directions of a COPY begin.
    CopyBothResponse(CopyResponse<'b>),
    /// A piece of a COPY.
    CopyData(&'b [u8]),
    /// The COPY is complete.
    CopyDone,
    /// The client may send a COPY.
    CopyInResponse(CopyResponse<'b>),
    /// The server is going to send a COPY.
    CopyOutResponse(CopyResponse<'b>),
    /// A row.
    DataRow(Values<'b>),
    /// The SQL text held no statement.
    EmptyQueryResponse,
    /// An error.
    ErrorResponse(ServerError),
    /// The result of a FunctionCall; `None` is NULL.
    FunctionCallResponse(Option<&'b [u8]>),
    /// The server speaks an older protocol.
    NegotiateProtocolVersion(NegotiateProtocolVersion),
    /// There will be no rows.
    NoData,
    /// A remark.
    NoticeResponse(ServerError),
    /// A message of NOTIFY.
    NotificationResponse(Notification<'b>),
    /// The types of a statement's parameters.
    ParameterDescription(Box<[u32]>),
    /// The value of a setting.
    ParameterStatus(ParameterStatus<'b>),
    /// The statement is made.
    ParseComplete,
    /// An Execute reached its row limit; the portal can go on.
    PortalSuspended,
    /// The server waits for a command.
    ReadyForQuery(TransactionStatus),
    /// The columns of the rows to come.
    RowDescription(Vec<FieldDescription>),
}

impl<'b> BackendMessage<'b> {
    /// Reads the body of a message.
    ///
    /// # Errors
    ///
    /// A body that does not have the shape of its message, to the byte: a server that sends more than the
    /// specification says is refused.
    pub fn parse(tag: Tag, body: &'b [u8]) -> Result<Self, Malformed> {
        Ok(match tag {
            Tag::Authentication => Self::Authentication(Authentication::parse(body)?),
            Tag::BackendKeyData => Self::BackendKeyData(CancelKey::parse(body)?),
            Tag::BindComplete => empty(body, Self::BindComplete)?,
            Tag::CloseComplete => empty(body, Self::CloseComplete)?,
            Tag::CommandComplete => Self::CommandComplete(CommandTag::parse(body)?),
            Tag::CopyBothResponse => Self::CopyBothResponse(CopyResponse::parse(body)?),
            Tag::CopyData => Self::CopyData(body),
            Tag::CopyDone => empty(body, Self::CopyDone)?,
            Tag::CopyInResponse => Self::CopyInResponse(CopyResponse::parse(body)?),
            Tag::CopyOutResponse => Self::CopyOutResponse(CopyResponse::parse(body)?),
            Tag::DataRow => Self::DataRow(Values::parse(body)?),
            Tag::EmptyQueryResponse => empty(body, Self::EmptyQueryResponse)?,
            Tag::ErrorResponse => Self::ErrorResponse(ServerError::parse(body)?),
            Tag::FunctionCallResponse => Self::FunctionCallResponse(parse_function_call_response(body)?),
            Tag::NegotiateProtocolVersion => {
                Self::NegotiateProtocolVersion(NegotiateProtocolVersion::parse(body)?)
            }
            Tag::NoData => empty(body, Self::NoData)?,
            Tag::NoticeResponse => Self::NoticeResponse(ServerError::parse(body)?),
            Tag::NotificationResponse => Self::NotificationResponse(Notification::parse(body)?),
            Tag::ParameterDescription => Self::ParameterDescription(parameter_description(body)?),
            Tag::ParameterStatus => Self::ParameterStatus(ParameterStatus::parse(body)?),
            Tag::ParseComplete => empty(body, Self::ParseComplete)?,
            Tag::PortalSuspended => empty(body, Self::PortalSuspended)?,
            Tag::ReadyForQuery => Self::ReadyForQuery(ready_for_query(body)?),
            Tag::RowDescription => Self::RowDescription(row_description(body)?),
        })
    }

    /// Appends the message.
    ///
    /// # Errors
    ///
    /// What the wire cannot carry: a NUL in a string, more than 65,535 of anything, a message above 2 GiB. The output
    /// is then as it was before.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match self {
            Self::Authentication(request) => request.encode(out),
            Self::BackendKeyData(key) => key.encode(out),
            Self::CommandComplete(tag) => tag.encode(out),
            Self::CopyBothResponse(response) => response.encode(CopyDirection::Both, out),
            Self::CopyData(data) => copy_data(data, out),
            Self::CopyInResponse(response) => response.encode(CopyDirection::In, out),
            Self::CopyOutResponse(response) => response.encode(CopyDirection::Out, out),
            Self::DataRow(values) => message(out, self.tag().byte(), |body| values.write(body, "columns")),
            Self::ErrorResponse(error) => error.encode_error(out),
            Self::FunctionCallResponse(value) => function_call_response(*value, out),
            Self::NegotiateProtocolVersion(offer) => offer.encode(out),
            Self::NoticeResponse(notice) => notice.encode_notice(out),
            Self::NotificationResponse(notification) => notification.encode(out),
            Self::ParameterDescription(types) => encode_parameter_description(types, out),
            Self::ParameterStatus(status) => status.encode(out),
            Self::RowDescription(fields) => encode_row_description(fields, out),
            Self::CopyDone => {
                copy_done(out);
                Ok(())
            }
            Self::ReadyForQuery(status) => {
                status.encode(out);
                Ok(())
            }
            Self::BindComplete
            | Self::CloseComplete
            | Self::EmptyQueryResponse
            | Self::NoData
            | Self::ParseComplete
            | Self::PortalSuspended => message(out, self.tag().byte(), |_| Ok(())),
        }
    }

    /// Returns the type of the message.
    pub const fn tag(&self) -> Tag {
        match self {
            Self::Authentication(_) => Tag::Authentication,
            Self::BackendKeyData(_) => Tag::BackendKeyData,
            Self::BindComplete => Tag::BindComplete,
            Self::CloseComplete => Tag::CloseComplete,
            Self::CommandComplete(_) => Tag::CommandComplete,
            Self::CopyBothResponse(_) => Tag::CopyBothResponse,
            Self::CopyData(_) => Tag::CopyData,
            Self::CopyDone => Tag::CopyDone,
            Self::CopyInResponse(_) => Tag::CopyInResponse,
            Self::CopyOutResponse(_) => Tag::CopyOutResponse,
            Self::DataRow(_) => Tag::DataRow,
            Self::EmptyQueryResponse => Tag::EmptyQueryResponse,
            Self::ErrorResponse(_) => Tag::ErrorResponse,
            Self::FunctionCallResponse(_) => Tag::FunctionCallResponse,
            Self::NegotiateProtocolVersion(_) => Tag::NegotiateProtocolVersion,
            Self::NoData => Tag::NoData,
            Self::NoticeResponse(_) => Tag::NoticeResponse,
            Self::NotificationResponse(_) => Tag::NotificationResponse,
            Self::ParameterDescription(_) => Tag::ParameterDescription,
            Self::ParameterStatus(_) => Tag::ParameterStatus,
            Self::ParseComplete => Tag::ParseComplete,
            Self::PortalSuspended => Tag::PortalSuspended,
            Self::ReadyForQuery(_) => Tag::ReadyForQuery,
            Self::RowDescription(_) => Tag::RowDescription,
        }
    }
}

fn empty<'b>(body: &'b [u8], message: BackendMessage<'b>) -> Result<BackendMessage<'b>, Malformed> {
    Reader::new(body).finish()?;
    Ok(message)
}
