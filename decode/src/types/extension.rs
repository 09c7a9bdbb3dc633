//! Types of extensions, known by the functions that send their values.

use crate::{Column, TypeKind, ValueError};

/// How the binary form of a type has its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// As it is: enums, `citext`.
    Text,
    /// Behind a version: `ltree` and what belongs to it.
    Versioned,
}

impl Sent {
    /// Says how values of a type have their text, if they are text.
    pub(crate) fn of(kind: &TypeKind) -> Option<Self> {
        match kind {
            TypeKind::Enum(_) => Some(Self::Text),
            TypeKind::Base { send } => match &**send {
                "textsend" => Some(Self::Text),
                "ltree_send" | "lquery_send" | "ltxtq_send" => Some(Self::Versioned),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Says whether values of a column, in binary, are text.
pub(super) fn is_text(column: &Column) -> bool {
    column.kind().and_then(Sent::of).is_some()
}

/// Finds the text in the binary form of a value of a column that is text.
pub(super) fn text<'r>(column: &Column, value: &'r [u8]) -> Result<&'r [u8], ValueError> {
    match column.kind().and_then(Sent::of) {
        Some(Sent::Text) => Ok(value),
        Some(Sent::Versioned) => {
            value.strip_prefix(&[VERSION]).ok_or_else(|| ValueError::malformed(UNKNOWN_VERSION))
        }
        None => Err(ValueError::mismatch(column)),
    }
}

// PG source: contrib/ltree, ltree_io.c: the version of ltree, lquery and ltxtquery.
pub(crate) const VERSION: u8 = 1;
pub(crate) const UNKNOWN_VERSION: &str = "its version of ltree is unknown";
