//! What came of the cases.

use std::time::Duration;

use crate::case::Level;

/// What came of one case.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The case.
    pub id: String,
    /// What it demands.
    pub requirement: String,
    /// Where that is written.
    pub source: String,
    /// What makes it binding.
    pub level: Level,
    /// How it went.
    pub verdict: Verdict,
    /// How long it took.
    pub duration: Duration,
}

/// How a case went.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// As it has to.
    Pass,
    /// It is not for this target, for this reason.
    Skip(String),
    /// The target did something else.
    Fail(Difference),
    /// The target did nothing for as long as the timeout says, or takes no new session.
    Hang(Difference),
    /// The target is not there any more.
    Crash(Difference),
}

/// What a target did instead.
#[derive(Debug, Clone)]
pub struct Difference {
    /// What it should have done.
    pub expected: String,
    /// What it did.
    pub actual: String,
    /// The bytes, both ways.
    pub bytes: String,
}

/// What came of all cases, in their order.
#[derive(Debug, Clone)]
pub struct Report {
    /// Where the target is, or its name.
    pub target: String,
    /// What it says it is: `18.4`.
    pub version: String,
    /// One for each case.
    pub outcomes: Vec<Outcome>,
}

/// What an outcome means for the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is as it should be.
    Good,
    /// It was not tried.
    Skipped,
    /// It is wrong and binds nobody.
    Told,
    /// It is wrong, and somebody knew.
    Expected,
    /// It is wrong.
    Bad,
    /// It is right, though somebody expected that it is not.
    Surprise,
}

impl Verdict {
    /// Returns its name in reports: `pass`, `skip`, `fail`, `hang` or `crash`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Skip(_) => "skip",
            Self::Fail(_) => "fail",
            Self::Hang(_) => "hang",
            Self::Crash(_) => "crash",
        }
    }

    /// Returns what went wrong, if something did.
    pub fn difference(&self) -> Option<&Difference> {
        match self {
            Self::Pass | Self::Skip(_) => None,
            Self::Fail(difference) | Self::Hang(difference) | Self::Crash(difference) => Some(difference),
        }
    }
}

impl Outcome {
    /// Returns the group of the case.
    pub fn group(&self) -> &str {
        self.id.split_once('.').map_or(&*self.id, |(group, _)| group)
    }
}
