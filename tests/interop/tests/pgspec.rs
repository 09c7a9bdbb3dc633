//! What pgspec finds in other people's clients.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use molt_db_interop::program;
use molt_db_spec::client::{Call, Exit, cases, run_client};
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

async fn psql(call: Call) -> Exit {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/matrix/clients/psql");
    let mut psql = tokio::process::Command::new(script);
    let folder = program("psql", "postgresql-client").parent().unwrap().to_owned();
    psql.env_clear().env("PATH", format!("{}:/usr/bin:/bin", folder.display()));
    psql.args([&call.action.to_string(), &call.url]).stdin(Stdio::null()).kill_on_drop(true);
    let output = psql.output().await.unwrap();
    match output.status.code() {
        Some(0) => Exit::Succeeded,
        Some(UNABLE) => Exit::Unable,
        Some(_) => Exit::Failed(output.status.to_string()),
        None => Exit::Died(output.status.to_string()),
    }
}

/// What a command exits with that cannot do what it is asked for.
const UNABLE: i32 = 77;
