//! Spans for the facade `tracing`, with the attributes of OpenTelemetry's conventions for databases.

use tracing::field::Empty;
use tracing::info_span;

use super::Observer;
use super::observer::Operation;
use crate::config::Observe;

/// The span of a command. It ends when this is dropped.
pub(super) struct Span {
    span: tracing::Span,
    namespace: String,
}

impl Span {
    pub(super) fn new(observer: &Observer, sql: &str) -> Self {
        let labels = &observer.labels;
        let span = info_span!(
            target: "molt_db",
            "db.query",
            "otel.kind" = "client",
            "otel.name" = labels.namespace.as_str(),
            "otel.status_code" = Empty,
            "db.system.name" = "postgresql",
            "db.namespace" = labels.namespace.as_str(),
            "db.operation.name" = Empty,
            "db.query.text" = (observer.observe == Observe::WithText).then_some(sql),
            "db.response.status_code" = Empty,
            "error.type" = Empty,
            "server.address" = labels.address.as_str(),
            "server.port" = labels.port,
        );
        Self { span, namespace: labels.namespace.clone() }
    }

    /// Adds how the command has ended. What the server calls it is a part of the name.
    pub(super) fn over(&self, operation: Operation<'_>) {
        if let Some(name) = operation.name {
            self.span.record("db.operation.name", name);
            self.span.record("otel.name", format!("{name} {}", self.namespace));
        }
        if let Some(error) = operation.error {
            self.span.record("error.type", error);
            self.span.record("otel.status_code", "ERROR");
        }
        if let Some(code) = operation.sqlstate() {
            self.span.record("db.response.status_code", code);
        }
    }
}
