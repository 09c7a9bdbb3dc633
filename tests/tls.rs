//! What is encrypted, who is trusted, and who we are said to be.

mod common;

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{assert_usable, code, open, within};
use molt_db::config::{
    ChannelBinding, Endpoint, ProtocolVersion, SslCertMode, SslMode, SslNegotiation, Switch, TlsVersion,
};
use molt_db::rustls::crypto::ring;
use molt_db::rustls::pki_types::pem::PemObject;
use molt_db::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use molt_db::rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion, version};
use molt_db::{AuthMethod, Config, Connection, Error, Pool};
use molt_db_testkit::peer::{FirstPacket, Peer, messages};
use molt_db_testkit::{RevocationList, Server, ServerOptions, TlsSetup, User, shared_servers};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufStream, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Connects, and returns whether that is encrypted.
async fn is_encrypted(config: &Config) -> Result<bool, Error> {
    let mut connection = within(Connection::connect(config)).await?;
    assert_usable(&mut connection).await;
    Ok(connection.encryption().is_some())
}

async fn refusal(config: &Config) -> Error {
    let error = within(Connection::connect(config)).await.unwrap_err();
    assert!(error.is_connect() && !error.is_timeout(), "{error:?}");
    error
}

fn login(server: &Server, user: User) -> Config {
    server.url(user, "test").parse().unwrap()
}

fn verified(server: &Server) -> Config {
    server.tls_url(User::Scram, "test").parse().unwrap()
}

// Two ways to come.

#[tokio::test]
async fn allow_comes_in_the_clear_and_encrypted_only_if_the_server_wants_it() {
    for server in shared_servers() {
        for (user, expected) in [(User::Scram, false), (User::PlainOnly, false), (User::TlsOnly, true)] {
            let config = login(server, user).ssl_mode(SslMode::Allow);
            assert_eq!(is_encrypted(&config).await.unwrap(), expected, "{user:?}");
        }
        let socket: Config = server.socket_url(User::Scram, "test").parse().unwrap();
        assert!(!is_encrypted(&socket.ssl_mode(SslMode::Allow)).await.unwrap());
    }
}

#[tokio::test]
async fn prefer_comes_encrypted_and_in_the_clear_only_if_the_server_wants_it() {
    for server in shared_servers() {
        for (user, expected) in [(User::Scram, true), (User::PlainOnly, false), (User::TlsOnly, true)] {
            let config = login(server, user).ssl_mode(SslMode::Prefer);
            assert_eq!(is_encrypted(&config).await.unwrap(), expected, "{user:?}");
        }
    }
}

#[tokio::test]
async fn modes_with_one_way_do_not_take_the_other() {
    for server in shared_servers() {
        for (user, mode) in [(User::TlsOnly, SslMode::Disable), (User::PlainOnly, SslMode::Require)] {
            assert_eq!(code(&refusal(&login(server, user).ssl_mode(mode)).await), "28000");
        }
        let config = verified(server).user("plainonly").password("plainonly-secret");
        assert_eq!(code(&refusal(&config).await), "28000");
    }
}

#[tokio::test]
async fn when_both_ways_fail_the_error_tells_of_both() {
    for server in shared_servers() {
        for (user, mode, encrypted) in [
            (User::TlsOnly, SslMode::Allow, "28P01"),
            (User::TlsOnly, SslMode::Prefer, "28P01"),
            (User::PlainOnly, SslMode::Allow, "28000"),
        ] {
            let error = refusal(&login(server, user).password("Wr0ng-Word").ssl_mode(mode)).await;
            assert_eq!(code(&error), encrypted, "{user:?} {mode}");
            let text = error.to_string();
            assert!(text.contains("without encryption") && !text.contains("Wr0ng-Word"), "{text}");
        }
    }
}

#[tokio::test]
async fn prefer_does_without_where_tls_cannot_be_agreed_on() {
    let peer = Peer::listen(|listener| async move {
        let mut first = listener.accept().await?;
        assert_eq!(first.first_packet().await?, FirstPacket::Ssl);
        first.send(b"S").await?;
        first.close().await?;
        let mut second = listener.accept().await?;
        second.login().await?;
        second.closed().await
    })
    .unwrap();
    let text = format!("host=127.0.0.1 port={} user=u", peer.port());
    let connection = open(&format!("{text} sslmode=prefer")).await.unwrap();
    assert_eq!(connection.encryption(), None);
    drop(connection);
    within(peer.finish()).await.unwrap();
}

