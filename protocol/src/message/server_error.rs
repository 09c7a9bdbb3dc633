use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use super::{ServerErrorBuilder, Severity};
use crate::wire::{Reader, Tag, message};
use crate::{EncodeError, Malformed};

/// An error or a notice of the server, with every field that it sent.
///
/// Texts are shown as UTF-8; where the server sent other bytes (before it knows our encoding it may), those are
/// replaced for display.
// PG docs: protocol-error-fields
#[derive(Clone, PartialEq, Eq)]
pub struct ServerError {
    fields: Box<[u8]>,
}

impl ServerError {
    /// Reads the body of an ErrorResponse or a NoticeResponse. Fields of unknown meaning are kept.
    ///
    /// # Errors
    ///
    /// A field that is not terminated, or no end of the list.
    pub fn parse(body: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        while reader.u8()? != 0 {
            reader.cstr()?;
        }
        reader.finish()?;
        Ok(Self { fields: body.into() })
    }

    /// Takes fields that are known to be whole: code, text and NUL of each, and the byte that ends the list.
    pub(super) fn from_fields(fields: Vec<u8>) -> Self {
        Self { fields: fields.into() }
    }

    /// Makes an error or a notice with the fields that every one has. A NUL in the text, which no message can carry, is
    /// replaced by U+FFFD.
    pub fn new(severity: Severity, code: SqlState, message: &str) -> Self {
        let (severity, message) = (severity.as_str(), message.replace('\0', "\u{fffd}"));
        let fields = format!("S{severity}\0V{severity}\0C{code}\0M{message}\0\0");
        Self { fields: fields.into_bytes().into() }
    }

    /// Starts to make an error or a notice of a server, with the fields that every one has.
    ///
    /// # Errors
    ///
    /// A NUL in the message.
    pub fn builder(
        severity: Severity,
        code: SqlState,
        message: &str,
    ) -> Result<ServerErrorBuilder, EncodeError> {
        ServerErrorBuilder::new(severity, code, message)
    }

    /// Appends an ErrorResponse.
    ///
    /// # Errors
    ///
    /// A message above 2 GiB.
    pub fn encode_error(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.encode(Tag::ErrorResponse, out)
    }

    /// Appends a NoticeResponse.
    ///
    /// # Errors
    ///
    /// A message above 2 GiB.
    pub fn encode_notice(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.encode(Tag::NoticeResponse, out)
    }

