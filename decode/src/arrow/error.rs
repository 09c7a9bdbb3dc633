use std::error::Error;
use std::fmt;

use arrow_schema::ArrowError;

use crate::{RowError, ValueError};

/// A row cannot be put into a batch, or a batch cannot be finished.
#[derive(Debug)]
#[non_exhaustive]
pub enum BatchError {
    /// The fields of a row do not fit its bytes or the plan.
    Row {
        /// The number of the row in the result, from 0.
        row: u64,
        /// What is wrong with it.
        error: RowError,
    },
    /// A value is malformed, or its Arrow type cannot hold it.
    Value {
        /// The number of the row in the result, from 0.
        row: u64,
        /// What is wrong with it.
        error: ValueError,
    },
    /// Arrow refuses the columns that were built.
    Arrow(ArrowError),
}

impl fmt::Display for BatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Row { row, error } => write!(f, "row {row}: {error}"),
            Self::Value { row, error } => write!(f, "row {row}: {error}"),
            Self::Arrow(error) => write!(f, "arrow refuses a batch: {error}"),
        }
    }
}

impl Error for BatchError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Row { error, .. } => Some(error),
            Self::Value { error, .. } => Some(error),
            Self::Arrow(error) => Some(error),
        }
    }
}
