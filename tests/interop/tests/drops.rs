//! The operations of `tests/drops/`, dropped at every poll through pgbouncer.

mod bouncer;
#[path = "../../common/mod.rs"]
mod common;
#[path = "../../drops/memory.rs"]
mod memory;
#[expect(dead_code, reason = "a server in memory needs no pooler")]
#[path = "../../drops/place.rs"]
mod place;
#[expect(dead_code, reason = "bytes are not counted here")]
#[path = "../../drops/table/mod.rs"]
mod table;
#[path = "../../drops/trickle.rs"]
mod trickle;
#[path = "../../drops/walk.rs"]
mod walk;

use bouncer::Bouncer;
use common::connect_to;
use molt_db_testkit::{Server, shared_servers};
use place::Place;
use table::{Operation, Reach, operations};
use tokio::net::TcpStream;
use walk::{Holder, walk};

/// Leads to a new database of the server.
async fn through(bouncer: &Bouncer, server: &Server, statements: usize) -> Place {
    let database = server.create_database().unwrap();
    let side = connect_to(server, &database).await;
    let config = bouncer.config().dbname(&database).statement_cache_size(statements);
    let port = bouncer.port();
    Place::on(config, side, move || TcpStream::connect(("127.0.0.1", port))).await.behind_a_pooler()
}

/// Tells whether an operation makes sense where each transaction has another session.
fn needs_no_session(operation: &Operation) -> bool {
    const OF_A_SESSION: [&str; 5] = ["listen", "Listener", "otification", "Connection::notify", "reset"];
    OF_A_SESSION.iter().all(|word| !operation.name.contains(word))
}

/// Tells whether dropping an operation leaves its requests to cancel alone. pgbouncer 1.18 takes one whose client has gone
/// for that of whoever came in its place, and ends that, or itself.
fn drops_no_request(operation: &Operation) -> bool {
    !["Canceller::cancel", "Connection::close_or_cancel"].contains(&operation.name)
}

async fn walk_all(settings: &str, statements: usize, chosen: impl Fn(&Operation) -> bool) {
    for server in shared_servers() {
        let bouncer = Bouncer::start(server, settings);
        let place = through(&bouncer, server, statements).await;
        for holder in [Holder::Caller, Holder::Pool] {
            let mut total = 0;
            let of_sessions = operations().filter(|operation| operation.reach != Reach::LogicalServers);
            for operation in of_sessions.filter(|operation| drops_no_request(operation) && chosen(operation))
            {
                let points = walk(&place, operation, holder).await;
                assert!(points >= 2, "only {points} points of {}", operation.name);
                total += points;
            }
            println!("{total} points, {holder:?}, {settings}, {server:?}");
        }
    }
}

#[tokio::test]
async fn what_is_dropped_at_any_poll_can_be_settled_in_session_mode() {
    walk_all("pool_mode = session", 256, |_| true).await;
}

#[tokio::test]
async fn what_is_dropped_at_any_poll_can_be_settled_in_transaction_mode() {
    walk_all("pool_mode = transaction", 0, needs_no_session).await;
}
