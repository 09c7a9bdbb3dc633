//! What the tests of the driver share.
#![allow(dead_code, clippy::allow_attributes, reason = "each file of tests uses its own part of this")]

use std::error::Error as _;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use molt_db::config::SslMode;
use molt_db::decode::ValueError;
use molt_db::{Config, Connection, Error};
use molt_db_testkit::proxy::Proxy;
use molt_db_testkit::{Server, User, shared_servers};
use tokio::net::TcpSocket;

/// Has the server forget all prepared statements in a way that the driver does not see.
pub(crate) const FORGET_UNSEEN: &str = "do $$ begin execute 'deallocate all'; end $$";

/// Runs a test on every server under test. One that takes longer than two minutes hangs.
pub(crate) async fn on_each_server(test: impl AsyncFn(&'static Server)) {
    for server in shared_servers() {
        let ended = tokio::time::timeout(Duration::from_secs(120), test(server)).await;
        assert!(ended.is_ok(), "the test hangs on {server:?}");
    }
}

/// Returns how to reach a database of the server in the clear and without a password.
pub(crate) fn plain_config(server: &Server, database: &str) -> Config {
    let config: Config = server.url(User::Trust, database).parse().unwrap();
    config.ssl_mode(SslMode::Disable)
}

/// Connects to the database that all tests share: for temporary tables only.
pub(crate) async fn connect(server: &Server) -> Connection {
    connect_to(server, "test").await
}

/// Connects to a database.
pub(crate) async fn connect_to(server: &Server, database: &str) -> Connection {
    Connection::connect(&plain_config(server, database)).await.unwrap()
}

/// Connects to a new database.
pub(crate) async fn connect_to_new(server: &Server) -> Connection {
    connect_to(server, &server.create_database().unwrap()).await
}

/// Connects to the database that all tests share, in the clear and then with TLS, by way of a proxy.
pub(crate) async fn connect_by_proxy(server: &Server) -> [(Proxy, Connection); 2] {
    let one = async |mode| {
        let proxy = Proxy::start(server.port()).unwrap();
        let config = plain_config(server, "test").port(proxy.port()).ssl_mode(mode);
        let connection = Connection::connect(&config).await.unwrap();
        (proxy, connection)
    };
    [one(SslMode::Disable).await, one(SslMode::Require).await]
}

/// Connects by way of a proxy, over sockets that hold little, in the clear and with TLS.
pub(crate) async fn narrow(server: &Server, database: &str) -> [(Proxy, Connection); 2] {
    let one = async |mode| {
        let proxy = Proxy::start(server.port()).unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        // Less than a few of the loopback's segments, of 64 KiB, and the kernel sends by its timers only.
        socket.set_send_buffer_size(128 << 10).unwrap();
        socket.set_recv_buffer_size(128 << 10).unwrap();
        let stream = socket.connect(([127, 0, 0, 1], proxy.port()).into()).await.unwrap();
        let config = plain_config(server, database).ssl_mode(mode);
        (proxy, Connection::connect_with(&config, stream).await.unwrap())
    };
    [one(SslMode::Disable).await, one(SslMode::Require).await]
}

/// Polls a future so many times, or to its end, and drops it. Tells whether it has ended.
pub(crate) async fn poll_times<T>(future: impl Future<Output = T>, polls: usize) -> bool {
    let (mut future, mut left) = (pin!(future), polls);
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        future.as_mut().poll(cx).map(|_| true)
    })
    .await
}

/// Asserts that the connection runs queries, and gives each its own answer.
pub(crate) async fn assert_usable(connection: &mut Connection) {
    assert!(connection.is_usable());
    for number in [7_i32, 8] {
        let (found,): (i32,) = connection.query("select $1::int4").bind(number).one().await.unwrap();
        assert_eq!(found, number);
    }
}

/// Returns what a value could not be read for.
pub(crate) fn value_error(error: &Error) -> &ValueError {
    assert!(error.is_conversion(), "{error:?}");
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(found) = cause.downcast_ref() {
            return found;
        }
        source = cause.source();
    }
    panic!("no ValueError in {error:?}")
}

/// Returns the SQLSTATE.
pub(crate) fn code(error: &Error) -> String {
    error.code().unwrap_or_else(|| panic!("not the server's: {error:?}")).to_string()
}

/// Waits for what has to end by itself. More than twenty seconds is a hang.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("it hangs")
}

/// Connects to where a connection string says, or fails; it does not hang.
pub(crate) async fn open(text: &str) -> Result<Connection, Error> {
    let config: Config = text.parse().unwrap();
    within(Connection::connect(&config)).await
}
