use super::{ErrorField, ServerError, Severity, SqlState};
use crate::EncodeError;
use crate::wire::payload;

/// Makes a [`ServerError`] field by field: what a server, or a test that plays one, has to say.
///
/// ```
/// use molt_db_protocol::message::{ErrorField, ServerError, Severity, SqlState};
///
/// let error = ServerError::builder(Severity::Error, SqlState::SYNTAX_ERROR, "syntax error")?
///     .field(ErrorField::Position, "8")?
///     .build();
/// assert_eq!(error.to_string(), "ERROR: syntax error (SQLSTATE 42601, at character 8)");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct ServerErrorBuilder {
    /// Code, text and NUL of each field.
    fields: Vec<u8>,
}

impl ServerErrorBuilder {
    pub(super) fn new(severity: Severity, code: SqlState, message: &str) -> Result<Self, EncodeError> {
        Self { fields: Vec::new() }
            .field(ErrorField::Severity, severity.as_str())?
            .field(ErrorField::SeverityNonLocalized, severity.as_str())?
            .field(ErrorField::Code, code.as_str())?
            .field(ErrorField::Message, message)
    }

    /// Adds a field behind the others.
    ///
    /// # Errors
    ///
    /// A NUL in the text.
    pub fn field(mut self, field: ErrorField, text: &str) -> Result<Self, EncodeError> {
        payload(&mut self.fields, |body| {
            body.u8(field.code());
            body.cstr(text.as_bytes(), "field of an error")
        })?;
        Ok(self)
    }

    /// Returns the error.
    pub fn build(mut self) -> ServerError {
        self.fields.push(0);
        ServerError::from_fields(self.fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_in_the_order_they_were_given() {
        let error = ServerError::builder(Severity::Fatal, SqlState::ADMIN_SHUTDOWN, "bye")
            .and_then(|builder| builder.field(ErrorField::Hint, "come back"))
            .unwrap()
            .build();
        let out = &mut Vec::new();
        error.encode_error(out).unwrap();
        assert_eq!(*out, b"E\0\0\0\x2aSFATAL\0VFATAL\0C57P01\0Mbye\0Hcome back\0\0");
        assert_eq!(ServerError::parse(&out[5..]), Ok(error.clone()));
        out.clear();
        error.encode_notice(out).unwrap();
        assert_eq!(out[0], b'N');
    }

    #[test]
    fn no_text_smuggles_another_field_in() {
        let refused = ServerError::builder(Severity::Error, SqlState::INTERNAL_ERROR, "a\0Hlie");
        assert_eq!(refused.unwrap_err(), EncodeError::Nul { field: "field of an error" });
    }
}
