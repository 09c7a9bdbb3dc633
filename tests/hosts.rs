//! Several hosts: which one a session is opened with, and what is said when there is none.

mod common;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use common::{assert_usable, code, open, within};
use molt_db::config::{Endpoint, LoadBalanceHosts, SslMode, TargetSessionAttrs};
use molt_db::{Config, Connection, Error, Pool};
use molt_db_testkit::peer::{Peer, PeerConnection, messages};
use molt_db_testkit::{Server, ServerOptions, User, servers_under_test, shared_servers};
use tokio::sync::oneshot;

use TargetSessionAttrs::{Any, PreferStandby, Primary, ReadOnly, ReadWrite, Standby};

/// Returns how to reach these ports of this machine, in that order.
fn config(ports: &[u16]) -> Config {
    Config::new()
        .hosts(ports.iter().map(|_| "127.0.0.1"))
        .ports(ports.iter().copied())
        .user("trust")
        .dbname("test")
        .ssl_mode(SslMode::Disable)
}

async fn connect(config: &Config) -> Result<Connection, Error> {
    within(Connection::connect(config)).await
}

/// Returns a port on which nobody listens.
fn dead_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

async fn port_of(connection: &mut Connection) -> u16 {
    let (port,): (String,) = connection.query("show port").one().await.unwrap();
    port.parse().unwrap()
}

/// Asserts where each kind of session is opened, by the place in the list; `None` is nowhere.
async fn assert_found(ports: &[u16], expected: [(TargetSessionAttrs, Option<usize>); 6]) {
    for (wanted, place) in expected {
        let connected = connect(&config(ports).target_session_attrs(wanted)).await;
        match (connected, place) {
            (Ok(mut connection), Some(place)) => {
                assert_eq!(port_of(&mut connection).await, ports[place], "{wanted}");
                assert_usable(&mut connection).await;
            }
            (Err(error), None) => {
                assert!(error.attempts().iter().any(|a| a.is_wrong_role()), "{wanted}: {error}");
            }
            (found, place) => panic!("{wanted}: {found:?} where {place:?} is expected"),
        }
    }
}

#[tokio::test]
async fn a_primary_and_two_standbys_are_told_apart_whatever_their_roles_become() {
    for wanted in servers_under_test() {
        let first = Server::start(ServerOptions::default().wanted(wanted)).unwrap();
        let second = first.start_standby().unwrap();
        let third = first.start_standby().unwrap();
        let ports = [dead_port(), third.port(), second.port(), first.port()];
        let primary_last = |primary| {
            [
                (Any, Some(1)),
                (ReadWrite, primary),
                (ReadOnly, Some(1)),
                (Primary, primary),
                (Standby, Some(1)),
                (PreferStandby, Some(1)),
            ]
        };
        assert_found(&ports, primary_last(Some(3))).await;
        // The primary first: its session is given up, and the next host has what is wanted.
        let ports = [first.port(), dead_port(), second.port()];
        assert_found(
            &ports,
            [
                (Any, Some(0)),
                (ReadWrite, Some(0)),
                (ReadOnly, Some(2)),
                (Primary, Some(0)),
                (Standby, Some(2)),
                (PreferStandby, Some(2)),
            ],
        )
        .await;

        first.stop().unwrap();
        second.promote().unwrap();
        let ports = [first.port(), third.port(), second.port()];
        assert_found(&ports, primary_last(Some(2))).await;
        first.follow(&second).unwrap();
        let ports = [second.port(), first.port()];
        assert_found(
            &ports,
            [
                (Any, Some(0)),
                (ReadWrite, Some(0)),
                (ReadOnly, Some(1)),
                (Primary, Some(0)),
                (Standby, Some(1)),
                (PreferStandby, Some(1)),
            ],
        )
        .await;

        first.stop().unwrap();
        assert_found(
            &ports,
            [
                (Any, Some(0)),
                (ReadWrite, Some(0)),
                (ReadOnly, None),
                (Primary, Some(0)),
                (Standby, None),
                (PreferStandby, Some(0)),
            ],
        )
        .await;
        second.stop().unwrap();
        let ports = [first.port(), second.port(), third.port()];
        assert_found(
            &ports,
            [
                (Any, Some(2)),
                (ReadWrite, None),
                (ReadOnly, Some(2)),
                (Primary, None),
                (Standby, Some(2)),
                (PreferStandby, Some(2)),
            ],
        )
        .await;
    }
}

