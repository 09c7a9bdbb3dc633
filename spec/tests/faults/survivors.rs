//! Generated faults are found, but for those of which a list says why not.

use molt_db_spec::Selection;

use crate::common::servers;
use crate::generated::{Mutation, mutations};
use crate::missed;
use crate::proxy::Fault;

/// All of them take minutes; a part of them is tried unless `MOLT_DB_FAULTS` is `all`, or words with commas between them:
/// then it is those that begin with one of the words.
#[tokio::test]
async fn generated_faults_are_found_or_listed() {
    let wanted = std::env::var("MOLT_DB_FAULTS").ok();
    let known = survivors();
    let is_tried = |(index, mutation): &(usize, Mutation)| match wanted.as_deref() {
        None => index % PART == 0 && !known.contains(&mutation.name()),
        Some("all") => true,
        Some(words) => words.split(',').any(|word| mutation.name().starts_with(word)),
    };
    let tried = mutations().into_iter().enumerate().filter(is_tried).map(|(_, mutation)| mutation);
    let faults: Vec<_> = tried.map(fault).collect();
    let names: Vec<_> = faults.iter().map(|(_, name, _)| name.clone()).collect();
    let count = faults.len();
    let mut missed = missed(servers().swap_remove(0), faults).await;
    missed.sort();
    println!("{} of {count} generated faults are found; these are not: {missed:#?}", count - missed.len());
    let found: Vec<_> = names.iter().filter(|name| known.contains(name) && !missed.contains(name)).collect();
    println!("listed, and found this time: {found:#?}");
    missed.retain(|name| !known.contains(name));
    assert!(missed.is_empty(), "{missed:#?}");
}

/// First the cases that most faults do not get past, then all the others.
fn fault(mutation: Mutation) -> (Fault, String, Vec<Selection>) {
    let select = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let first = Selection { only: select(FIRST), without: Vec::new() };
    let rest = Selection { only: Vec::new(), without: first.only.clone() };
    (Fault { mutation: Some(mutation), ..Fault::NONE }, mutation.name(), vec![first, rest])
}

/// Returns the names in the list of survivors.
fn survivors() -> Vec<String> {
    let lines = include_str!("../../survivors.txt").lines();
    let names = lines.filter_map(|line| line.split('#').next()).map(str::trim);
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[test]
fn survivors_are_faults_and_have_a_reason() {
    let names: Vec<_> = mutations().iter().map(Mutation::name).collect();
    for survivor in survivors() {
        assert!(names.contains(&survivor), "{survivor}");
    }
    for line in include_str!("../../survivors.txt").lines().filter(|line| !line.trim().is_empty()) {
        assert!(line.contains("# "), "{line}");
    }
}

/// Every so manieth is tried by a plain `cargo test`.
const PART: usize = 12;

/// A bit of everything.
const FIRST: &str = "startup.ok startup.key simple.select simple.error simple.error-fields simple.begin simple.empty \
    simple.notice simple.tag-insert parse.ok parse.inferred parse.declared bind.null bind.one-format-for-all \
    describe.statement describe.portal describe.columns execute.limit execute.two-portals execute.close-statement \
    extended.whole-cycle extended.flush extended.skip-until-sync extended.skip-copy copy-in.ok copy-in.fail \
    copy-in.columns copy-out.ok function.text async.setting async.notify-self async.notify-process cancel.ok \
    negotiate.grease scram.ok terminate.idle auth.cleartext auth.md5 replication.logical-stream";
