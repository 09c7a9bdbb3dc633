//! Failures that are known.

use crate::case::Level;
use crate::outcome::{Outcome, Report, Standing, Verdict};
use crate::pattern::glob;

/// The cases that are known to fail with a target.
///
/// A file has one a line, with `*` for any text; what follows a `#` is a remark. One with a `?` in front fails in some runs
/// and passes in others.
///
/// ```
/// use molt_db_spec::ExpectedFailures;
///
/// let known = ExpectedFailures::parse("# pgbouncer 1.18\nnegotiate.*  # refuses 3.2\n\nstartup.trickle\n");
/// assert!(known.contains("negotiate.grease") && known.contains("startup.trickle"));
/// assert!(!known.contains("startup.ok"));
/// assert!(ExpectedFailures::parse("?cancel.idle").contains("cancel.idle"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExpectedFailures {
    patterns: Vec<String>,
}

impl ExpectedFailures {
    /// Reads the text of a file.
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        Self { patterns: lines.filter(|line| !line.is_empty()).map(str::to_owned).collect() }
    }

    /// Tells whether the case is expected to fail.
    pub fn contains(&self, id: &str) -> bool {
        self.patterns.iter().any(|pattern| glob(pattern.trim_start_matches('?'), id))
    }

    fn varies(&self, id: &str) -> bool {
        self.patterns.iter().filter_map(|pattern| pattern.strip_prefix('?')).any(|pattern| glob(pattern, id))
    }

    /// Tells what an outcome means.
    pub fn standing(&self, outcome: &Outcome) -> Standing {
        let expected = self.contains(&outcome.id);
        match &outcome.verdict {
            Verdict::Pass if expected && !self.varies(&outcome.id) => Standing::Surprise,
            Verdict::Pass => Standing::Good,
            Verdict::Skip(_) => Standing::Skipped,
            Verdict::Fail(_) | Verdict::Hang(_) | Verdict::Crash(_) if expected => Standing::Expected,
            // What binds nobody may be different, but nothing justifies a crash or a hang.
            Verdict::Fail(_) if outcome.level == Level::Info => Standing::Told,
            Verdict::Fail(_) | Verdict::Hang(_) | Verdict::Crash(_) => Standing::Bad,
        }
    }

    /// Tells whether everything is as expected.
    pub fn conforms(&self, report: &Report) -> bool {
        let standings = report.outcomes.iter().map(|outcome| self.standing(outcome));
        standings.into_iter().all(|standing| !matches!(standing, Standing::Bad | Standing::Surprise))
    }

    /// Returns how many outcomes have this standing.
    pub fn count(&self, report: &Report, standing: Standing) -> usize {
        report.outcomes.iter().filter(|outcome| self.standing(outcome) == standing).count()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::outcome::Difference;

    fn outcome(id: &str, level: Level, verdict: Verdict) -> Outcome {
        let (requirement, source, duration) = (String::new(), String::new(), Duration::ZERO);
        Outcome { id: id.to_owned(), requirement, source, level, verdict, duration }
    }

    #[test]
    fn what_was_expected_to_fail_has_to() {
        let wrong = || Difference { expected: String::new(), actual: String::new(), bytes: String::new() };
        let known = ExpectedFailures::parse("a.one\na.two # why\n?a.four");
        let standing = |id, level, verdict| known.standing(&outcome(id, level, verdict));
        assert_eq!(standing("a.one", Level::Must, Verdict::Fail(wrong())), Standing::Expected);
        assert_eq!(standing("a.two", Level::Must, Verdict::Pass), Standing::Surprise);
        assert_eq!(standing("a.two", Level::Must, Verdict::Skip(String::new())), Standing::Skipped);
        assert_eq!(standing("a.three", Level::Reference, Verdict::Fail(wrong())), Standing::Bad);
        assert_eq!(standing("a.three", Level::Info, Verdict::Fail(wrong())), Standing::Told);
        assert_eq!(standing("a.three", Level::Info, Verdict::Crash(wrong())), Standing::Bad);
        assert_eq!(standing("a.three", Level::Must, Verdict::Pass), Standing::Good);
        assert_eq!(standing("a.four", Level::Must, Verdict::Pass), Standing::Good);
        assert_eq!(standing("a.four", Level::Must, Verdict::Fail(wrong())), Standing::Expected);
    }
}
