use std::fmt;
use std::iter::repeat;
use std::sync::Arc;

use super::Statement;
use crate::message::{BindMessage, FieldDescription, Formats, Values, WireFormat};

/// A statement with its parameters: what is to be run. `Debug` does not show the parameters.
pub struct Portal<S> {
    statement: Arc<Statement<S>>,
    /// As they stand in a Bind, and as many as the statement has.
    values: Box<[u8]>,
    /// Likewise: one for all of them, or one for each, or none.
    formats: Box<[u8]>,
    /// Likewise, of the columns.
    results: Box<[u8]>,
}

/// A parameter of a portal. `Debug` does not show its value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Parameter<'p> {
    /// The OID of its type, as the statement says.
    pub type_oid: u32,
    /// How its value is written.
    pub format: WireFormat,
    /// Its value; `None` is NULL.
    pub value: Option<&'p [u8]>,
}

impl<S> Portal<S> {
    /// Makes what a simple query runs: no parameters, and text.
    // PG docs: protocol-flow, "Simple Query"
    pub(super) fn simple(statement: Arc<Statement<S>>) -> Self {
        Self { statement, values: Box::default(), formats: Box::default(), results: Box::default() }
    }

    /// Binds. The numbers of parameters and formats are known to be right.
    pub(super) fn bind(statement: Arc<Statement<S>>, bind: &BindMessage<'_>) -> Self {
        Self {
            statement,
            values: bind.values.as_bytes().into(),
            formats: bind.formats.as_bytes().into(),
            results: bind.results.as_bytes().into(),
        }
    }

    /// Returns the statement.
    pub fn statement(&self) -> &Statement<S> {
        &self.statement
    }

    /// Walks the parameters.
    pub fn parameters(&self) -> impl Iterator<Item = Parameter<'_>> {
        let values = Values::new(&self.values).unwrap_or_default();
        let types = self.statement.parameters.iter();
        let typed = types.zip(spread(&self.formats)).zip(values.iter());
        typed.map(|((type_oid, format), value)| Parameter { type_oid: *type_oid, format, value })
    }

    /// Walks the formats that the client wants the columns in: one for each.
    pub fn formats(&self) -> impl Iterator<Item = WireFormat> {
        spread(&self.results).take(self.statement.columns.as_ref().map_or(0, Vec::len))
    }

    /// Returns the columns in those formats, or `None` if there will be no rows.
    pub(super) fn columns(&self) -> Option<Vec<FieldDescription>> {
        let columns = self.statement.columns.as_ref()?.iter().cloned();
        Some(
            columns
                .zip(self.formats())
                .map(|(column, format)| FieldDescription { format, ..column })
                .collect(),
        )
    }
}

impl<S> fmt::Debug for Portal<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Portal").field("parameters", &self.statement.parameters).finish_non_exhaustive()
    }
}

impl fmt::Debug for Parameter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { type_oid, format, .. } = self;
        f.debug_struct("Parameter")
            .field("type_oid", type_oid)
            .field("format", format)
            .finish_non_exhaustive()
    }
}

/// The only format for all, or each in its place and text behind them.
// PG docs: protocol-message-formats, "Bind"
fn spread(codes: &[u8]) -> impl Iterator<Item = WireFormat> {
    let formats = Formats::new(codes).unwrap_or_default();
    let (own, rest) = match formats.len() {
        1 => (Formats::default(), formats.of(0)),
        _ => (formats, WireFormat::Text),
    };
    own.iter().chain(repeat(rest))
}
