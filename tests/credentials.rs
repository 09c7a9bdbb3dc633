//! Passwords and tokens that the program gives when it is asked, and who gets them.

mod common;

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{assert_usable, code, plain_config, within};
use molt_db::config::{Endpoint, SslMode};
use molt_db::{AuthMethod, Config, Connection, Error, Pool};
use molt_db_testkit::peer::{FirstPacket, Peer, PeerConnection, messages};
use molt_db_testkit::{Server, ServerOptions, User, servers_under_test, shared_servers};

async fn connect(config: &Config) -> Result<Connection, Error> {
    within(Connection::connect(config)).await
}

/// Returns how to reach a peer, which is given these secrets if it asks for them.
fn at(peer: &Peer) -> Config {
    Config::new()
        .host("127.0.0.1")
        .port(peer.port())
        .user("u")
        .ssl_mode(SslMode::Disable)
        .password_from(|_| async { Ok::<_, io::Error>("Secret-Word") })
        .oauth_token_from(|_| async { Ok::<_, io::Error>("Secret-Token") })
}

fn token_only(peer: &Peer) -> Config {
    let config = Config::new().host("127.0.0.1").port(peer.port()).user("u").ssl_mode(SslMode::Disable);
    config.oauth_token_from(|_| async { Ok::<_, io::Error>("Secret-Token") })
}

#[tokio::test]
async fn the_password_of_a_callback_is_as_good_as_any_by_every_method() {
    for server in shared_servers() {
        for user in [User::Superuser, User::Scram, User::Md5, User::Clear, User::Trust] {
            let password = server.password(user).unwrap_or_default().to_owned();
            let ask = move |_| std::future::ready(Ok::<_, io::Error>(password.clone()));
            let config =
                plain_config(server, "test").user(user.name()).password("Wr0ng-Word").password_from(ask);
            assert_usable(&mut connect(&config).await.unwrap()).await;
        }
    }
}

#[tokio::test]
async fn a_callback_is_asked_again_for_every_connection_and_told_for_which_server() {
    for server in shared_servers() {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let list = Arc::clone(&asked);
        let password = server.password(User::Scram).unwrap();
        let ask = move |endpoint| {
            list.lock().unwrap().push(endpoint);
            async move {
                tokio::task::yield_now().await;
                Ok::<_, io::Error>(password)
            }
        };
        let config = plain_config(server, "test").user("scram").password_from(ask);
        let hosts = config.hosts(["/no/such/folder", "127.0.0.1"]).ports([1, server.port()]);
        for _ in 0..3 {
            connect(&hosts).await.unwrap();
        }
        // A host that cannot be reached needs no password.
        let expected = Endpoint::Tcp { host: "127.0.0.1".to_owned(), address: None, port: server.port() };
        assert_eq!(*asked.lock().unwrap(), [expected.clone(), expected.clone(), expected]);
    }
}

#[tokio::test]
async fn a_pool_goes_on_with_passwords_that_change() {
    for wanted in servers_under_test() {
        let server = Server::start(ServerOptions::default().wanted(wanted)).unwrap();
        let current = Arc::new(AtomicUsize::new(0));
        let rotate = |number: usize| {
            current.store(number, Ordering::SeqCst);
            server.sql(&format!("alter role scram password 'word {number}'")).unwrap();
        };
        let known = Arc::clone(&current);
        let ask =
            move |_| std::future::ready(Ok::<_, io::Error>(format!("word {}", known.load(Ordering::SeqCst))));
        let config = plain_config(&server, "test").user("scram").password_from(ask);
        let pool = Pool::builder(config).max_conns(3).build().unwrap();
        let mut sessions = Vec::new();
        for number in 1..=3 {
            rotate(number);
            sessions.push(within(pool.acquire()).await.unwrap());
        }
        for session in &mut sessions {
            assert_usable(session).await;
        }
    }
}

#[tokio::test]
async fn a_callback_that_fails_is_told_and_no_other_host_is_tried() {
    let peer = Peer::listen(|listener| async move {
        for _ in 0..2 {
            let mut p = listener.accept().await?;
            p.closed().await?;
        }
        Ok(())
    })
    .unwrap();
    let fail = |_| async { Err::<String, _>(io::Error::other("the vault is sealed")) };
    let twice = at(&peer).hosts(["127.0.0.1", "127.0.0.1"]);
    for (config, secret) in
        [(twice.clone().password_from(fail), "password"), (twice.oauth_token_from(fail), "token")]
    {
        let error = connect(&config).await.unwrap_err();
        assert!(error.is_connect() && error.attempts().len() == 1, "{error:?}");
        let text = format!("the callback gave no {secret}: the vault is sealed");
        assert!(error.to_string().ends_with(&text), "{error}");
        let source = std::error::Error::source(&error).unwrap();
        assert_eq!(source.to_string(), "the vault is sealed");
    }
    within(peer.finish()).await.unwrap();
}

