//! The command itself, on a real server with small tables.

use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use molt_db_testkit::{Server, ServerOptions, User};

const ROWS: &str = "1000";

#[test]
fn the_floor_counts_what_it_reads() {
    for (table, rows) in TABLES {
        let line = run(&["run", "floor", "arrow", "--table", table, "--check"]);
        assert_has(&line, &["\"lane\":\"floor\"", "\"job\":\"arrow\"", &format!("\"table\":\"{table}\"")]);
        assert_has(&line, &[&format!("\"n\":{rows},\"conc\":1,"), &format!("\"rows\":{rows},")]);
        assert_measured(&line);
        assert_eq!(field(&line, "hash"), None, "nothing is decoded: {line}");
    }
    assert_has(&run(&["run", "floor", "rows", "--n", "999"]), &["\"job\":\"rows\"", "\"rows\":999,"]);
    assert_has(&run(&["run", "floor", "copy-out"]), &["\"job\":\"copy-out\"", "\"rows\":1000,"]);
    assert_has(
        &run(&["run", "floor", "copy-in", "--n", "5000"]),
        &["\"table\":\"temporary\"", "\"rows\":5000,"],
    );
    for job in [&["qps"][..], &["batch", "--size", "7"]] {
        let line = run(&[&["run", "floor"], job, &["--n", "500", "--conc", "3"]].concat());
        assert_has(&line, &["\"table\":\"kv\"", "\"n\":500,", "\"conc\":3,", "\"rows\":500,"]);
        assert_measured(&line);
    }
}

#[test]
fn every_job_of_ours_decodes_all_rows() {
    for (table, rows) in TABLES {
        let hash = |lane: &str| {
            let line = run(&["run", lane, "arrow", "--table", table, "--check"]);
            assert_has(&line, &[&format!("\"lane\":\"{lane}\""), &format!("\"rows\":{rows},")]);
            assert_measured(&line);
            field(&line, "hash").unwrap_or_else(|| panic!("{line}")).to_owned()
        };
        let ours = hash("ours");
        assert_eq!(ours.len(), 16, "{ours}");
        assert_eq!(hash("ours-views"), ours, "{table}");
    }
    for job in [&["rows"][..], &["copy-out"], &["copy-in", "--n", "1000"]] {
        let line = run(&[&["run", "ours"], job, &["--check"]].concat());
        assert_has(&line, &["\"lane\":\"ours\"", "\"rows\":1000,"]);
        assert_measured(&line);
        assert_eq!(field(&line, "hash").map(str::len), Some(16), "{line}");
    }
    for job in [&["qps", "--tasks", "7"][..], &["batch", "--size", "7"]] {
        let line = run(&[&["run", "ours"], job, &["--n", "500", "--conc", "3", "--check"]].concat());
        assert_has(&line, &["\"table\":\"kv\"", "\"n\":500,", "\"conc\":3,", "\"rows\":500,"]);
        assert_measured(&line);
    }
}

#[test]
fn selects_alone_and_in_batches_have_the_same_hash() {
    let hash = |job: &[&str]| {
        let line = run(&[&["run", "ours"], job, &["--n", "500", "--conc", "3", "--check"]].concat());
        field(&line, "hash").unwrap_or_else(|| panic!("{line}")).to_owned()
    };
    assert_eq!(hash(&["qps"]), hash(&["batch", "--size", "7"]));
    assert_ne!(hash(&["qps"]), hash(&["qps", "--tasks", "1"]), "the hash depends on the keys");
}

#[test]
fn connections_are_taken_and_given_back() {
    for lane in TAKING {
        let line = run(&["run", lane, "acquire", "--n", "50", "--conc", "3", "--tasks", "7"]);
        assert_has(&line, &["\"job\":\"acquire\"", "\"table\":\"pool\"", "\"conc\":3,", "\"rows\":50,"]);
    }
}

