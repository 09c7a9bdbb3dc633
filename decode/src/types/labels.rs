//! Labels of enums: what `#[derive]` makes of an enum is made of these.

use crate::types::extension;
use crate::types::text::utf8;
use crate::{Column, Format, TypeKind, ValueError};

/// Says whether a column has labels of an enum.
pub fn accepts(column: &Column) -> bool {
    matches!(column.kind(), Some(TypeKind::Enum(_)))
}

/// Reads a label.
///
/// # Errors
///
/// It is not UTF-8.
pub fn read<'r>(column: &Column, value: &'r [u8]) -> Result<&'r str, ValueError> {
    match column.format() {
        Format::Binary => utf8(extension::text(column, value)?),
        Format::Text => utf8(value),
    }
}

/// Reports a label that the Rust type does not have.
#[cold]
pub fn unknown() -> ValueError {
    ValueError::out_of_range("the label is none that the Rust type has")
}
