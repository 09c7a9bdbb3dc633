use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Description;
use crate::message::WireFormat;

/// What sessions have found out about results, for others to begin with.
///
/// Inside of a transaction a statement that a session has not seen is described before it runs, as a column without
/// a binary form would cost the transaction. Where another session has seen that all have one, that round trip is saved.
/// It is a belief about formats and no more: the same text may have other types here, and rows are always read by what
/// this session's server describes. Where the belief is wrong, the statement fails (42883).
///
/// The latest 16,384 statements at most are known, in about 256 KiB.
#[derive(Default)]
pub struct Hints {
    hasher: RandomState,
    binary: Mutex<HashSet<u64>>,
}

impl Hints {
    /// Tells whether all columns are known to have a binary form.
    pub(super) fn is_binary(&self, sql: &str, types: &[u32]) -> bool {
        self.binary().contains(&self.hasher.hash_one((sql, types)))
    }

    pub(super) fn learn(&self, sql: &str, types: &[u32], description: &Description) {
        let mut binary = self.binary();
        let key = self.hasher.hash_one((sql, types));
        if description.formats().contains(&WireFormat::Text) {
            binary.remove(&key);
            return;
        }
        if binary.len() >= MOST {
            binary.clear();
        }
        binary.insert(key);
    }

    pub(super) fn forget(&self, sql: &str, types: &[u32]) {
        self.binary().remove(&self.hasher.hash_one((sql, types)));
    }

    /// No call leaves it half changed.
    fn binary(&self) -> MutexGuard<'_, HashSet<u64>> {
        self.binary.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Hints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hints").field("known", &self.binary().len()).finish()
    }
}

const MOST: usize = 16_384;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::FieldDescription;

    fn result(formats: &[WireFormat]) -> Description {
        let column = |format: &WireFormat| FieldDescription {
            name: String::new(),
            table: 0,
            attribute: 0,
            type_oid: 25,
            type_size: -1,
            type_modifier: -1,
            format: *format,
        };
        Description::new(Box::default(), formats.iter().map(column).collect())
    }

    #[test]
    fn what_is_binary_throughout_is_known_by_text_and_types() {
        let hints = Hints::default();
        hints.learn("select 1", &[23], &result(&[WireFormat::Binary, WireFormat::Binary]));
        hints.learn("insert", &[], &result(&[]));
        hints.learn("select acl", &[], &result(&[WireFormat::Binary, WireFormat::Text]));
        assert!(hints.is_binary("select 1", &[23]) && hints.is_binary("insert", &[]));
        assert!(!hints.is_binary("select 1", &[]) && !hints.is_binary("select acl", &[]));
        hints.forget("insert", &[]);
        assert!(!hints.is_binary("insert", &[]));
    }

    #[test]
    fn a_bounded_number_is_known() {
        let hints = Hints::default();
        for number in 0..MOST {
            hints.learn(&number.to_string(), &[], &result(&[]));
        }
        assert!(hints.is_binary("0", &[]));
        hints.learn("one more", &[], &result(&[]));
        assert!(!hints.is_binary("0", &[]) && hints.is_binary("one more", &[]));
    }
}