#[tokio::test]
async fn a_session_on_a_standby_sees_it_become_the_primary() {
    for wanted in servers_under_test() {
        let first = Server::start(ServerOptions::default().wanted(wanted)).unwrap();
        let second = first.start_standby().unwrap();
        let hosts = config(&[first.port(), second.port()]);
        let mut reader = connect(&hosts.clone().target_session_attrs(Standby)).await.unwrap();
        first.stop().unwrap();
        second.promote().unwrap();
        let (standby,): (bool,) = reader.query("select pg_is_in_recovery()").one().await.unwrap();
        assert!(!standby);
        if first.version().0 >= 14 {
            assert_eq!(reader.parameter("in_hot_standby"), Some("off"));
        }
        let mut writer = connect(&hosts.target_session_attrs(ReadWrite)).await.unwrap();
        writer.execute("create table written ()", ()).await.unwrap();
    }
}

#[tokio::test]
async fn a_pool_finds_the_new_primary() {
    for wanted in servers_under_test() {
        let first = Server::start(ServerOptions::default().wanted(wanted)).unwrap();
        let second = first.start_standby().unwrap();
        let hosts = config(&[first.port(), second.port()]).target_session_attrs(ReadWrite);
        let pool = Pool::builder(hosts).max_conns(1).build().unwrap();
        let mut session = pool.acquire().await.unwrap();
        assert_eq!(port_of(&mut session).await, first.port());
        drop(session);
        first.stop().unwrap();
        second.promote().unwrap();
        // This thread kept the runtime from its work.
        until_heard().await;
        let mut session = within(pool.acquire()).await.unwrap();
        assert_eq!(port_of(&mut session).await, second.port());
    }
}

#[tokio::test]
async fn a_pool_that_reads_from_a_standby_leaves_it_when_it_becomes_the_primary() {
    for wanted in servers_under_test() {
        let first = Server::start(ServerOptions::default().wanted(wanted)).unwrap();
        let second = first.start_standby().unwrap();
        let third = first.start_standby().unwrap();
        let hosts = config(&[second.port(), third.port()]);
        let build = |wanted| {
            let config = hosts.clone().target_session_attrs(wanted);
            Pool::builder(config).max_conns(1).build().unwrap()
        };
        let pools = [Standby, ReadOnly, PreferStandby, Any].map(build);
        for pool in &pools {
            assert_eq!(pool_port(pool).await, second.port());
        }
        first.stop().unwrap();
        second.promote().unwrap();
        // Servers from 14 on say it with the answer to a command.
        let expected = if first.version().0 < 14 { &second } else { &third };
        for (pool, expected) in pools.iter().zip([expected, expected, &second, &second]) {
            assert_eq!(pool_port(pool).await, second.port());
            assert_eq!(pool_port(pool).await, expected.port());
            assert_eq!(pool_port(pool).await, expected.port());
        }
    }
}

#[tokio::test]
async fn a_pool_that_writes_leaves_a_primary_that_is_made_read_only() {
    for wanted in servers_under_test() {
        let first = Server::start(ServerOptions::default().wanted(wanted)).unwrap();
        let second = first.start_standby().unwrap();
        let hosts = config(&[first.port(), second.port()]).target_session_attrs(ReadWrite);
        let pool = Pool::builder(hosts).max_conns(1).build().unwrap();
        assert_eq!(pool_port(&pool).await, first.port());
        second.promote().unwrap();
        for statement in ["alter system set default_transaction_read_only = on", "select pg_reload_conf()"] {
            first.sql(statement).unwrap();
        }
        until_read_only(&pool).await;
        if first.version().0 < 14 {
            assert_eq!(pool_port(&pool).await, first.port());
            let mut session = within(pool.acquire()).await.unwrap();
            let mut tx = session.begin().await.unwrap();
            let error = tx.execute("create table written ()", ()).await.unwrap_err();
            assert_eq!(code(&error), "25006");
        }
        assert_eq!(pool_port(&pool).await, second.port());
    }
}

