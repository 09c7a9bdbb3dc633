//! What the facade `metrics` is told: the example is run, and what it shows is read.

#[path = "../examples/metrics.rs"]
#[expect(dead_code, reason = "it is run as a part of the tests, not by itself")]
mod example;

use std::collections::BTreeMap;

use molt_db::Config;
use molt_db_testkit::{Server, User};

/// What Prometheus' text format says: for each name with its attributes, in order, a number.
fn read(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let mut labels: Vec<_> = labels.trim_end_matches('}').split(',').collect();
            labels.sort_unstable();
            (format!("{name} {}", labels.join(" ")), value.parse().unwrap())
        })
        .collect()
}

#[tokio::test]
async fn the_example_shows_all_measurements_by_the_names_of_opentelemetry() {
    let server = Server::shared();
    let config: Config = server.url(User::Scram, "test").parse().unwrap();
    let text = example::measured(config).await.unwrap();
    let found = read(&text);
    let place = format!(r#"server_address="127.0.0.1" server_port="{}""#, server.port());
    let operation = |name: &str| {
        format!(r#"db_namespace="test" db_operation_name="{name}" db_system_name="postgresql" {place}"#)
    };
    let pool = r#"db_client_connection_pool_name="shop""#;
    for (series, expected) in [
        (format!("db_client_operation_duration_count {}", operation("SELECT")), 5.0),
        (format!("db_client_operation_duration_count {}", operation("CREATE")), 1.0),
        (format!("db_client_operation_duration_count {}", operation("INSERT")), 1.0),
        (format!("db_client_operation_duration_count {}", operation("COMMIT")), 1.0),
        (
            format!(
                "db_client_operation_duration_count db_namespace=\"test\" db_response_status_code=\"22012\" \
                 db_system_name=\"postgresql\" error_type=\"22012\" {place}"
            ),
            1.0,
        ),
        (format!("db_client_connection_create_time_count {pool}"), 1.0),
        (format!("db_client_connection_wait_time_count {pool}"), 6.0),
        (format!("db_client_connection_use_time_count {pool}"), 6.0),
        (format!("db_client_connection_max {pool}"), 4.0),
        (format!("db_client_connection_pending_requests {pool}"), 0.0),
        (format!("molt_db_transaction_duration_count {pool}"), 1.0),
    ] {
        assert_eq!(found.get(&series), Some(&expected), "{series} in\n{text}");
    }
    let state = |state| format!(r#"db_client_connection_count {pool} db_client_connection_state="{state}""#);
    let connections = found[&state("idle")] + found[&state("used")];
    assert!(connections <= 1.0, "it may be being reset: {text}");
    assert!(found[&format!("molt_db_bytes_sent {pool}")] > 500.0);
    assert!(found[&format!("molt_db_bytes_received {pool}")] > 500.0);
    let within = format!(r#"db_client_operation_duration_bucket {} le="10""#, operation("SELECT"));
    assert!(
        text.contains("le=\"0.001\"") && found.keys().any(|series| series.contains("le=\"+Inf\"")),
        "{within}"
    );
    assert!(!text.contains("scram-secret"));
}
