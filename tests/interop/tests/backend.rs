//! psql, tokio-postgres and molt-db, none of them changed, against a server that stands on the server's side of
//! molt-db-protocol.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::process::{Child, Command, Stdio};

use bytes::Bytes;
use futures_util::{SinkExt, TryStreamExt};
use molt_db::config::SslMode;
use molt_db::{AuthMethod, Canceller, Config, Connection};
use molt_db_interop::backend::serve;
use molt_db_interop::program;
use molt_db_protocol::message::{CancelKey, cancel_request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{AsyncMessage, Client, NoTls, SimpleQueryMessage};

const PASSWORD: &str = "pencil";
// RFC 7677 §3, as PostgreSQL stores it
const VERIFIER: &str = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$\
    WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
const LIST: &str = "select id, name from items order by id";
const FIND: &str = "select name from items where id = $1";
const INSERT: &str = "insert into items values ($1, $2)";
const SLEEP: &str = "select sleep()";

async fn backend() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, VERIFIER.parse().unwrap()));
    address
}

/// Prepares psql to run these commands, one after the other.
fn psql(address: SocketAddr, password: &str, commands: &[&str]) -> Command {
    let mut psql = Command::new(program("psql", "postgresql-client"));
    psql.env_clear().env("PGPASSWORD", password).env("PGUSER", "app").env("PGDATABASE", "shop");
    psql.env("PGHOST", address.ip().to_string()).env("PGPORT", address.port().to_string());
    psql.args(["--no-psqlrc", "--no-align", "--tuples-only", "--set=VERBOSITY=verbose"]);
    psql.args(commands.iter().flat_map(|command| ["--command", command]));
    psql.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    psql
}

/// What psql prints: its output, and its errors.
fn printed(mut psql: Child, input: &str) -> (String, String) {
    psql.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = psql.wait_with_output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

fn run_psql(address: SocketAddr, commands: &[&str], input: &str) -> (String, String) {
    printed(psql(address, PASSWORD, commands).spawn().unwrap(), input)
}

/// Connects tokio-postgres. What the server remarks comes out of the receiver.
async fn connect(address: SocketAddr) -> (Client, mpsc::UnboundedReceiver<String>) {
    let (client, mut connection) = their_config(address, PASSWORD).connect(NoTls).await.unwrap();
    let (to, notices) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok(message)) = std::future::poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notice(notice) = message {
                to.send(notice.message().to_owned()).unwrap();
            }
        }
    });
    (client, notices)
}

fn their_config(address: SocketAddr, password: &str) -> tokio_postgres::Config {
    let mut config = tokio_postgres::Config::new();
    config.host(address.ip().to_string()).port(address.port()).user("app").password(password);
    config
}

fn our_config(address: SocketAddr, password: &str) -> Config {
    let config: Config = format!("postgres://app:{password}@{address}/shop").parse().unwrap();
    config.ssl_mode(SslMode::Disable)
}

async fn insert(client: &Client, items: &[(i64, &str)]) {
    for (id, name) in items {
        assert_eq!(client.execute(INSERT, &[id, name]).await.unwrap(), 1);
    }
}

