//! Our own driver passes the cases for clients, and those who notice nothing, or too much, do not.

#[path = "common/driver.rs"]
mod driver;

use std::time::Duration;

use driver::driver;
use molt_db_spec::client::{Call, Demand, Exit, cases, run_client};
use molt_db_spec::report::{Style, human};
use molt_db_spec::{ExpectedFailures, Report, Verdict};

async fn run<F: Future<Output = Exit>>(patience: Duration, program: impl Fn(Call) -> F) -> Report {
    run_client("a client", cases(), patience, program, |_| {}).await
}

#[tokio::test]
async fn our_driver_conforms() {
    let report = run(Duration::from_secs(20), driver).await;
    let nothing = ExpectedFailures::default();
    assert!(nothing.conforms(&report), "{}", human(&report, &nothing, Style::Plain));
    let skipped = report.outcomes.iter().filter(|outcome| matches!(outcome.verdict, Verdict::Skip(_)));
    let skipped: Vec<_> = skipped.map(|outcome| outcome.id.as_str()).collect();
    assert_eq!(skipped, ["client-negotiation.grease-taken"], "it sends no grease");
}

#[tokio::test]
async fn a_client_that_notices_nothing_fails_where_something_is_wrong() {
    let report = run(Duration::from_secs(20), async |_| Exit::Succeeded).await;
    let expected = |demand| matches!(demand, Demand::Succeed | Demand::End);
    assert_verdicts(&report, |demand| if expected(demand) { "pass" } else { "fail" });
}

#[tokio::test]
async fn a_client_that_never_gets_anywhere_fails_where_nothing_is_wrong() {
    let report = run(Duration::from_secs(20), async |_| Exit::Failed("no".to_owned())).await;
    assert_verdicts(&report, |demand| if demand == Demand::Succeed { "fail" } else { "pass" });
}

#[tokio::test]
async fn a_client_that_hangs_or_dies_has_a_verdict_of_its_own() {
    let report = run(Duration::from_millis(20), async |_| std::future::pending().await).await;
    assert_verdicts(&report, |demand| if demand == Demand::NotSucceed { "pass" } else { "hang" });
    let report = run(Duration::from_secs(20), async |_| Exit::Died("signal".to_owned())).await;
    assert_verdicts(&report, |_| "crash");
    let report = run(Duration::from_secs(20), async |_| Exit::Unable).await;
    assert_verdicts(&report, |_| "skip");
}

/// These clients never connect, so that what they did not ask for is skipped.
fn assert_verdicts(report: &Report, expected: impl Fn(Demand) -> &'static str) {
    assert!(report.outcomes.len() > 100, "{}", report.outcomes.len());
    for (case, outcome) in cases().into_iter().zip(&report.outcomes) {
        let asks_for_more = ["client-negotiation", "client-cancel.key"];
        let is_skipped = matches!(outcome.verdict, Verdict::Skip(_))
            && asks_for_more.iter().any(|group| case.id.starts_with(group));
        assert!(is_skipped || outcome.verdict.name() == expected(case.demand), "{}", case.id);
    }
}