#[test]
fn notifications_are_heard_and_changes_followed() {
    for lane in HEARING {
        let line = run(&["run", lane, "notify", "--n", "50"]);
        assert_has(&line, &["\"job\":\"notify\"", "\"table\":\"channel\"", "\"rows\":50,"]);
    }
    let server = Server::start(ServerOptions::default().setting("wal_level", "logical")).unwrap();
    for job in ["replication", "lag"] {
        let url = server.url(User::Superuser, "test");
        let line = run(&["run", "ours", job, "--n", "250", "--url", &url]);
        assert_has(&line, &[&format!("\"job\":\"{job}\""), "\"table\":\"slot\"", "\"rows\":250,"]);
    }
}

#[cfg(feature = "peers")]
const HEARING: &[&str] = &["ours", "tokio-postgres"];
#[cfg(not(feature = "peers"))]
const HEARING: &[&str] = &["ours"];

#[cfg(feature = "peers")]
const TAKING: &[&str] = &["ours", "tokio-postgres", "deadpool-verified", "sqlx", "sqlx-untested"];
#[cfg(not(feature = "peers"))]
const TAKING: &[&str] = &["ours"];

#[cfg(feature = "peers")]
#[test]
fn batches_that_other_drivers_fill_have_the_same_values() {
    for (table, rows) in TABLES {
        let [ours, theirs] = ["ours", "tokio-postgres"].map(|lane| {
            let line = run(&["run", lane, "arrow", "--table", table, "--check"]);
            assert_has(&line, &[&format!("\"rows\":{rows},")]);
            field(&line, "hash").unwrap_or_else(|| panic!("{line}")).to_owned()
        });
        assert_eq!(ours, theirs, "{table}");
    }
}

#[cfg(feature = "peers")]
#[test]
fn other_drivers_read_the_same_values() {
    let jobs: [(&[&str], &[&str]); 5] = [
        (&["rows"], &["tokio-postgres", "sqlx"]),
        (&["copy-out"], &["tokio-postgres"]),
        (&["copy-in", "--n", "3000"], &["tokio-postgres"]),
        (
            &["qps", "--n", "500", "--conc", "3", "--tasks", "7"],
            &["tokio-postgres", "deadpool-verified", "sqlx", "sqlx-untested"],
        ),
        (&["batch", "--n", "500", "--conc", "3", "--size", "7"], &["tokio-postgres"]),
    ];
    for (job, lanes) in jobs {
        let hash = |lane: &str| {
            let line = run(&[&["run", lane], job, &["--check"]].concat());
            field(&line, "hash").unwrap_or_else(|| panic!("{line}")).to_owned()
        };
        let ours = hash("ours");
        for lane in lanes {
            assert_eq!(hash(lane), ours, "{lane} {job:?}");
        }
    }
}

#[test]
fn typed_rows_and_batches_have_the_same_hash() {
    let hash = |job: &str, n: &str| {
        let line = run(&["run", "ours", job, "--table", "w_fixed", "--n", n, "--check"]);
        field(&line, "hash").unwrap_or_else(|| panic!("{line}")).to_owned()
    };
    assert_eq!(hash("rows", ROWS), hash("arrow", ROWS));
    assert_eq!(hash("rows", ROWS), hash("copy-out", ROWS));
    assert_ne!(hash("rows", ROWS), hash("rows", "999"), "the hash depends on the rows");
}

#[test]
fn connections_are_opened_in_every_way() {
    let server = server();
    for (way, url) in [
        ("socket", server.socket_url(User::Trust, "test")),
        ("tls", server.tls_url(User::Trust, "test")),
        ("scram", server.tls_url(User::Scram, "test")),
    ] {
        for lane in CONNECTING {
            let output = bench(&url, &["run", lane, "connect", "--way", way, "--n", "3"]);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let line = String::from_utf8_lossy(&output.stdout);
            assert_has(&line, &["\"job\":\"connect\"", &format!("\"table\":\"{way}\""), "\"rows\":3,"]);
        }
    }
    let hash = command(&["run", "hash", "connect", "--n", "3"]);
    assert_has(&String::from_utf8_lossy(&hash.stdout), &["\"lane\":\"hash\"", "\"rows\":3,"]);
}

