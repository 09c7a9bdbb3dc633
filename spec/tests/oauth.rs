//! The cases about tokens of OAuth, which PostgreSQL 18 knows, on a server of that version: it is not the one of other tests.

mod common;

use common::{servers_of, settings, target};
use molt_db_spec::report::{Style, human};
use molt_db_spec::{ExpectedFailures, Report, Selection, Verdict, run, server};
use molt_db_testkit::{Major, Wanted};

#[tokio::test]
async fn postgresql_18_conforms_and_no_case_is_skipped() {
    let only = vec!["oauth".to_owned()];
    let cases = Selection { only, ..Selection::default() }.of(server::cases());
    let nothing = ExpectedFailures::default();
    for postgres in servers_of(vec![Wanted::Major(Major::V18)]) {
        let report =
            run(&target(postgres.port()), cases.clone(), &settings(&postgres), |_| {}).await.unwrap();
        assert!(
            all_pass(&report) && report.outcomes.len() > 40,
            "{}",
            human(&report, &nothing, Style::Plain)
        );
    }
}

/// A server whose users show tokens is tested as any other: the token is the password of the URL.
#[tokio::test]
async fn a_token_logs_in_to_all_other_cases() {
    let postgres = servers_of(vec![Wanted::Major(Major::V18)]).swap_remove(0);
    let url = format!("postgresql://oauth:pgspec-token@127.0.0.1:{}/test", postgres.port());
    let only = vec!["simple.select".to_owned(), "cancel.ok".to_owned()];
    let cases = Selection { only, ..Selection::default() }.of(server::cases());
    let report = run(&url.parse().unwrap(), cases, &settings(&postgres), |_| {}).await.unwrap();
    assert!(all_pass(&report), "{report:?}");
}

fn all_pass(report: &Report) -> bool {
    report.outcomes.iter().all(|outcome| matches!(outcome.verdict, Verdict::Pass))
}
