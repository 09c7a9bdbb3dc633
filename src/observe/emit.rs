//! Measurements for the facade `metrics`, under the names and in the units of OpenTelemetry's conventions for databases. What
//! these have no name for begins with `molt_db`.

use std::time::Duration;

use metrics::{Label, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use super::labels::Labels;
use super::observer::{Event, Operation};
use super::stats::Stats;

/// Tells the recorder what is going to be measured.
pub(super) fn describe() {
    let seconds = |name, text: &'static str| describe_histogram!(name, Unit::Seconds, text);
    seconds(DURATION, "Duration of database client operations.");
    seconds(CREATE_TIME, "The time it took to create a new connection.");
    seconds(WAIT_TIME, "The time it took to obtain an open connection from the pool.");
    seconds(USE_TIME, "The time between borrowing a connection and returning it to the pool.");
    seconds(TRANSACTIONS, "Duration of transactions.");
    describe_counter!(TIMEOUTS, "Waits for a connection that ended in a timeout.");
    describe_counter!(SENT, Unit::Bytes, "Bytes sent to servers.");
    describe_counter!(RECEIVED, Unit::Bytes, "Bytes received from servers.");
    describe_counter!(CANCELS, "Requests to cancel that were sent.");
    describe_counter!(RESETS, "Sessions that were reset for their next user.");
    describe_counter!(ROLLBACKS, "Transactions that were rolled back.");
    describe_gauge!(COUNT, "Connections that are in the state of the attribute.");
    describe_gauge!(MAX, "The most connections there may be.");
    describe_gauge!(PENDING, "Callers that wait for a connection.");
}

pub(super) fn emit(labels: &Labels, event: Event<'_>) {
    let pool = || of_pool(&labels.pool_name);
    let seconds = |name: &'static str, time: Duration| histogram!(name, pool()).record(time.as_secs_f64());
    match event {
        Event::Operation(operation) => {
            histogram!(DURATION, of_operation(labels, operation)).record(operation.time.as_secs_f64());
        }
        Event::Created(time) => seconds(CREATE_TIME, time),
        Event::Waited(time) => seconds(WAIT_TIME, time),
        Event::Used(time) => seconds(USE_TIME, time),
        Event::Transaction(time) => seconds(TRANSACTIONS, time),
        Event::WaitedInVain => counter!(TIMEOUTS, pool()).increment(1),
        Event::Moved { sent, received } => {
            counter!(SENT, pool()).increment(sent);
            counter!(RECEIVED, pool()).increment(received);
        }
        Event::CancelSent => counter!(CANCELS, pool()).increment(1),
        Event::Reset => counter!(RESETS, pool()).increment(1),
        Event::RolledBack => counter!(ROLLBACKS, pool()).increment(1),
    }
}

impl Stats {
    /// Tells the recorder of the facade `metrics` how the pool looks: `db.client.connection.count` by state,
    /// `db.client.connection.max` and `db.client.connection.pending_requests`. Call it whenever somebody is about to
    /// read: everything else is told as it happens.
    #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "so many connections nobody has")]
    pub fn publish(&self) {
        let state =
            |state| [of_pool(&self.name), vec![Label::new("db.client.connection.state", state)]].concat();
        gauge!(COUNT, state("idle")).set(self.status.idle as f64);
        gauge!(COUNT, state("used")).set(self.status.in_use as f64);
        gauge!(MAX, of_pool(&self.name)).set(self.status.max as f64);
        gauge!(PENDING, of_pool(&self.name)).set(self.status.waiting as f64);
    }
}

fn of_pool(name: &str) -> Vec<Label> {
    vec![Label::new("db.client.connection.pool.name", name.to_owned())]
}

fn of_operation(labels: &Labels, operation: Operation<'_>) -> Vec<Label> {
    let mut list = vec![
        Label::new("db.system.name", "postgresql"),
        Label::new("db.namespace", labels.namespace.clone()),
        Label::new("server.address", labels.address.clone()),
    ];
    // Required where it is not the default.
    if let Some(port) = labels.port.filter(|port| *port != 5432) {
        list.push(Label::new("server.port", port.to_string()));
    }
    list.extend(operation.name.map(|name| Label::new("db.operation.name", name)));
    if let Some(error) = operation.error {
        list.push(Label::new("error.type", error.to_owned()));
        list.extend(operation.sqlstate().map(|code| Label::new("db.response.status_code", code.to_owned())));
    }
    list
}

const DURATION: &str = "db.client.operation.duration";
const CREATE_TIME: &str = "db.client.connection.create_time";
const WAIT_TIME: &str = "db.client.connection.wait_time";
const USE_TIME: &str = "db.client.connection.use_time";
const TIMEOUTS: &str = "db.client.connection.timeouts";
const COUNT: &str = "db.client.connection.count";
const MAX: &str = "db.client.connection.max";
const PENDING: &str = "db.client.connection.pending_requests";
const TRANSACTIONS: &str = "molt_db.transaction.duration";
const SENT: &str = "molt_db.bytes_sent";
const RECEIVED: &str = "molt_db.bytes_received";
const CANCELS: &str = "molt_db.cancels";
const RESETS: &str = "molt_db.resets";
const ROLLBACKS: &str = "molt_db.rollbacks";
