use std::fmt;

use super::error::Problem;
use super::value::{FromValue, Value};
use super::word;

/// What becomes of the state of a session that comes back to a pool: settings, the role, temporary tables, cursors that
/// outlive their transactions, channels that are listened to, locks of the session, values of sequences.
///
/// It is reset at once and by a task of the pool, in one round trip that costs the server about as much as two small
/// queries; the next user does not wait for it where another connection is idle, and while this one lies idle nothing
/// is held. The statements that the driver has prepared stay, unless the session itself ran PREPARE: then `DISCARD
/// ALL` takes everything.
///
/// Settings go back to those that the session began with: what its start-up options, its role and its database say.
/// Settings of one's own, such as `app.tenant`, become empty. A table in the repository, `spec/reset.md`, says what each
/// policy leaves behind, kind by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResetPolicy {
    /// Nothing is reset: the next user finds what the last one left.
    None,
    /// A session is reset in which a command ran that leaves something behind by its name: SET, LISTEN, CREATE, DECLARE,
    /// DO, CALL and their like. One that has only read and written data, in transactions or not, costs nothing.
    ///
    /// What functions do is not noticed: of `select set_config(..)` and `select pg_advisory_lock(..)` the server tells
    /// only that it was a SELECT. Where tenants or locks are handled so and outlive their transaction, choose
    /// [`ResetPolicy::Full`].
    #[default]
    Cheap,
    /// Every session is reset in which a command ran.
    Full,
}

impl ResetPolicy {
    const WORDS: [(&str, Self); 3] = [("none", Self::None), ("cheap", Self::Cheap), ("full", Self::Full)];
}

impl FromValue for ResetPolicy {
    fn from_value(value: Value) -> Result<Self, Problem> {
        value.word(&Self::WORDS, "`none`, `cheap` or `full`")
    }
}

impl fmt::Display for ResetPolicy {
    /// Writes the name that connection strings use.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(word::of(&Self::WORDS, self))
    }
}