#[tokio::test]
async fn a_callback_that_takes_too_long_ends_with_connect_timeout() {
    let peer = Peer::script(|mut p| async move { p.closed().await }).unwrap();
    let ask = |_| std::future::pending::<Result<String, io::Error>>();
    let config = at(&peer).password_from(ask).connect_timeout(Some(Duration::from_millis(100)));
    let error = connect(&config).await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    within(peer.finish()).await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_a_token_is_not_shown_to_anybody() {
    let peer = Peer::script(|mut p| async move { p.closed().await }).unwrap();
    let ask = |_| async { Ok::<_, io::Error>("Secret Token\x01auth=x") };
    let error = connect(&token_only(&peer).oauth_token_from(ask)).await.unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(shown.contains("not a bearer token") && !shown.contains("Secret"), "{shown}");
    within(peer.finish()).await.unwrap();
}

/// Asks for a token, and returns the message that shows it.
async fn shown(p: &mut PeerConnection) -> io::Result<String> {
    p.startup().await?;
    p.send(&messages::auth(10, b"OAUTHBEARER\0\0")).await?;
    Ok(String::from_utf8_lossy(&p.expect(b'p').await?).into_owned())
}

#[tokio::test]
async fn a_server_that_asks_for_a_token_is_shown_the_one_of_the_callback() {
    let peer = Peer::script(|mut p| async move {
        let message = shown(&mut p).await?;
        assert!(message.ends_with("n,,\x01auth=Bearer Secret-Token\x01\x01"), "{message:?}");
        p.send(&[messages::auth_ok(), messages::ready(b'I')].concat()).await?;
        p.hang().await;
        Ok(())
    })
    .unwrap();
    let connection = connect(&token_only(&peer)).await.unwrap();
    assert_eq!(connection.auth_method(), AuthMethod::OAuthBearer);
    drop(connection);
    within(peer.finish()).await.unwrap();
}

#[tokio::test]
async fn a_token_that_is_refused_is_told_and_not_repeated() {
    let peer = Peer::script(|mut p| async move {
        shown(&mut p).await?;
        let reason = br#"{"status":"invalid_token","scope":"openid"}"#;
        p.send(&messages::auth(11, reason)).await?;
        assert_eq!(p.expect(b'p').await?, b"\x01");
        p.send(&messages::error("FATAL", "28000", "OAuth bearer authentication failed")).await?;
        p.close().await
    })
    .unwrap();
    let error = connect(&token_only(&peer)).await.unwrap_err();
    assert_eq!(code(&error), "28000");
    let shown = format!("{error} {error:?}");
    assert!(shown.contains("bearer token was refused") && !shown.contains("Secret-Token"), "{shown}");
    within(peer.finish()).await.unwrap();
}

/// Reads whatever comes until the end and asserts that no secret, nor anything made from one, is in it.
async fn hears_no_secret(mut p: PeerConnection, demand: &[u8]) -> io::Result<()> {
    while p.first_packet().await? == FirstPacket::Ssl {
        p.send(b"N").await?;
    }
    p.send(demand).await?;
    p.closed().await
}

/// A server that wants less of a proof than was agreed on gets none.
#[tokio::test]
async fn a_weaker_method_than_allowed_is_refused_before_any_secret_is_sent() {
    let demands = [
        (messages::auth(3, b""), "require_auth=scram-sha-256"),
        (messages::auth(5, b"salt"), "require_auth=scram-sha-256"),
        (messages::auth(10, b"OAUTHBEARER\0\0"), "require_auth=scram-sha-256"),
        (messages::auth_ok(), "require_auth=scram-sha-256,md5"),
        (messages::auth(3, b""), "require_auth=!password"),
        (messages::auth(3, b""), "channel_binding=require"),
        (messages::auth(5, b"salt"), "channel_binding=require"),
        (messages::auth(10, b"SCRAM-SHA-256\0\0"), "channel_binding=require"),
    ];
    for mode in ["disable", "prefer"] {
        for (demand, options) in demands.clone() {
            let peer = Peer::script(move |p| async move { hears_no_secret(p, &demand).await }).unwrap();
            let text =
                format!("host=127.0.0.1,127.0.0.1 port={} user=u sslmode={mode} {options}", peer.port());
            let config: Config = text.parse().unwrap();
            let config = config
                .password_from(|_| async { Ok::<_, io::Error>("Secret-Word") })
                .oauth_token_from(|_| async { Ok::<_, io::Error>("Secret-Token") });
            let error = connect(&config).await.unwrap_err();
            assert!(error.is_connect() && error.attempts().len() == 1, "{options}: {error:?}");
            within(peer.finish()).await.unwrap();
        }
    }
}