#[tokio::test]
async fn prefer_comes_back_no_second_time_after_what_is_no_tls() {
    for answer in [&b"SR\0\0\0\x08\0\0\0\0Z\0\0\0\x05I"[..], b"E\0\0\0\x09SFATAL\0", b"?"] {
        let peer = Peer::script(move |mut p| async move {
            assert_eq!(p.first_packet().await?, FirstPacket::Ssl);
            p.send(answer).await?;
            p.hang().await;
            Ok(())
        })
        .unwrap();
        let text = format!("host=127.0.0.1 port={} user=u sslmode=prefer", peer.port());
        let error = open(&text).await.unwrap_err();
        assert!(!error.to_string().contains("without encryption"), "{error}");
        within(peer.finish()).await.unwrap();
    }
}

#[tokio::test]
async fn a_middlebox_that_never_answers_ends_with_the_timeout() {
    for (options, yes) in [
        ("sslmode=prefer", &b""[..]),
        ("sslmode=require", b""),
        ("sslmode=prefer", b"S"),
        ("sslmode=require", b"S"),
        ("sslmode=require sslnegotiation=direct", b""),
    ] {
        let peer = Peer::script(move |mut p| async move {
            p.send(yes).await?;
            p.hang().await;
            Ok(())
        })
        .unwrap();
        let text = format!("host=127.0.0.1 port={} user=u {options} connect_timeout_ms=200", peer.port());
        let error = open(&text).await.unwrap_err();
        assert!(error.is_connect() && error.is_timeout(), "{options} {yes:?}: {error:?}");
        within(peer.finish()).await.unwrap();
    }
}

// Without a question first.

#[tokio::test]
async fn a_server_from_17_on_takes_tls_at_once() {
    for server in shared_servers() {
        let config = verified(server).ssl_negotiation(SslNegotiation::Direct);
        if server.version().0 >= 17 {
            assert!(is_encrypted(&config).await.unwrap());
            assert_cancels(&config).await;
        } else {
            assert!(refusal(&config).await.to_string().contains("TLS"));
        }
    }
}

#[tokio::test]
async fn tls_at_once_is_one_that_the_server_has_confirmed() {
    for (alpn, accepted) in [(Some(&b"postgresql"[..]), true), (None, false), (Some(b"http/1.1"), false)] {
        let mut front = Front::new(&["127.0.0.1"]);
        front.opening = Opening::AtOnce;
        front.tls.alpn_protocols = alpn.map(<[u8]>::to_vec).into_iter().collect();
        let front = front.start(Server::shared()).await;
        let config = front.config().ssl_mode(SslMode::Require).ssl_negotiation(SslNegotiation::Direct);
        assert_eq!(within(Connection::connect(&config)).await.is_ok(), accepted, "{alpn:?}");
    }
}

// Whose certificate.

#[tokio::test]
async fn a_certificate_is_for_the_hosts_in_its_subject_alt_name() {
    for (names, host, accepted) in [
        (&["db.example"][..], "db.example", true),
        (&["other.example", "db.example"], "db.example", true),
        (&["DB.Example"], "db.eXample", true),
        (&["db.example"], "db.example.org", false),
        (&["db.example"], "example", false),
        (&["*.db.example"], "a.db.example", true),
        (&["*.db.example"], "a.b.db.example", false),
        (&["*.db.example"], "db.example", false),
        (&["127.0.0.1"], "127.0.0.1", true),
        (&["::1"], "::1", true),
        (&["127.0.0.2"], "127.0.0.1", false),
        (&["127.0.0.1"], "localhost", false),
        (&["localhost"], "127.0.0.1", false),
    ] {
        let front = Front::new(names).start(Server::shared()).await;
        let config =
            front.config().host(host).hostaddr(Ipv4Addr::LOCALHOST).ssl_root_cert(front.root.clone());
        let full = within(Connection::connect(&config.clone().ssl_mode(SslMode::VerifyFull))).await;
        assert_eq!(full.is_ok(), accepted, "{names:?} {host}: {full:?}");
        assert!(is_encrypted(&config.ssl_mode(SslMode::VerifyCa)).await.unwrap(), "{names:?} {host}");
    }
}

