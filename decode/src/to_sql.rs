use crate::types::built_in_array;
use crate::{EncodeError, Format, Oid, Output, TypeName};

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

    /// Returns the type that values of `Self` have as elements of an array. There they go in binary, whatever the type. Unless
    /// overridden, [`type_oid`](Self::type_oid).
    fn element_oid() -> Oid
    where
        Self: Sized,
    {
        Self::type_oid()
    }

    /// Returns the type of arrays of `Self`; [`Oid::UNSPECIFIED`] if there are none, and sending one is an error. Unless
    /// overridden, it is what the arrays of the built-in type [`element_oid`](Self::element_oid) are: types of a database
    /// have to name theirs, as the server would read an array of the wrong type as one of the right type.
    fn array_oid() -> Oid
    where
        Self: Sized,
    {
        built_in_array(Self::element_oid())
    }

    /// Returns the name of the type that values of `Self` have, if it is one of the database and no built-in one, whose number
    /// is looked up before anything is sent. Unless overridden, `None`.
    fn type_name() -> Option<TypeName>
    where
        Self: Sized,
    {
        None
    }

    /// Returns the name of the type that the parameter declares, in the place of [`oid`](Self::oid), which is
    /// [`Oid::UNSPECIFIED`] then. Unless overridden, `None`.
    fn declared_name(&self) -> Option<TypeName> {
        None
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
    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError>;
}

/// What is borrowed goes as what it is borrowed from. What has no size cannot say its types without a value, so each such
/// type stands here by itself, with them.
macro_rules! borrowed {
    ($([$($of:ident)?] $name:ty, $oid:expr, $element:expr, $array:expr, $named:expr;)*) => {
        $(impl$(<$of: ToSql>)? ToSql for &$name {
            #[inline]
            fn oid(&self) -> Oid {
                (**self).oid()
            }

            fn type_oid() -> Oid {
                $oid
            }

            fn element_oid() -> Oid {
                $element
            }

            fn array_oid() -> Oid {
                $array
            }

            fn type_name() -> Option<TypeName> {
                $named
            }

            fn declared_name(&self) -> Option<TypeName> {
                (**self).declared_name()
            }

            #[inline]
            fn format(&self) -> Format {
                (**self).format()
            }

            #[inline]
            fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
                (**self).to_sql(out)
            }
        })*
    };
}

borrowed! {
    [T] T, T::type_oid(), T::element_oid(), T::array_oid(), T::type_name();
    [T] [T], T::array_oid(), T::array_oid(), NONE, T::type_name().map(TypeName::array);
    [] [u8], Oid::BYTEA, Oid::BYTEA, built_in_array(Oid::BYTEA), None;
    [] str, NONE, String::element_oid(), String::array_oid(), None;
    [] (dyn ToSql + '_), NONE, NONE, NONE, None;
    [] (dyn ToSql + Send + '_), NONE, NONE, NONE, None;
    [] (dyn ToSql + Sync + '_), NONE, NONE, NONE, None;
    [] (dyn ToSql + Send + Sync + '_), NONE, NONE, NONE, None;
}

const NONE: Oid = Oid::UNSPECIFIED;

impl<T: ToSql> ToSql for Option<T> {
    fn oid(&self) -> Oid {
        self.as_ref().map_or_else(T::type_oid, T::oid)
    }

    fn type_oid() -> Oid {
        T::type_oid()
    }

    fn element_oid() -> Oid {
        T::element_oid()
    }

    fn array_oid() -> Oid {
        T::array_oid()
    }

    fn type_name() -> Option<TypeName> {
        T::type_name()
    }

    fn declared_name(&self) -> Option<TypeName> {
        self.as_ref().and_then(T::declared_name)
    }

    fn format(&self) -> Format {
        self.as_ref().map_or(Format::Text, T::format)
    }

    fn to_sql(&self, out: &mut Output) -> Result<IsNull, EncodeError> {
        self.as_ref().map_or(Ok(IsNull::Yes), |value| value.to_sql(out))
    }
}
