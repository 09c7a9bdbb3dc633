//! Standbys stream from their primary, and change places with it.

use std::thread;
use std::time::{Duration, Instant};

use molt_db_testkit::{Server, ServerOptions, servers_under_test};

fn one(server: &Server, sql: &str) -> String {
    let rows = server.sql(sql).unwrap();
    rows[0][0].clone().unwrap()
}

fn arrives(server: &Server, number: u32) {
    let deadline = Instant::now() + Duration::from_secs(60);
    let sql = format!("select 1 from pg_tables where tablename = 't{number}'");
    while server.sql(&sql).unwrap().is_empty() {
        assert!(Instant::now() < deadline, "t{number} does not reach {server:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_is_written_arrives_and_the_two_change_places() {
    for wanted in servers_under_test() {
        let first = Server::start(ServerOptions::default().wanted(wanted)).unwrap();
        let second = first.start_standby().unwrap();
        let in_recovery = |server| one(server, "select pg_is_in_recovery()");
        assert_eq!((in_recovery(&first), in_recovery(&second)), ("f".to_owned(), "t".to_owned()));
        assert!(second.sql("create table t0 ()").is_err());
        first.sql("create table t1 ()").unwrap();
        arrives(&second, 1);

        first.stop().unwrap();
        second.promote().unwrap();
        first.follow(&second).unwrap();
        assert_eq!((in_recovery(&first), in_recovery(&second)), ("t".to_owned(), "f".to_owned()));
        second.sql("create table t2 ()").unwrap();
        arrives(&first, 2);
        assert!(second.promote().is_err());
    }
}
