//! The command: what it exits with, and what it prints.

use std::net::TcpListener;
use std::process::{Command, Output};

use molt_db_testkit::{Server, User};

fn pgspec(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pgspec")).args(arguments).output().unwrap()
}

fn code(arguments: &[&str]) -> i32 {
    pgspec(arguments).status.code().unwrap()
}

#[test]
fn it_exits_with_0_when_the_target_conforms_and_with_1_when_it_does_not() {
    let url = Server::shared().url(User::Trust, "test");
    assert_eq!(code(&["server", &url, "startup.ok", "simple.select"]), 0);
    // PostgreSQL passes: a case that is expected to fail, and does not, is a failure too.
    let file = std::env::temp_dir().join(format!("pgspec-known-{}", std::process::id()));
    std::fs::write(&file, "startup.ok\n").unwrap();
    assert_eq!(code(&["server", &url, "startup.ok", "--expect-failures", file.to_str().unwrap()]), 1);
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn it_exits_with_2_when_the_arguments_make_no_sense_or_name_no_case() {
    let url = "postgresql://127.0.0.1:1/x";
    for arguments in [
        &["serve"][..],
        &["server", url, "startup.no-such-case"],
        &["server", url, "--exclude", "startp"],
        &["server", url, "startup", "--exclude", "startup"],
        &["server", url, "--expect-failures", "/no/such/file"],
        &["server", "--list", "--format", "html"],
        &["matrix", "/no/such/file"],
    ] {
        let output = pgspec(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty() && output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn it_exits_with_3_when_nobody_listens_or_nobody_may_log_in() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    assert_eq!(code(&["server", &format!("postgresql://x@127.0.0.1:{port}/x"), "startup.ok"]), 3);
    let url = Server::shared().url(User::Trust, "no_such_database");
    assert_eq!(code(&["server", &url, "startup.ok"]), 3);
}

#[test]
fn it_lists_the_cases_without_a_target() {
    let output = pgspec(&["server", "--list", "bind"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().count() > 20 && text.lines().all(|line| line.contains("  bind.")), "{text}");
}

#[test]
fn cases_stand_in_the_report_in_their_order_however_many_run_at_a_time() {
    let url = Server::shared().url(User::Trust, "test");
    let ids = |jobs: &str| -> Vec<String> {
        let output = pgspec(&["server", &url, "simple", "terminate", "--jobs", jobs, "--format", "json"]);
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let id = |case: &serde_json::Value| case["id"].as_str().unwrap().to_owned();
        report["cases"].as_array().unwrap().iter().map(id).collect()
    };
    let one = ids("1");
    assert!(one.len() > 40);
    assert_eq!(one, ids("8"));
}
