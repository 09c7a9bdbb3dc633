//! A target that hangs, floods, talks nonsense or dies: the verdict says so, and the run goes on to its end.

use std::num::NonZeroUsize;
use std::time::Duration;

use molt_db_spec::{Selection, Settings, Verdict, run, server};

use crate::catalogue::silent;
use crate::common::{run_briefly, servers, target};
use crate::proxy::{CRASH, FLOOD, Fault, Memory, Proxy, message};

/// Runs three cases, of which the second meets the fault, and returns the names of the verdicts.
async fn verdicts(server: fn(&mut Memory, u8, &[u8]) -> Vec<u8>) -> Vec<&'static str> {
    let postgres = servers().swap_remove(0);
    let proxy = Proxy::start(postgres.port(), &Fault { server, ..Fault::NONE });
    let only = ["simple.select", "parse.ok", "extended.sync"].map(str::to_owned).to_vec();
    let cases = Selection { only, ..Selection::default() }.of(server::cases());
    let report = run_briefly(proxy.port, cases).await;
    assert!(report.outcomes.iter().all(|outcome| !matches!(outcome.verdict, Verdict::Skip(_))));
    report.outcomes.iter().map(|outcome| outcome.verdict.name()).collect()
}

#[tokio::test]
async fn a_session_that_goes_deaf_hangs_and_the_others_do_not() {
    assert_eq!(verdicts(silent).await, ["pass", "hang", "pass"]);
}

#[tokio::test]
async fn a_server_that_dies_has_crashed_for_all_that_follows() {
    let dies =
        |_: &mut Memory, tag, body: &[u8]| if tag == b'1' { CRASH.to_vec() } else { message(tag, body) };
    assert_eq!(verdicts(dies).await, ["pass", "crash", "crash"]);
}

#[tokio::test]
async fn a_flood_is_a_failure_and_has_an_end() {
    let floods =
        |_: &mut Memory, tag, body: &[u8]| if tag == b'1' { FLOOD.to_vec() } else { message(tag, body) };
    assert_eq!(verdicts(floods).await, ["pass", "fail", "pass"]);
}

#[tokio::test]
async fn garbage_is_a_failure() {
    let raves = |_: &mut Memory, tag, body: &[u8]| {
        if tag == b'1' { b"\x02\xff\xff\xff\xffgarbage".to_vec() } else { message(tag, body) }
    };
    assert_eq!(verdicts(raves).await, ["pass", "fail", "pass"]);
}

#[tokio::test]
async fn a_server_that_dies_is_started_again_by_whoever_says_how() {
    let dies =
        |_: &mut Memory, tag, body: &[u8]| if tag == b'1' { CRASH.to_vec() } else { message(tag, body) };
    let postgres = servers().swap_remove(0);
    let proxy = Proxy::start(postgres.port(), &Fault { server: dies, ..Fault::NONE });
    let started = std::env::temp_dir().join(format!("pgspec-started-{}", std::process::id()));
    let settings = Settings {
        timeout: Duration::from_secs(1),
        jobs: NonZeroUsize::MIN,
        restart: Some(format!("touch {}", started.display())),
        ..Settings::default()
    };
    let cases = Selection { only: vec!["parse.ok".to_owned()], ..Selection::default() }.of(server::cases());
    let report = run(&target(proxy.port), cases, &settings, |_| {}).await.unwrap();
    assert_eq!(report.outcomes[0].verdict.name(), "crash");
    std::fs::remove_file(started).unwrap();
}
