//! A server's messages as words: `Row(1,NULL) Complete(SELECT 1) Ready(I)`.
//!
//! Patterns are written in the same words, and reports print them.

use molt_db_protocol::message::{Authentication, BackendMessage, CopyResponse, ServerError, WireFormat};
use molt_db_protocol::wire::Tag;

/// One message of a server, or the end of the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// What it is: `Row`.
    pub(crate) name: &'static str,
    /// What is in it, empty when there is nothing: `1,NULL`.
    pub(crate) content: String,
}

impl Word {
    /// The end of the connection.
    pub(crate) const END: Self = Self { name: "End", content: String::new() };

    /// Reads a message. One that the codec refuses is `Malformed`, which no pattern matches.
    pub(crate) fn read(tag: Tag, body: &[u8]) -> Self {
        match BackendMessage::parse(tag, body) {
            Ok(message) => word(&message),
            Err(error) => Self::new("Malformed", format!("{tag}: {error}")),
        }
    }

    /// Tells whether a server may send it at any time.
    // PG docs: protocol-flow, "Asynchronous Operations"
    pub(crate) fn is_asynchronous(&self) -> bool {
        ASIDES.contains(&self.name)
    }

    fn new(name: &'static str, content: impl Into<String>) -> Self {
        Self { name, content: content.into() }
    }
}

impl std::fmt::Display for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.content.is_empty() {
            return f.write_str(self.name);
        }
        let short: String = self.content.chars().take(LONGEST).collect();
        let rest = if short.len() < self.content.len() { "..." } else { "" };
        write!(f, "{}({short}{rest})", self.name)
    }
}

/// The names that patterns may use.
pub(crate) const NAMES: [&str; 31] = [
    "AuthenticationOk",
    "Cleartext",
    "Md5",
    "Sasl",
    "SaslContinue",
    "SaslFinal",
    "Authentication",
    "Key",
    "BindComplete",
    "CloseComplete",
    "Complete",
    "CopyBoth",
    "CopyData",
    "CopyDone",
    "CopyIn",
    "CopyOut",
    "Row",
    "EmptyQuery",
    "Error",
    "Fatal",
    "FunctionResult",
    "Negotiate",
    "NoData",
    "Notice",
    "Notify",
    "Parameters",
    "Status",
    "ParseComplete",
    "Suspended",
    "Ready",
    "Columns",
];

/// Those that a server may send at any time.
pub(crate) const ASIDES: [&str; 3] = ["Notice", "Status", "Notify"];

const LONGEST: usize = 200;

fn word(message: &BackendMessage<'_>) -> Word {
    match message {
        BackendMessage::Authentication(request) => authentication(request),
        BackendMessage::BackendKeyData(key) => Word::new("Key", key.secret().len().to_string()),
        BackendMessage::BindComplete => Word::new("BindComplete", ""),
        BackendMessage::CloseComplete => Word::new("CloseComplete", ""),
        BackendMessage::CommandComplete(tag) => Word::new("Complete", tag.as_str()),
        BackendMessage::CopyBothResponse(response) => copy("CopyBoth", response),
        BackendMessage::CopyData(data) => Word::new("CopyData", text(data)),
        BackendMessage::CopyDone => Word::new("CopyDone", ""),
        BackendMessage::CopyInResponse(response) => copy("CopyIn", response),
        BackendMessage::CopyOutResponse(response) => copy("CopyOut", response),
        BackendMessage::DataRow(values) => Word::new("Row", list(values.iter().map(cell))),
        BackendMessage::EmptyQueryResponse => Word::new("EmptyQuery", ""),
        BackendMessage::ErrorResponse(error) => Word::new(severity(error), code(error)),
        BackendMessage::FunctionCallResponse(value) => Word::new("FunctionResult", cell(*value)),
        BackendMessage::NegotiateProtocolVersion(answer) => {
            let version = format!("{}.{}", answer.version >> 16, answer.version & 0xffff);
            Word::new("Negotiate", [&[version][..], &answer.unknown_options].concat().join(" "))
        }
        BackendMessage::NoData => Word::new("NoData", ""),
        BackendMessage::NoticeResponse(notice) => Word::new("Notice", code(notice)),
        BackendMessage::NotificationResponse(note) => {
            Word::new("Notify", format!("{},{}", note.channel, note.payload))
        }
        BackendMessage::ParameterDescription(types) => Word::new("Parameters", list(types.iter())),
        BackendMessage::ParameterStatus(status) => {
            Word::new("Status", format!("{}={}", status.name, status.value))
        }
        BackendMessage::ParseComplete => Word::new("ParseComplete", ""),
        BackendMessage::PortalSuspended => Word::new("Suspended", ""),
        BackendMessage::ReadyForQuery(status) => Word::new("Ready", char::from(status.code())),
        BackendMessage::RowDescription(fields) => Word::new(
            "Columns",
            list(
                fields.iter().map(|field| format!("{}:{}{}", field.name, field.type_oid, mark(field.format))),
            ),
        ),
    }
}

fn authentication(request: &Authentication<'_>) -> Word {
    match request {
        Authentication::Ok => Word::new("AuthenticationOk", ""),
        Authentication::CleartextPassword => Word::new("Cleartext", ""),
        Authentication::Md5Password(_) => Word::new("Md5", ""),
        Authentication::Sasl(mechanisms) => {
            let names: Vec<_> = mechanisms.iter().map(text).collect();
            Word::new("Sasl", names.join(" "))
        }
        Authentication::SaslContinue(data) => Word::new("SaslContinue", text(data)),
        Authentication::SaslFinal(data) => Word::new("SaslFinal", text(data)),
        other => Word::new("Authentication", other.code().to_string()),
    }
}

fn copy(name: &'static str, response: &CopyResponse<'_>) -> Word {
    let format = if response.format == WireFormat::Binary { "binary" } else { "text" };
    Word::new(name, format!("{format},{}", response.columns.len()))
}

fn severity(error: &ServerError) -> &'static str {
    if error.is_fatal() { "Fatal" } else { "Error" }
}

fn code(error: &ServerError) -> String {
    error.field(b'C').map_or_else(|| "no code".to_owned(), |code| code.into_owned())
}

fn mark(format: WireFormat) -> &'static str {
    if format == WireFormat::Binary { "b" } else { "" }
}

fn cell(value: Option<&[u8]>) -> String {
    value.map_or_else(|| "NULL".to_owned(), text)
}

fn list<T: ToString>(items: impl Iterator<Item = T>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(",")
}

/// Printable ASCII as it is, all else escaped.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes.escape_ascii().collect::<Vec<u8>>()).into_owned()
}
