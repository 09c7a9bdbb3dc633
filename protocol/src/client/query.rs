use std::sync::Arc;

use super::description::safe_format;
use super::{Arguments, Description, Failure};
use crate::message::{CommandTag, FieldDescription, ServerError, SqlState, WireFormat};

/// The command that is under way: what was asked for and what came of it so far.
///
/// Its outcome is known at ReadyForQuery and not before: a deferred constraint fails behind the CommandComplete.
#[derive(Debug)]
pub(super) enum Operation {
    Query(Query),
    Script(Outcome),
}

impl Operation {
    pub(super) fn outcome(&mut self) -> &mut Outcome {
        match self {
            Self::Query(query) => &mut query.outcome,
            Self::Script(outcome) => outcome,
        }
    }
}

/// One statement of the extended protocol.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) goal: Goal,
    pub(super) origin: Origin,
    pub(super) stage: Stage,
    pub(super) healing: Healing,
    pub(super) name: Arc<str>,
    pub(super) sql: Arc<str>,
    pub(super) parameters: Box<[u32]>,
    pub(super) description: Option<Arc<Description>>,
    pub(super) outcome: Outcome,
}

/// What is wanted of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    Run,
    Describe,
}

/// Where the statement comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// It was prepared earlier, so its plan may be stale.
    Cache,
    /// It is parsed with this command.
    Parse,
}

/// How far a statement is.
///
/// ```text
///   Parsing ----description----> Binding --BindComplete--> Running --a row or the end--> Streaming
///   Describing --description--'
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Everything is sent, in one write; the description has not come.
    Parsing,
    /// Only Parse and Describe are sent: formats have to be chosen before it may run.
    Describing,
    /// It is to run; the server has not taken it up yet.
    Binding,
    /// It runs; nothing of a result has come.
    Running,
    /// Its columns are announced to the caller.
    Streaming,
}

/// Whether the command may be sent once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Healing {
    /// Outside of a transaction, or in one that has failed already.
    Allowed,
    /// It has been, or it runs inside of a transaction, which an error ends.
    Refused,
}

/// How to send a command once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// The server has lost the statement or its plan is stale: parse it anew.
    Parse,
    /// A type has no binary form: ask for text where that may be it.
    Text,
}

impl Query {
    /// Tells whether the server says that the statement it was to run is gone or stale.
    // PG source: plancache.c, RevalidateCachedQuery, "cached plan must not change result type"
    pub(super) fn is_stale(&self) -> bool {
        let Some(error) = &self.outcome.error else { return false };
        self.origin == Origin::Cache
            && self.stage == Stage::Binding
            && match error.code() {
                SqlState::INVALID_SQL_STATEMENT_NAME => true,
                SqlState::FEATURE_NOT_SUPPORTED => {
                    error.routine().as_deref() == Some("RevalidateCachedQuery")
                }
                _ => false,
            }
    }

    /// Returns how the command can be made to succeed after all. It has had no effect: it did not begin to run, or its
    /// error undid the implicit transaction that was all its own.
    pub(super) fn remedy(&self) -> Option<Remedy> {
        if self.healing == Healing::Refused {
            return None;
        }
        if self.is_stale() || self.is_name_taken() {
            return Some(Remedy::Parse);
        }
        self.lacks_binary_form().then_some(Remedy::Text)
    }

    /// Tells whether somebody else has prepared a statement under the name that was chosen.
    fn is_name_taken(&self) -> bool {
        let taken = |error: &ServerError| error.code() == SqlState::DUPLICATE_PREPARED_STATEMENT;
        self.stage == Stage::Parsing && self.outcome.error.as_ref().is_some_and(taken)
    }

    // PG source: "no binary output function available for type", in lsyscache.c, arrayfuncs.c, rangetypes.c and
    // multirangetypes.c
    fn lacks_binary_form(&self) -> bool {
        const ROUTINES: [&str; 4] =
            ["getTypeBinaryOutputInfo", "array_send", "get_range_io_data", "get_multirange_io_data"];
        self.stage == Stage::Running
            && self.outcome.error.as_ref().is_some_and(|error| {
                error.code() == SqlState::UNDEFINED_FUNCTION
                    && error.routine().is_some_and(|routine| ROUTINES.contains(&routine.as_ref()))
            })
    }

    /// Returns the description with text in the place of every format that may be the impossible one.
    pub(super) fn described_safely(&self) -> Option<Arc<Description>> {
        let description = self.description.as_ref()?;
        let columns = with_formats(description.columns().to_vec(), safe_format);
        Some(Arc::new(Description::new(description.parameters().into(), columns)))
    }
}

pub(super) fn with_formats(
    mut columns: Vec<FieldDescription>,
    format: impl Fn(u32) -> WireFormat,
) -> Box<[FieldDescription]> {
    for column in &mut columns {
        column.format = format(column.type_oid);
    }
    columns.into()
}

/// What came of a command so far.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    tag: CommandTag,
    error: Option<ServerError>,
    copied: Option<CopyDirection>,
}

/// Which way a COPY goes that nobody asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CopyDirection {
    In,
    Out,
}

impl Outcome {
    pub(super) fn complete(&mut self, tag: CommandTag) {
        self.tag = tag;
    }

    /// The first error is the cause.
    pub(super) fn fail(&mut self, error: ServerError) {
        self.error.get_or_insert(error);
    }

    /// Notes that the command turned out to be a COPY.
    pub(super) fn copies(&mut self, direction: CopyDirection) {
        self.copied = Some(direction);
    }

    pub(super) fn into_result(self) -> Result<CommandTag, Failure> {
        match (self.copied, self.error) {
            (Some(CopyDirection::In), _) => Err(Failure::CopyIn),
            (_, Some(error)) => Err(Failure::Server(error)),
            (Some(CopyDirection::Out), None) => Err(Failure::CopyOut),
            (None, None) => Ok(self.tag),
        }
    }
}

/// The arguments of the command that is under way, kept for the case that it has to be sent again.
#[derive(Default)]
pub(super) struct Kept {
    types: Vec<u32>,
    formats: Vec<WireFormat>,
    values: Vec<u8>,
}

impl Kept {
    pub(super) fn keep(&mut self, arguments: &Arguments<'_>) {
        self.types.clear();
        self.types.extend_from_slice(arguments.types);
        self.formats.clear();
        self.formats.extend_from_slice(arguments.formats);
        self.values.clear();
        self.values.shrink_to(LARGEST_KEPT);
        self.values.extend_from_slice(arguments.values);
    }

    pub(super) fn arguments(&self) -> Arguments<'_> {
        Arguments { types: &self.types, formats: &self.formats, values: &self.values }
    }
}

/// One large parameter does not hold its memory for ever: 64 KiB stay.
const LARGEST_KEPT: usize = 64 * 1024;
