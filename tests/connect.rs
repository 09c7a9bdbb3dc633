//! How a session begins, and every way in which it does not.

mod common;

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;
use std::time::Duration;

use common::{assert_usable, code, open, plain_config, within};
use molt_db::config::{ChannelBinding, ProtocolVersion, SslMode};
use molt_db::{AuthMethod, Config, Connection, Error};
use molt_db_testkit::peer::{FirstPacket, Peer, PeerConnection, messages};
use molt_db_testkit::{Server, ServerOptions, TlsSetup, User, shared_servers};
use tokio::sync::oneshot;

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
async fn the_server_agrees_about_the_encryption() {
    for server in shared_servers() {
        let mut connection = open(&server.tls_url(User::Scram, "test")).await.unwrap();
        let sql = "select version from pg_stat_ssl where pid = pg_backend_pid() and ssl";
        let (version,): (String,) = connection.query(sql).one().await.unwrap();
        assert!(connection.encryption().unwrap().starts_with(&version), "{version}");
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

#[cfg(unix)]
#[tokio::test]
async fn the_owner_of_a_socket_has_to_be_the_one_who_is_required() {
    use std::os::unix::fs::MetadataExt;
    for server in shared_servers() {
        let uid = fs::metadata(server.socket_dir()).unwrap().uid().to_string();
        let name = Command::new("id").args(["-un", &uid]).output().unwrap().stdout;
        let owner = String::from_utf8(name).unwrap().trim().to_owned();
        let config: Config = server.socket_url(User::Trust, "test").parse().unwrap();
        let required = config.clone().require_peer(&owner);
        assert_usable(&mut within(Connection::connect(&required)).await.unwrap()).await;
        let other = config.require_peer("somebody-else");
        let error = within(Connection::connect(&other)).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(&format!("runs as {owner}, and requirepeer is somebody-else")), "{text}");
        // It says nothing about TCP.
        let tcp = plain_config(server, "test").require_peer("somebody-else");
        assert!(within(Connection::connect(&tcp)).await.is_ok());
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_password_file_has_the_password_for_the_host_and_the_user() {
    use std::os::unix::fs::PermissionsExt;
    for server in shared_servers() {
        let (host, port) = (server.host(), server.port());
        let password = server.password(User::Scram).unwrap();
        let path = std::env::temp_dir().join(format!("molt-db-pgpass-{}-{port}", std::process::id()));
        fs::write(&path, format!("*:*:*:other:x\n{host}:{port}:test:scram:{password}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let named = Config::new().host(host).port(port).dbname("test").passfile(&path);
        let read = named.clone().user("scram").or_files().unwrap();
        assert_usable(&mut within(Connection::connect(&read)).await.unwrap()).await;
        let error = within(Connection::connect(&read.user("clear"))).await.unwrap_err();
        assert!(error.to_string().contains("none was given"), "{error}");
        let unread = within(Connection::connect(&named.user("scram"))).await.unwrap_err();
        assert!(unread.is_config() && unread.to_string().contains("passfile"), "{unread}");
        fs::remove_file(path).unwrap();
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_socket_in_the_abstract_namespace_is_reached() {
    use std::io::{Read, Write};
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixListener};
    let name = format!("molt-db-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(format!("{name}/.s.PGSQL.5432")).unwrap();
    let listener = UnixListener::bind_addr(&address).unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        assert!(stream.read(&mut [0; 1024]).unwrap() > 8);
        stream.write_all(&[messages::auth_ok(), messages::ready(b'I')].concat()).unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let connection = open(&format!("postgres://u@%40{name}")).await.unwrap();
    drop(connection);
    server.join().unwrap();
}

#[tokio::test]
async fn what_is_asked_for_and_not_done_is_refused_before_anything_is_dialled() {
    let peer = Peer::script(|_| async { panic!("somebody connected") }).unwrap();
    for (asked, option) in [
        ("replication=database", "replication"),
        ("sslcert=/me.pem", "sslkey"),
        ("service=orders", "service"),
    ] {
        let text = format!("host=127.0.0.1 port={} user=u {asked}", peer.port());
        let error = open(&text).await.unwrap_err();
        assert!(error.is_config() && error.to_string().contains(&format!("`{option}`")), "{error}");
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
async fn each_server_speaks_the_latest_version_that_it_knows() {
    for server in shared_servers() {
        let config = plain_config(server, "test").max_protocol_version(ProtocolVersion::LATEST);
        let mut connection = within(Connection::connect(&config)).await.unwrap();
        let knows_3_2 = server.version().0 >= 18;
        let expected = if knows_3_2 { ProtocolVersion::V3_2 } else { ProtocolVersion::V3_0 };
        assert_eq!(connection.protocol_version(), expected);
        // With a key of 32 bytes where it is 3.2.
        let canceller = connection.canceller().unwrap();
        let cancel = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            canceller.cancel().await
        };
        let (slept, cancelled) = tokio::join!(connection.execute("select pg_sleep(60)", ()), cancel);
        cancelled.unwrap();
        assert!(slept.unwrap_err().is_cancelled());

        let connected =
            within(Connection::connect(&config.min_protocol_version(ProtocolVersion::V3_2))).await;
        match connected {
            Ok(connection) => assert!(knows_3_2, "{connection:?}"),
            Err(error) => {
                assert!(!knows_3_2 && error.to_string().contains("min_protocol_version"), "{error}");
            }
        }
        let by_default = within(Connection::connect(&plain_config(server, "test"))).await.unwrap();
        assert_eq!(by_default.protocol_version(), ProtocolVersion::V3_0);
    }
}

#[tokio::test]
async fn who_cannot_negotiate_the_version_is_asked_for_3_0() {
    let peer = Peer::listen(|listener| async move {
        let mut p = listener.accept().await?;
        assert_eq!(p.startup().await?.version, 0x0003_0002);
        p.send(&messages::error("FATAL", "08P01", "unsupported protocol")).await?;
        p.close().await?;
        let mut p = listener.accept().await?;
        assert_eq!(p.login().await?.version, 0x0003_0000);
        p.hang().await;
        Ok(())
    })
    .unwrap();
    let text = format!("{} sslmode=disable max_protocol_version=3.2", dial(&peer));
    let connection = open(&text).await.unwrap();
    assert_eq!(connection.protocol_version(), ProtocolVersion::V3_0);
    drop(connection);
    within(peer.finish()).await.unwrap();

    for options in ["min_protocol_version=3.2", "max_protocol_version=3.0"] {
        let peer = Peer::script(|mut p| async move {
            p.startup().await?;
            p.send(&messages::error("FATAL", "08P01", "unsupported protocol")).await?;
            p.closed().await
        });
        let error = refusal(peer.unwrap(), &format!("sslmode=disable {options}")).await;
        assert_eq!((code(&error).as_str(), error.attempts().len()), ("08P01", 1));
    }
}

#[tokio::test]
async fn who_cannot_negotiate_the_version_either_without_encryption_is_asked_for_3_0() {
    let peer = Peer::listen(|listener| async move {
        let mut p = listener.accept().await?;
        assert_eq!(p.first_packet().await?, FirstPacket::Ssl);
        p.send(b"S").await?;
        p.close().await?;
        let mut p = listener.accept().await?;
        assert_eq!(p.startup().await?.version, 0x0003_0002);
        p.send(&messages::error("FATAL", "08P01", "unsupported protocol")).await?;
        p.close().await?;
        let mut p = listener.accept().await?;
        assert_eq!(p.login().await?.version, 0x0003_0000);
        p.closed().await
    })
    .unwrap();
    let text = format!("{} sslmode=prefer max_protocol_version=latest", dial(&peer));
    let connection = open(&text).await.unwrap();
    assert_eq!((connection.protocol_version(), connection.encryption()), (ProtocolVersion::V3_0, None));
    drop(connection);
    within(peer.finish()).await.unwrap();
}

#[tokio::test]
async fn a_long_key_cancels_whole() {
    let key: Vec<u8> = (0..=255).collect();
    let sent = key.clone();
    let peer = Peer::listen(|listener| async move {
        let mut p = listener.accept().await?;
        p.startup().await?;
        p.send(&[messages::auth_ok(), messages::backend_key(7, &sent), messages::ready(b'I')].concat())
            .await?;
        let mut canceller = listener.accept().await?;
        assert_eq!(canceller.first_packet().await?, FirstPacket::Cancel { process: 7, key: sent });
        canceller.close().await?;
        p.hang().await;
        Ok(())
    })
    .unwrap();
    let text = format!("{} sslmode=disable max_protocol_version=latest", dial(&peer));
    let connection = open(&text).await.unwrap();
    assert_eq!(connection.protocol_version(), ProtocolVersion::V3_2);
    within(connection.canceller().unwrap().cancel()).await.unwrap();
    drop(connection);
    within(peer.finish()).await.unwrap();
}

// What a peer does wrong before there is a session.

fn dial(peer: &Peer) -> String {
    format!("host=127.0.0.1 port={} user=u password=Secret-Word", peer.port())
}

/// Connects to a peer that will not have it, and returns why.
async fn refusal(peer: Peer, options: &str) -> Error {
    let text = format!("{} {options}", dial(&peer));
    let error = open(&text).await.err().unwrap_or_else(|| panic!("{options}: it let us in"));
    within(peer.finish()).await.unwrap();
    assert!(error.is_connect(), "{error:?}");
    let shown = format!("{error} {error:?}");
    assert!(shown.contains("127.0.0.1") && !shown.contains("Secret-Word"), "{shown}");
    error
}

const SASL: &[u8] = b"SCRAM-SHA-256\0\0";

/// Reads the client's first SCRAM message and returns a challenge that continues its nonce.
async fn challenge(p: &mut PeerConnection, iterations: &str) -> std::io::Result<Vec<u8>> {
    p.startup().await?;
    p.send(&messages::auth(10, SASL)).await?;
    let first = String::from_utf8(p.expect(b'p').await?).unwrap();
    let (_, nonce) = first.split_once("r=").unwrap();
    Ok(messages::auth(11, format!("r={nonce}theirs,s=c2FsdHNhbHQ=,i={iterations}").as_bytes()))
}

#[tokio::test]
async fn a_server_that_closes_during_the_handshake_is_an_error_at_every_point() {
    const CLEAR: &str = "sslmode=disable";
    const TLS: &str = "sslmode=require";
    let at_once = Peer::script(|p| p.close()).unwrap();
    let at_once_under_tls = Peer::script(|p| p.close()).unwrap();
    let after_request = Peer::script(|mut p| async move {
        assert_eq!(p.first_packet().await?, FirstPacket::Ssl);
        p.close().await
    });
    let after_yes = Peer::script(|mut p| async move {
        assert_eq!(p.first_packet().await?, FirstPacket::Ssl);
        p.send(b"S").await?;
        p.close().await
    });
    let after_startup = Peer::script(|mut p| async move {
        p.startup().await?;
        p.close().await
    });
    let inside_of_a_message = Peer::script(|mut p| async move {
        p.startup().await?;
        p.send(&messages::auth_ok()[..7]).await?;
        p.close().await
    });
    let after_the_question = Peer::script(|mut p| async move {
        p.startup().await?;
        p.send(&messages::auth(10, SASL)).await?;
        p.expect(b'p').await?;
        p.close().await
    });
    let after_the_proof = Peer::script(|mut p| async move {
        let challenge = challenge(&mut p, "4096").await?;
        p.send(&challenge).await?;
        p.expect(b'p').await?;
        p.close().await
    });
    let before_ready = Peer::script(|mut p| async move {
        p.startup().await?;
        p.send(&messages::auth_ok()).await?;
        p.close().await
    });
    let by_reset = Peer::script(|mut p| async move {
        p.startup().await?;
        p.reset()
    });
    for (point, peer, options) in [
        ("at once", at_once, CLEAR),
        ("at once, TLS", at_once_under_tls, TLS),
        ("after SSLRequest", after_request.unwrap(), TLS),
        ("after S", after_yes.unwrap(), TLS),
        ("after the start-up", after_startup.unwrap(), CLEAR),
        ("inside of a message", inside_of_a_message.unwrap(), CLEAR),
        ("after the question", after_the_question.unwrap(), CLEAR),
        ("after the proof", after_the_proof.unwrap(), CLEAR),
        ("before ReadyForQuery", before_ready.unwrap(), CLEAR),
        ("by RST", by_reset.unwrap(), CLEAR),
    ] {
        let error = refusal(peer, options).await;
        assert!(!error.is_timeout() && error.server().is_none(), "{point}: {error:?}");
    }
}

#[tokio::test]
async fn a_silent_server_ends_with_connect_timeout_at_every_point() {
    let at_once = Peer::script(|mut p| async move {
        p.hang().await;
        Ok(())
    });
    let after_yes = Peer::script(|mut p| async move {
        assert_eq!(p.first_packet().await?, FirstPacket::Ssl);
        p.send(b"S").await?;
        p.hang().await;
        Ok(())
    });
    let after_startup = Peer::script(|mut p| async move {
        p.startup().await?;
        p.hang().await;
        Ok(())
    });
    let after_ok = Peer::script(|mut p| async move {
        p.startup().await?;
        p.send(&messages::auth_ok()).await?;
        p.hang().await;
        Ok(())
    });
    for (point, peer, mode) in [
        ("after accept", at_once, "require"),
        ("after S", after_yes, "require"),
        ("after the start-up", after_startup, "disable"),
        ("after AuthenticationOk", after_ok, "disable"),
    ] {
        let options = format!("sslmode={mode} connect_timeout_ms=200");
        let error = refusal(peer.unwrap(), &options).await;
        assert!(error.is_timeout(), "{point}: {error:?}");
        assert!(error.to_string().contains("connect_timeout (200ms)"), "{error}");
    }
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
async fn a_server_that_skips_its_part_of_scram_is_refused() {
    let session = || [messages::auth_ok(), messages::ready(b'I')].concat();
    let without_a_challenge = Peer::script(move |mut p| async move {
        p.startup().await?;
        p.send(&messages::auth(10, SASL)).await?;
        p.expect(b'p').await?;
        p.send(&session()).await?;
        p.closed().await
    });
    let without_a_proof = Peer::script(move |mut p| async move {
        let challenge = challenge(&mut p, "4096").await?;
        p.send(&challenge).await?;
        p.expect(b'p').await?;
        p.send(&session()).await?;
        p.closed().await
    });
    for peer in [without_a_challenge, without_a_proof] {
        let error = refusal(peer.unwrap(), "sslmode=disable").await;
        assert!(error.is_protocol_violation(), "{error:?}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_know_the_password_is_refused() {
    let peer = Peer::script(|mut p| async move {
        let challenge = challenge(&mut p, "4096").await?;
        p.send(&challenge).await?;
        p.expect(b'p').await?;
        let proof = messages::auth(12, b"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
        p.send(&[proof, messages::auth_ok(), messages::ready(b'I')].concat()).await?;
        p.closed().await
    });
    let error = refusal(peer.unwrap(), "sslmode=disable").await;
    assert!(error.to_string().contains("could not prove"), "{error}");
}

#[tokio::test]
async fn endless_hashing_is_refused_before_it_begins() {
    for iterations in ["2147483648", "18446744073709551616", "0"] {
        let peer = Peer::script(move |mut p| async move {
            let challenge = challenge(&mut p, iterations).await?;
            p.send(&challenge).await?;
            p.closed().await
        });
        let error = refusal(peer.unwrap(), "sslmode=disable").await;
        assert!(!error.is_timeout() && error.to_string().contains("iteration"), "{iterations}: {error}");
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

#[tokio::test]
async fn malformed_messages_during_the_handshake_are_violations() {
    let huge = [&b"R"[..], &2001_u32.to_be_bytes()].concat();
    let endless_error = [&b"E"[..], &0x3fff_ffff_u32.to_be_bytes()].concat();
    for answer in [
        b"?\0\0\0\x04".to_vec(),
        b"HTTP/1.1 400 Bad Request\r\n".to_vec(),
        huge,
        endless_error,
        messages::message(b'R', b"\0\0"),
        messages::auth(10, b"SCRAM-SHA-256"),
        messages::ready(b'I'),
        messages::data_row(&[]),
        [messages::auth_ok(), messages::data_row(&[])].concat(),
        [messages::auth_ok(), messages::auth_ok()].concat(),
        [messages::auth_ok(), messages::ready(b'?')].concat(),
    ] {
        let shown = answer.clone();
        let peer = Peer::script(move |mut p| async move {
            p.startup().await?;
            p.send(&answer).await?;
            p.hang().await;
            Ok(())
        });
        let error = refusal(peer.unwrap(), "sslmode=disable").await;
        assert!(error.is_protocol_violation(), "{shown:?}: {error:?}");
    }
}

#[tokio::test]
async fn a_refusal_of_the_server_comes_whole_even_byte_by_byte() {
    let peer = Peer::script(|mut p| async move {
        p.startup().await?;
        p.send_in_pieces(&messages::error("FATAL", "53300", "sorry, too many clients already"), 1).await?;
        p.close().await
    });
    let error = refusal(peer.unwrap(), "sslmode=disable").await;
    assert_eq!(code(&error), "53300");
    assert!(error.to_string().contains("too many clients"), "{error}");
}

#[tokio::test]
async fn a_start_that_comes_byte_by_byte_with_notices_makes_a_session() {
    let peer = Peer::script(|mut p| async move {
        p.startup().await?;
        let start = [
            messages::auth_ok(),
            messages::notice("WARNING", "01000", "the collation has changed"),
            messages::parameter_status("server_version", "18.1"),
            messages::notice("NOTICE", "00000", "welcome"),
            messages::backend_key(77, &[1, 2, 3, 4]),
            messages::ready(b'I'),
        ];
        p.send_in_pieces(&start.concat(), 1).await?;
        p.hang().await;
        Ok(())
    })
    .unwrap();
    let connection = open(&format!("{} sslmode=disable", dial(&peer))).await.unwrap();
    assert!(connection.is_usable() && connection.canceller().is_ok());
    assert_eq!(connection.parameter("server_version"), Some("18.1"));
    assert_eq!(connection.backend_pid(), Some(77));
    assert_eq!(connection.auth_method(), AuthMethod::Trust);
    drop(connection);
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

#[tokio::test]
async fn a_dropped_connect_closes_its_socket() {
    for mode in ["disable", "require"] {
        let (begun, has_begun) = oneshot::channel();
        let peer = Peer::script(move |mut p| async move {
            p.first_packet().await?;
            begun.send(()).unwrap();
            p.closed().await
        })
        .unwrap();
        let config: Config = format!("{} sslmode={mode}", dial(&peer)).parse().unwrap();
        tokio::select! {
            session = Connection::connect(&config) => panic!("{session:?}"),
            begun = has_begun => begun.unwrap(),
        }
        within(peer.finish()).await.unwrap();
    }
}

#[tokio::test]
async fn a_connect_without_a_limit_waits_until_the_server_is_ready() {
    let peer = Peer::script(|mut p| async move {
        p.pause(Duration::from_millis(100)).await;
        p.login().await?;
        p.hang().await;
        Ok(())
    })
    .unwrap();
    let connection = open(&format!("{} connect_timeout=0", dial(&peer))).await.unwrap();
    drop(connection);
    peer.finish().await.unwrap();
}
