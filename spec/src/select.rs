//! Which cases to run.

use crate::case::Case;
use crate::pattern::glob;

/// Which cases to run: those that one of the selectors names, or all if there is none, without those excluded.
///
/// A selector is an id, a group, or a pattern in which `*` stands for any text.
///
/// ```
/// use molt_db_spec::Selection;
///
/// let selection = Selection { only: vec!["startup".into(), "bind.n*".into()], without: vec!["startup.http".into()] };
/// assert!(selection.has("startup.ok") && selection.has("bind.null"));
/// assert!(!selection.has("startup.http") && !selection.has("bind.many") && !selection.has("startups.ok"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// What to run.
    pub only: Vec<String>,
    /// What to leave out.
    pub without: Vec<String>,
}

impl Selection {
    /// Tells whether the case of this id is to be run.
    pub fn has(&self, id: &str) -> bool {
        let named = |selectors: &[String]| selectors.iter().any(|selector| names(selector, id));
        (self.only.is_empty() || named(&self.only)) && !named(&self.without)
    }

    /// Returns the cases to run.
    pub fn of(&self, mut cases: Vec<Case>) -> Vec<Case> {
        cases.retain(|case| self.has(&case.id));
        cases
    }

    /// Returns the first selector, of either kind, that names none of these cases: most likely a typo.
    pub fn first_without_a_case<'i>(&self, ids: impl Iterator<Item = &'i str> + Clone) -> Option<&str> {
        let idle = |selector: &&String| !ids.clone().any(|id| names(selector, id));
        self.only.iter().chain(&self.without).find(idle).map(String::as_str)
    }
}

fn names(selector: &str, id: &str) -> bool {
    glob(selector, id) || id.strip_prefix(selector).is_some_and(|rest| rest.starts_with('.'))
}
