//! The list of messages names every message once, with a file and a test that exist.

mod sources;
mod table;

use std::collections::BTreeSet;
use std::fs;

use sources::{is_proved_by, root};
use table::{code, proof, rows};

struct Message {
    name: String,
    direction: String,
    kind: String,
    file: String,
    proof: (String, String),
}

#[test]
fn every_message_names_a_file_and_a_test_that_exist() {
    let messages = messages(&list());
    let missing: Vec<String> = messages.iter().flat_map(missing).collect();
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    assert!(messages.len() > 60, "{} messages", messages.len());
}

#[test]
fn every_message_is_there_once() {
    let mut seen = BTreeSet::new();
    for message in messages(&list()) {
        assert!(matches!(message.direction.as_str(), "F" | "B"), "{}: {}", message.name, message.direction);
        assert!(seen.insert((message.direction, message.name.clone())), "{} is there twice", message.name);
    }
}

/// The messages inside of CopyData have type bytes of their own, and are not looked at here.
#[test]
fn every_type_that_is_read_has_its_message() {
    let list = list();
    let start = list.find("\n## The protocol\n").unwrap();
    let end = list.find("\n## In CopyData\n").unwrap();
    let messages = messages(&list[start..end]);
    for (direction, file) in [("F", "protocol/src/wire/frontend_tag.rs"), ("B", "protocol/src/wire/tag.rs")] {
        let listed: BTreeSet<u8> = messages
            .iter()
            .filter(|message| message.direction == direction && message.kind != "–")
            .map(|message| code(&message.kind).as_bytes()[0])
            .collect();
        assert_eq!(listed, tags(&fs::read_to_string(root().join(file)).unwrap()), "{direction}");
    }
}

/// Returns the bytes of the variants: `Name = b'N',`.
fn tags(source: &str) -> BTreeSet<u8> {
    let variants = source.lines().filter_map(|line| line.trim().split_once(" = b'"));
    let tags: BTreeSet<u8> =
        variants.filter_map(|(_, rest)| rest.strip_suffix("',")?.bytes().next()).collect();
    assert!(tags.len() > 10, "{tags:?}");
    tags
}

fn missing(message: &Message) -> Vec<String> {
    let mut missing = Vec::new();
    if !root().join(&message.file).is_file() {
        missing.push(format!("{}: no file {}", message.name, message.file));
    }
    let (file, test) = &message.proof;
    if !is_proved_by(file, test) {
        missing.push(format!("{}: no test {file}::{test}", message.name));
    }
    missing
}

fn messages(markdown: &str) -> Vec<Message> {
    rows(markdown).iter().map(|cells| message(cells)).collect()
}

fn message(cells: &[&str]) -> Message {
    let [name, direction, kind, file, proved_by] = *cells else { panic!("{cells:?}") };
    let (proof_file, test) = proof(proved_by);
    Message {
        name: name.to_owned(),
        direction: direction.to_owned(),
        kind: kind.to_owned(),
        file: code(file).to_owned(),
        proof: (proof_file.to_owned(), test.to_owned()),
    }
}

fn list() -> String {
    fs::read_to_string(root().join("spec/messages.md")).unwrap()
}