async fn list(client: &Client) -> Vec<(i64, String)> {
    let rows = client.query(LIST, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get("name"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn psql_is_let_in_by_its_password_and_no_other() {
    let address = backend().await;
    assert_eq!(run_psql(address, &[LIST], ""), (String::new(), String::new()));
    let (output, errors) = printed(psql(address, "wrong", &[LIST]).spawn().unwrap(), "");
    assert_eq!(output, "");
    assert!(errors.contains("FATAL:  password authentication failed"), "{errors}");
}

#[tokio::test(flavor = "multi_thread")]
async fn psql_copies_in_and_out_and_queries() {
    let address = backend().await;
    let copied = run_psql(address, &["copy items from stdin"], "2\ttwo\n1\teins und mehr\n");
    assert_eq!(copied, ("COPY 2\n".to_owned(), String::new()));
    let listed = run_psql(address, &[LIST, "copy items to stdout"], "");
    assert_eq!(listed.0, "1|eins und mehr\n2|two\n1\teins und mehr\n2\ttwo\n");
    assert_eq!(listed.1, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn psql_goes_on_after_an_error() {
    let address = backend().await;
    let (output, errors) = run_psql(address, &["copy items from stdin", "select 1", LIST], "7\tseven\n");
    assert_eq!(output, "COPY 1\n7|seven\n");
    assert!(errors.starts_with("ERROR:  42601: "), "{errors}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_psql_that_fails_stores_nothing() {
    let address = backend().await;
    let (output, errors) = run_psql(address, &["copy items from stdin", LIST], "1\tone\nno item\n");
    assert_eq!(output, "");
    assert!(errors.starts_with("ERROR:  22P04: "), "{errors}");
}

/// After an interrupt it prints no more rows, only errors.
#[tokio::test(flavor = "multi_thread")]
async fn psql_cancels_at_an_interrupt_and_goes_on() {
    let address = backend().await;
    let mut psql = psql(address, PASSWORD, &[SLEEP, "select 1"]).spawn().unwrap();
    let mut errors = psql.stderr.take().unwrap();
    read_until(&mut errors, "asleep");
    assert!(Command::new("kill").args(["-INT", &psql.id().to_string()]).status().unwrap().success());
    read_until(&mut errors, "ERROR:  57014: ");
    read_until(&mut errors, "ERROR:  42601: ");
    assert!(!psql.wait().unwrap().success());
}

fn read_until(from: &mut impl Read, text: &str) {
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains(text) {
        let mut byte = [0];
        from.read_exact(&mut byte).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&read)));
        read.extend(byte);
    }
}

#[tokio::test]
async fn tokio_postgres_is_let_in_by_its_password_and_no_other() {
    let address = backend().await;
    connect(address).await;
    let refused = their_config(address, "wrong").connect(NoTls).await.err().unwrap();
    assert_eq!(refused.code(), Some(&SqlState::INVALID_PASSWORD));
}

#[tokio::test]
async fn tokio_postgres_learns_the_types_of_a_statement() {
    let (client, _notices) = connect(backend().await).await;
    let insert = client.prepare(INSERT).await.unwrap();
    assert_eq!((insert.params(), insert.columns().len()), (&[Type::INT8, Type::TEXT][..], 0));
    let list = client.prepare(LIST).await.unwrap();
    let columns = list.columns().iter().map(|column| (column.name(), column.type_().clone()));
    assert_eq!(columns.collect::<Vec<_>>(), [("id", Type::INT8), ("name", Type::TEXT)]);
    assert_eq!(client.prepare(FIND).await.unwrap().params(), [Type::INT8]);
}

#[tokio::test]
async fn tokio_postgres_sends_and_receives_binary_values() {
    let (client, _notices) = connect(backend().await).await;
    insert(&client, &[(i64::MAX, "größte"), (i64::MIN, "least"), (0, "")]).await;
    let expected = [(i64::MIN, "least"), (0, ""), (i64::MAX, "größte")];
    assert_eq!(list(&client).await, expected.map(|(id, name)| (id, name.to_owned())));
    let find = client.prepare(FIND).await.unwrap();
    let (largest, none) =
        tokio::join!(client.query_one(&find, &[&i64::MAX]), client.query_opt(&find, &[&1_i64]));
    assert_eq!(largest.unwrap().get::<_, &str>(0), "größte");
    assert!(none.unwrap().is_none());
}

#[tokio::test]
async fn tokio_postgres_reads_the_text_of_a_simple_query() {
    let (client, _notices) = connect(backend().await).await;
    insert(&client, &[(-5, "minus five")]).await;
    let messages = client.simple_query(LIST).await.unwrap();
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some((row.get(0).unwrap(), row.get("name").unwrap())),
        _ => None,
    });
    assert_eq!(rows.collect::<Vec<_>>(), [("-5", "minus five")]);
}

#[tokio::test]
async fn tokio_postgres_copies_in_and_out() {
    let (client, _notices) = connect(backend().await).await;
    let mut sink = pin!(client.copy_in::<_, Bytes>("copy items from stdin").await.unwrap());
    for piece in ["1\tone\n2\t", "two\n"] {
        sink.feed(Bytes::from_static(piece.as_bytes())).await.unwrap();
    }
    assert_eq!(sink.finish().await.unwrap(), 2);
    let copied: Vec<_> = client.copy_out("copy items to stdout").await.unwrap().try_collect().await.unwrap();
    assert_eq!(copied.concat(), b"1\tone\n2\ttwo\n");
    assert_eq!(list(&client).await, [(1, "one".to_owned()), (2, "two".to_owned())]);
}

#[tokio::test]
async fn a_copy_that_tokio_postgres_abandons_stores_nothing() {
    let (client, _notices) = connect(backend().await).await;
    {
        let mut sink = pin!(client.copy_in::<_, Bytes>("copy items from stdin").await.unwrap());
        sink.send(Bytes::from_static(b"1\tone\n")).await.unwrap();
    }
    assert_eq!(list(&client).await, []);
}

#[tokio::test]
async fn tokio_postgres_goes_on_after_errors_of_both_protocols() {
    let (client, _notices) = connect(backend().await).await;
    insert(&client, &[(1, "one")]).await;
    let simple = client.simple_query("select 1; select 2").await.err().unwrap();
    let extended = client.query("select 1", &[]).await.err().unwrap();
    let in_the_middle = client.query_typed(FIND, &[(&"1", Type::TEXT)]).await.err().unwrap();
    for (error, code) in [(simple, "42601"), (extended, "42601"), (in_the_middle, "22023")] {
        assert_eq!(error.code().unwrap().code(), code, "{error}");
    }
    assert_eq!(list(&client).await, [(1, "one".to_owned())]);
}

/// One write holds the command that fails and the one behind it, each with a Sync of its own.
#[tokio::test]
async fn what_comes_between_an_error_and_the_sync_is_skipped_and_nothing_else() {
    let (client, _notices) = connect(backend().await).await;
    let insert = client.prepare(INSERT).await.unwrap();
    let bad = client.query_typed("insert into nothing values ($1)", &[(&1_i64, Type::INT8)]);
    let (bad, good) = tokio::join!(bad, client.execute(&insert, &[&1_i64, &"one"]));
    assert_eq!(bad.err().unwrap().code(), Some(&SqlState::SYNTAX_ERROR));
    assert_eq!(good.unwrap(), 1);
    assert_eq!(list(&client).await, [(1, "one".to_owned())]);
}

#[tokio::test]
async fn the_right_key_cancels_and_that_of_another_session_does_not() {
    let address = backend().await;
    let (client, mut notices) = connect(address).await;
    let other = Connection::connect(&our_config(address, PASSWORD)).await.unwrap();
    let mut asleep = pin!(client.simple_query(SLEEP));
    tokio::select! {
        ended = &mut asleep => panic!("{ended:?}"),
        notice = notices.recv() => assert_eq!(notice.as_deref(), Some("asleep")),
    }
    other.canceller().unwrap().cancel().await.unwrap();
    tokio::select! {
        biased;
        ended = &mut asleep => panic!("{ended:?}"),
        () = round_trips(address) => {}
    }
    client.cancel_token().cancel_query(NoTls).await.unwrap();
    assert_eq!(asleep.await.err().unwrap().code(), Some(&SqlState::QUERY_CANCELED));
    assert_eq!(list(&client).await, []);
}

/// Has the server answer on another connection, again and again.
async fn round_trips(address: SocketAddr) {
    let (client, _notices) = connect(address).await;
    for _ in 0..20 {
        list(&client).await;
    }
}

#[tokio::test]
async fn molt_db_is_let_in_by_its_password_and_no_other() {
    let address = backend().await;
    let connection = Connection::connect(&our_config(address, PASSWORD)).await.unwrap();
    assert_eq!(connection.auth_method(), AuthMethod::ScramSha256);
    let refused = Connection::connect(&our_config(address, "wrong")).await.unwrap_err();
    assert_eq!(refused.code().unwrap().as_str(), "28P01", "{refused}");
}

#[tokio::test]
async fn molt_db_queries_and_goes_on_after_an_error() {
    let mut connection = Connection::connect(&our_config(backend().await, PASSWORD)).await.unwrap();
    for (id, name) in [(i64::MIN, "least"), (2, "zwölf")] {
        assert_eq!(connection.execute(INSERT, (id, name)).await.unwrap(), 1);
    }
    let refused = connection.execute("select 1", ()).await.unwrap_err();
    assert_eq!(refused.code().unwrap().as_str(), "42601", "{refused}");
    let all: Vec<(i64, String)> = connection.query(LIST).all().await.unwrap();
    assert_eq!(all, [(i64::MIN, "least".to_owned()), (2, "zwölf".to_owned())]);
    let (name,): (String,) = connection.query(FIND).bind(2_i64).one().await.unwrap();
    assert_eq!(name, "zwölf");
    connection.close().await.unwrap();
}

#[tokio::test]
async fn molt_db_cancels_with_its_key_and_nobody_with_a_guess() {
    let address = backend().await;
    let mut connection = Connection::connect(&our_config(address, PASSWORD)).await.unwrap();
    let (canceller, process) = (connection.canceller().unwrap(), connection.backend_pid().unwrap());
    let cancelled = {
        let mut asleep = pin!(connection.query(SLEEP).all::<(String,)>());
        tokio::select! {
            biased;
            ended = &mut asleep => panic!("{ended:?}"),
            () = guess(address, process) => {}
        }
        tokio::select! {
            ended = asleep => ended.unwrap_err(),
            () = keep_cancelling(&canceller) => unreachable!(),
        }
    };
    assert!(cancelled.is_cancelled(), "{cancelled}");
    let all: Vec<(i64, String)> = connection.query(LIST).all().await.unwrap();
    assert_eq!(all, []);
}

/// Sends requests with the right process and wrong secrets, and waits until the server has taken each, and then some.
async fn guess(address: SocketAddr, process: i32) {
    for guess in 0..100_u8 {
        let mut request = Vec::new();
        cancel_request(&CancelKey::new(process, &[guess; 4]).unwrap(), &mut request).unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(&request).await.unwrap();
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    }
    round_trips(address).await;
}

/// A request that comes before the query does nothing.
async fn keep_cancelling(canceller: &Canceller) {
    loop {
        canceller.cancel().await.unwrap();
    }
}
