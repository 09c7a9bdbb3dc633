use crate::config::{Config, Endpoint};

/// What is said with every measurement, in the words of OpenTelemetry's conventions for databases. Nothing of it is secret.
#[derive(Debug, Clone)]
#[cfg_attr(
    not(any(feature = "metrics", feature = "tracing")),
    expect(dead_code, reason = "only the facades are told")
)]
pub(super) struct Labels {
    /// `db.namespace`
    pub(super) namespace: String,
    /// `server.address`, of several hosts the first.
    pub(super) address: String,
    /// `server.port`
    pub(super) port: Option<u16>,
    /// `db.client.connection.pool.name`
    pub(super) pool_name: String,
}

impl Labels {
    pub(super) fn new(config: &Config) -> Self {
        let (address, port) = match config.endpoint() {
            Endpoint::Tcp { host, port, .. } => (host, Some(port)),
            other => (other.to_string(), None),
        };
        // PG docs: libpq-connect, "dbname": the user's name is the default.
        let namespace = config.get_dbname().or_else(|| config.get_user()).unwrap_or_default().to_owned();
        let place = match port {
            Some(port) => format!("{address}:{port}"),
            None => address.clone(),
        };
        let pool_name = config.get_pool_name().map_or_else(|| format!("{place}/{namespace}"), str::to_owned);
        Self { namespace, address, port, pool_name }
    }
}

/// Returns the operation that a command tag begins with, if it is one of PostgreSQL's: what a server makes up is no label.
pub(super) fn operation(tag: &str) -> Option<&'static str> {
    let verb = tag.split(' ').next().unwrap_or_default();
    OPERATIONS.iter().find(|known| **known == verb).copied()
}

// PostgreSQL's src/include/tcop/cmdtaglist.h
const OPERATIONS: [&str; 36] = [
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "MERGE",
    "COPY",
    "BEGIN",
    "START",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT",
    "RELEASE",
    "FETCH",
    "MOVE",
    "DECLARE",
    "CLOSE",
    "SET",
    "RESET",
    "SHOW",
    "EXPLAIN",
    "LOCK",
    "TRUNCATE",
    "CREATE",
    "ALTER",
    "DROP",
    "GRANT",
    "REVOKE",
    "CALL",
    "DO",
    "LISTEN",
    "UNLISTEN",
    "NOTIFY",
    "PREPARE",
    "DISCARD",
    "VACUUM",
    "ANALYZE",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn pool_name(text: &str) -> String {
        Labels::new(&text.parse().unwrap()).pool_name
    }

    #[test]
    fn a_pool_is_named_after_where_it_leads_and_never_tells_a_password() {
        assert_eq!(pool_name("postgres://u:s3cr3t@db.example:5433/shop"), "db.example:5433/shop");
        assert_eq!(pool_name("postgres://u:s3cr3t@h,h2"), "h:5432/u");
        assert_eq!(pool_name("host=h user=u password=s3cr3t pool_name=orders"), "orders");
        assert!(pool_name("host=/run/pg user=u dbname=d").ends_with("/d"));
    }

    #[test]
    fn operations_are_those_of_postgresql() {
        assert_eq!(operation("INSERT 0 1"), Some("INSERT"));
        assert_eq!(operation("CREATE TABLE"), Some("CREATE"));
        assert_eq!((operation("INVENTED 7"), operation("")), (None, None));
    }
}
