//! The cases and what people read about them agree.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use molt_db_spec::report::list_markdown;
use molt_db_spec::{Level, parse, server};

#[test]
fn the_table_of_cases_is_that_of_the_command() {
    let file = fs::read_to_string(folder().join("server.md")).unwrap();
    let fresh = list_markdown(&server::cases());
    assert!(
        file == fresh,
        "run: cargo run -p molt-db-spec -- server --list --format markdown > spec/server.md"
    );
}

/// A clause is what the driver does, a case is what servers do: one name is not for both.
#[test]
fn no_case_has_the_id_of_a_clause() {
    let files = fs::read_dir(folder().join("clauses")).unwrap();
    let texts = files.map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap());
    let clauses: BTreeSet<String> =
        texts.flat_map(|text| parse(&text).unwrap()).map(|clause| clause.id).collect();
    assert!(!clauses.is_empty());
    let ids = server::cases().into_iter().map(|case| case.id);
    let both: Vec<_> = ids.filter(|id| clauses.contains(id)).collect();
    assert!(both.is_empty(), "{both:?}");
}

#[test]
fn there_are_cases_of_every_level() {
    let cases = server::cases();
    let count = |level| cases.iter().filter(|case| case.level == level).count();
    assert!(count(Level::Must) > 271, "{}", count(Level::Must));
    assert!(count(Level::Reference) > 0 && count(Level::Info) > 0);
}

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
