use std::fmt;

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

    /// Returns the name of the type of its arrays. Arrays of arrays are arrays of the same type.
    #[must_use]
    pub const fn array(self) -> Self {
        Self { is_array: true, ..self }
    }
}

impl fmt::Display for TypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        if self.is_array { f.write_str("[]") } else { Ok(()) }
    }
}
