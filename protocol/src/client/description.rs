use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::message::{FieldDescription, WireFormat};

/// What a statement takes and returns on this connection, as its server described it.
///
/// The same SQL may have another description on another connection, or later on this one.
#[derive(Default)]
pub struct Description {
    parameters: Box<[u32]>,
    columns: Box<[FieldDescription]>,
    formats: Box<[WireFormat]>,
    compiled: OnceLock<Arc<dyn Any + Send + Sync>>,
}

impl Description {
    pub(super) fn new(parameters: Box<[u32]>, columns: Box<[FieldDescription]>) -> Self {
        let formats = result_formats(&columns);
        Self { parameters, columns, formats, compiled: OnceLock::new() }
    }

    /// Returns the OID of each parameter's type.
    pub fn parameters(&self) -> &[u32] {
        &self.parameters
    }

    /// Returns the columns of the result, with the formats that their values come in. A statement that returns no
    /// rows has none.
    pub fn columns(&self) -> &[FieldDescription] {
        &self.columns
    }

    /// Returns what the embedding driver made of this description, and makes it the first time.
    ///
    /// It lives as long as the description, so a statement that runs often is compiled once. All calls are to ask for
    /// the same `T`; another gets its own, made anew each time.
    pub fn compiled<T: Send + Sync + 'static>(&self, compile: impl Fn(&Self) -> T) -> Arc<T> {
        let kept = self.compiled.get_or_init(|| Arc::new(compile(self)));
        Arc::clone(kept).downcast().unwrap_or_else(|_| Arc::new(compile(self)))
    }

    /// Returns how many bytes it takes, about.
    pub(super) fn size(&self) -> usize {
        let names = self.columns.iter().map(|column| column.name.len().saturating_add(size_of_val(column)));
        names.fold(size_of_val(&*self.parameters), usize::saturating_add)
    }

    /// Returns the result formats as Bind takes them.
    pub(super) fn formats(&self) -> &[WireFormat] {
        &self.formats
    }
}

/// One format stands for all columns where they agree.
fn result_formats(columns: &[FieldDescription]) -> Box<[WireFormat]> {
    let formats: Vec<WireFormat> = columns.iter().map(|column| column.format).collect();
    match formats.split_first() {
        Some((first, rest)) if rest.iter().all(|format| format == first) => Box::new([*first]),
        _ => formats.into(),
    }
}

impl fmt::Debug for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Description")
            .field("parameters", &self.parameters)
            .field("columns", &self.columns)
            .finish_non_exhaustive()
    }
}

/// Returns the format to ask for a column of this type in.
///
/// Binary, but for the types of the server that have no binary form. A user's type is asked for in binary too.
pub(super) fn preferred_format(type_oid: u32) -> WireFormat {
    if TEXT_ONLY.contains(&type_oid) { WireFormat::Text } else { WireFormat::Binary }
}

/// Returns the format for a column of a result in which some type turned out to have no binary form.
pub(super) fn safe_format(type_oid: u32) -> WireFormat {
    if type_oid >= FIRST_UNPINNED_OID || COMPOSITES.contains(&type_oid) {
        WireFormat::Text
    } else {
        preferred_format(type_oid)
    }
}

/// Types of `pg_type` that a result can have and that have no `typsend`, with their arrays: aclitem, gtsvector.
const TEXT_ONLY: [u32; 4] = [1033, 1034, 3642, 3644];

/// record, and the rows of the catalogues whose types have a fixed OID, with their arrays: any field may be the one.
const COMPOSITES: [u32; 10] = [2249, 2287, 71, 75, 81, 83, 210, 270, 272, 273];

/// From here on types are made by initdb (rows of the other catalogues) or by users.
/// PG source: access/transam.h, FirstGenbkiObjectId
const FIRST_UNPINNED_OID: u32 = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_compiled_is_kept_with_the_description() {
        let description = Description::default();
        let first = description.compiled(|_| String::from("once"));
        let second = description.compiled(|_| String::from("twice"));
        assert!(Arc::ptr_eq(&first, &second) && *second == "once");
        assert_eq!(*description.compiled(|_| 7_u8), 7);
    }
}
