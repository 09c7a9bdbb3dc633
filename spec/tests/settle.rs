//! Every state that somebody can walk away from has a test of what is done about it.

mod sources;
mod table;

use std::collections::BTreeSet;
use std::fs;

use sources::{is_proved_by, root};
use table::{proof, rows};

#[test]
fn every_state_names_tests_that_exist() {
    let text = fs::read_to_string(root().join("spec/settle.md")).unwrap();
    let mut states = BTreeSet::new();
    for cells in rows(&text) {
        let [state, action, proofs] = cells[..] else { panic!("{cells:?}") };
        assert!(states.insert(state), "{state} is there twice");
        assert!(!state.is_empty() && !action.is_empty(), "{cells:?}");
        for (file, test) in proofs.split(", ").map(proof) {
            assert!(is_proved_by(file, test), "{state}: no test {file}::{test}");
        }
    }
    assert!(states.len() > 20, "{} states", states.len());
}

/// Each test of walking away stands for a row.
#[test]
fn every_test_of_walking_away_is_named() {
    let text = fs::read_to_string(root().join("spec/settle.md")).unwrap();
    for file in ["protocol/src/client/tests/abandon.rs"] {
        let source = fs::read_to_string(root().join(file)).unwrap();
        let mut lines = source.lines();
        while lines.any(|line| line == "#[test]") {
            let declared = lines.next().and_then(|line| line.strip_prefix("fn ")).unwrap();
            let name = declared.split('(').next().unwrap();
            assert!(text.contains(&format!("`{file}::{name}`")), "{file}: {name} proves no row");
        }
    }
}
