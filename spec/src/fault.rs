//! Why a case did not go as it should.

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Something else came.
    Mismatch { expected: String, actual: String },
    /// Nothing came for as long as the timeout says.
    Silence { expected: String, actual: String },
    /// Nobody listens.
    Unreachable(String),
}

impl Fault {
    pub(crate) fn mismatch(expected: impl Into<String>, actual: impl Into<String>) -> Self {
        Self::Mismatch { expected: expected.into(), actual: actual.into() }
    }
}
