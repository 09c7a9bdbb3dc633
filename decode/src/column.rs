use std::ops::Deref;
use std::sync::Arc;

use crate::Oid;

/// How a value travels: as the text that `psql` shows, or in the type's own binary form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// As text, in the client's encoding.
    Text,
    /// In the binary form of the type's send and receive functions.
    Binary,
}

impl Format {
    /// Returns the code on the wire: 0 for text, 1 for binary.
    pub fn code(self) -> u16 {
        match self {
            Self::Text => 0,
            Self::Binary => 1,
        }
    }
}

/// What the server says about a column of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    name: Box<str>,
    oid: Oid,
    typmod: i32,
    format: Format,
}

impl Column {
    /// Describes a column by its name, its type, the modifier of the type (-1 for none) and the format of its values.
    pub fn new(name: impl Into<Box<str>>, oid: Oid, typmod: i32, format: Format) -> Self {
        Self { name: name.into(), oid, typmod, format }
    }

    /// Returns the name that the query gives the column. It need not be unique in a result.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the number of the type.
    pub fn oid(&self) -> Oid {
        self.oid
    }

    /// Returns the type modifier, such as the precision and scale of a `numeric`; -1 says that there is none.
    pub fn typmod(&self) -> i32 {
        self.typmod
    }

    /// Returns the format in which the values of the column arrive.
    pub fn format(&self) -> Format {
        self.format
    }

    pub(crate) fn is_binary(&self, oid: Oid) -> bool {
        self.oid == oid && self.format == Format::Binary
    }
}

/// The columns of a result, in order. Cheap to clone; derefs to a slice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns(Arc<[Column]>);

impl Columns {
    /// Collects the columns of a result.
    pub fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        Self(columns.into_iter().collect())
    }

    /// Finds the columns of that name, by position. Names compare byte for byte, as the server sent them.
    pub fn positions<'a>(&'a self, name: &'a str) -> impl Iterator<Item = usize> + 'a {
        self.0
            .iter()
            .enumerate()
            .filter(move |(_, column)| column.name() == name)
            .map(|(position, _)| position)
    }
}

impl Deref for Columns {
    type Target = [Column];

    fn deref(&self) -> &[Column] {
        &self.0
    }
}

impl FromIterator<Column> for Columns {
    fn from_iter<I: IntoIterator<Item = Column>>(columns: I) -> Self {
        Self::new(columns)
    }
}

impl Default for Columns {
    fn default() -> Self {
        Self::new([])
    }
}
