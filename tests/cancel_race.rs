//! Cancel requests that arrive when their query is just ending, and what runs right behind them.
//!
//! `MOLT_DB_ROUNDS` says how many there are for each way to each server, 300 unless given.

mod common;

use std::time::Duration;

use common::{open, within};
use molt_db::{Connection, Error};
use molt_db_testkit::{Server, User, shared_servers};
use tokio::time::timeout;

fn rounds() -> u32 {
    std::env::var("MOLT_DB_ROUNDS").map_or(300, |text| text.parse().expect("MOLT_DB_ROUNDS is a number"))
}

/// In the clear and with TLS, with the longest keys that the server knows.
fn ways(server: &Server) -> [String; 2] {
    let plain = format!("{}?sslmode=disable", server.url(User::Trust, "test"));
    [plain, server.tls_url(User::Trust, "test")].map(|url| format!("{url}&max_protocol_version=latest"))
}

/// How long a query has to take for a cancel to arrive at its end, found out as it goes.
struct Aim {
    length: Duration,
    hits: u32,
}

impl Aim {
    fn new() -> Self {
        Self { length: Duration::from_millis(1), hits: 0 }
    }

    fn sql(&self) -> String {
        format!("select pg_sleep({})", self.length.as_secs_f64())
    }

    /// Makes the next query shorter if this one was hit, and longer if it had ended before.
    fn note(&mut self, outcome: Result<u64, Error>) {
        match outcome {
            Ok(_) => self.length = self.length.mul_f64(1.03).max(Duration::from_micros(10)),
            Err(error) => {
                assert!(error.is_cancelled(), "{error}");
                self.hits += 1;
                self.length = self.length.mul_f64(0.97);
            }
        }
    }

    /// Asserts that there were both: what was hit and what was missed.
    fn assert_near(&self, rounds: u32) {
        let hits = self.hits;
        assert!((1..rounds).contains(&hits), "{hits} hits in {rounds} rounds: the test shows little");
    }
}

async fn assert_next_runs(connection: &mut Connection, round: u32) {
    let number = i64::from(round);
    let next = connection.query("select sum(g) + $1 from generate_series(1, 100) g").bind(number);
    let (sum,): (i64,) = within(next.one()).await.unwrap_or_else(|error| panic!("round {round}: {error}"));
    assert_eq!(sum, 5050 + number);
}

#[tokio::test]
async fn a_cancel_near_the_end_of_a_query_hits_no_other() {
    for server in shared_servers() {
        for url in ways(server) {
            let mut connection = open(&url).await.unwrap();
            let canceller = connection.canceller().unwrap();
            let mut aim = Aim::new();
            for round in 0..rounds() {
                let sql = aim.sql();
                let (outcome, cancelled) =
                    within(async { tokio::join!(connection.execute(&sql, ()), canceller.cancel()) }).await;
                cancelled.unwrap();
                aim.note(outcome);
                assert_next_runs(&mut connection, round).await;
            }
            println!("{:?}, {:?}: {} of {} were hit", server, connection.encryption(), aim.hits, rounds());
            aim.assert_near(rounds());
        }
    }
}

/// As that, with the requests that settling sends. One takes ten milliseconds more, so there are fewer.
#[tokio::test]
async fn a_query_that_is_walked_away_from_near_its_end_costs_no_other() {
    for server in shared_servers() {
        for url in ways(server) {
            let mut connection = open(&url).await.unwrap();
            let mut aim = Aim { length: Duration::from_millis(12), hits: 0 };
            connection.script("create temporary table ended (round int)").await.unwrap();
            let rounds = rounds().div_ceil(10);
            for round in 0..rounds {
                let sql = format!("insert into ended select {round} from ({}) as slept", aim.sql());
                // Where the machine is busy it may have ended after all.
                drop(timeout(Duration::from_micros(100), connection.execute(&sql, ())).await);
                within(connection.settle()).await.unwrap_or_else(|error| panic!("round {round}: {error}"));
                let ended = connection.query("select count(*) from ended where round = $1");
                let (ended,): (i64,) = ended.bind(i32::try_from(round).unwrap()).one().await.unwrap();
                if ended == 1 {
                    aim.length = aim.length.mul_f64(1.05);
                } else {
                    aim.hits += 1;
                    aim.length = aim.length.mul_f64(0.95);
                }
                assert_next_runs(&mut connection, round).await;
            }
            println!("{:?}, {:?}: {} of {rounds} were hit", server, connection.encryption(), aim.hits);
            aim.assert_near(rounds);
        }
    }
}
