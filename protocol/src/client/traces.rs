use crate::message::CommandTag;

/// What the commands of a session may have left behind in it, from the least to the most.
///
/// It goes by what the server calls a command. Of a function that changes a setting or takes a lock, nothing is seen but
/// the SELECT that called it. What leads a query is taken to be a part of its transaction, and to leave nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Traces {
    /// Nothing: no command was run.
    #[default]
    None,
    /// Nothing but what functions have left: commands that read and write data, and transactions.
    Data,
    /// Settings, tables, cursors, channels: SET, CREATE, DECLARE, LISTEN and all that is not known to be harmless.
    Session,
    /// Names of statements too: PREPARE.
    Statements,
}

/// Whether a statement has returned rows, be it none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Returned {
    Rows,
    Nothing,
}

impl Traces {
    /// Returns what a command leaves behind that has run.
    pub(super) fn of(tag: &CommandTag, returned: Returned) -> Self {
        match returned {
            _ if tag.is_one_of(HARMLESS) || tag.as_str().is_empty() => Self::Data,
            Returned::Rows if tag.is_one_of(&["SELECT"]) => Self::Data,
            // SELECT INTO and CREATE TABLE AS are called SELECT too.
            _ if tag.is_one_of(&["PREPARE"]) && tag.as_str() != "PREPARE TRANSACTION" => Self::Statements,
            _ => Self::Session,
        }
    }
}

/// What changes nothing but data. The list may lack some, and a reset is sent in vain.
// PostgreSQL's src/include/tcop/cmdtaglist.h
const HARMLESS: &[&str] = &[
    "INSERT",
    "UPDATE",
    "DELETE",
    "MERGE",
    "COPY",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "START",
    "SAVEPOINT",
    "RELEASE",
    "FETCH",
    "MOVE",
    "SHOW",
    "EXPLAIN",
    "LOCK",
    "TRUNCATE",
    "NOTIFY",
    "VACUUM",
    "ANALYZE",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn of(tag: &str) -> Traces {
        Traces::of(&CommandTag::new(tag), Returned::Rows)
    }

    #[test]
    fn data_and_transactions_leave_nothing() {
        for tag in ["", "SELECT 1", "INSERT 0 1", "COPY 7", "BEGIN", "START TRANSACTION", "ROLLBACK PREPARED"]
        {
            assert_eq!(of(tag), Traces::Data, "{tag}");
        }
    }

    #[test]
    fn what_is_not_known_leaves_something() {
        for tag in [
            "SET",
            "RESET",
            "LISTEN",
            "DECLARE CURSOR",
            "DO",
            "CALL",
            "CREATE TABLE",
            "A NEW COMMAND",
            "SELECTED",
        ] {
            assert_eq!(of(tag), Traces::Session, "{tag}");
        }
        assert_eq!((of("PREPARE"), of("PREPARE TRANSACTION")), (Traces::Statements, Traces::Session));
    }

    #[test]
    fn a_select_without_rows_makes_a_table() {
        assert_eq!(Traces::of(&CommandTag::new("SELECT 3"), Returned::Nothing), Traces::Session);
        assert_eq!(Traces::of(&CommandTag::new("UPDATE 3"), Returned::Nothing), Traces::Data);
    }
}