    /// Returns the field of this code, if the server sent it.
    pub fn field(&self, code: u8) -> Option<Cow<'_, str>> {
        self.fields().find(|(found, _)| *found == code).map(|(_, value)| String::from_utf8_lossy(value))
    }

    /// Returns the SQLSTATE. A server that sent none, or none of five characters, gets `XX000`.
    pub fn code(&self) -> SqlState {
        let code = self.fields().find(|(code, _)| *code == b'C').and_then(|(_, value)| value.try_into().ok());
        code.filter(|code: &[u8; 5]| code.is_ascii()).map_or(SqlState::INTERNAL_ERROR, SqlState)
    }

    /// Returns `ERROR`, `FATAL`, `PANIC`, `WARNING`, `NOTICE`, `DEBUG`, `INFO` or `LOG`: never translated, where the
    /// server tells (9.6 and later do).
    pub fn severity(&self) -> Cow<'_, str> {
        self.field(b'V').or_else(|| self.field(b'S')).unwrap_or(Cow::Borrowed("ERROR"))
    }

    /// Tells whether the server ends the session with this error.
    pub fn is_fatal(&self) -> bool {
        matches!(self.severity().as_ref(), "FATAL" | "PANIC")
    }

    /// Returns what happened, in one line.
    pub fn message(&self) -> Cow<'_, str> {
        self.field(b'M').unwrap_or(Cow::Borrowed("the server gave no message"))
    }

    /// Returns more about what happened.
    pub fn detail(&self) -> Option<Cow<'_, str>> {
        self.field(b'D')
    }

    /// Returns what may help.
    pub fn hint(&self) -> Option<Cow<'_, str>> {
        self.field(b'H')
    }

    /// Returns where in the SQL text the error is: a count of characters, the first is 1.
    pub fn position(&self) -> Option<u32> {
        self.number(b'P')
    }

    /// Returns where in an internally made query the error is, if it is there.
    pub fn internal_position(&self) -> Option<u32> {
        self.number(b'p')
    }

    /// Returns the internally made query that failed.
    pub fn internal_query(&self) -> Option<Cow<'_, str>> {
        self.field(b'q')
    }

    /// Returns what the server was doing: a stack of functions and queries, a line each.
    pub fn context(&self) -> Option<Cow<'_, str>> {
        self.field(b'W')
    }

    /// Returns the schema that the error is about.
    pub fn schema(&self) -> Option<Cow<'_, str>> {
        self.field(b's')
    }

    /// Returns the table that the error is about.
    pub fn table(&self) -> Option<Cow<'_, str>> {
        self.field(b't')
    }

    /// Returns the column that the error is about.
    pub fn column(&self) -> Option<Cow<'_, str>> {
        self.field(b'c')
    }

    /// Returns the data type that the error is about.
    pub fn data_type(&self) -> Option<Cow<'_, str>> {
        self.field(b'd')
    }

    /// Returns the constraint that was violated.
    pub fn constraint(&self) -> Option<Cow<'_, str>> {
        self.field(b'n')
    }

    /// Returns the source file of the server that reported the error.
    pub fn file(&self) -> Option<Cow<'_, str>> {
        self.field(b'F')
    }

    /// Returns the line in that file.
    pub fn line(&self) -> Option<u32> {
        self.number(b'L')
    }

    /// Returns the function of the server that reported the error.
    pub fn routine(&self) -> Option<Cow<'_, str>> {
        self.field(b'R')
    }

    /// Walks all fields: the code and the bytes of each, in the server's order.
    pub fn fields(&self) -> impl Iterator<Item = (u8, &[u8])> {
        let mut reader = Reader::new(&self.fields);
        std::iter::from_fn(move || {
            let code = reader.u8().ok().filter(|code| *code != 0)?;
            Some((code, reader.cstr().ok()?))
        })
    }

    fn encode(&self, tag: Tag, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        message(out, tag.byte(), |body| {
            body.bytes(&self.fields);
            Ok(())
        })
    }

    fn number(&self, code: u8) -> Option<u32> {
        self.field(code)?.parse().ok()
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} (SQLSTATE {}", self.severity(), self.message(), self.code())?;
        if let Some(position) = self.position() {
            write!(f, ", at character {position}")?;
        }
        f.write_str(")")?;
        if let Some(detail) = self.detail() {
            write!(f, "; {detail}")?;
        }
        if let Some(hint) = self.hint() {
            write!(f, "; hint: {hint}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = self.fields().map(|(code, value)| (char::from(code), String::from_utf8_lossy(value)));
        f.debug_map().entries(fields).finish()
    }
}

impl Error for ServerError {}

/// The five characters that say what kind of error it is.
// PG docs: errcodes-appendix
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SqlState([u8; 5]);

impl SqlState {
    /// `XX000`
    pub const INTERNAL_ERROR: Self = Self(*b"XX000");
    /// `0A000`
    pub const FEATURE_NOT_SUPPORTED: Self = Self(*b"0A000");
    /// `00000`
    pub const SUCCESSFUL_COMPLETION: Self = Self(*b"00000");
    /// `08P01`
    pub const PROTOCOL_VIOLATION: Self = Self(*b"08P01");
    /// `22023`
    pub const INVALID_PARAMETER_VALUE: Self = Self(*b"22023");
    /// `22P04`
    pub const BAD_COPY_FILE_FORMAT: Self = Self(*b"22P04");
    /// `25P02`
    pub const IN_FAILED_SQL_TRANSACTION: Self = Self(*b"25P02");
    /// `26000`
    pub const INVALID_SQL_STATEMENT_NAME: Self = Self(*b"26000");
    /// `28P01`
    pub const INVALID_PASSWORD: Self = Self(*b"28P01");
    /// `34000`
    pub const INVALID_CURSOR_NAME: Self = Self(*b"34000");
    /// `3D000`
    pub const INVALID_CATALOG_NAME: Self = Self(*b"3D000");
    /// `42P02`
    pub const UNDEFINED_PARAMETER: Self = Self(*b"42P02");
    /// `42P03`
    pub const DUPLICATE_CURSOR: Self = Self(*b"42P03");
    /// `42P05`
    pub const DUPLICATE_PREPARED_STATEMENT: Self = Self(*b"42P05");
    /// `42601`
    pub const SYNTAX_ERROR: Self = Self(*b"42601");
    /// `42883`
    pub const UNDEFINED_FUNCTION: Self = Self(*b"42883");
    /// `53400`
    pub const CONFIGURATION_LIMIT_EXCEEDED: Self = Self(*b"53400");
    /// `55000`
    pub const OBJECT_NOT_IN_PREREQUISITE_STATE: Self = Self(*b"55000");
    /// `57014`
    pub const QUERY_CANCELED: Self = Self(*b"57014");
    /// `57P01`
    pub const ADMIN_SHUTDOWN: Self = Self(*b"57P01");

    /// Makes a state out of five printable characters of ASCII, `None` of anything else.
    pub fn new(code: &str) -> Option<Self> {
        let code: [u8; 5] = code.as_bytes().try_into().ok()?;
        code.iter().all(u8::is_ascii_graphic).then_some(Self(code))
    }

    /// Returns the five characters.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or("XX000")
    }

    /// Returns the first two characters: the class, such as `40` for a transaction that may be tried again.
    pub fn class(&self) -> &str {
        self.as_str().get(..2).unwrap_or("XX")
    }
}

