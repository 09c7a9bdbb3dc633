use std::sync::Arc;

use super::description::{preferred_format, safe_format};
use super::kept::Places;
use super::leads::Leads;
use super::statements::Named;
use super::traces::Returned;
use super::{Description, Outcome};
use crate::message::{FieldDescription, ServerError, SqlState, WireFormat};

/// One statement of the extended protocol, on its way.
#[derive(Debug, Clone)]
pub(super) struct Query {
    pub(super) goal: Goal,
    pub(super) stage: Stage,
    pub(super) plan: Plan,
    pub(super) arguments: Places,
    pub(super) parameters: Box<[u32]>,
    pub(super) formats: ResultFormats,
    /// What travels in front of it.
    pub(super) leads: Option<Box<Leads>>,
}

/// What is wanted of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    /// Its rows: so many at most, 0 for all.
    Run {
        max_rows: i32,
    },
    /// More rows of the portal that the query before it left suspended.
    Fetch {
        max_rows: i32,
    },
    Describe,
    /// Nothing but what leads it.
    Lead,
}

/// How the statement is to be found by the server.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) origin: Origin,
    pub(super) named: Arc<Named>,
    pub(super) description: Option<Arc<Description>>,
    /// Where its rows wait, if they are not taken at once: a portal that outlives the segment.
    pub(super) portal: Option<Arc<str>>,
}

impl Plan {
    /// Returns the plan of what has no statement.
    pub(super) fn nothing() -> Self {
        Self { origin: Origin::Shared, named: Arc::default(), description: None, portal: None }
    }
}

/// Where the statement comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// It was prepared earlier, so its plan may be stale.
    Cache,
    /// It is parsed with this query.
    Parse,
    /// It is parsed with an earlier query of the same segment.
    Shared,
}

/// How far a query is.
///
/// ```text
///             .--> Parsing ------description---.
///   Waiting --|--> Describing ---description---|--> Binding --BindComplete--> Running --a row or the end--> Streaming
///             '-----------------(prepared)-----'                                                               |
///                                                                 Suspended <------------(PortalSuspended)-----'
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing of it is sent: a query in front of it has to be described first.
    Waiting,
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
    /// It has stopped at its row limit.
    Suspended,
}

/// Which formats to ask for the columns of a result in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ResultFormats {
    Preferred,
    /// Text wherever there may be no binary form.
    Safe,
}

impl ResultFormats {
    pub(super) fn apply(self, mut columns: Vec<FieldDescription>) -> Box<[FieldDescription]> {
        for column in &mut columns {
            column.format = match self {
                Self::Preferred => preferred_format(column.type_oid),
                Self::Safe => safe_format(column.type_oid),
            };
        }
        columns.into()
    }
}

/// How to send a query once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// The server has lost the statement, its plan is stale, or its name is taken: parse it anew.
    Parse,
    /// A type has no binary form: ask for text where that may be it.
    Text,
}

impl Query {
    /// Returns the formats to bind the result to, as far as they are known.
    pub(super) fn result_formats(&self) -> &[WireFormat] {
        self.plan.description.as_ref().map_or(&[WireFormat::Binary], |description| description.formats())
    }

    /// Tells whether the server is not done with what leads the query: its messages are not the query's own.
    #[inline]
    pub(super) fn is_led(&self) -> bool {
        self.leads.as_ref().is_some_and(|leads| leads.are_due())
    }

    /// Tells whether it has returned rows. Of more rows of a portal the columns are not known.
    pub(super) fn returned(&self) -> Returned {
        match &self.plan.description {
            Some(description) if description.columns().is_empty() => Returned::Nothing,
            _ => Returned::Rows,
        }
    }

    pub(super) fn portal(&self) -> &str {
        self.plan.portal.as_deref().unwrap_or_default()
    }

    /// Tells whether the error says that the statement is gone, or its plan stale.
    pub(super) fn is_stale(&self, outcome: &Outcome) -> bool {
        let Some(error) = outcome.server_error() else { return false };
        let is_kept = self.plan.origin == Origin::Cache && !self.is_led();
        let is_new = matches!(self.stage, Stage::Binding | Stage::Running);
        is_kept
            && ((self.stage == Stage::Binding && is_plan_refused(error))
                || (is_new && is_type_dropped(error)))
    }

    /// Returns how the query can be made to succeed after all, where its error came before it had any effect: it did
    /// not begin to run, or the error undid it.
    pub(super) fn remedy(&self, outcome: &Outcome) -> Option<Remedy> {
        if self.is_stale(outcome) || self.is_name_taken(outcome) {
            return Some(Remedy::Parse);
        }
        let is_new = self.formats == ResultFormats::Preferred;
        (is_new && self.lacks_binary_form(outcome)).then_some(Remedy::Text)
    }

    /// Tells whether somebody else has prepared a statement under the name that was chosen.
    fn is_name_taken(&self, outcome: &Outcome) -> bool {
        let taken = |error: &ServerError| error.code() == SqlState::DUPLICATE_PREPARED_STATEMENT;
        self.stage == Stage::Parsing && outcome.server_error().is_some_and(taken)
    }

    // PG source: "no binary output function available for type", in lsyscache.c, arrayfuncs.c, rangetypes.c and
    // multirangetypes.c
    fn lacks_binary_form(&self, outcome: &Outcome) -> bool {
        const ROUTINES: [&str; 4] =
            ["getTypeBinaryOutputInfo", "array_send", "get_range_io_data", "get_multirange_io_data"];
        self.stage == Stage::Running
            && outcome.server_error().is_some_and(|error| {
                error.code() == SqlState::UNDEFINED_FUNCTION
                    && error.routine().is_some_and(|routine| ROUTINES.contains(&routine.as_ref()))
            })
    }

    /// Returns the description with text in the place of every format that may be the impossible one.
    pub(super) fn described_safely(&self) -> Option<Arc<Description>> {
        let description = self.plan.description.as_ref()?;
        let columns = ResultFormats::Safe.apply(description.columns().to_vec());
        Some(Arc::new(Description::new(description.parameters().into(), columns)))
    }
}

// PG source: plancache.c, RevalidateCachedQuery, "cached plan must not change result type"
fn is_plan_refused(error: &ServerError) -> bool {
    match error.code() {
        SqlState::INVALID_SQL_STATEMENT_NAME => true,
        SqlState::FEATURE_NOT_SUPPORTED => error.routine().as_deref() == Some("RevalidateCachedQuery"),
        _ => false,
    }
}

/// A plan outlives the types of its constants and parameters.
// PG source: "cache lookup failed for type", in tupdesc.c and lsyscache.c
fn is_type_dropped(error: &ServerError) -> bool {
    const ROUTINES: [&str; 5] = [
        "TupleDescInitEntry",
        "getTypeBinaryInputInfo",
        "getTypeBinaryOutputInfo",
        "getTypeInputInfo",
        "getTypeOutputInfo",
    ];
    error.code() == SqlState::INTERNAL_ERROR
        && error.routine().is_some_and(|routine| ROUTINES.contains(&routine.as_ref()))
}
