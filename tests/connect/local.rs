//! What belongs to this machine: sockets and files.

use std::fs;
use std::process::Command;

use molt_db::{Config, Connection};
use molt_db_testkit::peer::messages;
use molt_db_testkit::{User, shared_servers};

use crate::common::{assert_usable, open, plain_config, within};

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