impl fmt::Display for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYNTAX: &[u8] = b"SFEHLER\0VERROR\0C42601\0Msyntax error at or near \"selct\"\0P1\0Fscan.l\0L1244\0Rscanner_yyerror\0\0";

    #[test]
    fn fields_are_found_by_their_codes() {
        let error = ServerError::parse(SYNTAX).unwrap();
        assert_eq!(error.code(), SqlState::SYNTAX_ERROR);
        assert_eq!(error.severity(), "ERROR");
        assert_eq!((error.position(), error.line(), error.detail()), (Some(1), Some(1244), None));
        assert_eq!(
            error.to_string(),
            "ERROR: syntax error at or near \"selct\" (SQLSTATE 42601, at character 1)"
        );
    }

    #[test]
    fn an_error_without_code_or_message_is_still_one() {
        let error = ServerError::parse(b"SFATAL\0\0").unwrap();
        assert_eq!(error.code(), SqlState::INTERNAL_ERROR);
        assert!(error.is_fatal());
        assert_eq!(error.to_string(), "FATAL: the server gave no message (SQLSTATE XX000)");
    }

    #[test]
    fn a_text_with_a_nul_makes_an_error_and_no_other_field() {
        let error = ServerError::new(Severity::Error, SqlState::SYNTAX_ERROR, "no\0Hlie");
        assert_eq!((error.message().as_ref(), error.hint()), ("no\u{fffd}Hlie", None));
        assert_eq!(ServerError::parse(&error.fields), Ok(error));
        assert_eq!((SqlState::new("4260\0"), SqlState::new("4260")), (None, None));
    }

    #[test]
    fn other_encodings_are_shown_and_kept() {
        let error = ServerError::parse(b"M\xe4\0\0").unwrap();
        assert_eq!(error.message(), "\u{fffd}");
        assert_eq!(error.fields().next(), Some((b'M', &b"\xe4"[..])));
    }

    #[test]
    fn cut_at_any_byte_it_is_refused() {
        for end in 0..SYNTAX.len() {
            assert!(ServerError::parse(&SYNTAX[..end]).is_err(), "{end}");
        }
        assert_eq!(ServerError::parse(b"\0x"), Err(Malformed::TrailingBytes));
    }
}
