//! Every method of authentication, and those that are asked for.

use molt_db::config::ChannelBinding;
use molt_db::{AuthMethod, Config, Connection};
use molt_db_testkit::peer::{Peer, messages};
use molt_db_testkit::{User, shared_servers};

use crate::common::{open, within};
use crate::peer::refusal;

const METHODS: [(User, AuthMethod); 5] = [
    (User::Superuser, AuthMethod::ScramSha256),
    (User::Scram, AuthMethod::ScramSha256),
    (User::Md5, AuthMethod::Md5),
    (User::Clear, AuthMethod::Cleartext),
    (User::Trust, AuthMethod::Trust),
];

#[tokio::test]
async fn every_method_works_in_the_clear_over_tls_and_over_a_socket() {
    for server in shared_servers() {
        for (user, method) in METHODS {
            let tcp = format!("{}?sslmode=disable", server.url(user, "test"));
            let tls = server.tls_url(user, "test");
            for (url, encrypted) in [(tcp, false), (tls, true), (server.socket_url(user, "test"), false)] {
                let mut connection = open(&url).await.unwrap();
                let bound = encrypted && method == AuthMethod::ScramSha256;
                let expected = if bound { AuthMethod::ScramSha256Plus } else { method };
                assert_eq!(connection.auth_method(), expected, "{url}");
                let encryption = connection.encryption();
                assert_eq!(encryption.is_some(), encrypted, "{url}");
                assert!(encryption.is_none_or(|name| name.starts_with("TLSv1.")), "{url}");
                let (name,): (String,) = connection.query("select current_user::text").one().await.unwrap();
                assert_eq!(name, user.name());
                connection.close().await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn only_the_methods_that_are_required_are_used() {
    for server in shared_servers() {
        for (required, allowed) in [
            ("scram-sha-256", &[AuthMethod::ScramSha256][..]),
            ("md5,none", &[AuthMethod::Md5, AuthMethod::Trust]),
            ("!password,!none", &[AuthMethod::ScramSha256, AuthMethod::Md5]),
        ] {
            for (user, method) in METHODS {
                let options = format!("sslmode=disable&require_auth={required}");
                let connected = open(&format!("{}?{options}", server.url(user, "test"))).await;
                match &connected {
                    Ok(connection) => assert_eq!(connection.auth_method(), method),
                    Err(error) => assert!(error.to_string().contains("require_auth is"), "{error}"),
                }
                assert_eq!(connected.is_ok(), allowed.contains(&method), "{required} {method:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_login_is_bound_as_it_is_asked_for() {
    for server in shared_servers() {
        let with = |url: String, binding| url.parse::<Config>().unwrap().channel_binding(binding);
        for (binding, expected) in [
            (ChannelBinding::Disable, AuthMethod::ScramSha256),
            (ChannelBinding::Prefer, AuthMethod::ScramSha256Plus),
            (ChannelBinding::Require, AuthMethod::ScramSha256Plus),
        ] {
            let config = with(server.tls_url(User::Scram, "test"), binding);
            let connection = within(Connection::connect(&config)).await.unwrap();
            assert_eq!(connection.auth_method(), expected, "{binding:?}");
        }
        let in_the_clear = format!("{}?sslmode=disable", server.url(User::Scram, "test"));
        let without_it = [User::Md5, User::Clear, User::Trust].map(|user| server.tls_url(user, "test"));
        for url in without_it.into_iter().chain([in_the_clear]) {
            let config = with(url, ChannelBinding::Require);
            let error = within(Connection::connect(&config)).await.unwrap_err();
            assert!(error.is_connect() && error.to_string().contains("channel binding"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_method_that_is_not_supported_is_named() {
    for (request, name) in
        [(messages::auth(7, b""), "number 7"), (messages::auth(10, b"SCRAM-SHA-512\0\0"), "SCRAM-SHA-512")]
    {
        let peer = Peer::script(move |mut p| async move {
            p.startup().await?;
            p.send(&request).await?;
            p.closed().await
        });
        let error = refusal(peer.unwrap(), "sslmode=disable").await;
        assert!(error.to_string().contains(name), "{error}");
    }
}
