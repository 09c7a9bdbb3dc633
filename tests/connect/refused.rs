//! Who is not let in, and what is said then.

use std::net::{Ipv4Addr, TcpListener};

use molt_db::{Config, Connection};
use molt_db_testkit::peer::Peer;
use molt_db_testkit::{User, shared_servers};

use crate::common::{code, open, plain_config, within};

#[tokio::test]
async fn a_wrong_password_is_told_and_not_shown() {
    for server in shared_servers() {
        for user in [User::Scram, User::Md5, User::Clear] {
            let config: Config = server.url(user, "test").parse().unwrap();
            let error = within(Connection::connect(&config.password("Wr0ng-Word"))).await.unwrap_err();
            assert!(error.is_connect(), "{error:?}");
            assert_eq!(code(&error), "28P01");
            let text = format!("{error} {error:?}");
            assert!(text.contains("127.0.0.1") && !text.contains("Wr0ng-Word"), "{text}");
        }
    }
}

#[tokio::test]
async fn a_missing_password_is_told() {
    for server in shared_servers() {
        for user in ["scram", "md5user", "clear"] {
            let text = format!("host=127.0.0.1 port={} user={user} dbname=test", server.port());
            let error = open(&text).await.unwrap_err();
            assert!(error.is_connect() && error.to_string().contains("password"), "{error}");
        }
    }
}

#[tokio::test]
async fn unknown_databases_and_users_are_the_servers_to_refuse() {
    for server in shared_servers() {
        let error = open(&server.url(User::Scram, "no_such_database")).await.unwrap_err();
        assert!(error.is_connect(), "{error:?}");
        assert_eq!(code(&error), "3D000");
        let config = plain_config(server, "test").user("no_such_user");
        let error = within(Connection::connect(&config)).await.unwrap_err();
        assert!(error.is_connect(), "{error:?}");
        assert_eq!(code(&error), "28000");
    }
}

#[tokio::test]
async fn without_a_user_nothing_is_dialled() {
    let peer = Peer::script(|_| async { panic!("somebody connected") }).unwrap();
    let error = open(&format!("host=127.0.0.1 port={}", peer.port())).await.unwrap_err();
    assert!(error.to_string().contains("user"), "{error}");
}

#[tokio::test]
async fn what_is_asked_for_and_not_done_is_refused_before_anything_is_dialled() {
    let peer = Peer::script(|_| async { panic!("somebody connected") }).unwrap();
    for (asked, option) in
        [("replication=true", "replication"), ("sslcert=/me.pem", "sslkey"), ("service=orders", "service")]
    {
        let text = format!("host=127.0.0.1 port={} user=u {asked}", peer.port());
        let error = open(&text).await.unwrap_err();
        assert!(error.is_config() && error.to_string().contains(&format!("`{option}`")), "{error}");
    }
}

#[tokio::test]
async fn a_refused_port_is_named() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = open(&format!("host=127.0.0.1 port={port} user=u")).await.unwrap_err();
    assert!(error.is_connect() && !error.is_timeout(), "{error:?}");
    assert!(error.to_string().contains(&format!("127.0.0.1, port {port}")), "{error}");
}

#[tokio::test]
async fn a_missing_socket_is_named() {
    let error = open("host=/no/such/folder port=5432 user=u").await.unwrap_err();
    assert!(error.is_connect() && error.to_string().contains("/no/such/folder/.s.PGSQL.5432"), "{error}");
}

#[tokio::test]
async fn a_name_without_an_address_is_named() {
    let error = open("host=nowhere.invalid user=u").await.unwrap_err();
    assert!(error.is_connect() && error.to_string().contains("nowhere.invalid"), "{error}");
}