#[cfg(feature = "peers")]
const CONNECTING: &[&str] = &["ours", "tokio-postgres", "sqlx"];
#[cfg(not(feature = "peers"))]
const CONNECTING: &[&str] = &["ours"];

#[test]
fn queries_are_given_up_and_their_connections_used_again() {
    for lane in CANCELLING {
        for victim in ["sleep", "busy"] {
            let line = run(&["run", lane, "cancel", "--victim", victim, "--n", "5"]);
            assert_has(&line, &["\"job\":\"cancel\"", &format!("\"table\":\"{victim}\""), "\"rows\":5,"]);
            let times = ["median", "p99"].map(|name| field(&line, name).unwrap().parse::<f64>().unwrap());
            assert!(0.0 < times[0] && times[0] <= times[1], "{line}");
        }
    }
}

#[cfg(feature = "peers")]
const CANCELLING: &[&str] = &["ours", "ours-by-request", "tokio-postgres"];
#[cfg(not(feature = "peers"))]
const CANCELLING: &[&str] = &["ours", "ours-by-request"];

#[test]
fn connecting_is_compared_with_the_servers_share() {
    let output =
        program().args(["compare", "connect", "--way", "socket", "--n", "20", "--runs", "1"]).output();
    let output = output.unwrap();
    let table = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_has(&table, &["connect socket, n 20", "times in us/connect", "\nours ", " server\n"]);
}

#[test]
fn encrypted_and_delayed_the_jobs_are_the_same() {
    let url = server().tls_url(User::Superuser, "test");
    for (lane, jobs) in ASKING {
        for job in *jobs {
            let output = bench(&url, &["run", lane, job, "--n", "20", "--tls", "--delay-ms", "1"]);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let line = String::from_utf8_lossy(&output.stdout);
            assert_has(&line, &["\"rows\":20,", "\"tls\":true,\"delay_ms\":1,"]);
        }
    }
}

#[cfg(feature = "peers")]
const ASKING: &[(&str, &[&str])] = &[
    ("ours", &["arrow", "rows", "copy-out", "copy-in", "qps", "batch"]),
    ("floor", &["arrow", "rows", "copy-out", "copy-in", "qps", "batch"]),
    ("tokio-postgres", &["arrow", "rows", "copy-out", "copy-in", "qps", "batch"]),
    ("sqlx", &["rows", "qps"]),
];
#[cfg(not(feature = "peers"))]
const ASKING: &[(&str, &[&str])] = &[
    ("ours", &["arrow", "rows", "copy-out", "copy-in", "qps", "batch"]),
    ("floor", &["arrow", "rows", "copy-out", "copy-in", "qps", "batch"]),
];

#[test]
fn a_url_without_verification_is_refused_with_tls() {
    let url = server().url(User::Superuser, "test");
    let refused = bench(&url, &["run", "ours", "qps", "--n", "1", "--tls"]);
    assert_eq!(refused.status.code(), Some(1));
    assert_has(&String::from_utf8_lossy(&refused.stderr), &["sslmode=verify-full"]);
}

#[test]
fn lanes_are_compared() {
    let output = command(&["compare", "rows", "--runs", "2"]);
    let table = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_has(&table, &["rows w_fixed, n 1000", "medians of 2", "\nours ", "\nfloor "]);
    let output = command(&["compare", "arrow", "--table", "w_text", "--runs", "1"]);
    let table = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_has(
        &table,
        &["arrow w_text, n 250", "\nours ", "\nours-views ", "\nfloor ", " sleeps  peak MiB\n"],
    );
}