#[tokio::test]
async fn a_common_name_is_not_looked_at() {
    let server = Server::start(ServerOptions::default().tls(TlsSetup::CommonNameOnly)).unwrap();
    let config = verified(&server).host("localhost");
    let error = refusal(&config).await;
    assert!(error.to_string().contains("TLS"), "{error}");
    assert!(is_encrypted(&config.ssl_mode(SslMode::VerifyCa)).await.unwrap());
}

#[tokio::test]
async fn a_certificate_that_stands_in_the_file_of_authorities_is_trusted() {
    let server = Server::start(ServerOptions::default()).unwrap();
    for setup in [TlsSetup::SelfSigned, TlsSetup::SelfSignedAuthority] {
        server.restart_with_tls(setup).unwrap();
        let root = copy(&server.certificate_file());
        let config = verified(&server).ssl_root_cert(root.clone());
        assert!(is_encrypted(&config).await.unwrap(), "{setup:?}");
        assert!(is_encrypted(&config.clone().ssl_mode(SslMode::VerifyCa)).await.unwrap(), "{setup:?}");
        refusal(&config.clone().host("elsewhere.invalid").hostaddr(Ipv4Addr::LOCALHOST)).await;
        server.restart_with_tls(setup).unwrap();
        let text = refusal(&config).await.to_string();
        assert!(text.contains("TLS"), "a new certificate of the same name is another: {text}");
        fs::remove_file(root).unwrap();
    }
}

#[tokio::test]
async fn who_lets_nobody_in_without_encryption_and_cannot_negotiate_the_version_is_asked_for_3_0() {
    let pooler = Peer::listen(|listener| async move {
        let mut p = listener.accept().await?;
        assert_eq!(p.startup().await?.version, 0x0003_0002);
        p.send(&messages::error("FATAL", "08P01", "unsupported protocol")).await?;
        p.close().await?;
        let mut p = listener.accept().await?;
        assert_eq!(p.login().await?.version, 0x0003_0000);
        p.closed().await
    })
    .unwrap();
    let front = Front::new(&["127.0.0.1"]).start_before(pooler.port()).await;
    let config = front.config().ssl_mode(SslMode::Allow).max_protocol_version(ProtocolVersion::LATEST);
    let connection = within(Connection::connect(&config)).await.unwrap();
    assert_eq!(connection.protocol_version(), ProtocolVersion::V3_0);
    assert!(connection.encryption().is_some());
    drop(connection);
    within(pooler.finish()).await.unwrap();
}

#[tokio::test]
async fn the_hosts_name_is_told_in_the_clear_unless_that_is_switched_off() {
    let front = Front::new(&["localhost", "127.0.0.1"]).start(Server::shared()).await;
    let config = front.config().hostaddr(Ipv4Addr::LOCALHOST).ssl_mode(SslMode::Require);
    for (host, sni, expected) in [
        ("localhost", Switch::On, Some("localhost")),
        ("localhost", Switch::Off, None),
        ("127.0.0.1", Switch::On, None),
    ] {
        assert!(is_encrypted(&config.clone().host(host).ssl_sni(sni)).await.unwrap());
        assert_eq!(front.last_name().as_deref(), expected, "{host} {sni:?}");
    }
}

#[tokio::test]
async fn versions_of_tls_keep_to_their_limits() {
    const BOTH: &[&SupportedProtocolVersion] = &[&version::TLS12, &version::TLS13];
    for (theirs, min, max, expected) in [
        (BOTH, None, None, Some("TLSv1.3")),
        (BOTH, None, Some(TlsVersion::V1_2), Some("TLSv1.2")),
        (BOTH, Some(TlsVersion::V1_3), None, Some("TLSv1.3")),
        (BOTH, Some(TlsVersion::V1_0), Some(TlsVersion::V1_3), Some("TLSv1.3")),
        (&[&version::TLS12][..], None, None, Some("TLSv1.2")),
        (&[&version::TLS12], Some(TlsVersion::V1_3), None, None),
        (&[&version::TLS13], None, Some(TlsVersion::V1_2), None),
    ] {
        let front = Front::with_versions(&["127.0.0.1"], theirs).start(Server::shared()).await;
        let config = front.config().ssl_mode(SslMode::Require).ssl_max_protocol_version(max);
        let config = config.ssl_min_protocol_version(min);
        match within(Connection::connect(&config)).await {
            Ok(connection) => {
                let found = connection.encryption().unwrap();
                assert_eq!(found.split_once(',').map(|(version, _)| version), expected);
            }
            Err(error) => assert!(expected.is_none() && error.to_string().contains("TLS"), "{error}"),
        }
    }
}