/// Runs commands on the only session of the pool until its server has read its new configuration.
async fn until_read_only(pool: &Pool) {
    let mut session = within(pool.acquire()).await.unwrap();
    let reading = async {
        loop {
            let shown = session.query("show default_transaction_read_only").one::<(String,)>().await;
            if shown.unwrap().0 == "on" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within(reading).await;
}

async fn pool_port(pool: &Pool) -> u16 {
    port_of(&mut within(pool.acquire()).await.unwrap()).await
}

#[tokio::test]
async fn a_pool_replaces_a_session_without_a_round_trip_when_its_server_reports_another_role() {
    for (wanted, name, before, after) in [
        (ReadWrite, "in_hot_standby", "off", "on"),
        (ReadWrite, "default_transaction_read_only", "off", "on"),
        (ReadOnly, "default_transaction_read_only", "on", "off"),
        (Primary, "in_hot_standby", "off", "on"),
        (Standby, "in_hot_standby", "on", "off"),
    ] {
        let (change, changes) = oneshot::channel();
        let (told, tells) = oneshot::channel();
        let peer = Peer::listen(move |listener| async move {
            let mut p = listener.accept().await?;
            log_in(&mut p, (name, before)).await?;
            changes.await.map_err(std::io::Error::other)?;
            p.send(&messages::parameter_status(name, after)).await?;
            told.send(()).map_err(|()| std::io::ErrorKind::BrokenPipe)?;
            // Nothing is asked on it.
            p.closed().await?;
            let mut p = listener.accept().await?;
            log_in(&mut p, (name, before)).await?;
            p.closed().await
        })
        .unwrap();
        let pool = Pool::builder(config(&[peer.port()]).target_session_attrs(wanted)).build().unwrap();
        drop(within(pool.acquire()).await.unwrap());
        drop(within(pool.acquire()).await.unwrap());
        assert_eq!(pool.metrics().connects, 1, "{wanted}, {name}");
        change.send(()).unwrap();
        within(tells).await.unwrap();
        until_heard().await;
        let session = within(pool.acquire()).await.unwrap();
        assert_eq!(session.parameter(name), Some(before));
        assert_eq!(pool.metrics().connects, 2, "{wanted}, {name}");
        drop((session, pool));
        within(peer.finish()).await.unwrap();
    }
}

#[tokio::test]
async fn a_session_that_its_user_makes_read_only_does_not_go_back_to_those_who_write() {
    for server in shared_servers() {
        let hosts = config(&[server.port()]).target_session_attrs(ReadWrite);
        let pool = Pool::builder(hosts).max_conns(1).build().unwrap();
        let mut session = within(pool.acquire()).await.unwrap();
        session.execute("set default_transaction_read_only = on", ()).await.unwrap();
        drop(session);
        let mut session = within(pool.acquire()).await.unwrap();
        let (found,): (String,) = session.query("show default_transaction_read_only").one().await.unwrap();
        assert_eq!(found, if server.version().0 < 14 { "on" } else { "off" });
    }
}

/// Lets a client in, and says of what role the server is: a primary where one may write, but for one setting.
async fn log_in(p: &mut PeerConnection, but: (&str, &str)) -> std::io::Result<()> {
    p.startup().await?;
    let parameters = [("in_hot_standby", "off"), ("default_transaction_read_only", "off"), but]
        .map(|(name, value)| messages::parameter_status(name, value));
    p.send(&[messages::auth_ok(), parameters.concat(), messages::ready(b'I')].concat()).await
}

/// Gives the runtime the time to hear what was sent to this machine.
async fn until_heard() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

#[tokio::test]
async fn a_session_that_may_only_read_is_not_one_that_writes() {
    for server in shared_servers() {
        let read_only = config(&[server.port()]).options("-c default_transaction_read_only=on");
        for (wanted, fits) in [
            (Any, true),
            (ReadWrite, false),
            (ReadOnly, true),
            (Primary, true),
            (Standby, false),
            (PreferStandby, true),
        ] {
            let connected = connect(&read_only.clone().target_session_attrs(wanted)).await;
            assert_eq!(connected.is_ok(), fits, "{wanted}");
        }
        let error = connect(&read_only.target_session_attrs(ReadWrite)).await.unwrap_err();
        assert!(error.is_connect() && error.attempts()[0].is_wrong_role(), "{error:?}");
        let text = error.to_string();
        assert!(
            text.ends_with("a session may only read here, and target_session_attrs is read-write"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_session_that_does_not_fit_is_ended_before_the_next_host_is_tried() {
    let standby = Peer::script(|mut p| async move {
        p.startup().await?;
        let parameters = [("in_hot_standby", "on"), ("default_transaction_read_only", "off")]
            .map(|(name, value)| messages::parameter_status(name, value));
        p.send(&[messages::auth_ok(), parameters.concat(), messages::ready(b'I')].concat()).await?;
        p.expect(b'X').await?;
        p.closed().await
    })
    .unwrap();
    let server = Server::shared();
    let hosts = config(&[standby.port(), server.port()]);
    let mut connection = connect(&hosts.target_session_attrs(Primary)).await.unwrap();
    assert_eq!(port_of(&mut connection).await, server.port());
    within(standby.finish()).await.unwrap();
}

#[tokio::test]
async fn a_server_that_does_not_say_what_it_is_is_asked() {
    for (wanted, question, answer) in [
        (ReadWrite, "show transaction_read_only", &b"off"[..]),
        (ReadOnly, "show transaction_read_only", b"on"),
        (Primary, "select pg_catalog.pg_is_in_recovery()", b"\0"),
        (Standby, "select pg_catalog.pg_is_in_recovery()", b"\x01"),
    ] {
        let peer = Peer::script(move |mut p| async move {
            p.login().await?;
            let parse = p.expect(b'P').await?;
            let asked = parse.windows(question.len()).any(|part| part == question.as_bytes());
            assert!(asked, "{parse:?}");
            p.expect_all(b"DBES").await?;
            let oid = if answer.len() == 1 { 16 } else { 25 };
            let result = [
                messages::parse_complete(),
                messages::parameter_description(&[]),
                messages::row_description(&[("answer", oid, 1)]),
                messages::bind_complete(),
                messages::data_row(&[Some(answer)]),
                messages::command_complete("SELECT 1"),
                messages::ready(b'I'),
            ];
            p.send(&result.concat()).await?;
            p.expect(b'X').await?;
            p.closed().await
        })
        .unwrap();
        let connection = connect(&config(&[peer.port()]).target_session_attrs(wanted)).await.unwrap();
        connection.close().await.unwrap();
        within(peer.finish()).await.unwrap();
    }
}

#[tokio::test]
async fn hosts_that_cannot_serve_are_passed_over() {
    let server = Server::shared();
    let refusing = |code: &'static str| {
        Peer::script(move |mut p| async move {
            p.startup().await?;
            p.send(&messages::error("FATAL", code, "not now")).await?;
            p.close().await
        })
    };
    let closing = Peer::script(|mut p| async move {
        p.startup().await?;
        p.close().await
    });
    let resetting = Peer::script(|p| async move { p.reset() });
    let talking_http = Peer::script(|mut p| async move {
        p.startup().await?;
        p.send(b"HTTP/1.1 400 Bad Request\r\n\r\n").await?;
        p.close().await
    });
    let deaf = Peer::script(|mut p| async move {
        p.hang().await;
        Ok(())
    });
    let half_way = Peer::script(|mut p| async move {
        p.startup().await?;
        p.send(&messages::auth_ok()).await?;
        p.hang().await;
        Ok(())
    });
    // Starting up, full, shutting down.
    let refusing = ["57P03", "53300", "57P01"].map(refusing);
    for peer in refusing.into_iter().chain([closing, resetting, talking_http, deaf, half_way]) {
        let peer = peer.unwrap();
        let hosts = config(&[peer.port(), server.port()]).connect_timeout(Some(Duration::from_millis(500)));
        let mut connection = connect(&hosts).await.unwrap();
        assert_eq!(port_of(&mut connection).await, server.port());
        within(peer.finish()).await.unwrap();
    }
}

#[tokio::test]
async fn unreachable_hosts_of_every_kind_are_passed_over() {
    let server = Server::shared();
    let (dead, port) = (dead_port(), server.port());
    for hosts in [
        format!("host=nowhere.invalid,127.0.0.1 port={port}"),
        format!("host=/no/such/folder,127.0.0.1 port={port}"),
        format!("host=127.0.0.1,{} port={dead},{port}", server.socket_dir().display()),
        format!("hostaddr=127.0.0.1,127.0.0.1 port={dead},{port}"),
        format!("host=elsewhere.invalid,elsewhere.invalid hostaddr=,127.0.0.1 port={dead},{port}"),
        // A name with two addresses, of which the server has one.
        format!("host=localhost port={port}"),
    ] {
        let text = format!("{hosts} user=trust dbname=test sslmode=disable");
        let mut connection = open(&text).await.unwrap();
        assert_eq!(port_of(&mut connection).await, port, "{hosts}");
    }
}

#[tokio::test]
async fn a_verdict_on_the_login_is_the_last_word() {
    for server in shared_servers() {
        for (config, expected) in [
            (config(&[server.port(), server.port()]).user("scram").password("Wr0ng-Word"), "28P01"),
            (config(&[server.port(), server.port()]).user("nobody"), "28000"),
            (config(&[server.port(), server.port()]).dbname("no_such_database"), "3D000"),
        ] {
            let error = connect(&config).await.unwrap_err();
            assert_eq!((code(&error).as_str(), error.attempts().len()), (expected, 1), "{error}");
        }
        let without_a_password = config(&[server.port(), server.port()]).user("clear");
        assert_eq!(connect(&without_a_password).await.unwrap_err().attempts().len(), 1);
    }
}

#[tokio::test]
async fn when_all_fail_each_host_has_its_cause_in_a_line() {
    let full = Peer::script(|mut p| async move {
        p.startup().await?;
        p.send(&messages::error("FATAL", "53300", "sorry, too many clients already")).await?;
        p.close().await
    })
    .unwrap();
    let deaf = Peer::script(|mut p| async move {
        p.hang().await;
        Ok(())
    })
    .unwrap();
    let (dead, full_port, deaf_port) = (dead_port(), full.port(), deaf.port());
    let text = format!(
        "host=127.0.0.1,db.example,nowhere.invalid,/no/such/folder,127.0.0.1 hostaddr=,127.0.0.1,,, \
         port={dead},{full_port},1,2,{deaf_port} user=u password=Secret-Word sslmode=disable connect_timeout_ms=300"
    );
    let error = open(&text).await.unwrap_err();
    let shown = error.to_string();
    let lines: Vec<_> = shown.lines().collect();
    let [head, refused, too_many, unknown, no_socket, silent] = lines[..] else { panic!("{shown}") };
    assert_eq!(head, "cannot connect to any host:");
    assert!(refused.starts_with(&format!("  127.0.0.1, port {dead}: ")), "{shown}");
    assert!(too_many.starts_with(&format!("  db.example (127.0.0.1), port {full_port}: ")), "{shown}");
    assert!(too_many.contains("too many clients"), "{shown}");
    assert!(unknown.starts_with("  nowhere.invalid, port 1: "), "{shown}");
    assert!(no_socket.starts_with("  /no/such/folder/.s.PGSQL.2: "), "{shown}");
    assert!(silent.ends_with(": no session within connect_timeout (300ms)"), "{shown}");
    assert!(error.is_connect() && !error.is_timeout() && !format!("{error:?}").contains("Secret-Word"));

    let [_, too_many, unknown, no_socket, silent] = error.attempts() else { panic!("{error:?}") };
    assert_eq!(too_many.server().map(|error| error.code().to_string()), Some("53300".to_owned()));
    assert_eq!(code(&error), "53300");
    let expected = Endpoint::Tcp {
        host: "db.example".to_owned(),
        address: Some(Ipv4Addr::LOCALHOST.into()),
        port: full_port,
    };
    assert_eq!(*too_many.endpoint(), expected);
    assert!(matches!(unknown.endpoint(), Endpoint::Tcp { address: None, port: 1, .. }));
    assert!(matches!(no_socket.endpoint(), Endpoint::Unix { .. }));
    assert!(silent.is_timeout() && !too_many.is_timeout());
    within(full.finish()).await.unwrap();
    within(deaf.finish()).await.unwrap();
}

#[tokio::test]
async fn a_timeout_is_one_if_it_passed_for_each() {
    let deaf = || {
        Peer::script(|mut p| async move {
            p.hang().await;
            Ok(())
        })
        .unwrap()
    };
    let (first, second) = (deaf(), deaf());
    let hosts = config(&[first.port(), second.port()]).connect_timeout(Some(Duration::from_millis(100)));
    let error = connect(&hosts).await.unwrap_err();
    assert!(error.is_timeout() && error.attempts().len() == 2, "{error:?}");
}

#[tokio::test]
async fn encryption_is_demanded_of_every_host() {
    let in_the_clear = || {
        Peer::listen(|listener| async move {
            for _ in 0..2 {
                let mut p = listener.accept().await?;
                // Answers `N` to the request for TLS, and would let anybody in.
                assert!(p.login().await.is_err(), "it went on in the clear");
            }
            Ok(())
        })
        .unwrap()
    };
    let (first, second) = (in_the_clear(), in_the_clear());
    for wanted in [Any, Standby] {
        let hosts =
            config(&[first.port(), second.port()]).ssl_mode(SslMode::Require).target_session_attrs(wanted);
        let error = connect(&hosts).await.unwrap_err();
        assert_eq!(error.attempts().len(), 2, "{error}");
        assert_eq!(error.to_string().matches("does not speak TLS").count(), 2, "{error}");
    }
    within(first.finish()).await.unwrap();
    within(second.finish()).await.unwrap();
}

#[tokio::test]
async fn each_host_is_verified_by_its_own_name() {
    let server = Server::shared();
    let config: Config = server.tls_url(User::Scram, "test").parse().unwrap();
    let hosts = config
        .hosts(["elsewhere.invalid", "localhost"])
        .hostaddrs([Ipv4Addr::LOCALHOST, Ipv4Addr::LOCALHOST].map(std::net::IpAddr::from));
    let mut connection = connect(&hosts).await.unwrap();
    assert!(connection.encryption().is_some());
    // A cancel goes where the session is, under the same name.
    within(connection.canceller().unwrap().cancel()).await.unwrap();
    assert_usable(&mut connection).await;
}

#[tokio::test]
async fn a_cancel_goes_to_the_host_of_the_session() {
    let server = Server::shared();
    for ports in [vec![dead_port(), server.port()], vec![server.port(), dead_port()]] {
        let mut connection = connect(&config(&ports)).await.unwrap();
        let canceller = connection.canceller().unwrap();
        let cancel = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            canceller.cancel().await
        };
        let (slept, cancelled) = tokio::join!(connection.execute("select pg_sleep(60)", ()), cancel);
        cancelled.unwrap();
        assert!(slept.unwrap_err().is_cancelled());
    }
}

#[tokio::test]
async fn at_random_every_host_gets_its_turn_and_in_order_the_first_gets_all() {
    let servers: Vec<_> = [(); 2].map(|()| Server::start(ServerOptions::default()).unwrap()).into();
    let ports: Vec<_> = servers.iter().map(Server::port).collect();
    let mut found = BTreeSet::new();
    // That one of two never comes is one in 2^39.
    for _ in 0..40 {
        let hosts = config(&ports).load_balance_hosts(LoadBalanceHosts::Random);
        found.insert(port_of(&mut connect(&hosts).await.unwrap()).await);
        assert_eq!(port_of(&mut connect(&config(&ports)).await.unwrap()).await, ports[0]);
    }
    assert_eq!(found.len(), 2);
}

#[tokio::test]
async fn each_host_gets_the_password_that_the_file_has_for_it() {
    use std::os::unix::fs::PermissionsExt;
    let server = Server::shared();
    let (dead, port) = (dead_port(), server.port());
    let path = std::env::temp_dir().join(format!("molt-db-hosts-pgpass-{}", std::process::id()));
    let password = server.password(User::Scram).unwrap();
    std::fs::write(&path, format!("*:{dead}:*:*:wrong\n*:{port}:*:*:{password}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let hosts = config(&[dead, port]).user("scram").passfile(&path).or_files().unwrap();
    std::fs::remove_file(path).unwrap();
    assert_usable(&mut connect(&hosts).await.unwrap()).await;
}
