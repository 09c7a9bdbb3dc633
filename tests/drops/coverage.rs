//! The table of operations against the sources: whoever adds an operation that can be dropped adds it to the table too.
//!
//! The sources are read line by line, as rustfmt has laid them out: what is public and `async`, what returns a future or
//! a stream, and what is one.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::table::operations;

#[test]
fn every_public_operation_is_in_the_table() {
    let table: BTreeSet<_> = operations().map(|operation| operation.name.to_owned()).collect();
    let public = public_operations();
    let missing: Vec<_> = public.difference(&table).collect();
    assert!(missing.is_empty(), "not in tests/drops/table, where each needs a line: {missing:#?}");
    let gone: Vec<_> = table.difference(&public).collect();
    assert!(gone.is_empty(), "in tests/drops/table, and in no source: {gone:#?}");
}

#[test]
fn operations_of_all_kinds_are_found_in_a_source() {
    const SOURCE: &str = "
impl<'c, T: for<'r> FromRow<'r>> Rows<'c, T> {
    pub async fn next(
        &mut self,
    ) -> Result<(), Error> {
    pub(crate) async fn hidden(&self) {
    async fn private(&self) {
    pub fn plain(&self) -> usize {
    pub fn stream(
        &self,
    ) -> impl Stream<Item = u8> {
    pub fn later<F>(&self, work: impl Fn() -> F) -> Self
    where
        F: Future<Output = u8>,
    {
}

impl<'c> IntoFuture for Begin<'c> {
    fn into_future(self) -> Self::IntoFuture {
}

impl<T: for<'r> FromRow<'r> + Unpin> Stream for TypedRows<'_, T> {
impl fmt::Debug for TypedRows<'_, T> {
impl AsyncWrite for Secret {

pub async fn free() {}
";
    let exported = |name: &str| name != "Secret";
    let found = operations_in(SOURCE, exported);
    let expected = ["Begin::into_future", "Rows::next", "Rows::stream", "TypedRows::poll_next", "free"];
    assert!(found.iter().eq(expected), "{found:?}");
}

/// Returns the public operations of the driver, as the documentation has them.
fn public_operations() -> BTreeSet<String> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    list(&sources, &mut files);
    let files: Vec<_> = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let exports: BTreeSet<_> = files.iter().flat_map(|file| exports_of(file)).collect();
    let found: BTreeSet<_> =
        files.iter().flat_map(|file| operations_in(file, |name| exports.contains(name))).collect();
    assert!(found.len() >= 40, "only {} were found: the layout of the sources is another one", found.len());
    found
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            list(&path, files);
        } else if OFF.iter().any(|file| path.ends_with(file)) {
            println!("{} is behind a feature that is off", path.display());
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Returns the public types of a source. A lint sees to it that they can be reached.
fn exports_of(source: &str) -> impl Iterator<Item = &str> {
    let types = source
        .lines()
        .filter_map(|line| line.strip_prefix("pub struct ").or_else(|| line.strip_prefix("pub enum ")));
    types.filter_map(|line| line.split(|c: char| !is_word(c)).next())
}

/// Returns the operations of a source, of the types that are exported.
fn operations_in(source: &str, is_exported: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut subject = "";
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        if let Some(header) = line.strip_prefix("impl") {
            subject = subject_of(header);
            found.extend(
                as_a_trait(header).filter(|_| is_exported(subject)).map(|m| format!("{subject}::{m}")),
            );
        } else if let Some(function) = line.strip_prefix("pub ").and_then(function_of) {
            found.extend(is_operation(line, &mut lines).then(|| function.to_owned()));
        } else if let Some(function) = line.strip_prefix("    pub ").and_then(function_of) {
            let is_operation = is_operation(line, &mut lines);
            found.extend((is_operation && is_exported(subject)).then(|| format!("{subject}::{function}")));
        }
    }
    found
}

/// Returns the method that makes the trait of an `impl` an operation.
fn as_a_trait(header: &str) -> impl Iterator<Item = &'static str> {
    const TRAITS: [(&str, &str); 6] = [
        ("Stream", "poll_next"),
        ("Future", "poll"),
        ("IntoFuture", "into_future"),
        ("Sink", "poll_ready"),
        ("AsyncRead", "poll_read"),
        ("AsyncWrite", "poll_write"),
    ];
    // The parameters of an `impl` may hold a `for` of their own.
    let name = header.rsplit_once(" for ").map(|(left, _)| left.rsplit([' ', ':']).next().unwrap_or(left));
    let name = name.map(|name| name.split('<').next().unwrap_or(name));
    TRAITS.into_iter().filter(move |(known, _)| name == Some(known)).map(|(_, method)| method)
}

/// Returns the name of the type that an `impl` is for.
fn subject_of(header: &str) -> &str {
    let behind_for = header.rsplit_once(" for ").filter(|(_, subject)| !subject.starts_with('<'));
    let subject = behind_for.map_or_else(|| behind_parameters(header), |(_, subject)| subject);
    let subject = subject.trim_start().trim_start_matches("crate::");
    subject.split(|c: char| !is_word(c)).next().unwrap_or(subject)
}

/// Skips the `<...>` at the beginning.
fn behind_parameters(header: &str) -> &str {
    let mut depth = 0;
    for (at, c) in header.char_indices() {
        match c {
            '<' => depth += 1,
            '>' if !header[..at].ends_with('-') => depth -= 1,
            _ if depth == 0 => return &header[at..],
            _ => {}
        }
    }
    header
}

/// Returns the name of the function that a line begins.
fn function_of(line: &str) -> Option<&str> {
    let line = line.strip_prefix("const ").unwrap_or(line);
    let line = line.strip_prefix("async ").unwrap_or(line);
    line.strip_prefix("fn ")?.split(|c: char| !is_word(c)).next()
}

/// Tells whether the function that begins in this line is `async` or returns what is to be polled.
fn is_operation<'s>(first: &'s str, lines: &mut impl Iterator<Item = &'s str>) -> bool {
    let mut signature = first.to_owned();
    while !signature.trim_end().ends_with(['{', ';', '}']) {
        let Some(line) = lines.next() else { break };
        signature += line;
    }
    let signature = signature.split_once(" where").map_or(signature.as_str(), |(before, _)| before);
    let returned = signature.rsplit_once(") -> ").map_or("", |(_, returned)| returned);
    let polled = ["Future", "Stream", "Ready<", "AsyncRead", "AsyncWrite", "Sink"];
    signature.contains("async fn ") || polled.iter().any(|word| returned.contains(word))
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The sources behind features that are off.
const OFF: &[&str] = if cfg!(feature = "ipc") { &[] } else { &["src/connection/ipc.rs"] };
