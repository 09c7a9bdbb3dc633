//! Each user is asked for its password in its own way, and only where it may log in.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use molt_db_testkit::{Major, Server, ServerOptions, TlsSetup, User};

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// What the server answers to a start-up.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Authentication(u32),
    Refused(String),
}

const OK: Answer = Answer::Authentication(0);
const CLEAR: Answer = Answer::Authentication(3);
const MD5: Answer = Answer::Authentication(5);
const SASL: Answer = Answer::Authentication(10);

fn tcp(server: &Server) -> Box<dyn Stream> {
    Box::new(TcpStream::connect((server.host(), server.port())).unwrap())
}

fn socket(server: &Server) -> Box<dyn Stream> {
    let path = server.socket_dir().join(format!(".s.PGSQL.{}", server.port()));
    Box::new(UnixStream::connect(path).unwrap())
}

fn log_in(stream: &mut dyn Stream, user: &str) -> Answer {
    let body = [&[0, 3, 0, 0][..], b"user\0", user.as_bytes(), b"\0database\0test\0\0"].concat();
    let length = u32::try_from(body.len() + 4).unwrap();
    stream.write_all(&[&length.to_be_bytes()[..], &body].concat()).unwrap();
    answer(stream)
}

fn answer(stream: &mut dyn Stream) -> Answer {
    let mut head = [0; 5];
    stream.read_exact(&mut head).unwrap();
    let mut body = vec![0; u32::from_be_bytes(head[1..].try_into().unwrap()) as usize - 4];
    stream.read_exact(&mut body).unwrap();
    match head[0] {
        b'R' => Answer::Authentication(u32::from_be_bytes(body[..4].try_into().unwrap())),
        b'E' => {
            let code = body.split(|byte| *byte == 0).find_map(|field| field.strip_prefix(b"C")).unwrap();
            Answer::Refused(String::from_utf8(code.to_vec()).unwrap())
        }
        other => panic!("message {other}"),
    }
}

fn refused() -> Answer {
    // invalid_authorization_specification: no line of pg_hba.conf fits
    Answer::Refused("28000".to_owned())
}

fn check_all(server: &Server) {
    for (user, over_tcp, over_socket) in [
        (User::Superuser, SASL, SASL),
        (User::Scram, SASL, SASL),
        (User::Md5, MD5, MD5),
        (User::Clear, CLEAR, CLEAR),
        (User::Trust, OK, OK),
        (User::TlsOnly, refused(), refused()),
        (User::PlainOnly, SASL, refused()),
    ] {
        assert_eq!(log_in(&mut *tcp(server), user.name()), over_tcp, "{user:?} over TCP");
        assert_eq!(log_in(&mut *socket(server), user.name()), over_socket, "{user:?} over the socket");
    }
    assert_eq!(log_in(&mut *tcp(server), "kit"), refused());
    assert_eq!(log_in(&mut *socket(server), "kit"), OK);
}

#[test]
fn every_user_logs_in_in_its_own_way() {
    check_all(Server::shared());
}

#[test]
fn every_user_logs_in_in_its_own_way_on_the_oldest_and_newest_major() {
    for major in [Major::V13, Major::V18] {
        check_all(&Server::start(ServerOptions::default().version(major)).unwrap());
    }
}

#[test]
fn passwords_are_stored_in_the_way_the_user_is_named_for() {
    let server = Server::shared();
    let stored = |user: User| {
        let sql = format!("select rolpassword from pg_authid where rolname = '{}'", user.name());
        server.sql(&sql).unwrap()[0][0].clone()
    };
    for user in [User::Superuser, User::Scram, User::Clear, User::TlsOnly, User::PlainOnly] {
        assert!(stored(user).unwrap().starts_with("SCRAM-SHA-256$"), "{user:?}");
    }
    let hash = server.sql("select 'md5' || md5('md5-secret' || 'md5user')").unwrap()[0][0].clone();
    assert_eq!(stored(User::Md5), hash);
    assert_eq!(stored(User::Trust), None);
}

#[test]
fn the_clear_password_is_accepted_and_a_wrong_one_is_not() {
    let server = Server::shared();
    let right = server.password(User::Clear).unwrap();
    for (password, expected) in [(right, OK), ("wrong", Answer::Refused("28P01".to_owned()))] {
        let mut stream = tcp(server);
        assert_eq!(log_in(&mut *stream, "clear"), CLEAR);
        let length = u32::try_from(password.len() + 5).unwrap();
        let message = [b"p", &length.to_be_bytes()[..], password.as_bytes(), b"\0"].concat();
        stream.write_all(&message).unwrap();
        assert_eq!(answer(&mut *stream), expected);
    }
}

#[test]
fn urls_name_user_password_place_and_database() {
    let server = Server::shared();
    let port = server.port();
    let folder = server.socket_dir().display();
    let ca = server.ca_file().display().to_string();
    let scram = format!("postgresql://scram:scram-secret@127.0.0.1:{port}/test");
    assert_eq!(server.url_for("scram"), scram);
    assert_eq!(server.url(User::Scram, "test"), scram);
    assert_eq!(server.tls_url(User::Scram, "test"), format!("{scram}?sslmode=verify-full&sslrootcert={ca}"));
    assert_eq!(server.url_for("trust"), format!("postgresql://trust@127.0.0.1:{port}/test"));
    assert!(server.url_for("tlsonly").ends_with("?sslmode=require"));
    assert!(server.url_for("plainonly").ends_with("?sslmode=disable"));
    assert_eq!(
        server.socket_url(User::Trust, "test"),
        format!("postgresql://trust@/test?host={folder}&port={port}")
    );
}

#[test]
fn a_server_takes_tls_unless_it_was_told_not_to_and_each_restart_has_a_new_certificate() {
    const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
    let ask = |server: &Server| {
        let mut stream = tcp(server);
        stream.write_all(&SSL_REQUEST).unwrap();
        let mut answer = [0];
        stream.read_exact(&mut answer).unwrap();
        answer[0]
    };
    let server = Server::start(ServerOptions::default().tls(TlsSetup::Off)).unwrap();
    assert_eq!(ask(&server), b'N');
    let mut certificates = Vec::new();
    for setup in
        [TlsSetup::Valid, TlsSetup::WrongHost, TlsSetup::Expired, TlsSetup::UnknownCa, TlsSetup::SelfSigned]
    {
        server.restart_with_tls(setup).unwrap();
        assert_eq!(ask(&server), b'S', "{setup:?}");
        let certificate = std::fs::read_to_string(server.socket_dir().join("tls/server.crt")).unwrap();
        assert!(!certificates.contains(&certificate));
        certificates.push(certificate);
    }
    assert_ne!(std::fs::read(server.ca_file()).unwrap(), std::fs::read(server.unrelated_ca_file()).unwrap());
    server.restart_with_tls(TlsSetup::Off).unwrap();
    assert_eq!(ask(&server), b'N');
}
