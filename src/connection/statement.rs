use std::sync::Arc;

use molt_db_decode::{Catalog, Column, Columns, Format, Oid, Params};
use molt_db_protocol::client::{CommandError, Description};
use molt_db_protocol::message::WireFormat;

use crate::error::{Error, Kind};

/// A prepared statement: its text, and what it takes and returns on the connection that prepared it.
///
/// It is not bound to the life of anything on the server: run on another connection, or after the server forgot it,
/// it is prepared there at no extra round trip.
#[derive(Debug, Clone)]
pub struct Statement {
    sql: Arc<str>,
    parameters: Arc<[u32]>,
    columns: Columns,
}

impl Statement {
    pub(super) fn new(sql: &str, description: &Description, columns: Columns) -> Self {
        Self { sql: sql.into(), parameters: description.parameters().into(), columns }
    }

    /// Returns the SQL.
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// Returns the types of the parameters.
    pub fn parameters(&self) -> impl ExactSizeIterator<Item = Oid> + '_ {
        self.parameters.iter().map(|oid| Oid(*oid))
    }

    /// Returns the columns of the result; none of a statement that returns no rows.
    pub fn columns(&self) -> &Columns {
        &self.columns
    }
}

/// What can be run: a text, or a [`Statement`] by reference.
pub trait Sql<'s>: sealed::Sealed {
    /// Returns the text.
    fn text(&self) -> &'s str;

    /// Returns the types of the parameters, where they are known.
    fn types(&self) -> Option<&'s [u32]>;
}

impl<'s> Sql<'s> for &'s str {
    fn text(&self) -> &'s str {
        self
    }

    fn types(&self) -> Option<&'s [u32]> {
        None
    }
}

impl<'s> Sql<'s> for &'s String {
    fn text(&self) -> &'s str {
        self
    }

    fn types(&self) -> Option<&'s [u32]> {
        None
    }
}

impl<'s> Sql<'s> for &'s Statement {
    fn text(&self) -> &'s str {
        &self.sql
    }

    fn types(&self) -> Option<&'s [u32]> {
        Some(&self.parameters)
    }
}

mod sealed {
    #[expect(unnameable_types, reason = "nobody else is to implement it")]
    pub trait Sealed {}
    impl Sealed for &str {}
    impl Sealed for &String {}
    impl Sealed for &super::Statement {}
}

/// A binary value of another type than the statement takes would be misread silently.
pub(super) fn check_types(declared: &[u32], params: &Params) -> Result<(), Error> {
    let (expected, given) = (declared.len(), params.len());
    if expected != given {
        return Err(CommandError::ParameterCount { expected, given }.into());
    }
    let given = params.oids().iter().map(|oid| oid.0);
    let mut pairs = given.zip(declared.iter().copied()).enumerate();
    match pairs.find(|(_, (given, expected))| *given != 0 && given != expected) {
        Some((index, (given, expected))) => Err(Kind::ParameterType { index, given, expected }.into()),
        None => Ok(()),
    }
}

/// The columns of a description as the decoder takes them.
pub(super) struct Compiled {
    /// Without what is known of types of the database.
    pub(super) plain: Columns,
    pub(super) has_database_types: bool,
}

pub(super) fn columns(description: &Description) -> Compiled {
    let plain = Columns::new(description.columns().iter().map(|field| {
        let format = match field.format {
            WireFormat::Text => Format::Text,
            WireFormat::Binary => Format::Binary,
        };
        Column::new(field.name.as_str(), Oid(field.type_oid), field.type_modifier, format)
    }));
    let has_database_types = !Catalog::default().missing(&plain).is_empty();
    Compiled { plain, has_database_types }
}
