use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use crate::{Column, Format, Oid};

/// The fields of a row do not fit its bytes or its description: the server broke the protocol, or the row was read
/// with the columns of another result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RowError {
    /// The row holds another number of fields than the result has columns.
    FieldCount {
        /// The number of columns.
        columns: usize,
        /// The number of fields in the row.
        fields: i16,
    },
    /// The row ends inside of a field, or a length is below -1.
    FieldLength {
        /// The position of the field, from 0.
        field: usize,
    },
    /// Bytes follow the last field.
    TrailingBytes,
    /// The row is longer than the 2 GiB that a message can have.
    TooLong,
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FieldCount { columns, fields } => {
                write!(f, "the row has {fields} fields where the result has {columns} columns")
            }
            Self::FieldLength { field } => write!(f, "field {field} of the row does not fit into it"),
            Self::TrailingBytes => f.write_str("bytes follow the last field of the row"),
            Self::TooLong => f.write_str("the row is longer than 2 GiB"),
        }
    }
}

impl Error for RowError {}

/// A value could not be read as the Rust type that was asked for.
///
/// Says which column it was, of what type, and what was wanted; never prints the value itself. [`value`](Self::value)
/// hands out one that Arrow has no place for.
#[derive(Debug)]
pub struct ValueError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    place: Option<Place>,
    wanted: Option<Cow<'static, str>>,
    value: Option<Unprinted>,
}

/// A value, which is for those alone who ask for it.
struct Unprinted(Box<str>);

impl fmt::Debug for Unprinted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[derive(Debug)]
struct Place {
    position: usize,
    column: Column,
}

#[derive(Debug)]
enum Kind {
    NoSuchColumn(Box<str>),
    NoSuchPosition { position: usize, columns: usize },
    Ambiguous(Box<str>),
    ColumnCount { expected: usize, found: usize },
    Mismatch,
    CameAsText,
    Null,
    Malformed(&'static str),
    OutOfRange(&'static str),
    Other(Box<dyn Error + Send + Sync>),
}

impl ValueError {
    /// Reports that the type of the column is not one that the Rust type reads, for an own [`FromSql`](crate::FromSql).
    pub fn mismatch(column: &Column) -> Self {
        Self::new(match column.format() {
            Format::Binary => Kind::Mismatch,
            Format::Text => Kind::CameAsText,
        })
    }

    /// Reports a NULL where the Rust type has no place for one.
    pub fn null() -> Self {
        Self::new(Kind::Null)
    }

    /// Reports bytes that are no value of the column's type; `problem` must not quote the value.
    pub fn malformed(problem: &'static str) -> Self {
        Self::new(Kind::Malformed(problem))
    }

    /// Reports a proper value that the Rust type cannot hold; `problem` must not quote the value.
    pub fn out_of_range(problem: &'static str) -> Self {
        Self::new(Kind::OutOfRange(problem))
    }

    /// Reports a refusal by other code, such as a parser; its message is shown, and must not quote the value.
    pub fn other(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Kind::Other(error.into()))
    }

    /// Says whether the result lacks the column, has it twice, or has another number of columns: the caller's fault.
    pub fn is_no_such_column(&self) -> bool {
        matches!(
            self.0.kind,
            Kind::NoSuchColumn(_)
                | Kind::NoSuchPosition { .. }
                | Kind::Ambiguous(_)
                | Kind::ColumnCount { .. }
        )
    }

    /// Says whether the Rust type does not read columns of this type or format: the caller's fault.
    pub fn is_type_mismatch(&self) -> bool {
        matches!(self.0.kind, Kind::Mismatch | Kind::CameAsText)
    }

    /// Says whether the value was NULL and the Rust type was not an `Option`.
    pub fn is_null(&self) -> bool {
        matches!(self.0.kind, Kind::Null)
    }

    /// Says whether the bytes are no value of the column's type: the server's fault.
    pub fn is_malformed(&self) -> bool {
        matches!(self.0.kind, Kind::Malformed(_))
    }

    /// Says whether the value is proper but not one that the Rust type can hold.
    pub fn is_out_of_range(&self) -> bool {
        matches!(self.0.kind, Kind::OutOfRange(_))
    }

    /// Returns the column that was read, if the error is about one that exists.
    pub fn column(&self) -> Option<&Column> {
        self.0.place.as_ref().map(|place| &place.column)
    }

    /// Returns the position of that column, from 0.
    pub fn position(&self) -> Option<usize> {
        self.0.place.as_ref().map(|place| place.position)
    }

    /// Returns the value, if Arrow has no place for it: as the server would write it, up to 256 bytes and `…`; of text
    /// that is not UTF-8 the first 64 bytes, with escapes. It is not part of what the error prints, so that whoever puts
    /// errors into logs decides about it. `None` for values of more than 64 KiB.
    pub fn value(&self) -> Option<&str> {
        self.0.value.as_ref().map(|value| &*value.0)
    }

    /// Returns the type of that column.
    pub fn oid(&self) -> Option<Oid> {
        self.column().map(Column::oid)
    }

    pub(crate) fn no_such_column(name: &str) -> Self {
        Self::new(Kind::NoSuchColumn(name.into()))
    }

    pub(crate) fn no_such_position(position: usize, columns: usize) -> Self {
        Self::new(Kind::NoSuchPosition { position, columns })
    }

    pub(crate) fn ambiguous(name: &str) -> Self {
        Self::new(Kind::Ambiguous(name.into()))
    }

    pub(crate) fn column_count(expected: usize, found: usize) -> Self {
        Self::new(Kind::ColumnCount { expected, found })
    }

    /// Adds what the value is.
    #[cold]
    pub(crate) fn about(mut self, value: Option<String>) -> Self {
        self.0.value = value.map(|value| Unprinted(value.into()));
        self
    }

    #[cold]
    pub(crate) fn at<T>(self, position: usize, column: &Column) -> Self {
        self.wanted(std::any::type_name::<T>(), position, column)
    }

    #[cold]
    pub(crate) fn wanted(
        mut self,
        wanted: impl Into<Cow<'static, str>>,
        position: usize,
        column: &Column,
    ) -> Self {
        self.0.wanted = Some(wanted.into());
        self.0.place = Some(Place { position, column: column.clone() });
        self
    }

    #[cold]
    fn new(kind: Kind) -> Self {
        Self(Box::new(Inner { kind, place: None, wanted: None, value: None }))
    }
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Place { position, column }) = &self.0.place {
            write!(f, "column {:?} (position {position}, type {})", column.name(), column.type_name())?;
            match &self.0.wanted {
                Some(wanted) => write!(f, " cannot be read as {wanted}: ")?,
                None => f.write_str(": ")?,
            }
        }
        match &self.0.kind {
            Kind::NoSuchColumn(name) => write!(f, "the result has no column {name:?}"),
            Kind::NoSuchPosition { position, columns } => {
                write!(f, "there is no position {position} in a result of {columns} columns")
            }
            Kind::Ambiguous(name) => write!(f, "the result has more than one column {name:?}"),
            Kind::ColumnCount { expected, found } => {
                write!(f, "the result has {found} columns where {expected} are read")
            }
            Kind::Mismatch => f.write_str("the types do not fit"),
            Kind::CameAsText => f.write_str("the server sent the column as text"),
            Kind::Null => f.write_str("the value is NULL"),
            Kind::Malformed(problem) => write!(f, "the value is malformed: {problem}"),
            Kind::OutOfRange(problem) => write!(f, "the value is out of range: {problem}"),
            Kind::Other(error) => write!(f, "{error}"),
        }
    }
}