#[test]
fn loading_again_does_nothing_and_tables_of_others_are_left_alone() {
    let server = server();
    let load = |database: &str, rows: &str| {
        let url = server.url(User::Superuser, database);
        bench(&url, &["load", "--rows", rows])
    };
    let text = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    assert_has(&text(&load("test", ROWS)), &["there already"]);

    let database = server.create_database().unwrap();
    assert_has(&text(&load(&database, "10")), &["made"]);
    assert_has(&text(&load(&database, "20")), &["made"]);
    let other = server.create_database().unwrap();
    server.sql_in(&other, "create table kv (id int)").unwrap();
    let refused = load(&other, "10");
    assert_eq!(refused.status.code(), Some(1));
    assert_has(&text(&refused), &["table kv"]);
}

#[test]
fn without_a_url_a_server_is_started() {
    let served = program().args(["serve", "--rows", "10"]).stdin(Stdio::null()).output().unwrap();
    let url = String::from_utf8_lossy(&served.stdout);
    assert!(served.status.success() && url.starts_with("postgresql://"), "{served:?}");
    let run = program().args(["run", "floor", "arrow", "--n", "10"]).output().unwrap();
    assert_has(&String::from_utf8_lossy(&run.stdout), &["\"rows\":10,"]);
}

#[test]
fn failures_and_nonsense_have_their_exit_codes() {
    let failed = bench("postgres://nobody@127.0.0.1:1/none", &["run", "floor", "arrow"]);
    assert_eq!((failed.status.code(), failed.stdout.len()), (Some(1), 0));
    let more_than_there = command(&["run", "floor", "arrow", "--n", "1001"]);
    assert_eq!((more_than_there.status.code(), more_than_there.stdout.len()), (Some(1), 0));
    let nonsense = command(&["run", "floor", "flight"]);
    assert_eq!((nonsense.status.code(), nonsense.stdout.len()), (Some(2), 0));
    assert!(!nonsense.stderr.is_empty());
    assert_eq!(command(&["--help"]).status.code(), Some(0));
}

/// The tables that are read into Arrow, and how long they are here.
const TABLES: [(&str, &str); 7] = [
    ("w_fixed", ROWS),
    ("w_lineitem", ROWS),
    ("w_nulls", ROWS),
    ("w_random_nulls", ROWS),
    ("w_text", "250"),
    ("w_arrays", "250"),
    ("w_wide", "50"),
];

/// The server of all tests, with tables of [`ROWS`] rows.
fn server() -> &'static Server {
    static LOADED: OnceLock<()> = OnceLock::new();
    let server = Server::shared();
    LOADED.get_or_init(|| {
        let output = bench(&server.url(User::Superuser, "test"), &["load", "--rows", ROWS]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    });
    server
}

/// Runs the command and returns the only line that it prints.
fn run(arguments: &[&str]) -> String {
    let output = command(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    let line = String::from_utf8(output.stdout).unwrap();
    assert_eq!((line.lines().count(), line.ends_with('\n')), (1, true), "{line}");
    line
}

fn command(arguments: &[&str]) -> Output {
    bench(&server().url(User::Superuser, "test"), arguments)
}

fn bench(url: &str, arguments: &[&str]) -> Output {
    program().args(arguments).env("DATABASE_URL", url).output().unwrap()
}

fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_molt-db-bench"));
    program.env_remove("DATABASE_URL");
    program
}

fn assert_has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

fn assert_measured(line: &str) {
    assert!(field(line, "sleeps").is_some_and(|sleeps| sleeps.parse::<u64>().is_ok()), "{line}");
    for name in ["wall", "cpu", "nbytes", "peak_mib"] {
        let figure: f64 = field(line, name).and_then(|text| text.parse().ok()).unwrap_or(0.0);
        assert!(figure > 0.0, "{name} in {line}");
    }
}

fn field<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    let (_, rest) = line.split_once(&format!("\"{name}\":"))?;
    rest.split([',', '}']).next().map(|text| text.trim_matches('"'))
}
