//! Cancelling through pgbouncer: what a cancel request hits that arrives when its query is just ending, while another
//! client waits for the same server session.
//!
//! `MOLT_DB_ROUNDS` says how many there are for each mode, 200 unless given.

mod bouncer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bouncer::{Bouncer, within};
use molt_db::config::AfterCancel;
use molt_db::{Connection, Error};
use molt_db_testkit::shared_servers;
use tokio::time::{sleep, timeout};

const MODES: [&str; 2] = ["session", "transaction"];

fn rounds() -> u32 {
    std::env::var("MOLT_DB_ROUNDS").map_or(200, |text| text.parse().expect("MOLT_DB_ROUNDS is a number"))
}

/// Starts a pooler with as many server sessions as the mode needs for two clients.
fn start(server: &molt_db_testkit::Server, mode: &str) -> Bouncer {
    let sessions = if mode == "session" { 2 } else { 1 };
    Bouncer::start(server, &format!("pool_mode = {mode}\ndefault_pool_size = {sessions}"))
}

/// Another client, which runs one query after the other.
struct Neighbour {
    is_over: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<Hits>,
}

/// How many queries were run, and how many of them were cancelled.
#[derive(Debug, Default, Clone, Copy)]
struct Hits {
    queries: u32,
    cancelled: u32,
}

impl Hits {
    fn note<T>(&mut self, outcome: Result<T, Error>) {
        self.queries += 1;
        match outcome {
            Ok(_) => {}
            Err(error) if error.is_cancelled() => self.cancelled += 1,
            Err(error) => panic!("{error}"),
        }
    }
}

impl Neighbour {
    async fn moves_in(bouncer: &Bouncer) -> Self {
        let mut connection = connect(bouncer, AfterCancel::Reuse).await;
        let is_over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&is_over);
        let task = tokio::spawn(async move {
            let mut hits = Hits::default();
            while !ends.load(Ordering::SeqCst) {
                hits.note(within(connection.execute("select pg_sleep(0.0005)", ())).await);
                sleep(Duration::from_millis(2)).await;
            }
            hits
        });
        Self { is_over, task }
    }

    async fn leaves(self) -> Hits {
        self.is_over.store(true, Ordering::SeqCst);
        self.task.await.unwrap()
    }
}

async fn connect(bouncer: &Bouncer, after_cancel: AfterCancel) -> Connection {
    let config = bouncer.config().statement_cache_size(0).after_cancel(after_cancel);
    within(Connection::connect(&config)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_near_the_end_of_a_query_through_a_pooler_hits_nobody_else() {
    for server in shared_servers() {
        for mode in MODES {
            let bouncer = start(server, mode);
            let neighbour = Neighbour::moves_in(&bouncer).await;
            let mut connection = connect(&bouncer, AfterCancel::Reuse).await;
            let canceller = connection.canceller().unwrap();
            let (mut length, mut aimed_at, mut next) = (0.001, Hits::default(), Hits::default());
            // Now and then it resets a connection before it reads from it.
            let mut lost = 0;
            for _ in 0..rounds() {
                let sql = format!("select pg_sleep({length})");
                let (outcome, cancelled) =
                    within(async { tokio::join!(connection.execute(&sql, ()), canceller.cancel()) }).await;
                lost += u32::from(cancelled.is_err());
                length *= if outcome.is_ok() { 1.03 } else { 0.97 };
                aimed_at.note(outcome);
                next.note(within(connection.execute("select pg_sleep(0.0005)", ())).await);
            }
            let neighbour = neighbour.leaves().await;
            println!(
                "{server:?}, {mode}: aimed at {aimed_at:?}, next {next:?}, neighbour {neighbour:?}, {lost} lost"
            );
            assert!(lost <= rounds() / 100, "{lost} requests were lost");
            assert!((1..aimed_at.queries).contains(&aimed_at.cancelled), "the test shows little");
            assert_eq!((next.cancelled, neighbour.cancelled), (0, 0), "{mode}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_that_is_walked_away_from_through_a_pooler_costs_nobody_else() {
    for server in shared_servers() {
        for mode in MODES {
            for after_cancel in [AfterCancel::Reuse, AfterCancel::Close] {
                let bouncer = start(server, mode);
                let neighbour = Neighbour::moves_in(&bouncer).await;
                let mut connection = connect(&bouncer, after_cancel).await;
                let (mut next, mut closed) = (Hits::default(), 0);
                for round in 0..rounds().div_ceil(5) {
                    // The grace is 10 ms, and a request to cancel takes about one more.
                    let length = 0.010 + f64::from(round % 10) * 0.0004;
                    let sql = format!("select pg_sleep({length})");
                    drop(timeout(Duration::from_micros(100), connection.execute(&sql, ())).await);
                    if within(connection.settle()).await.is_err() {
                        closed += 1;
                        connection = connect(&bouncer, after_cancel).await;
                    }
                    next.note(within(connection.execute("select pg_sleep(0.0005)", ())).await);
                }
                let neighbour = neighbour.leaves().await;
                println!(
                    "{server:?}, {mode}, {after_cancel:?}: {closed} closed, next {next:?}, neighbour {neighbour:?}"
                );
                assert_eq!(closed > 0, after_cancel == AfterCancel::Close, "{mode}");
                assert_eq!((next.cancelled, neighbour.cancelled), (0, 0), "{mode}");
            }
        }
    }
}