#[tokio::test]
async fn a_revoked_certificate_is_refused_and_so_is_one_that_no_list_speaks_of() {
    let server = Server::start(ServerOptions::default()).unwrap();
    let other = Server::start(ServerOptions::default()).unwrap();
    let folder = TempFolder::new();
    let name = folder.0.join("0a1b2c3d.r0");
    for (lists, accepted) in [
        (vec![server.revocation_list(RevocationList::Empty).unwrap()], true),
        (vec![server.revocation_list(RevocationList::Server).unwrap()], false),
        (vec![server.revocation_list(RevocationList::Expired).unwrap()], false),
        (vec![other.revocation_list(RevocationList::Empty).unwrap()], false),
    ] {
        fs::copy(&lists[0], &name).unwrap();
        for config in [verified(&server).ssl_crl(&lists[0]), verified(&server).ssl_crl_dir(&folder.0)] {
            for mode in [SslMode::VerifyCa, SslMode::VerifyFull] {
                let config = config.clone().ssl_mode(mode);
                let connected = within(Connection::connect(&config)).await;
                assert_eq!(connected.is_ok(), accepted, "{lists:?}: {connected:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_list_of_revoked_certificates_that_cannot_be_read_is_named() {
    let server = Server::shared();
    let empty = TempFolder::new();
    let file = empty.0.join("names.txt");
    fs::write(&file, "nothing").unwrap();
    for (config, option, path) in [
        (verified(server).ssl_crl("/no/such.crl"), "sslcrl", Path::new("/no/such.crl")),
        (verified(server).ssl_crl(&file), "sslcrl", &file),
        (verified(server).ssl_crl_dir("/no/such"), "sslcrldir", Path::new("/no/such")),
        (verified(server).ssl_crl_dir(&empty.0), "sslcrldir", &empty.0),
    ] {
        let text = refusal(&config).await.to_string();
        assert!(text.contains(option) && text.contains(&path.display().to_string()), "{text}");
    }
}

// Our own certificate.

fn asking() -> Server {
    let options = ServerOptions::default().ask_for_certificates();
    Server::start(options.hba("hostssl all clear 127.0.0.1/32 cert")).unwrap()
}

/// The user `clear` is who shows a certificate for that name.
fn certified(server: &Server, certificate: &Path, key: &Path) -> Config {
    verified(server).user("clear").password("").ssl_cert(certificate).ssl_key(key)
}

#[tokio::test]
async fn a_certificate_of_our_own_lets_us_in() {
    let server = asking();
    let (certificate, key) = server.user_certificate("clear").unwrap();
    let config = certified(&server, &certificate, &key);
    assert!(is_encrypted(&config).await.unwrap());
    assert!(is_encrypted(&config.clone().ssl_cert_mode(SslCertMode::Require)).await.unwrap());
    assert_cancels(&config).await;

    let der = PrivateKeyDer::from_pem_file(&key).unwrap();
    fs::write(&key, der.secret_der()).unwrap();
    assert!(is_encrypted(&config).await.unwrap(), "in DER format");

    assert_eq!(code(&refusal(&config.clone().ssl_cert_mode(SslCertMode::Disable)).await), "28000");
    assert_eq!(code(&refusal(&verified(&server).user("clear")).await), "28000");
    let (certificate, key) = server.user_certificate("trust").unwrap();
    assert_eq!(code(&refusal(&certified(&server, &certificate, &key)).await), "28000", "another user's");
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_does_not() {
    let (server, other) = (asking(), asking());
    let (certificate, key) = other.user_certificate("clear").unwrap();
    let error = refusal(&certified(&server, &certificate, &key)).await;
    assert!(error.to_string().contains("TLS"), "{error}");
}

#[tokio::test]
async fn a_certificate_that_has_to_be_shown_and_is_not_asked_for_is_an_error() {
    let server = Server::start(ServerOptions::default()).unwrap();
    let (certificate, key) = server.user_certificate("scram").unwrap();
    let config = verified(&server).ssl_cert(&certificate).ssl_key(&key);
    assert!(is_encrypted(&config).await.unwrap());
    let demanding = config.ssl_cert_mode(SslCertMode::Require);
    let over_socket = demanding.clone().host(server.socket_dir().to_path_buf());
    for config in [demanding, over_socket] {
        let error = refusal(&config).await;
        assert!(error.to_string().contains("sslcertmode"), "{error}");
    }
}

#[tokio::test]
async fn a_key_that_cannot_be_used_is_named_and_not_shown() {
    let server = asking();
    let (certificate, key) = server.user_certificate("clear").unwrap();
    let (_, foreign) = server.user_certificate("trust").unwrap();
    let material: String = fs::read_to_string(&key).unwrap().lines().nth(1).unwrap().to_owned();
    let folder = TempFolder::new();
    let file = |name: &str, text: &str, mode| {
        let path = folder.0.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    };
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let damaged = fs::read_to_string(&key).unwrap().replace('=', "").replacen(&material, &material[..40], 1);
    for (key, problem) in [
        (folder.0.join("missing"), "No such file"),
        (folder.0.clone(), "plain file"),
        (foreign, "not the key of the certificate"),
        (file("open", &fs::read_to_string(&key).unwrap(), 0o644), "0644"),
        (file("encrypted", encrypted, 0o600), "encrypted"),
        (file("nothing", "nothing", 0o600), "holds no key"),
        (file("damaged", &damaged, 0o600), "damaged"),
        (file("certificate", &fs::read_to_string(&certificate).unwrap(), 0o600), "no key in it"),
    ] {
        let error = refusal(&certified(&server, &certificate, &key)).await;
        let text = format!("{error} {error:?}");
        assert!(text.contains("sslkey") && text.contains(problem), "{text}");
        assert!(text.contains(&key.display().to_string()) && !text.contains(&material[..20]), "{text}");
    }
    for (certificate, problem) in
        [(folder.0.join("missing"), "No such file"), (key.clone(), "no certificate")]
    {
        let text = refusal(&certified(&server, &certificate, &key)).await.to_string();
        assert!(text.contains("sslcert") && text.contains(problem), "{text}");
    }
}

// Bound to the certificate.

#[tokio::test]
async fn a_login_that_has_to_be_bound_fails_where_no_hash_is_defined_for_the_certificate() {
    let server = Server::start(ServerOptions::default().tls(TlsSetup::Unbindable)).unwrap();
    let config = verified(&server);
    let error = refusal(&config.clone().channel_binding(ChannelBinding::Require)).await;
    assert!(error.to_string().contains("channel binding"), "{error}");
    for binding in [ChannelBinding::Prefer, ChannelBinding::Disable] {
        let config = config.clone().channel_binding(binding);
        let connection = within(Connection::connect(&config)).await.unwrap();
        assert_eq!(connection.auth_method(), AuthMethod::ScramSha256, "{binding:?}");
    }
}

#[tokio::test]
async fn a_login_that_has_to_be_bound_takes_no_other_way() {
    for server in shared_servers() {
        let demanding = |user| login(server, user).channel_binding(ChannelBinding::Require);
        for (user, mode) in [
            (User::PlainOnly, SslMode::Prefer),
            (User::PlainOnly, SslMode::Allow),
            (User::Scram, SslMode::Disable),
            (User::Clear, SslMode::Prefer),
        ] {
            let error = refusal(&demanding(user).ssl_mode(mode)).await;
            assert!(error.to_string().contains("channel binding"), "{user:?} {mode}: {error}");
        }
    }
}

// What is written down.

#[tokio::test]
async fn the_secrets_of_a_session_are_appended_to_the_file_that_is_named() {
    let folder = TempFolder::new();
    let path = folder.0.join("keys");
    let config = verified(Server::shared()).ssl_key_log_file(&path);
    let mut length = 0;
    for _ in 0..2 {
        assert!(is_encrypted(&config).await.unwrap());
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<_> = text.lines().skip(length).collect();
        assert!(lines.iter().any(|line| line.starts_with("CLIENT_TRAFFIC_SECRET_0 ")), "{lines:?}");
        for line in lines {
            let words: Vec<_> = line.split(' ').collect();
            assert!(words.len() == 3 && words[1].len() == 64 && words[2].len() % 2 == 0, "{line}");
            length += 1;
        }
    }
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let text = refusal(&config.ssl_key_log_file("/no/such/keys")).await.to_string();
    assert!(text.contains("sslkeylogfile") && text.contains("/no/such/keys"), "{text}");
}

// What the user brings along.

fn own_client(authorities: &Path) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(authorities).unwrap() {
        roots.add(certificate.unwrap()).unwrap();
    }
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

#[tokio::test]
async fn a_configuration_of_rustls_decides_who_is_trusted() {
    for server in shared_servers() {
        let config = login(server, User::Scram);
        let trusting = config.clone().tls_client(own_client(&server.ca_file()));
        let mut connection = within(Connection::connect(&trusting)).await.unwrap();
        assert_eq!(connection.auth_method(), AuthMethod::ScramSha256Plus);
        assert_usable(&mut connection).await;
        assert_cancels(&trusting).await;
        let stranger = config.tls_client(own_client(&server.unrelated_ca_file()));
        for mode in [SslMode::Prefer, SslMode::Require, SslMode::VerifyCa, SslMode::VerifyFull] {
            let error = refusal(&stranger.clone().ssl_mode(mode)).await;
            let text = error.to_string();
            assert!(text.contains("TLS") && !text.contains("without encryption"), "{mode}: {text}");
        }
        assert!(!is_encrypted(&stranger.ssl_mode(SslMode::Disable)).await.unwrap());
    }
}

#[tokio::test]
async fn a_stream_that_is_given_carries_a_session() {
    for server in shared_servers() {
        for (config, encrypted) in
            [(verified(server), true), (login(server, User::Scram).ssl_mode(SslMode::Disable), false)]
        {
            // One that holds back what is not flushed.
            let stream = BufStream::new(TcpStream::connect((server.host(), server.port())).await.unwrap());
            let mut connection = within(Connection::connect_with(&config, stream)).await.unwrap();
            assert_eq!(connection.encryption().is_some(), encrypted);
            within(assert_usable(&mut connection)).await;
            let error = connection.canceller().unwrap_err();
            assert!(error.to_string().contains("without an address"), "{error}");
            connection.close().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_stream_that_is_given_has_one_try_and_the_time_of_a_connect() {
    let server = Server::shared();
    let config = login(server, User::TlsOnly).ssl_mode(SslMode::Allow);
    let stream = TcpStream::connect((server.host(), server.port())).await.unwrap();
    let error = within(Connection::connect_with(&config, stream)).await.unwrap_err();
    assert_eq!(code(&error), "28000");
    let (ours, _theirs) = tokio::io::duplex(1024);
    let config = config.connect_timeout(Duration::from_millis(100));
    let error = within(Connection::connect_with(&config, ours)).await.unwrap_err();
    assert!(error.is_connect() && error.is_timeout(), "{error:?}");
    let (ours, _theirs) = tokio::io::duplex(1024);
    let config = config.require_peer("postgres");
    let error = within(Connection::connect_with(&config, ours)).await.unwrap_err();
    assert!(error.to_string().contains("requirepeer"), "{error}");
}

#[tokio::test]
async fn streams_are_opened_as_the_user_says_for_sessions_and_for_cancelling() {
    for server in shared_servers() {
        let (host, port) = (server.host(), server.port());
        let dialled = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&dialled);
        let config = verified(server).host("localhost").port(1).dial_with(move |endpoint: Endpoint| {
            seen.lock().unwrap().push(endpoint);
            TcpStream::connect((host, port))
        });
        assert_cancels(&config).await;
        let expected = Endpoint::Tcp { host: "localhost".to_owned(), address: None, port: 1 };
        assert_eq!(*dialled.lock().unwrap(), [expected.clone(), expected]);
        let pool = Pool::builder(config).max_conns(2).build().unwrap();
        let mut session = within(pool.acquire()).await.unwrap();
        assert_usable(&mut session).await;
        assert_eq!(dialled.lock().unwrap().len(), 3);
    }
}

#[tokio::test]
async fn a_stream_that_cannot_be_opened_says_why() {
    let refused = || async { Err::<TcpStream, _>(io::Error::other("the tunnel has caved in")) };
    let config = "host=db.internal user=u".parse::<Config>().unwrap().dial_with(move |_| refused());
    let text = refusal(&config).await.to_string();
    assert!(text.contains("db.internal") && text.contains("the tunnel has caved in"), "{text}");
}

// What the tests stand on.

/// Connects, and cancels what runs there.
async fn assert_cancels(config: &Config) {
    let mut connection = within(Connection::connect(config)).await.unwrap();
    let canceller = connection.canceller().unwrap();
    let sleeping = connection.execute("select pg_sleep(60)", ());
    let cancelling = async {
        loop {
            canceller.cancel().await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let error = within(async {
        tokio::select! {
            ended = sleeping => ended.unwrap_err(),
            () = cancelling => unreachable!(),
        }
    })
    .await;
    assert!(error.is_cancelled(), "{error:?}");
}

/// How TLS begins on a [`Front`].
#[derive(Clone, Copy)]
enum Opening {
    /// Who does not ask is turned away.
    Asked,
    AtOnce,
}

/// A rustls server in front of a real one, with a certificate that it has signed itself.
struct Front {
    opening: Opening,
    tls: ServerConfig,
    root: PathBuf,
    _folder: TempFolder,
}

/// A [`Front`] that listens.
struct Listening {
    port: u16,
    root: PathBuf,
    names: Arc<Mutex<Vec<Option<String>>>>,
    _folder: TempFolder,
}

impl Front {
    fn new(names: &[&str]) -> Self {
        Self::with_versions(names, &[&version::TLS12, &version::TLS13])
    }

    fn with_versions(names: &[&str], versions: &[&'static SupportedProtocolVersion]) -> Self {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let key = PrivateKeyDer::from_pem_slice(made.signing_key.serialize_pem().as_bytes()).unwrap();
        let tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let folder = TempFolder::new();
        let root = folder.0.join("root.crt");
        fs::write(&root, made.cert.pem()).unwrap();
        Self { opening: Opening::Asked, tls, root, _folder: folder }
    }

    async fn start(self, server: &Server) -> Listening {
        self.start_before(server.port()).await
    }

    async fn start_before(self, behind: u16) -> Listening {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let names = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&names);
        let (acceptor, opening) = (TlsAcceptor::from(Arc::new(self.tls)), self.opening);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, opening, acceptor.clone(), Arc::clone(&seen), behind));
            }
        });
        Listening { port, root: self.root, names, _folder: self._folder }
    }
}

async fn serve(
    mut stream: TcpStream,
    opening: Opening,
    acceptor: TlsAcceptor,
    seen: Arc<Mutex<Vec<Option<String>>>>,
    behind: u16,
) -> io::Result<()> {
    if let Opening::Asked = opening {
        let mut first = [0; 8];
        stream.read_exact(&mut first).await?;
        if first != SSL_REQUEST {
            return stream.write_all(&messages::error("FATAL", "28000", "no encryption")).await;
        }
        stream.write_all(b"S").await?;
    }
    let mut encrypted = acceptor.accept(stream).await?;
    seen.lock().unwrap().push(encrypted.get_ref().1.server_name().map(ToOwned::to_owned));
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, behind)).await?;
    copy_bidirectional(&mut encrypted, &mut server).await.map(drop)
}

// PG docs: protocol-message-formats, "SSLRequest"
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

impl Listening {
    fn config(&self) -> Config {
        Config::new().host("127.0.0.1").port(self.port).user("trust").dbname("test")
    }

    fn last_name(&self) -> Option<String> {
        self.names.lock().unwrap().last().unwrap().clone()
    }
}

/// A folder that goes when it is dropped.
struct TempFolder(PathBuf);

impl TempFolder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("molt-db-tls-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for TempFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Keeps a file that a restart writes anew.
fn copy(path: &Path) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let kept = path.with_extension(format!("{}.kept", COUNT.fetch_add(1, Ordering::Relaxed)));
    fs::copy(path, &kept).unwrap();
    kept
}
