use crate::{Column, ValueError};

/// A type that values of a column can be read as.
///
/// Integers and floats read their own type and the narrower ones, never a wider one. Text is borrowed (`&str`,
/// `&[u8]`) or copied (`String`, `Vec<u8>`); `Option<T>` reads NULL as `None`; `Vec<T>` reads arrays of one dimension.
/// [`types`](crate::types) says what each
/// type reads.
///
/// ```
/// use molt_db_decode::{Column, FromSql, ValueError};
///
/// #[derive(Debug, PartialEq)]
/// struct Cents(i64);
///
/// impl FromSql<'_> for Cents {
///     fn accepts(column: &Column) -> bool {
///         i64::accepts(column)
///     }
///
///     fn from_sql(column: &Column, value: &[u8]) -> Result<Self, ValueError> {
///         i64::from_sql(column, value).map(Self)
///     }
/// }
/// ```
pub trait FromSql<'r>: Sized {
    /// Says whether columns of this type and format can be read.
    fn accepts(column: &Column) -> bool;

    /// Reads a value that is not NULL. The column is one that [`accepts`](Self::accepts) has said yes to.
    ///
    /// # Errors
    ///
    /// The bytes are no value of the column's type, or one that `Self` cannot hold.
    fn from_sql(column: &Column, value: &'r [u8]) -> Result<Self, ValueError>;

    /// Reads NULL.
    ///
    /// # Errors
    ///
    /// Unless overridden, always.
    fn from_null(_column: &Column) -> Result<Self, ValueError> {
        Err(ValueError::null())
    }
}

impl<'r, T: FromSql<'r>> FromSql<'r> for Option<T> {
    fn accepts(column: &Column) -> bool {
        T::accepts(column)
    }

    fn from_sql(column: &Column, value: &'r [u8]) -> Result<Self, ValueError> {
        T::from_sql(column, value).map(Some)
    }

    fn from_null(_column: &Column) -> Result<Self, ValueError> {
        Ok(None)
    }
}
