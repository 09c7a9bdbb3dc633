//! Operations over real servers, dropped at every poll that comes about by itself; over TLS some of them behind every
//! byte as well.

use std::future::poll_fn;
use std::task::Poll;

use molt_db_testkit::{Server, ServerOptions, User, servers_under_test, shared_servers};
use tokio::net::{TcpStream, UnixStream};

use crate::common::{connect_to, plain_config};
use crate::place::Place;
use crate::table::{Operation, Reach, operations};
use crate::walk::{Holder, walk};

/// A way to a server.
#[derive(Debug, Clone, Copy)]
enum Way {
    Plain,
    Tls,
    Socket,
}

impl Way {
    /// Leads to a new database of the server.
    async fn to(self, server: &Server) -> Place {
        let database = server.create_database().unwrap();
        let side = connect_to(server, &database).await;
        let port = server.port();
        let tcp = move || TcpStream::connect(("127.0.0.1", port));
        match self {
            Self::Plain => Place::on(plain_config(server, &database), side, tcp).await,
            Self::Tls => Place::on(server.tls_url(User::Trust, &database).parse().unwrap(), side, tcp).await,
            Self::Socket => {
                let path = server.socket_dir().join(format!(".s.PGSQL.{port}"));
                let config = server.socket_url(User::Trust, &database).parse().unwrap();
                Place::on(config, side, move || UnixStream::connect(path.clone())).await
            }
        }
    }
}

async fn walk_all(ways: &[Way], holder: Holder) {
    for server in shared_servers() {
        together(ways.iter().map(|way| walk_by(*way, server, holder))).await;
    }
}

async fn walk_by(way: Way, server: &Server, holder: Holder) {
    let place = way.to(server).await;
    let mut total = 0;
    for operation in operations().filter(|operation| operation.reach != Reach::LogicalServers) {
        let points = walk(&place, operation, holder).await;
        assert!(points >= 2, "only {points} points of {}", operation.name);
        total += points;
    }
    println!("{total} points, {holder:?}, {way:?}, {server:?}");
}

/// Polls all of them up to the end of the last: most of a walk is waiting.
async fn together<F: Future<Output = ()>>(walks: impl Iterator<Item = F>) {
    let mut walks: Vec<_> = walks.map(Box::pin).collect();
    poll_fn(|cx| {
        walks.retain_mut(|walk| walk.as_mut().poll(cx).is_pending());
        if walks.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

#[tokio::test]
async fn what_is_dropped_at_any_poll_can_be_settled() {
    walk_all(&[Way::Plain, Way::Tls, Way::Socket], Holder::Caller).await;
}

#[tokio::test]
async fn what_is_dropped_at_any_poll_on_a_new_connection_can_be_settled() {
    walk_all(&[Way::Plain, Way::Tls], Holder::Newcomer).await;
}

#[tokio::test]
async fn what_is_dropped_at_any_poll_goes_back_to_its_pool() {
    walk_all(&[Way::Plain, Way::Tls], Holder::Pool).await;
}

/// Of what TLS makes of a message, too, any part may be all that has gone, or come.
#[tokio::test]
async fn what_is_dropped_within_a_record_of_an_encrypted_session_can_be_settled() {
    for server in shared_servers() {
        let place = Way::Tls.to(server).await.over_trickle(server.port());
        let mut total = 0;
        for operation in operations() {
            if ["Connection::execute", "Rows::next"].contains(&operation.name) {
                total += walk(&place, operation, Holder::Caller).await;
            }
        }
        println!("{total} points, {server:?}");
        assert!(total > 90, "only {total} points");
    }
}

/// The server in memory does not copy: a real one does, over a stream that moves a byte at a time.
#[tokio::test]
async fn a_copy_that_is_dropped_behind_any_byte_can_be_settled() {
    for server in shared_servers() {
        let copies = operations().filter(|operation| operation.reach == Reach::Servers);
        together(copies.map(|operation| walk_bytes(server, operation))).await;
    }
}

async fn walk_bytes(server: &Server, operation: &Operation) {
    let place = Way::Plain.to(server).await.over_trickle(server.port());
    let points = walk(&place, operation, Holder::Caller).await;
    println!("{points} points of {}, {server:?}", operation.name);
    assert!(points >= 2, "only {points} points of {}", operation.name);
}

#[tokio::test]
async fn replication_that_is_dropped_at_any_poll_leaves_nothing_behind() {
    for wanted in servers_under_test() {
        let options = ServerOptions::default().wanted(wanted).setting("wal_level", "logical");
        let server = Server::start(options).unwrap();
        server.sql("alter role trust replication").unwrap();
        let place = Way::Plain.to(&server).await;
        server.sql_in(place.config.get_dbname().unwrap(), "create publication drops").unwrap();
        let mut total = 0;
        for operation in operations().filter(|operation| operation.reach == Reach::LogicalServers) {
            let points = walk(&place, operation, Holder::Newcomer).await;
            assert!(points >= 2, "only {points} points of {}", operation.name);
            total += points;
        }
        println!("{total} points, {server:?}");
    }
}
