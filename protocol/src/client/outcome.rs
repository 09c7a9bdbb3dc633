use super::Failure;
use crate::EncodeError;
use crate::message::{CommandTag, CopyDirection, ServerError};

/// What came of a command so far. It is known at ReadyForQuery and not before: a deferred constraint fails behind the
/// CommandComplete.
#[derive(Debug, Default, Clone)]
pub(super) struct Outcome {
    tag: CommandTag,
    failure: Option<Failure>,
    copied: Option<CopyDirection>,
}

impl Outcome {
    pub(super) fn complete(&mut self, tag: CommandTag) {
        self.tag = tag;
    }

    /// The first error is the cause.
    pub(super) fn fail(&mut self, error: ServerError) {
        self.failure.get_or_insert(Failure::Server(error));
    }

    /// Notes that the command cannot be written.
    pub(super) fn refuse(&mut self, error: EncodeError) {
        self.failure.get_or_insert(Failure::Encode(error));
    }

    /// Notes that the command turned out to be a COPY of a direction that nobody asked for.
    pub(super) fn copies(&mut self, direction: CopyDirection) {
        self.copied = Some(direction);
    }

    pub(super) fn is_failed(&self) -> bool {
        self.failure.is_some()
    }

    pub(super) fn server_error(&self) -> Option<&ServerError> {
        match &self.failure {
            Some(Failure::Server(error)) => Some(error),
            _ => None,
        }
    }

    pub(super) fn into_result(self) -> Result<CommandTag, Failure> {
        match (self.copied, self.failure) {
            (Some(CopyDirection::In), _) => Err(Failure::CopyIn),
            (Some(CopyDirection::Both), _) => Err(Failure::CopyBoth),
            (_, Some(failure)) => Err(failure),
            (Some(CopyDirection::Out), None) => Err(Failure::CopyOut),
            (None, None) => Ok(self.tag),
        }
    }
}
