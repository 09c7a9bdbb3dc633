//! What pgspec finds in other people's clients.

use std::process::Stdio;
use std::time::Duration;

use molt_db_interop::program;
use molt_db_spec::client::{Exit, cases, run_client};
use molt_db_spec::report::{Style, human};
use molt_db_spec::{ExpectedFailures, Selection};

/// Asks by psql. Before libpq 16 there is no `require_auth`, so the cases about it are left out.
#[tokio::test]
async fn pgspec_finds_what_is_known_of_libpq_and_nothing_else() {
    let known = ExpectedFailures::parse(include_str!("../../../spec/known/libpq.txt"));
    let selection = Selection { without: vec!["client-auth".to_owned()], ..Selection::default() };
    let cases = cases().into_iter().filter(|case| selection.has(case.id)).collect();
    let report = run_client("psql", cases, Duration::from_secs(15), psql, |_| {}).await;
    assert!(known.conforms(&report), "{}", human(&report, &known, Style::Plain));
}

async fn psql(url: String) -> Exit {
    let mut psql = tokio::process::Command::new(program("psql", "postgresql-client"));
    psql.env_clear().env("PGCLIENTENCODING", "UTF8").env("PATH", "/usr/bin:/bin");
    psql.args(["-XAtc", "select 1", &url]).stdin(Stdio::null()).kill_on_drop(true);
    let output = psql.output().await.unwrap();
    if output.status.code().is_none() {
        return Exit::Died(output.status.to_string());
    }
    // It prints notifications behind the row.
    let is_answered = output.stdout.split(|byte| *byte == b'\n').any(|line| line == b"42");
    if output.status.success() && is_answered {
        Exit::Succeeded
    } else {
        Exit::Failed(output.status.to_string())
    }
}
