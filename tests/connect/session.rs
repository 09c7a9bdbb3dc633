//! What a session is like, however it was opened.

use std::net::Ipv4Addr;

use molt_db::config::SslMode;
use molt_db::{Config, Connection};
use molt_db_testkit::peer::{Peer, messages};
use molt_db_testkit::{User, shared_servers};

use crate::common::{assert_usable, open, plain_config, within};
use crate::peer::dial;

#[tokio::test]
async fn a_list_of_key_and_value_and_a_built_configuration_lead_to_the_same_place() {
    for server in shared_servers() {
        let (port, socket) = (server.port(), server.socket_dir().display());
        let ca = server.ca_file();
        let login = "user=scram password='scram-secret' dbname=test";
        let built = Config::new()
            .host("localhost")
            .hostaddr(Ipv4Addr::LOCALHOST)
            .port(port)
            .user("scram")
            .password("scram-secret")
            .dbname("test")
            .ssl_mode(SslMode::VerifyFull)
            .ssl_root_cert(ca.clone());
        let configs = [
            format!("host=127.0.0.1 port={port} {login} sslmode=disable").parse().unwrap(),
            // A name with two addresses, of which the server has one.
            format!("host=localhost port={port} {login} sslmode=disable").parse().unwrap(),
            format!("host={socket} port={port} {login}").parse().unwrap(),
            format!("host=127.0.0.1 port={port} {login} sslmode=verify-full sslrootcert='{}'", ca.display())
                .parse()
                .unwrap(),
            built,
        ];
        for config in configs {
            let mut connection = within(Connection::connect(&config)).await.unwrap();
            assert_usable(&mut connection).await;
        }
    }
}

#[tokio::test]
async fn large_values_pass_both_ways_in_the_clear_over_tls_and_over_a_socket() {
    let large: Vec<u8> =
        (0..8_u32 << 20).map(|number| number.wrapping_mul(number).to_be_bytes()[1]).collect();
    for server in shared_servers() {
        let tcp = format!("{}?sslmode=disable", server.url(User::Trust, "test"));
        for url in [tcp, server.tls_url(User::Trust, "test"), server.socket_url(User::Trust, "test")] {
            let mut connection = open(&url).await.unwrap();
            let query = connection.query("select $1::bytea").bind(&large);
            let (found,): (Vec<u8>,) = within(query.one()).await.unwrap();
            assert!(found == large, "{url}");
            assert_usable(&mut connection).await;
        }
    }
}

#[tokio::test]
async fn a_fresh_session_has_what_was_asked_for() {
    for server in shared_servers() {
        let config = plain_config(server, "test")
            .application_name("it's order 7")
            .options(r"-c statement_timeout=4321 -c molt.word=a\ b");
        let mut connection = within(Connection::connect(&config)).await.unwrap();
        for (setting, value) in [
            ("application_name", "it's order 7"),
            ("statement_timeout", "4321ms"),
            ("molt.word", "a b"),
            ("client_encoding", "UTF8"),
        ] {
            let (found,): (String,) = connection.query(&format!("show {setting}")).one().await.unwrap();
            assert_eq!(found, value, "{setting}");
        }
        assert_eq!(connection.parameter("client_encoding"), Some("UTF8"));
        let (major, _) = server.version();
        assert!(connection.parameter("server_version").unwrap().starts_with(&major.to_string()));
        let (pid,): (i32,) = connection.query("select pg_backend_pid()").one().await.unwrap();
        assert_eq!(connection.backend_pid(), Some(pid));
    }
}

#[tokio::test]
async fn the_database_is_called_like_the_user_unless_told_otherwise() {
    for server in shared_servers() {
        let config: Config = format!(
            "host=127.0.0.1 port={} user=postgres password={}",
            server.port(),
            server.password(User::Superuser).unwrap()
        )
        .parse()
        .unwrap();
        let mut connection = within(Connection::connect(&config)).await.unwrap();
        let (name,): (String,) = connection.query("select current_database()::text").one().await.unwrap();
        assert_eq!(name, "postgres");
    }
}

#[tokio::test]
async fn the_start_up_names_nothing_that_poolers_do_not_know() {
    let peer = Peer::script(|mut p| async move {
        let startup = p.login().await?;
        assert_eq!(startup.version, 0x0003_0000);
        let mut names: Vec<_> = startup.parameters.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["application_name", "client_encoding", "database", "options", "user"]);
        assert_eq!(startup.parameter("database"), Some("u"));
        p.expect(b'X').await?;
        p.closed().await
    })
    .unwrap();
    let connection = open(&format!("{} application_name=a options='-c x=1'", dial(&peer))).await.unwrap();
    connection.close().await.unwrap();
    peer.finish().await.unwrap();
}

#[tokio::test]
async fn a_session_without_a_key_cannot_be_cancelled() {
    let peer = Peer::script(|mut p| async move {
        p.startup().await?;
        p.send(&[messages::auth_ok(), messages::ready(b'I')].concat()).await?;
        p.hang().await;
        Ok(())
    })
    .unwrap();
    let connection = open(&format!("{} sslmode=disable", dial(&peer))).await.unwrap();
    assert_eq!(connection.backend_pid(), None);
    let error = connection.canceller().unwrap_err();
    assert!(error.to_string().contains("no key"), "{error}");
    drop(connection);
    peer.finish().await.unwrap();
}
