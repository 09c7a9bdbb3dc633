use std::sync::Arc;

use super::traces::Returned;
use super::{Description, Outcome};
use crate::message::CopyDirection;

/// A command of the simple protocol: a script or a copy.
#[derive(Debug, Clone)]
pub(super) struct Simple {
    pub(super) copy: Copy,
    pub(super) reports: ScriptReports,
    /// The columns of the result that is being sent.
    pub(super) description: Option<Arc<Description>>,
    /// Of the statement that is being answered.
    pub(super) returned: Returned,
    pub(super) outcome: Outcome,
}

/// What the caller hears of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScriptReports {
    End,
    /// Columns, rows, and the end of each statement.
    Results,
}

/// Which copy is wanted.
///
/// ```text
///   Wanted --the response of this direction--> Begun --CopyDone--> Over      all but Wanted: every copy is one too many
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Copy {
    None,
    Wanted(CopyDirection),
    Begun(CopyDirection),
    /// The server has sent all of its data.
    Over,
}

impl Simple {
    pub(super) fn new(copy: Copy, reports: ScriptReports) -> Self {
        Self { copy, reports, description: None, returned: Returned::Nothing, outcome: Outcome::default() }
    }

    /// Tells whether the copy that the server begins is the one that is wanted.
    pub(super) fn begins(&mut self, direction: CopyDirection) -> bool {
        let wanted = self.copy == Copy::Wanted(direction);
        if wanted {
            self.copy = Copy::Begun(direction);
        }
        wanted
    }

    /// Notes that the server has sent all of its data.
    pub(super) fn copied(&mut self) {
        self.copy = Copy::Over;
    }

    /// Tells whether copied data are the caller's.
    pub(super) fn is_copying(&self) -> bool {
        matches!(self.copy, Copy::Begun(CopyDirection::Out | CopyDirection::Both))
    }
}
