//! The table of crates has every type of theirs that is read and sent, with the test that proves it, and each crate is a
//! feature.

mod sent;
mod sources;
mod table;

use std::collections::BTreeSet;
use std::fs;

use sent::implementations;
use sources::{has_test, is_proved_by, root};
use table::{code, proof, rows};

#[test]
fn every_type_of_a_crate_is_in_the_table() {
    let text = fs::read_to_string(root().join("spec/crates.md")).unwrap();
    let documented: BTreeSet<_> = rows(&text).iter().map(|cells| code(cells[0]).to_owned()).collect();
    let sent: BTreeSet<_> =
        implementations(&root().join("decode/src/types/with"), None).into_iter().collect();
    assert!(sent.len() > 15, "{sent:?}");
    assert_eq!(sent, documented);
}

#[test]
fn every_row_names_a_test_that_exists() {
    let text = fs::read_to_string(root().join("spec/crates.md")).unwrap();
    for cells in rows(&text) {
        assert!(cells.iter().all(|cell| !cell.is_empty()), "{cells:?}");
        let (file, test) = proof(cells[cells.len() - 1]);
        assert!(is_proved_by(file, test), "{}: no test {file}::{test}", cells[0]);
    }
    assert!(!has_test(&text, "none"));
}

#[test]
fn every_crate_is_a_feature_that_is_tested() {
    let text = fs::read_to_string(root().join("spec/crates.md")).unwrap();
    let crates: BTreeSet<_> =
        rows(&text).iter().map(|cells| code(cells[0]).split("::").next().unwrap().to_owned()).collect();
    assert_eq!(crates.len(), 7, "{crates:?}");
    let read = |file: &str| fs::read_to_string(root().join(file)).unwrap();
    let (driver, decode, ci) = (read("Cargo.toml"), read("decode/Cargo.toml"), read(".ci/run"));
    for name in &crates {
        assert!(driver.contains(&format!("\n{name} = [\"molt-db-decode/{name}\"]\n")), "{name}");
        assert!(decode.contains(&format!("\n{name} = [\"dep:{name}\"]\n")), "{name}");
    }
    let all = crates.into_iter().collect::<Vec<_>>();
    assert!(ci.contains(&format!("\nCRATES={}\n", all.join(","))), "{all:?}");
    let quoted = all.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>();
    assert!(driver.contains(&format!("required-features = [{}]", quoted.join(", "))), "{all:?}");
}
