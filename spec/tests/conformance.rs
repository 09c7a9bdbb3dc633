//! PostgreSQL does what the cases say.

mod common;

use common::{servers, settings, target};
use molt_db_spec::report::{Style, human};
use molt_db_spec::{ExpectedFailures, Verdict, run, server};

#[tokio::test]
async fn postgresql_conforms_and_hardly_a_case_is_skipped() {
    let nothing = ExpectedFailures::default();
    for postgres in servers() {
        let report =
            run(&target(postgres.port()), server::cases(), &settings(&postgres), |_| {}).await.unwrap();
        assert!(nothing.conforms(&report), "{}", human(&report, &nothing, Style::Plain));
        let skipped =
            report.outcomes.iter().filter(|outcome| matches!(outcome.verdict, Verdict::Skip(_))).count();
        assert!(skipped <= 20 || postgres.version().0 < 18, "{}", human(&report, &nothing, Style::Plain));
        assert_eq!(report.version.split('.').next().unwrap(), postgres.version().0.to_string());
    }
}
