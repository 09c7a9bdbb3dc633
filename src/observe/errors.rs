use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// How many operations failed, and of what.
#[derive(Debug, Default)]
pub(super) struct Errors {
    /// Failing is rare enough for a lock.
    counts: Mutex<BTreeMap<String, u64>>,
}

impl Errors {
    /// Counts a failure by its SQLSTATE or its name.
    pub(super) fn add(&self, kind: &str) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(kind) {
            *count += 1;
        } else {
            let kind = if counts.len() < MOST { kind.to_owned() } else { class(kind) };
            *counts.entry(kind).or_default() += 1;
        }
    }

    pub(super) fn snapshot(&self) -> BTreeMap<String, u64> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Returns the code that stands for the class of a SQLSTATE: there are 36 times 36 of those at most.
fn class(kind: &str) -> String {
    kind.chars().take(2).chain("000".chars()).collect()
}

/// How many codes are counted each on its own. PostgreSQL has 260, and a program meets a dozen; a server that makes them
/// up does not get more memory.
const MOST: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_counted_by_their_code() {
        let errors = Errors::default();
        ["40001", "timeout", "40001"].iter().for_each(|kind| errors.add(kind));
        assert_eq!(errors.snapshot(), BTreeMap::from([("40001".into(), 2), ("timeout".into(), 1)]));
    }

    #[test]
    fn codes_that_are_too_many_are_counted_by_their_class() {
        let errors = Errors::default();
        for number in 0..MOST + 10 {
            errors.add(&format!("ZZ{number:03}"));
        }
        let counts = errors.snapshot();
        assert_eq!(counts.len(), MOST);
        assert_eq!((counts["ZZ000"], counts["ZZ127"], counts.values().sum::<u64>()), (11, 1, 138));
        for number in 0..10_000 {
            errors.add(&format!("{:02}{:03}", number % 100, number / 100));
        }
        assert_eq!(errors.snapshot().len(), MOST + 100);
    }
}
