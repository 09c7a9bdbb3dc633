//! The cases and what people read about them agree.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use molt_db_spec::report::{Listed, list_markdown};
use molt_db_spec::{Level, client, parse, server};

#[test]
fn the_tables_of_cases_are_those_of_the_command() {
    let servers: Vec<Listed> = server::cases().iter().map(Listed::from).collect();
    let clients: Vec<Listed> = client::cases().iter().map(Listed::from).collect();
    for (name, cases) in [("server", servers), ("client", clients)] {
        let file = fs::read_to_string(folder().join(format!("{name}.md"))).unwrap();
        let command =
            format!("cargo run -p molt-db-spec -- {name} --list --format markdown > spec/{name}.md");
        assert!(file == list_markdown(&cases), "run: {command}");
    }
}

#[test]
fn cases_for_clients_have_ids_of_their_own() {
    let mut seen = BTreeSet::new();
    for case in client::cases() {
        assert!(case.id.starts_with("client-") && seen.insert(case.id), "{}", case.id);
        assert!(case.requirement.ends_with('.'), "{}", case.id);
    }
    assert!(seen.len() >= 34, "{}", seen.len());
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
