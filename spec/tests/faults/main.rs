//! A suite that cannot fail is worthless: each fault that a proxy puts in front of a real server makes a case fail that is
//! about it, and without a fault none fails.

#[path = "../common/mod.rs"]
mod common;

mod broken;
mod catalogue;
mod generated;
mod proxy;
mod survivors;

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use catalogue::FAULTS;
use common::{servers, settings, target};
use molt_db_spec::report::{Style, human};
use molt_db_spec::{Case, ExpectedFailures, Level, Outcome, Selection, Settings, Verdict, run, server};
use molt_db_testkit::Server;
use proxy::{Fault, Proxy};
use tokio::task::JoinSet;

#[tokio::test]
async fn without_a_fault_no_case_fails() {
    let nothing = ExpectedFailures::default();
    for postgres in servers() {
        let proxy = Proxy::start(postgres.port(), &Fault::NONE);
        let report = run(&target(proxy.port), server::cases(), &settings(&postgres), |_| {}).await.unwrap();
        assert!(nothing.conforms(&report), "{}", human(&report, &nothing, Style::Plain));
    }
}

#[tokio::test]
async fn every_fault_is_found_by_the_cases_about_it() {
    let postgres = servers().swap_remove(0);
    let faults = FAULTS.iter().map(|fault| {
        let only: Vec<String> = fault.found_by.iter().map(ToString::to_string).collect();
        let selection = Selection { only, ..Selection::default() };
        let unknown = selection.first_without_a_case(CASES.iter().map(|case| case.id.as_str()));
        assert_eq!(unknown, None, "{}", fault.name);
        (*fault, fault.name.to_owned(), vec![selection])
    });
    let missed = missed(postgres, faults.collect()).await;
    assert!(missed.is_empty(), "{missed:?}");
}

/// Returns the names of the faults that none of their selections finds, one after the other.
async fn missed(postgres: Server, faults: Vec<(Fault, String, Vec<Selection>)>) -> Vec<String> {
    let postgres = Arc::new(postgres);
    let mut faults = faults.into_iter();
    let (mut running, mut missed) = (JoinSet::new(), Vec::new());
    loop {
        // Most of the time is spent waiting for what does not come.
        while running.len() < 8 {
            let Some((fault, name, selections)) = faults.next() else { break };
            let postgres = Arc::clone(&postgres);
            running.spawn(async move { (name, is_found(&fault, &selections, &postgres).await) });
        }
        let Some(ended) = running.join_next().await else { break };
        let (name, is_found) = ended.unwrap();
        if !is_found {
            println!("not found: {name}");
            missed.push(name);
        }
    }
    missed
}

async fn is_found(fault: &Fault, selections: &[Selection], postgres: &Server) -> bool {
    let proxy = Proxy::start(postgres.port(), fault);
    let settings =
        Settings { timeout: Duration::from_secs(2), jobs: NonZeroUsize::MIN, ..settings(postgres) };
    for selection in selections {
        let cases = CASES.iter().filter(|case| selection.has(&case.id)).cloned().collect();
        // A login that the fault makes impossible is found as well.
        let Ok(report) = run(&target(proxy.port), cases, &settings, |_| {}).await else { return true };
        if report.outcomes.iter().any(is_failure) {
            return true;
        }
    }
    false
}

/// They are long, some of them, and made once.
static CASES: LazyLock<Vec<Case>> = LazyLock::new(server::cases);

fn is_failure(outcome: &Outcome) -> bool {
    outcome.level != Level::Info && !matches!(outcome.verdict, Verdict::Pass | Verdict::Skip(_))
}

#[test]
fn faults_have_names_of_their_own() {
    let names: BTreeSet<_> = FAULTS.iter().map(|fault| fault.name).collect();
    assert_eq!(names.len(), FAULTS.len());
    assert!(names.len() >= 30);
}
