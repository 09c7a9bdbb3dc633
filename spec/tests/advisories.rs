//! Every class of bad input that has hurt others has a test here that it is refused.

mod sources;
mod table;

use std::collections::BTreeSet;
use std::fs;

use sources::{is_proved_by, root};
use table::{proof, rows};

#[test]
fn every_class_names_tests_that_exist() {
    let text = fs::read_to_string(root().join("spec/advisories.md")).unwrap();
    let mut classes = BTreeSet::new();
    for cells in rows(&text) {
        let [class, advisories, proofs] = cells[..] else { panic!("{cells:?}") };
        assert!(classes.insert(class), "{class} is there twice");
        assert!(!class.is_empty() && !advisories.is_empty(), "{cells:?}");
        for (file, test) in proofs.split(", ").map(proof) {
            assert!(is_proved_by(file, test), "{class}: no test {file}::{test}");
        }
    }
    assert!(classes.len() > 10, "{} classes", classes.len());
}
