//! Every mode of TLS, before every kind of server.

use std::net::Ipv4Addr;

use molt_db::config::SslMode;
use molt_db::{Config, Connection};
use molt_db_testkit::peer::{FirstPacket, Peer, messages};
use molt_db_testkit::{Server, ServerOptions, TlsSetup, User, shared_servers};

use crate::common::{assert_usable, code, open, within};
use crate::peer::{dial, refusal};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Clear,
    Encrypted,
    Refused,
}

use Outcome::{Clear, Encrypted, Refused};

const SETUPS: [TlsSetup; 6] = [
    TlsSetup::Off,
    TlsSetup::Valid,
    TlsSetup::WrongHost,
    TlsSetup::Expired,
    TlsSetup::UnknownCa,
    TlsSetup::SelfSigned,
];

/// A mode, whether the CA's file is given, and what comes of it with each of the setups above.
// PG docs: libpq-ssl, "SSL Mode Descriptions"
const MODES: [(SslMode, bool, [Outcome; 6]); 7] = [
    (SslMode::Disable, false, [Clear; 6]),
    (SslMode::Prefer, false, [Clear, Encrypted, Encrypted, Encrypted, Encrypted, Encrypted]),
    (SslMode::Prefer, true, [Clear, Encrypted, Encrypted, Encrypted, Encrypted, Encrypted]),
    (SslMode::Require, false, [Refused, Encrypted, Encrypted, Encrypted, Encrypted, Encrypted]),
    (SslMode::Require, true, [Refused, Encrypted, Encrypted, Refused, Refused, Refused]),
    (SslMode::VerifyCa, true, [Refused, Encrypted, Encrypted, Refused, Refused, Refused]),
    (SslMode::VerifyFull, true, [Refused, Encrypted, Refused, Refused, Refused, Refused]),
];

#[tokio::test]
async fn every_mode_meets_every_certificate() {
    let server = Server::start(ServerOptions::default()).unwrap();
    for (column, setup) in SETUPS.into_iter().enumerate() {
        server.restart_with_tls(setup).unwrap();
        for (mode, with_ca, outcomes) in MODES {
            let config: Config = server.url(User::Scram, "test").parse().unwrap();
            let config = config.ssl_mode(mode);
            let config = if with_ca { config.ssl_root_cert(server.ca_file()) } else { config };
            let found = match within(Connection::connect(&config)).await {
                Ok(connection) if connection.encryption().is_some() => Encrypted,
                Ok(_) => Clear,
                Err(error) => {
                    assert!(error.is_connect() && !error.is_timeout(), "{error:?}");
                    assert!(error.to_string().contains("127.0.0.1"), "{error}");
                    Refused
                }
            };
            assert_eq!(found, outcomes[column], "{mode} with_ca={with_ca} {setup:?}");
        }
    }
}

#[tokio::test]
async fn the_certificate_is_that_of_the_host_and_not_of_the_address() {
    let server = Server::start(ServerOptions::default().tls(TlsSetup::WrongHost)).unwrap();
    let config: Config = server.tls_url(User::Scram, "test").parse().unwrap();
    let config = config.hostaddr(Ipv4Addr::LOCALHOST);
    let named = |host: &str| config.clone().host(host);
    assert!(within(Connection::connect(&named("elsewhere.invalid"))).await.is_ok());
    let error = within(Connection::connect(&named("localhost"))).await.unwrap_err();
    assert!(error.is_connect(), "{error:?}");

    server.restart_with_tls(TlsSetup::Valid).unwrap();
    assert!(within(Connection::connect(&named("localhost"))).await.is_ok());
    let error = within(Connection::connect(&named("elsewhere.invalid"))).await.unwrap_err();
    assert!(error.is_connect(), "{error:?}");
}

