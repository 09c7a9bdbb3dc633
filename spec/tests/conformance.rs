//! PostgreSQL does what the cases say.

mod common;

use common::{servers, settings, target};
use molt_db_spec::report::{Style, human};
use molt_db_spec::{ExpectedFailures, Report, Verdict, run, server};

/// `MOLT_DB_SPEC_RUNS` says how often; each run has to have the verdicts of the first.
#[tokio::test]
async fn postgresql_conforms_and_hardly_a_case_is_skipped() {
    let nothing = ExpectedFailures::default();
    for postgres in servers() {
        let report =
            run(&target(postgres.port()), server::cases(), &settings(&postgres), |_| {}).await.unwrap();
        for number in 1..runs() {
            let again =
                run(&target(postgres.port()), server::cases(), &settings(&postgres), |_| {}).await.unwrap();
            assert_eq!(verdicts(&again), verdicts(&report), "run {}", number + 1);
        }
        assert!(nothing.conforms(&report), "{}", human(&report, &nothing, Style::Plain));
        let skipped =
            report.outcomes.iter().filter(|outcome| matches!(outcome.verdict, Verdict::Skip(_))).count();
        assert!(skipped <= 20 || postgres.version().0 < 18, "{}", human(&report, &nothing, Style::Plain));
        assert_eq!(report.version.split('.').next().unwrap(), postgres.version().0.to_string());
    }
}

fn runs() -> usize {
    std::env::var("MOLT_DB_SPEC_RUNS").map_or(1, |runs| runs.parse().unwrap())
}

fn verdicts(report: &Report) -> Vec<(&str, &'static str)> {
    report.outcomes.iter().map(|outcome| (outcome.id.as_str(), outcome.verdict.name())).collect()
}
