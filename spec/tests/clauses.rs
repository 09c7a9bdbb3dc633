//! Every clause has a test that proves it, and every test that is named exists.

mod sources;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use molt_db_spec::{Clause, parse};
use sources::{has_test, is_proved_by, root};

/// All clauses, with the names of their files.
fn clauses() -> Vec<(String, Clause)> {
    let folder = root().join("spec/clauses");
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().flat_map(|path| clauses_of(path)).collect()
}

fn clauses_of(path: &Path) -> Vec<(String, Clause)> {
    let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
    let text = fs::read_to_string(path).unwrap();
    let clauses = parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(!clauses.is_empty(), "{} has no clause", path.display());
    clauses.into_iter().map(|clause| (name.clone(), clause)).collect()
}

#[test]
fn every_clause_names_tests_that_exist() {
    let missing: Vec<String> = clauses()
        .iter()
        .flat_map(|(_, clause)| clause.proofs.iter().map(move |proof| (clause, proof)))
        .filter(|(_, proof)| !is_proved_by(&proof.file, &proof.test))
        .map(|(clause, proof)| format!("{}: no test {}::{}", clause.id, proof.file, proof.test))
        .collect();
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn ids_are_unique_and_stand_in_the_file_of_their_topic() {
    let mut seen = BTreeSet::new();
    for (file, clause) in clauses() {
        assert!(clause.id.starts_with(&format!("{file}.")), "{} stands in {file}.md", clause.id);
        assert!(seen.insert(clause.id.clone()), "{} is there twice", clause.id);
    }
    assert!(!seen.is_empty());
}

#[test]
fn a_function_without_the_attribute_is_no_test() {
    let source = "#[test]\n#[should_panic]\nfn one() {}\n\nfn two() {}\n\n#[tokio::test(flavor = \"x\")]\nasync fn three() {}\n";
    assert!(has_test(source, "one") && has_test(source, "three"));
    assert!(!has_test(source, "two") && !has_test(source, "on") && !has_test(source, "four"));
}
