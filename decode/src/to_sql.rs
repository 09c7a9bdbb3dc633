use crate::{EncodeError, Format, Oid};

/// Whether a parameter is NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum IsNull {
    /// It is; nothing was written.
    Yes,
    /// It is not; its bytes were written.
    No,
}

/// A value that can be sent as a parameter.
///
/// A binary parameter declares its type, because the server would read an undeclared one as whatever type it infers.
/// Strings declare none and go as text, so that a string fits wherever a literal in quotes would.
pub trait ToSql {
    /// Returns the type that the parameter declares; [`Oid::UNSPECIFIED`] lets the server infer it, which is right for
    /// text only.
    fn oid(&self) -> Oid;

    /// Returns the type that all values of `Self` declare, if it does not depend on the value: with it, a `None` goes
    /// with the type that a `Some` has. Unless overridden, [`Oid::UNSPECIFIED`].
    fn type_oid() -> Oid
    where
        Self: Sized,
    {
        Oid::UNSPECIFIED
    }

    /// Returns the format in which [`to_sql`](Self::to_sql) writes. Unless overridden, binary.
    fn format(&self) -> Format {
        Format::Binary
    }

    /// Appends the bytes of the value, without a length.
    ///
    /// # Errors
    ///
    /// The value has no counterpart in PostgreSQL. What was written is discarded then.
    fn to_sql(&self, out: &mut Vec<u8>) -> Result<IsNull, EncodeError>;
}

impl<T: ToSql + ?Sized> ToSql for &T {
    fn oid(&self) -> Oid {
        (**self).oid()
    }

    fn format(&self) -> Format {
        (**self).format()
    }

    fn to_sql(&self, out: &mut Vec<u8>) -> Result<IsNull, EncodeError> {
        (**self).to_sql(out)
    }
}

impl<T: ToSql> ToSql for Option<T> {
    fn oid(&self) -> Oid {
        self.as_ref().map_or_else(T::type_oid, T::oid)
    }

    fn type_oid() -> Oid {
        T::type_oid()
    }

    fn format(&self) -> Format {
        self.as_ref().map_or(Format::Text, T::format)
    }

    fn to_sql(&self, out: &mut Vec<u8>) -> Result<IsNull, EncodeError> {
        self.as_ref().map_or(Ok(IsNull::Yes), |value| value.to_sql(out))
    }
}
