//! What the facade `tracing` is told.

mod common;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{on_each_server, plain_config};
use molt_db::config::Observe;
use molt_db::{Config, Connection};
use tokio::time::timeout;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

type Fields = BTreeMap<String, String>;

/// Keeps the fields of all spans of the driver.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<Fields>>>);

impl Spans {
    fn take(&self) -> Vec<Fields> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

struct Noting<'a>(&'a mut Fields);

impl Visit for Noting<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").trim_matches('"').to_owned());
    }
}

impl Subscriber for Spans {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "molt_db"
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut spans = self.0.lock().unwrap();
        let mut fields = Fields::from([("name".to_owned(), span.metadata().name().to_owned())]);
        span.record(&mut Noting(&mut fields));
        spans.push(fields);
        Id::from_u64(spans.len() as u64)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut spans = self.0.lock().unwrap();
        let index = usize::try_from(span.into_u64()).unwrap() - 1;
        values.record(&mut Noting(&mut spans[index]));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Runs something on a connection and returns the spans that came of it.
async fn spans_of(config: Config, run: impl AsyncFnOnce(&mut Connection)) -> Vec<Fields> {
    let mut c = Connection::connect(&config).await.unwrap();
    let spans = Spans::default();
    let _guard = tracing::subscriber::set_default(spans.clone());
    run(&mut c).await;
    spans.take()
}

fn fields(list: &[(&str, &str)]) -> Fields {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn a_command_is_a_span_with_the_attributes_of_opentelemetry() {
    on_each_server(async |server| {
        let config = plain_config(server, "test").password("a-secret").observe(Observe::On);
        let found = spans_of(config, async |c| {
            c.execute("select $1::int4", (1_i32,)).await.unwrap();
            c.execute("select 1 / $1::int4", (0_i32,)).await.unwrap_err();
        })
        .await;
        let port = server.port().to_string();
        let common = [
            ("name", "db.query"),
            ("otel.kind", "client"),
            ("db.system.name", "postgresql"),
            ("db.namespace", "test"),
            ("server.address", "127.0.0.1"),
            ("server.port", &port),
        ];
        let succeeded = [("otel.name", "SELECT test"), ("db.operation.name", "SELECT")];
        let failed = [
            ("otel.name", "test"),
            ("otel.status_code", "ERROR"),
            ("error.type", "22012"),
            ("db.response.status_code", "22012"),
        ];
        assert_eq!(
            found,
            [fields(&[&common[..], &succeeded].concat()), fields(&[&common[..], &failed].concat())]
        );
    })
    .await;
}

#[tokio::test]
async fn the_text_of_a_query_is_told_where_that_was_chosen_and_its_parameters_never() {
    on_each_server(async |server| {
        for (observe, expected) in [(Observe::WithText, Some("select $1::text")), (Observe::On, None)] {
            let found = spans_of(plain_config(server, "test").observe(observe), async |c| {
                c.execute("select $1::text", ("a-secret",)).await.unwrap();
            })
            .await;
            assert_eq!(found[0].get("db.query.text").map(String::as_str), expected);
            assert!(!format!("{found:?}").contains("secret"));
        }
        let off = spans_of(plain_config(server, "test"), async |c| {
            c.execute("select 1", ()).await.unwrap();
        });
        assert_eq!(off.await, []);
    })
    .await;
}

#[tokio::test]
async fn a_command_that_was_walked_away_from_is_a_span_that_failed() {
    on_each_server(async |server| {
        let config = plain_config(server, "test").observe(Observe::On);
        let found = spans_of(config, async |c| {
            let slow = c.execute("select pg_sleep(30)", ());
            assert!(timeout(Duration::from_millis(20), slow).await.is_err());
            c.settle().await.unwrap();
        })
        .await;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0]["error.type"], "abandoned");
        assert!(!found[0].contains_key("db.response.status_code"));
    })
    .await;
}
