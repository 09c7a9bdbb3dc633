use std::error::Error;
use std::fmt;

use crate::{Column, EncodeError, Oid, RowError};

/// Bytes that are no binary COPY, or not one that we read: the fault of whoever wrote them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CopyError {
    /// They do not begin with the signature of binary COPY: it is text or CSV, or was damaged by a change of line ends.
    Signature,
    /// Flags are set that a reader has to know, and does not: bit 16 is an OID for each row, as before PostgreSQL 12.
    Flags(u32),
    /// The extension of the header has a length below 0.
    Extension,
    /// A row does not fit its own lengths, or the columns.
    Row(RowError),
    /// Bytes follow the trailer.
    AfterTrailer,
    /// They end without the trailer: there may have been more rows.
    NoTrailer,
}

impl From<RowError> for CopyError {
    fn from(error: RowError) -> Self {
        Self::Row(error)
    }
}

impl fmt::Display for CopyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signature => f.write_str("the data do not begin with the signature of binary COPY"),
            Self::Flags(flags) => write!(f, "the data have flags that are unknown: {flags:#x}"),
            Self::Extension => f.write_str("the header of the data has an extension of a length below 0"),
            Self::Row(error) => error.fmt(f),
            Self::AfterTrailer => f.write_str("bytes follow the trailer of the data"),
            Self::NoTrailer => f.write_str("the data end without their trailer"),
        }
    }
}

impl Error for CopyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        if let Self::Row(error) = self { Some(error) } else { None }
    }
}

/// A row that was not written into a binary COPY: the fault of whoever gave it. Nothing of it is there.
///
/// Shows names and types, never values.
#[derive(Debug)]
#[non_exhaustive]
pub enum CopyRowError {
    /// It has another number of values than there are columns.
    FieldCount {
        /// The number of columns.
        columns: usize,
        /// The number of values.
        values: usize,
    },
    /// A value is of another type than its column. Binary COPY converts nothing: the bytes would be misread.
    Type {
        /// Which column, from 0.
        position: usize,
        /// The column.
        column: Box<Column>,
        /// The type that the value declares; [`Oid::UNSPECIFIED`] is text.
        given: Oid,
    },
    /// A value cannot be written.
    Value(EncodeError),
}

impl fmt::Display for CopyRowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FieldCount { columns, values } => {
                write!(f, "the row has {values} values where the copy has {columns} columns")
            }
            Self::Type { position, column, given } => {
                write!(
                    f,
                    "column {:?} (position {position}, type {}) cannot be copied from ",
                    column.name(),
                    column.oid()
                )?;
                match *given {
                    Oid::UNSPECIFIED => f.write_str("text: a binary copy converts nothing"),
                    given => write!(f, "a value of type {given}: a binary copy converts nothing"),
                }
            }
            Self::Value(error) => error.fmt(f),
        }
    }
}

impl Error for CopyRowError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        if let Self::Value(error) = self { Some(error) } else { None }
    }
}
