use std::fmt;

use crate::{TypeInfo, TypeKind};

/// The name of a type that is no built-in one, whose number differs from database to database.
///
/// It is what stands behind `::` in SQL: `mood`, `app.mood`, `"Mood"`. A name without a schema is looked for along the
/// session's `search_path`.
///
/// ```
/// use molt_db_decode::TypeName;
///
/// const MOOD: TypeName = TypeName::new("app.mood");
/// assert_eq!(MOOD.to_string(), "app.mood");
/// assert_eq!(MOOD.array().to_string(), "app.mood[]");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeName {
    name: &'static str,
    is_array: bool,
}

impl TypeName {
    /// Takes a name as SQL has it.
    pub const fn new(name: &'static str) -> Self {
        Self { name, is_array: false }
    }

    pub(crate) fn is_array(self) -> bool {
        self.is_array
    }

    /// Says whether this is what a type is called, in its schema or wherever it is found.
    pub(crate) fn is_of(self, info: &TypeInfo) -> bool {
        if self.is_array {
            let element = Self { is_array: false, ..self };
            return matches!(info.kind(), TypeKind::Array(of) if of.type_info().is_some_and(|info| element.is_of(info)));
        }
        let mut parts = identifiers(self.name);
        match (parts.pop(), parts.pop(), parts.is_empty()) {
            (Some(name), None, _) => name == info.name(),
            (Some(name), Some(schema), true) => name == info.name() && schema == info.schema(),
            _ => false,
        }
    }

    /// Returns the name of the type of its arrays. Arrays of arrays are arrays of the same type.
    #[must_use]
    pub const fn array(self) -> Self {
        Self { is_array: true, ..self }
    }
}

/// Splits a name into its parts, as the server reads them.
// PG docs: sql-syntax-lexical, "Identifiers and Key Words"
fn identifiers(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut letters = name.chars().peekable();
    let mut is_quoted = false;
    while let Some(letter) = letters.next() {
        let Some(part) = parts.last_mut() else { break };
        match (letter, is_quoted) {
            ('"', true) if letters.next_if_eq(&'"').is_some() => part.push('"'),
            ('"', _) => is_quoted = !is_quoted,
            ('.', false) => parts.push(String::new()),
            (' ', false) => {}
            (letter, true) => part.push(letter),
            (letter, false) => part.extend(letter.to_lowercase()),
        }
    }
    parts
}

impl fmt::Display for TypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        if self.is_array { f.write_str("[]") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_the_server_reads_them() {
        for (name, parts) in [
            ("Mood", &["mood"][..]),
            ("app.Mood", &["app", "mood"]),
            ("\"App.x\".\"a\"\"b\"", &["App.x", "a\"b"]),
            (" app . mood", &["app", "mood"]),
            ("", &[""]),
        ] {
            assert_eq!(identifiers(name), parts);
        }
    }
}
