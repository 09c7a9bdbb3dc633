//! The SQL of copies of typed rows: in front of the COPY what tells its types. All of it is one simple query, so one
//! transaction, in which a table that was read is not altered by others.
// PG docs: protocol-flow, "Multiple Statements in a Simple Query"

/// Copies into columns of a table, or all of them; behind a query of those columns.
pub(super) fn copy_into(table: &str, columns: &[&str]) -> String {
    let wanted = columns_of(table, columns);
    let table = table.split('.').map(identifier).collect::<Vec<_>>().join(".");
    let columns = columns.iter().map(|name| identifier(name)).collect::<Vec<_>>().join(", ");
    let list = if columns.is_empty() { String::new() } else { format!(" ({columns})") };
    format!("{wanted}; copy {table}{list} from stdin (format binary)")
}

/// Has the columns of a table, or some of them, and no rows.
pub(super) fn columns_of(table: &str, columns: &[&str]) -> String {
    let table = table.split('.').map(identifier).collect::<Vec<_>>().join(".");
    let columns = columns.iter().map(|name| identifier(name)).collect::<Vec<_>>().join(", ");
    format!("select {} from {table} limit 0", if columns.is_empty() { "*" } else { &columns })
}

/// Copies the rows of a query; behind the same query without rows.
pub(super) fn copy_out_of(query: &str) -> String {
    let query = query.trim_end_matches(|c: char| c == ';' || c.is_ascii_whitespace());
    // A comment at its end takes no more than its line.
    format!("select * from (\n{query}\n) as copied limit 0; copy (\n{query}\n) to stdout (format binary)")
}

// PG docs: sql-syntax-lexical, "Identifiers and Key Words"
fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted() {
        let sql = copy_into("shop.a\"b'c\\d", &["id", "x\"); drop table t; --"]);
        assert!(sql.starts_with(
            "select \"id\", \"x\"\"); drop table t; --\" from \"shop\".\"a\"\"b'c\\d\" limit 0;"
        ));
        assert!(sql.ends_with(
            "copy \"shop\".\"a\"\"b'c\\d\" (\"id\", \"x\"\"); drop table t; --\") from stdin (format binary)"
        ));
        assert!(copy_into("t", &[]).ends_with("copy \"t\" from stdin (format binary)"));
    }

    #[test]
    fn a_query_may_end_as_a_statement_or_with_a_comment() {
        let sql = copy_out_of("select 1 -- one;\n ;\n");
        assert!(sql.contains("copy (\nselect 1 -- one\n) to"), "{sql}");
    }
}