impl Error for ValueError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0.kind {
            Kind::Other(error) => error.source(),
            Kind::NoSuchColumn(_)
            | Kind::NoSuchPosition { .. }
            | Kind::Ambiguous(_)
            | Kind::ColumnCount { .. }
            | Kind::Mismatch
            | Kind::CameAsText
            | Kind::Null
            | Kind::Malformed(_)
            | Kind::OutOfRange(_) => None,
        }
    }
}

/// A parameter cannot be sent: the caller's fault. Never shows the value.
#[derive(Debug)]
#[non_exhaustive]
pub enum EncodeError {
    /// More than 65,535 parameters.
    TooManyParameters,
    /// The value is longer than the 2,147,483,647 bytes that its length can say.
    TooLong,
    /// The text holds a NUL, which PostgreSQL cannot store.
    Nul,
    /// PostgreSQL has no such value; the text says why.
    OutOfRange(&'static str),
    /// The value's own [`ToSql`](crate::ToSql) refused.
    Other(Box<dyn Error + Send + Sync>),
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyParameters => f.write_str("more than 65,535 parameters"),
            Self::TooLong => f.write_str("a parameter is longer than 2 GiB"),
            Self::Nul => f.write_str("the text of a parameter holds a NUL, which PostgreSQL cannot store"),
            Self::OutOfRange(problem) => write!(f, "a parameter is out of range: {problem}"),
            Self::Other(error) => write!(f, "a parameter cannot be encoded: {error}"),
        }
    }
}

impl Error for EncodeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Other(error) => error.source(),
            Self::TooManyParameters | Self::TooLong | Self::Nul | Self::OutOfRange(_) => None,
        }
    }
}
