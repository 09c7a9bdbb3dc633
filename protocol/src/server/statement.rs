use crate::EncodeError;
use crate::message::{FieldDescription, encode_parameter_description, encode_row_description};

/// A statement, as whoever embeds a [`Backend`](super::Backend) has understood it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement<S> {
    /// What is to be run.
    pub plan: S,
    /// The types of its parameters.
    pub parameters: Vec<u32>,
    /// The columns of its result; `None` if it returns no rows. Their formats are the client's choice, and not used.
    pub columns: Option<Vec<FieldDescription>>,
}

impl<S> Statement<S> {
    /// Makes a statement without parameters that returns no rows.
    pub fn new(plan: S) -> Self {
        Self { plan, parameters: Vec::new(), columns: None }
    }

    /// Checks that a client can be told about it.
    pub(super) fn check(&self) -> Result<(), EncodeError> {
        let out = &mut Vec::new();
        encode_parameter_description(&self.parameters, out)?;
        encode_row_description(self.columns.as_deref().unwrap_or_default(), out)
    }
}