#[tokio::test]
async fn a_file_without_the_right_authority_is_refused() {
    let server = Server::shared();
    let config: Config = server.tls_url(User::Scram, "test").parse().unwrap();
    let not_pem = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    for (file, in_text) in [
        ("/no/such/file.pem", "/no/such/file.pem"),
        (not_pem, "Cargo.toml"),
        (env!("CARGO_MANIFEST_DIR"), "sslrootcert"),
        (&server.unrelated_ca_file().to_string_lossy(), "TLS"),
    ] {
        let config = config.clone().ssl_root_cert(file);
        let error = within(Connection::connect(&config)).await.unwrap_err();
        assert!(error.is_connect() && error.to_string().contains(in_text), "{file}: {error}");
    }
}

#[tokio::test]
async fn the_server_agrees_about_the_encryption() {
    for server in shared_servers() {
        let mut connection = open(&server.tls_url(User::Scram, "test")).await.unwrap();
        let sql = "select version from pg_stat_ssl where pid = pg_backend_pid() and ssl";
        let (version,): (String,) = connection.query(sql).one().await.unwrap();
        assert!(connection.encryption().unwrap().starts_with(&version), "{version}");
    }
}

#[tokio::test]
async fn users_of_one_kind_of_connection_are_refused_on_the_other() {
    for server in shared_servers() {
        for (user, refused, accepted) in [
            (User::TlsOnly, SslMode::Disable, SslMode::Require),
            (User::PlainOnly, SslMode::Require, SslMode::Disable),
        ] {
            let config: Config = server.url(user, "test").parse().unwrap();
            let error = within(Connection::connect(&config.clone().ssl_mode(refused))).await.unwrap_err();
            assert!(error.is_connect(), "{error:?}");
            assert_eq!(code(&error), "28000");
            let mut connection = within(Connection::connect(&config.ssl_mode(accepted))).await.unwrap();
            assert_usable(&mut connection).await;
        }
    }
}

#[tokio::test]
async fn an_unwilling_server_is_refused_by_require_and_taken_in_the_clear_by_prefer() {
    let unwilling = Peer::script(|mut p| async move {
        assert_eq!(p.first_packet().await?, FirstPacket::Ssl);
        p.send(b"N").await?;
        p.closed().await
    });
    let error = refusal(unwilling.unwrap(), "sslmode=require").await;
    assert!(error.to_string().contains("does not speak TLS"), "{error}");

    let unwilling = Peer::script(|mut p| async move {
        assert_eq!(p.first_packet().await?, FirstPacket::Ssl);
        p.send(b"N").await?;
        p.login().await?;
        p.hang().await;
        Ok(())
    })
    .unwrap();
    let connection = open(&format!("{} sslmode=prefer", dial(&unwilling))).await.unwrap();
    assert_eq!(connection.encryption(), None);
    drop(connection);
    unwilling.finish().await.unwrap();
}

#[tokio::test]
async fn a_text_in_answer_to_the_request_for_tls_is_not_shown() {
    for mode in ["prefer", "require"] {
        let peer = Peer::script(|mut p| async move {
            assert_eq!(p.first_packet().await?, FirstPacket::Ssl);
            p.send(&messages::error("FATAL", "28000", "send your money to Mallory")).await?;
            p.close().await
        });
        let error = refusal(peer.unwrap(), &format!("sslmode={mode}")).await;
        assert!(error.is_protocol_violation() && error.server().is_none(), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("Mallory"), "{error:?}");
    }
}

// CVE-2021-23222
#[tokio::test]
async fn what_comes_in_the_clear_behind_the_yes_to_tls_is_refused() {
    for mode in ["prefer", "require"] {
        let peer = Peer::script(|mut p| async move {
            assert_eq!(p.first_packet().await?, FirstPacket::Ssl);
            p.send(&[&b"S"[..], &messages::auth_ok(), &messages::ready(b'I')].concat()).await?;
            p.hang().await;
            Ok(())
        });
        let error = refusal(peer.unwrap(), &format!("sslmode={mode}")).await;
        assert!(!error.is_timeout(), "{error:?}");
    }
}
