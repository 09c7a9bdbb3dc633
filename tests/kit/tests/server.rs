//! Servers start, restart, and go without a trace.

use std::net::TcpStream;
use std::path::Path;
use std::thread;

use molt_db_testkit::{
    KitError, Major, Server, ServerOptions, User, Wanted, servers_under_test, shared_servers,
};

fn one(server: &Server, sql: &str) -> String {
    let rows = server.sql(sql).unwrap();
    rows[0][0].clone().unwrap()
}

fn private() -> Server {
    Server::start(ServerOptions::default()).unwrap()
}

fn refuses_connections(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_err()
}

#[test]
fn the_shared_server_answers_and_is_shared() {
    let server = Server::shared();
    assert_eq!(one(server, "select 1 + 1"), "2");
    assert!(std::ptr::eq(server, Server::shared()));
    assert!(std::ptr::eq(server, Server::shared_at(servers_under_test()[0])));
}

#[test]
fn every_server_under_test_has_the_version_asked_for() {
    for (wanted, server) in servers_under_test().into_iter().zip(shared_servers()) {
        let (major, full) = server.version();
        assert!(one(server, "show server_version").starts_with(full.split(' ').next().unwrap()));
        if let Wanted::Major(asked) = wanted {
            assert_eq!(asked.number(), major);
        }
        assert!(major >= 13);
    }
}

#[test]
fn servers_of_the_oldest_and_the_newest_major_start() {
    for major in [Major::V13, Major::V18] {
        let server = Server::start(ServerOptions::default().version(major)).unwrap();
        assert_eq!(server.version().0, major.number());
        assert!(one(&server, "show server_version").starts_with(&major.to_string()));
        assert_eq!(one(&server, "show server_encoding"), "UTF8");
        let locale = "select datcollate from pg_database where datname = current_database()";
        assert_eq!(one(&server, locale), "C");
    }
}

#[test]
fn a_server_that_is_dropped_is_gone_with_its_folder() {
    let server = private();
    let (port, folder) = (server.port(), server.socket_dir().to_owned());
    assert!(!refuses_connections(port));
    drop(server);
    assert!(refuses_connections(port));
    assert!(!folder.exists());
}

#[test]
fn a_panic_in_a_test_takes_its_server_away() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let test = thread::spawn(move || {
        let server = private();
        sender.send((server.port(), server.socket_dir().to_owned())).unwrap();
        panic!("a failing test");
    });
    let (port, folder) = receiver.recv().unwrap();
    assert!(test.join().is_err());
    assert!(refuses_connections(port));
    assert!(!folder.exists());
}

#[test]
fn a_restarted_server_keeps_its_port_and_data() {
    let server = private();
    let port = server.port();
    server.sql("create table kept as select 42 as answer").unwrap();
    server.stop().unwrap();
    assert!(refuses_connections(port));
    assert!(server.sql("select 1").is_err());
    server.stop().unwrap();
    server.restart().unwrap();
    assert_eq!(server.port(), port);
    assert_eq!(one(&server, "select answer from kept"), "42");
}

#[test]
fn settings_reach_the_server() {
    let options = ServerOptions::default().setting("work_mem", "5MB").setting("max_connections", "17");
    let server = Server::start(options.setting("application_name", r"it's a \ name")).unwrap();
    assert_eq!(one(&server, "show work_mem"), "5MB");
    assert_eq!(one(&server, "show max_connections"), "17");
    assert_eq!(one(&server, "show application_name"), r"it's a \ name");
}

#[test]
fn a_server_that_cannot_start_shows_its_log() {
    let error = Server::start(ServerOptions::default().setting("work_mem", "plenty")).unwrap_err();
    assert!(matches!(error, KitError::Server { .. }), "{error}");
    assert!(error.to_string().contains("work_mem"), "{error}");
}

#[test]
fn each_created_database_is_new_and_open_to_all_users() {
    let server = Server::shared();
    let names = [server.create_database().unwrap(), server.create_database().unwrap()];
    assert_ne!(names[0], names[1]);
    server.sql_in(&names[0], "set role scram; create table public.mine (id int)").unwrap();
    let missing = server.sql_in(&names[1], "select * from mine").unwrap_err();
    assert!(matches!(missing, KitError::Sql { ref code, .. } if code == "42P01"), "{missing}");
}

#[test]
fn terminated_backends_are_told_so() {
    let server = private();
    thread::scope(|scope| {
        let sleeper = scope.spawn(|| server.sql("select pg_sleep(600)"));
        while one(&server, "select count(*) from pg_stat_activity where wait_event = 'PgSleep'") == "0" {
            thread::yield_now();
        }
        assert_eq!(server.terminate_backends().unwrap(), 1);
        let error = sleeper.join().unwrap().unwrap_err();
        assert!(matches!(error, KitError::Sql { ref code, .. } if code == "57P01"), "{error}");
    });
    assert_eq!(server.terminate_backends().unwrap(), 0);
    assert!(server.log().unwrap().contains("terminating connection"));
}

#[test]
fn rows_of_all_statements_are_returned_as_text() {
    let rows = Server::shared().sql("select 1, null, ''; select 'é'").unwrap();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(rows, [vec![text("1"), None, text("")], vec![text("é")]]);
}

#[test]
fn a_refused_statement_carries_its_sqlstate_even_behind_rows() {
    let error = Server::shared().sql("select 1; select 1/0").unwrap_err();
    assert!(matches!(error, KitError::Sql { ref code, .. } if code == "22012"), "{error}");
}

#[test]
fn two_private_servers_stand_side_by_side() {
    let (one, other) = (private(), private());
    assert_ne!(one.port(), other.port());
    assert_ne!(one.socket_dir(), other.socket_dir());
    assert_ne!(one.password(User::Superuser), other.password(User::Superuser));
}

#[test]
fn the_path_of_the_socket_fits_its_limit() {
    let socket: &Path = &Server::shared().socket_dir().join(".s.PGSQL.65535");
    assert!(socket.as_os_str().len() <= 100, "{}", socket.display());
}
