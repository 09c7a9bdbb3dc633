//! Our own driver passes the cases for clients, and those who notice nothing, or too much, do not.

use std::time::Duration;

use molt_db::{Config, Connection};
use molt_db_spec::client::{Demand, Exit, cases, run_client};
use molt_db_spec::report::{Style, human};
use molt_db_spec::{ExpectedFailures, Report};

/// Connects, asks, and tells whether the answer is 42.
async fn driver(url: String) -> Exit {
    match ask(&url).await {
        Ok(answer) if answer == "42" => Exit::Succeeded,
        Ok(answer) => Exit::Failed(format!("the answer is {answer:?}")),
        Err(error) => Exit::Failed(error.to_string()),
    }
}

async fn ask(url: &str) -> Result<String, Box<dyn std::error::Error>> {
    let config: Config = url.parse()?;
    let mut connection = Connection::connect(&config).await?;
    let (answer,): (String,) = connection.query("select answer").one().await?;
    connection.close().await?;
    Ok(answer)
}

async fn run<F: Future<Output = Exit>>(patience: Duration, program: impl Fn(String) -> F) -> Report {
    run_client("a client", cases(), patience, program, |_| {}).await
}

fn names(report: &Report) -> Vec<&'static str> {
    report.outcomes.iter().map(|outcome| outcome.verdict.name()).collect()
}

#[tokio::test]
async fn our_driver_conforms() {
    let report = run(Duration::from_secs(20), driver).await;
    let nothing = ExpectedFailures::default();
    assert!(nothing.conforms(&report), "{}", human(&report, &nothing, Style::Plain));
}

#[tokio::test]
async fn a_client_that_notices_nothing_fails_where_something_is_wrong() {
    let report = run(Duration::from_secs(20), async |_| Exit::Succeeded).await;
    let expected = cases().into_iter().map(|case| if case.demand == Demand::Fail { "fail" } else { "pass" });
    assert_eq!(names(&report), expected.collect::<Vec<_>>());
}

#[tokio::test]
async fn a_client_that_never_gets_anywhere_fails_where_nothing_is_wrong() {
    let report = run(Duration::from_secs(20), async |_| Exit::Failed("no".to_owned())).await;
    let expected = cases().into_iter().map(|case| if case.demand == Demand::Fail { "pass" } else { "fail" });
    assert_eq!(names(&report), expected.collect::<Vec<_>>());
}

#[tokio::test]
async fn a_client_that_hangs_or_dies_has_a_verdict_of_its_own() {
    let report = run(Duration::from_millis(20), async |_| std::future::pending().await).await;
    assert!(names(&report).iter().all(|name| *name == "hang"));
    let report = run(Duration::from_secs(20), async |_| Exit::Died("signal".to_owned())).await;
    assert!(names(&report).iter().all(|name| *name == "crash"));
}
