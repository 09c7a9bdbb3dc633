use std::fmt;

use molt_db::Connection;

use crate::failure::Failure;

/// A table of the benchmarks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Table {
    Fixed,
    Lineitem,
    Nulls,
    RandomNulls,
    Text,
    Arrays,
    Wide,
    Kv,
}

impl Table {
    pub(crate) const ALL: [Self; 8] = [
        Self::Fixed,
        Self::Lineitem,
        Self::Nulls,
        Self::RandomNulls,
        Self::Text,
        Self::Arrays,
        Self::Wide,
        Self::Kv,
    ];

    /// Those that are read into Arrow.
    pub(crate) const SCANNED: [Self; 7] =
        [Self::Fixed, Self::Lineitem, Self::Nulls, Self::RandomNulls, Self::Text, Self::Arrays, Self::Wide];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fixed => "w_fixed",
            Self::Lineitem => "w_lineitem",
            Self::Nulls => "w_nulls",
            Self::RandomNulls => "w_random_nulls",
            Self::Text => "w_text",
            Self::Arrays => "w_arrays",
            Self::Wide => "w_wide",
            Self::Kv => "kv",
        }
    }

    /// Returns how many rows it has if the long tables have `rows`: those of wide rows have fewer.
    fn rows(self, rows: u64) -> u64 {
        match self {
            Self::Fixed | Self::Lineitem | Self::Nulls | Self::RandomNulls => rows,
            Self::Text | Self::Arrays => (rows / 4).max(1),
            Self::Wide => (rows / 20).max(1),
            Self::Kv => u64::from(KEYS.unsigned_abs()),
        }
    }

    /// Returns how many rows the long tables need for this one to have `rows`.
    pub(crate) fn long_rows(self, rows: u64) -> u64 {
        match self {
            Self::Fixed | Self::Lineitem | Self::Nulls | Self::RandomNulls => rows,
            Self::Text | Self::Arrays => rows * 4,
            Self::Wide => rows * 20,
            Self::Kv => 1,
        }
    }
}

/// What loading found to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loaded {
    /// The tables were there, as long as asked for.
    AlreadyThere,
    /// They were made.
    Made,
}

impl fmt::Display for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadyThere => "the tables are there already",
            Self::Made => "made the tables",
        })
    }
}

/// Makes the tables, the long ones with that many rows, unless they are there with as many. `kv` always has 100,000.
///
/// # Errors
///
/// Besides the server's: a table of that name, but another length, that this program has not made. It is left alone.
pub(crate) async fn load(connection: &mut Connection, rows: u64) -> Result<Loaded, Failure> {
    let mut complete = true;
    for table in Table::ALL {
        complete &= length(connection, table).await? == Some(table.rows(rows));
    }
    if complete {
        return Ok(Loaded::AlreadyThere);
    }
    for table in Table::ALL {
        drop_own(connection, table).await?;
    }
    for statement in statements(rows) {
        connection.script(&statement).await?;
    }
    for table in Table::ALL {
        connection.script(&format!("comment on table {} is '{MARK}'", table.name())).await?;
    }
    Ok(Loaded::Made)
}

/// Returns how many rows the table has, `None` if there is none.
async fn length(connection: &mut Connection, table: Table) -> Result<Option<u64>, Failure> {
    let name = table.name();
    let (there,): (bool,) = connection.query("select to_regclass($1) is not null").bind(name).one().await?;
    if !there {
        return Ok(None);
    }
    let (rows,): (i64,) = connection.query(&format!("select count(*) from {name}")).one().await?;
    Ok(Some(u64::try_from(rows)?))
}

async fn drop_own(connection: &mut Connection, table: Table) -> Result<(), Failure> {
    let name = table.name();
    let marked: Option<(bool,)> = connection
        .query("select coalesce(obj_description(oid, 'pg_class') = $2, false) from pg_class where oid = to_regclass($1)")
        .bind(name)
        .bind(MARK)
        .optional()
        .await?;
    match marked {
        None => Ok(()),
        Some((true,)) => {
            connection.script(&format!("drop table {name}")).await?;
            Ok(())
        }
        Some((false,)) => {
            Err(format!("there is a table {name} that this program has not made: choose another database")
                .into())
        }
    }
}

fn statements(rows: u64) -> impl Iterator<Item = String> {
    let script = SCRIPT.replace(":rows", &rows.to_string());
    let statements: Vec<_> = script.split(";\n\n").map(|statement| statement.trim().to_owned()).collect();
    statements.into_iter().filter(|statement| !statement.is_empty())
}

/// How many rows the long tables have unless it is said.
pub(crate) const DEFAULT_ROWS: u64 = 1_000_000;

/// The keys of `kv` are 1 to this.
pub(crate) const KEYS: i32 = 100_000;

/// The comment by which this program knows its own tables again.
const MARK: &str = "made by molt-db-bench";

const SCRIPT: &str = include_str!("../workloads.sql");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_cut_into_its_statements() {
        let statements: Vec<_> = statements(7).collect();
        assert_eq!(statements.len(), 12);
        assert_eq!(statements.iter().filter(|sql| sql.contains("generate_series(1, 7)")).count(), 4);
        assert_eq!(statements.iter().filter(|sql| sql.contains("greatest(1, 7 / ")).count(), 3);
        assert!(statements.iter().all(|sql| !sql.contains(":rows")));
        assert!(statements.iter().any(|sql| sql.contains(&format!("generate_series(1, {KEYS})"))));
    }

    #[test]
    fn the_script_makes_every_table() {
        let makes = |table: Table| SCRIPT.contains(&format!("create table {} ", table.name()));
        assert!(Table::ALL.into_iter().all(makes));
    }

    #[test]
    fn every_scanned_table_can_be_made_long_enough() {
        for table in Table::SCANNED {
            assert_eq!(table.rows(table.long_rows(30)), 30, "{}", table.name());
            assert_eq!(table.rows(1), 1, "{}", table.name());
        }
    }
}
